"""How old an open document is, in the buckets people settle by. See docs/rules/settlement.md, "Ageing"."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Final

CURRENT: Final = "current"
BUCKETS: Final = (CURRENT, "1-30", "31-60", "61-90", "90+")
_LAST_DAYS: Final = (0, 30, 60, 90)


def bucket(due_on: dt.date | None, today: dt.date) -> str:
    """Where an open amount stands by the days since it was due. The day itself is current; so is what has no due date."""
    days = (today - due_on).days if due_on else 0
    for name, last in zip(BUCKETS, _LAST_DAYS, strict=False):
        if days <= last:
            return name
    return BUCKETS[-1]


def aged(amounts: Iterable[tuple[dt.date | None, int]], today: dt.date) -> dict[str, int]:
    """The sum per bucket, every bucket named; micro-units of one currency."""
    sums = dict.fromkeys(BUCKETS, 0)
    for due_on, amount in amounts:
        sums[bucket(due_on, today)] += amount
    return sums
