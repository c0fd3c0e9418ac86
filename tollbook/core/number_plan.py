"""The numbering plan of a day: which calling codes exist and how long the national numbers behind them are.

Codes and lengths change (Mexico dropped its mobile 1, Benin went to ten digits), so a plan is always the plan of a day.
No code is the beginning of another, so at most one code begins a number. See docs/rules/numbers.md.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from tollbook.core.calling_codes import TABLE
from tollbook.core.zone import EPOCH, MS_PER_DAY

_ALWAYS: Final = "-"


@dataclass(frozen=True, slots=True)
class CallingCode:
    """A calling code while it is in force: possible lengths of the national number, and whether a leading 0 belongs to it."""

    code: str
    lengths: frozenset[int]
    keep_zero: bool


@dataclass(frozen=True, eq=False)
class NumberPlan:
    """The calling codes of one day."""

    codes: dict[str, CallingCode]

    def code_of(self, digits: str) -> CallingCode | None:
        """The calling code that begins the digits of an international number."""
        codes = self.codes
        return codes.get(digits[:1]) or codes.get(digits[:2]) or codes.get(digits[:3])

    def is_plausible(self, digits: str) -> bool:
        """Whether the digits are a calling code and a national number of a length it has; unknown lengths are plausible."""
        found = self.code_of(digits)
        return found is not None and (not found.lengths or len(digits) - len(found.code) in found.lengths)

    def arrays(self) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32]]:
        """By the first three digits: length of the calling code (0 where there is none), and the plausible total lengths as bits."""
        code_lengths = np.zeros(1000, dtype=np.int8)
        totals = np.zeros(1000, dtype=np.int32)
        for first in range(1000):
            found = self.code_of(f"{first:03d}")
            if found is not None:
                code_lengths[first] = len(found.code)
                totals[first] = sum(1 << (len(found.code) + length) for length in found.lengths) if found.lengths else -1
        return code_lengths, totals


@cache
def _rows() -> tuple[tuple[str, str, str, frozenset[int], bool], ...]:
    lines = [line.split(" | ") for line in TABLE.splitlines() if line]
    return tuple(
        (code, since, until, frozenset() if lengths == _ALWAYS else frozenset(int(each) for each in lengths.split(",")), keep_zero == "yes")
        for code, since, until, lengths, keep_zero, _ in lines
    )


@cache
def plan_changes() -> tuple[dt.date, ...]:
    """The days on which the plan changed."""
    return tuple(sorted({dt.date.fromisoformat(day) for row in _rows() for day in row[1:3] if day != _ALWAYS}))


@cache
def _plan(change: int) -> NumberPlan:
    day = plan_changes()[change - 1].isoformat() if change else "0001-01-01"
    return NumberPlan(
        {
            code: CallingCode(code, lengths, keep_zero)
            for code, since, until, lengths, keep_zero in _rows()
            if (since == _ALWAYS or since <= day) and (until == _ALWAYS or day < until)
        }
    )


def plan_at(day: dt.date) -> NumberPlan:
    """The plan in force on a day."""
    return _plan(sum(change <= day for change in plan_changes()))


def plan_numbers(instants_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For a column of instants, the number of the plan in force at each (UTC day); `plan_of_number` gives the plan."""
    changes = np.array([(day - EPOCH).days * MS_PER_DAY for day in plan_changes()], dtype=np.int64)
    return np.searchsorted(changes, instants_ms, side="right")


def plan_of_number(number: int) -> NumberPlan:
    return _plan(number)
