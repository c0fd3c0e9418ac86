"""Dates of a rate sheet as UTC instants. See docs/rules/decks.md, "Dates".

A date alone is midnight in the deck's zone, by the zone's rules of that day. The order of day and month is never guessed: without a
declared format only notations that put the year first or name the month are read.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

import numpy as np

from tollbook.core.increment import MONTHS
from tollbook.core.zone import Zone

DATE_FORMATS: Final = ("yyyy-mm-dd", "dd/mm/yyyy", "mm/dd/yyyy", "dd-mm-yyyy", "mm-dd-yyyy", "dd.mm.yyyy", "yyyy/mm/dd")
IMMEDIATE: Final = ("immediate", "immediately", "effective immediately", "now", "asap", "with immediate effect")

_MONTHS: Final = {name: number for number, name in enumerate(MONTHS, 1)}
_CLOCK = r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3})0*)?)?\s*(Z|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})(?:[-/.](\d{{1,2}})[-/.](\d{{1,2}})|(\d{{2}})(\d{{2}})){_CLOCK}", re.IGNORECASE)
_YEAR_NAME = re.compile(rf"(\d{{4}})[- ]([A-Za-z]{{3,9}})\.?[- ](\d{{1,2}}){_CLOCK}")
_DAY_NAME = re.compile(rf"(\d{{1,2}})[- ]([A-Za-z]{{3,9}})\.?,?[- ](\d{{4}}){_CLOCK}")
_NAME_DAY = re.compile(rf"([A-Za-z]{{3,9}})\.?[- ](\d{{1,2}}),?[- ](\d{{4}}){_CLOCK}")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})[-/.](\d{{1,2}})[-/.](\d{{4}}){_CLOCK}")
_SHORT_YEAR = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - readings of a wall clock have no zone yet


class Moment(NamedTuple):
    """An instant in UTC ms, whether only a date was given, and the problem code (then the instant is 0)."""

    at_ms: int
    date_only: bool = False
    problem: str = ""


def day_first(date_format: str | None) -> bool | None:
    """Whether the declared format puts the day before the month; None where none is declared, or the year stands first."""
    if not date_format or date_format.startswith("yyyy"):
        return None
    return date_format.startswith("dd")


def parse_moment(text: str, zone: Zone, date_format: str | None = None, *, end: bool = False) -> Moment:
    """Read a date or a date with a time. A date alone is midnight in `zone`; as an end it is inclusive, so the next midnight.

    "2025-04-01" in London is 2025-03-31T23:00:00Z. "03/04/2025" needs a declared format, and so does "31/12/2025": a sheet that holds
    the one may hold the other. A time without an offset is local to `zone`.
    """
    plain = " ".join(text.split())
    found = _YEAR_FIRST.fullmatch(plain)
    if found:
        return _moment(found[1], found[2] or found[4], found[3] or found[5], found.groups()[5:], zone, end)
    for pattern, order in ((_YEAR_NAME, (1, 2, 3)), (_DAY_NAME, (3, 2, 1)), (_NAME_DAY, (3, 1, 2))):
        found = pattern.fullmatch(plain)
        month = _MONTHS.get(found[order[1]][:3].casefold()) if found else None
        if found and month:
            return _moment(found[order[0]], str(month), found[order[2]], found.groups()[3:], zone, end)
    found = _YEAR_LAST.fullmatch(plain)
    if found:
        first_is_day = day_first(date_format)
        if first_is_day is None:
            return Moment(0, problem="DATE_AMBIGUOUS")
        day, month_text = (found[1], found[2]) if first_is_day else (found[2], found[1])
        return _moment(found[3], month_text, day, found.groups()[3:], zone, end)
    return Moment(0, problem="DATE_AMBIGUOUS" if _SHORT_YEAR.fullmatch(plain) else "DATE_UNREADABLE")


def _moment(year: str, month: str, day: str, clock: tuple[str | None, ...], zone: Zone, end: bool) -> Moment:
    hour, minute, second, fraction, offset = clock
    try:
        the_day = date(int(year), int(month), int(day))
        if hour is None:
            return Moment(zone.midnight_ms(the_day + timedelta(days=1) if end else the_day), date_only=True)
        reading = datetime.combine(the_day, time(int(hour), int(minute or 0), int(second or 0)))
    except (ValueError, OverflowError):
        return Moment(0, problem="DATE_UNREADABLE")
    reading_ms = (reading - _EPOCH) // timedelta(milliseconds=1) + int((fraction or "0").ljust(3, "0"))
    if not offset:
        return Moment(int(zone.local_to_utc(np.array([reading_ms], dtype=np.int64))[0][0]))
    if offset in "Zz":
        return Moment(reading_ms)
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return Moment(reading_ms + (-minutes if offset[0] == "+" else minutes) * 60_000)


def whole_minute_up_ms(at_ms: int) -> int:
    """The instant itself if it is a whole minute, else the next one: what "effective immediately" means."""
    return -(-at_ms // 60_000) * 60_000
