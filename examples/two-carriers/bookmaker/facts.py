"""Dialling codes as facts: which country, which kind, which operator. Read from facts/codes.csv, nothing else."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

FACTS = Path(__file__).parent.parent / "facts" / "codes.csv"


@dataclass(frozen=True)
class Code:
    """One dialling code. `kind` is FIXED, MOBILE or NETWORK; `name` an operator, a place, or empty."""

    code: str
    iso: str
    country: str
    kind: str
    name: str

    @property
    def destination(self) -> str:
        """The name a rate sheet gives it, as "Nigeria - Mobile MTN" or "United Kingdom - London"."""
        if self.kind == "MOBILE":
            return f"{self.country} - Mobile {self.name}".strip()
        return f"{self.country} - {self.name}" if self.name else self.country


def read_codes() -> list[Code]:
    """Every code of the table, sorted by code."""
    with FACTS.open(encoding="utf-8", newline="") as file:
        return [Code(**row) for row in csv.DictReader(file)]


def longest_code(codes: dict[str, object], number: str) -> str:
    """The longest code a number starts with, or "" where there is none."""
    for length in range(len(number), 0, -1):
        if number[:length] in codes:
            return number[:length]
    return ""
