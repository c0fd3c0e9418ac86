"""What a verification found: checks in plain words, each held or not, and whether the pack as a whole stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tollbook.core.problem import Problem

OK: Final = "ok"
FAILED: Final = "failed"
NOT_REPEATED: Final = "not repeated"  # made by rules of another version: its digests hold, its figures were not computed again


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at and what came of it. `expected` and `found` are set where they differ."""

    name: str
    status: str
    words: str
    expected: str = ""
    found: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"name": self.name, "status": self.status, "words": self.words, "expected": self.expected, "found": self.found}


@dataclass(slots=True)
class Verification:
    """A pack and its checks, in the order in which they were made."""

    file: str
    format: str = ""
    title: str = ""
    root: str = ""
    result_digest: str = ""
    checks: list[Check] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_verified(self) -> bool:
        """Whether every check held; what was not repeated does not count against it."""
        return bool(self.checks) and not self.problems and all(check.status != FAILED for check in self.checks)

    def add(self, name: str, words: str, expected: object = "", found: object = "") -> bool:
        """Adds a check that holds where both values are equal; digests and sums are compared as text."""
        holds = expected == found
        differing = {} if holds else {"expected": str(expected), "found": str(found)}
        self.checks.append(Check(name, OK if holds else FAILED, words, **differing))
        return holds

    def skip(self, name: str, words: str) -> None:
        """Adds a check that this version cannot repeat."""
        self.checks.append(Check(name, NOT_REPEATED, words))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, for `--json` and the web."""
        return {
            "file": self.file,
            "format": self.format,
            "title": self.title,
            "root": self.root,
            "result_digest": self.result_digest,
            "verified": self.is_verified,
            "checks": [check.as_dict() for check in self.checks],
            "problems": [each.as_dict() for each in self.problems],
        }
