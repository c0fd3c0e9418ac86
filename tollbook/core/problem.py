"""Coded problems: what is wrong, where, why, and what to do about it.

Bad input never raises a bare exception and never disappears: functions return their result beside a list of problems.
Where nothing at all can be done they raise `Refusal`, which carries problems and nothing else. The catalogue is
closed: a code has one meaning, one remedy, one owner, and clients compare codes, never text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tollbook.core.problems import CATALOGUE, Kind, Severity

__all__ = ["CATALOGUE", "Kind", "Place", "Problem", "Refusal", "Severity", "problem", "refuse"]


class Part(StrEnum):
    """What a number in a place counts."""

    LINE = "line"
    RECORD = "record"
    ROW = "row"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a problem was found. `number` counts from 1 and is a line of a text, a record of a CDR file or a row of a sheet."""

    file: str = ""
    number: int | None = None
    part: Part = Part.LINE
    column: str = ""

    def __str__(self) -> str:
        words = [self.file] if self.file else []
        if self.number is not None:
            words.append(f"{self.part} {self.number}")
        if self.column:
            words.append(f"column {self.column}")
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: a code of the catalogue, its place, the offending value as given, and the reason in one sentence."""

    code: str
    place: Place
    value: str
    reason: str

    @property
    def kind(self) -> Kind:
        return CATALOGUE[self.code]

    @property
    def severity(self) -> Severity:
        return self.kind.severity

    @property
    def remedy(self) -> str:
        return self.kind.remedy

    def as_dict(self) -> dict[str, str | int | None]:
        """The problem as JSON-ready fields; the same names in every `--json` output and every problems file."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "file": self.place.file,
            "part": str(self.place.part),
            "number": self.place.number,
            "column": self.place.column,
            "value": self.value,
            "reason": self.reason,
            "remedy": self.remedy,
        }

    def __str__(self) -> str:
        place = f"{self.place}: " if str(self.place) else ""
        return f"{self.severity} {self.code}: {place}{self.reason} {self.remedy}"


class Refusal(Exception):
    """Nothing could be done, and these problems say why. The command line prints them and exits with 2."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(each) for each in self.problems))


def problem(
    code: str,
    reason: str = "",
    *,
    file: str = "",
    line: int | None = None,
    record: int | None = None,
    row: int | None = None,
    column: str = "",
    value: object = "",
) -> Problem:
    """A problem of the catalogue; at most one of line, record and row says where. An unknown code is our own defect."""
    kind = CATALOGUE[code]
    number, part = next(
        ((n, p) for n, p in ((line, Part.LINE), (record, Part.RECORD), (row, Part.ROW)) if n is not None),
        (None, Part.LINE),
    )
    text = str(value)
    shown = text if len(text) <= 200 else text[:197] + "..."
    return Problem(code, Place(file, number, part, column), shown, reason or kind.meaning)


def refuse(code: str, reason: str = "", **place: object) -> Refusal:
    """`raise refuse("FILE_UNREADABLE", file=...)`: a refusal of one problem."""
    return Refusal([problem(code, reason, **place)])  # type: ignore[arg-type]
