"""Collects the problems of a sheet: every one up to a limit per code, then counted, so that a wrong profile cannot drown the reader."""

from __future__ import annotations

from collections import Counter

from tollbook.core.problem import Problem, Severity, problem
from tollbook.core.problems import CATALOGUE

MOST_ERRORS = 1000
MOST_NOTES = 100


class SheetProblems:
    """The problems of one file, in the order found."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []
        self._counts: Counter[str] = Counter()

    def add(self, code: str, reason: str = "", *, row: int | None = None, column: str = "", value: object = "") -> None:
        """Keep a problem, or count it where its code has filled its share."""
        self._counts[code] += 1
        if self._counts[code] <= self._most(code):
            self.found.append(problem(code, reason, file=self.file, row=row, column=column, value=value))

    def finished(self) -> list[Problem]:
        """All of them, with one more for each code that had too many to show."""
        rest = [(code, count - self._most(code)) for code, count in self._counts.items() if count > self._most(code)]
        return self.found + [problem(code, f"{count:,} more rows have this problem.", file=self.file, value=count) for code, count in rest]

    @staticmethod
    def _most(code: str) -> int:
        return MOST_ERRORS if CATALOGUE[code].severity in (Severity.ERROR, Severity.FATAL) else MOST_NOTES
