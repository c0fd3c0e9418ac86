"""Billing increments: the first block and the step after it, in seconds, in all the notations that rate sheets use.

See docs/rules/decks.md, "Increments". A spreadsheet that turned 30/6 into 30 June is turned back, or refused where it cannot be known.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final, NamedTuple

MIN_STEP: Final = "MIN_STEP"
STEP_MIN: Final = "STEP_MIN"
LONGEST_S: Final = 3600

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS: Final = {name: number for number, name in enumerate(MONTHS, 1)}
_WORDS: Final = {"per minute": (60, 60), "minute": (60, 60), "per min": (60, 60), "per second": (1, 1), "second": (1, 1), "per sec": (1, 1)}
_UNIT = r"\s*(?:s|sec|secs|second|seconds)?\s*"
_ONE = re.compile(rf"(\d{{1,5}}){_UNIT}", re.IGNORECASE)
_TWO = re.compile(rf"(\d{{1,5}}){_UNIT}[/\-+:,;]\s*(\d{{1,5}}){_UNIT}", re.IGNORECASE)
_THREE = re.compile(rf"(\d{{1,5}}){_UNIT}[/\-+:,;]\s*(\d{{1,5}}){_UNIT}[/\-+:,;]\s*(\d{{1,5}}){_UNIT}", re.IGNORECASE)
_DAY_MONTH = re.compile(r"(\d{1,2})[-. ]([A-Za-z]{3})[a-z]*\.?")
_MONTH_DAY = re.compile(r"([A-Za-z]{3})[a-z]*\.?[-. ](\d{1,2})")
_ISO_DATE = re.compile(r"\d{4}-(\d{2})-(\d{2})(?:[T ]00:00(?::00)?)?")
_SERIAL_DAY_ZERO: Final = date(1899, 12, 30)
_SERIALS: Final = range(36_526, 73_051)  # 2000-01-01 to 2099-12-31 as a spreadsheet counts days


class Increment(NamedTuple):
    """The first block and the following step in seconds, what a three-part notation begins with, and the problem code or ""."""

    minimum_s: int
    step_s: int
    first_s: int = 0
    problem: str = ""


_UNREADABLE: Final = Increment(0, 0, 0, "INCREMENT_UNREADABLE")
_AMBIGUOUS: Final = Increment(0, 0, 0, "INCREMENT_AMBIGUOUS")


def parse_increment(text: str, *, order: str = MIN_STEP, day_first: bool | None = None) -> Increment:
    """Read one cell. `day_first` is the order of day and month in the file's locale, None where it is not declared.

    "30/6" is 30 then 6, "60 sec" is 60/60, "0/1/1" has the minimum second and the step third. "30-Jun" was 30/6 before a spreadsheet
    took it for a date: INCREMENT_REPAIRED. "06-Jan" may have been 6/1 or 1/6: INCREMENT_AMBIGUOUS unless the locale is declared.
    """
    plain = " ".join(text.split())
    words = _WORDS.get(plain.casefold())
    if words:
        return Increment(*words)
    parts = _damaged(plain)
    if parts:
        return _repaired(*parts, order=order, day_first=day_first)
    one = _ONE.fullmatch(plain)
    if one:
        return _checked(int(one[1]), int(one[1]))
    two = _TWO.fullmatch(plain)
    if two:
        first, second = int(two[1]), int(two[2])
        return _checked(second, first) if order == STEP_MIN else _checked(first, second)
    three = _THREE.fullmatch(plain)
    if three:
        return _checked(int(three[2]), int(three[3]), int(three[1]))
    return _UNREADABLE


def _checked(minimum_s: int, step_s: int, first_s: int = 0) -> Increment:
    if step_s < 1 or max(minimum_s, step_s, first_s) > LONGEST_S:
        return _UNREADABLE
    return Increment(minimum_s, step_s, first_s)


def _damaged(plain: str) -> tuple[int, int] | None:
    """Day and month of a cell that a spreadsheet took for a date, None for any other cell."""
    found = _DAY_MONTH.fullmatch(plain)
    if found and found[2].casefold() in _MONTHS:
        return int(found[1]), _MONTHS[found[2].casefold()]
    found = _MONTH_DAY.fullmatch(plain)
    if found and found[1].casefold() in _MONTHS:
        return int(found[2]), _MONTHS[found[1].casefold()]
    found = _ISO_DATE.fullmatch(plain)
    if found:
        return int(found[2]), int(found[1])
    if plain.isascii() and plain.isdigit() and len(plain) == 5 and int(plain) in _SERIALS:
        day = _SERIAL_DAY_ZERO + timedelta(days=int(plain))
        return day.day, day.month
    return None


def _repaired(day: int, month: int, *, order: str, day_first: bool | None) -> Increment:
    if day_first is None and day != month and day <= 12:
        return _AMBIGUOUS
    first, second = (month, day) if day_first is False else (day, month)
    read = _checked(second, first) if order == STEP_MIN else _checked(first, second)
    return read if read.problem else read._replace(problem="INCREMENT_REPAIRED")
