"""Half-open periods in a contract's zone, and days: the one place that says which period an instant is in and when something falls due.

A period's name says which one it is: 2026-11 (month), 2026-11-A and -B (1st to 15th, 16th to the end), 2026-11-W1 to W4 (1-7, 8-15, 16-22,
23-end), 2026-W46 (ISO week, Monday to Sunday), 2026-11-22 (day). Zones are re-exported from here, because a period without
its zone says nothing. See docs/rules/time.md.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from tollbook.core.problem import refuse
from tollbook.core.zone import UTC, Zone, find_zone
from tollbook.core.zone_document import read_zone

__all__ = [
    "CYCLES",
    "ROLLS",
    "UTC",
    "Period",
    "Zone",
    "add_business_days",
    "add_days",
    "days_of",
    "due_on",
    "find_zone",
    "is_rest_day",
    "parse_period",
    "period_of",
    "period_of_day",
    "read_zone",
    "roll_day",
]

CYCLES: Final = ("DAILY", "WEEKLY", "IPRN_WEEKLY", "SEMI_MONTHLY", "MONTHLY")
ROLLS: Final = ("NONE", "FOLLOWING", "PRECEDING", "MODIFIED_FOLLOWING")
# First days of the parts of a month: premium-rate settlement runs 1-7, 8-15, 16-22 and 23 to the end of the month.
_PARTS: Final = {"IPRN_WEEKLY": {"W1": 1, "W2": 8, "W3": 16, "W4": 23}, "SEMI_MONTHLY": {"A": 1, "B": 16}}
_PART_NAME = re.compile(r"(\d{4}-\d\d)-(A|B|W[1-4])")
_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """Local days from `first_day` to `last_day` inclusive, and the half-open span [from_ms, until_ms) of UTC ms they are in the zone."""

    name: str
    cycle: str
    first_day: dt.date
    last_day: dt.date
    zone: str
    from_ms: int
    until_ms: int

    def holds(self, instant_ms: int) -> bool:
        return self.from_ms <= instant_ms < self.until_ms

    @property
    def hours(self) -> int:
        """Whole hours in it: 743 in Amsterdam's March, 745 in its October."""
        return (self.until_ms - self.from_ms) // 3_600_000

    @property
    def pay_day(self) -> dt.date:
        """The day after the period, on which a payout without further terms is due."""
        return self.last_day + _DAY


def period_of(instant_ms: int, cycle: str, zone: Zone) -> Period:
    """The period of a cycle that holds an instant, by the local date of the instant in the zone."""
    return period_of_day(zone.local_day(instant_ms), cycle, zone)


def period_of_day(day: dt.date, cycle: str, zone: Zone) -> Period:
    """The period of a cycle that holds a local day. Refuses with PERIOD_UNKNOWN for a cycle that is none of CYCLES."""
    if cycle == "MONTHLY":
        return parse_period(f"{day:%Y-%m}", zone)
    if cycle == "DAILY":
        return parse_period(f"{day:%Y-%m-%d}", zone)
    if cycle == "WEEKLY":
        year, week, _ = day.isocalendar()
        return parse_period(f"{year:04d}-W{week:02d}", zone)
    if cycle not in _PARTS:
        raise refuse("PERIOD_UNKNOWN", f"{cycle!r} is no cycle; there are {', '.join(CYCLES)}.", value=cycle)
    part = [name for name, start in _PARTS[cycle].items() if start <= day.day][-1]
    return parse_period(f"{day:%Y-%m}-{part}", zone)


def parse_period(name: str, zone: Zone) -> Period:
    """The period of a name, in a zone. Refuses with PERIOD_UNKNOWN where the text names none."""
    cycle, first, last = days_of(name)
    return Period(name, cycle, first, last, zone.name, zone.midnight_ms(first), zone.midnight_ms(last + _DAY))


def days_of(name: str) -> tuple[str, dt.date, dt.date]:
    """Cycle, first and last day of a period's name. Refuses with PERIOD_UNKNOWN where the text names none."""
    try:
        if found := re.fullmatch(r"(\d{4})-W(\d\d)", name):
            first = dt.date.fromisocalendar(int(found[1]), int(found[2]), 1)
            return "WEEKLY", first, first + 6 * _DAY
        if re.fullmatch(r"\d{4}-\d\d-\d\d", name):
            first = dt.date.fromisoformat(name)
            return "DAILY", first, first
        if found := _PART_NAME.fullmatch(name):
            cycle = "IPRN_WEEKLY" if found[2].startswith("W") else "SEMI_MONTHLY"
            starts = list(_PARTS[cycle].values())
            place = starts.index(_PARTS[cycle][found[2]])
            first = dt.date.fromisoformat(f"{found[1]}-{starts[place]:02d}")
            last = _month_end(first) if place == len(starts) - 1 else first.replace(day=starts[place + 1] - 1)
            return cycle, first, last
        if re.fullmatch(r"\d{4}-\d\d", name):
            first = dt.date.fromisoformat(f"{name}-01")
            return "MONTHLY", first, _month_end(first)
    except ValueError:
        pass
    reason = f"{name!r} names no period; write 2026-11, 2026-11-A, 2026-11-W3, 2026-W47 or 2026-11-22."
    raise refuse("PERIOD_UNKNOWN", reason, value=name)


def _month_end(day: dt.date) -> dt.date:
    return (day.replace(day=28) + 4 * _DAY).replace(day=1) - _DAY


def due_on(issued: dt.date, days: int, *, end_of_month: bool = False, roll: str = "NONE", holidays: Collection[dt.date] = ()) -> dt.date:
    """The day a document falls due: so many days after it (after the end of its month for EOM terms), rolled to a business day."""
    return add_days(_month_end(issued) if end_of_month else issued, days, roll=roll, holidays=holidays)


def add_days(day: dt.date, count: int, *, roll: str = "NONE", holidays: Collection[dt.date] = ()) -> dt.date:
    """The day so many calendar days later, rolled to a business day as `roll_day` says."""
    return roll_day(day + count * _DAY, roll, holidays)


def roll_day(day: dt.date, roll: str, holidays: Collection[dt.date] = ()) -> dt.date:
    """A day moved to a business day: NONE, FOLLOWING, PRECEDING, or MODIFIED_FOLLOWING (which stays in the month)."""
    if roll not in ROLLS:
        raise refuse("PERIOD_UNKNOWN", f"{roll!r} is no way to roll a date; there are {', '.join(ROLLS)}.", value=roll)
    if roll == "NONE":
        return day
    rolled = _walk(day, -_DAY if roll == "PRECEDING" else _DAY, holidays)
    if roll == "MODIFIED_FOLLOWING" and rolled.month != day.month:
        return _walk(day, -_DAY, holidays)
    return rolled


def add_business_days(day: dt.date, count: int, holidays: Collection[dt.date] = ()) -> dt.date:
    """The day so many business days later: Saturdays, Sundays and holidays do not count. 30 April + 3 is 6 May with 1 May a holiday."""
    for _ in range(count):
        day = _walk(day + _DAY, _DAY, holidays)
    return day


def is_rest_day(day: dt.date, holidays: Collection[dt.date] = ()) -> bool:
    return day.weekday() >= 5 or day in holidays


def _walk(day: dt.date, step: dt.timedelta, holidays: Collection[dt.date]) -> dt.date:
    while is_rest_day(day, holidays):
        day += step
    return day
