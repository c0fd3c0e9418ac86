"""Sums in the management currency: converted by the fixing of their day, with what could not be converted named beside them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from tollbook.core.fx import OLDEST_DAYS, Fixing, Fixings
from tollbook.flow import clock, fx
from tollbook.web import book


@dataclass(slots=True)
class Management:
    """Converts amounts for one page and remembers how: the fixings that were used, and what none of them quotes."""

    currency: str
    fixings: Fixings
    today: dt.date
    used: dict[dt.date, Fixing] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    _known: dict[tuple[str, dt.date], bool] = field(default_factory=dict)

    def convert(self, amount_micros: int, currency: str, day: dt.date | None = None) -> int | None:
        """Micro-units of the management currency by the fixing for a day (today's without one); None where there is no rate."""
        found = self.fixings.convert(amount_micros, currency, self.currency, day or self.today)
        if found is None:
            self.missing[currency] = self.missing.get(currency, 0) + abs(amount_micros)
            return None
        if found.fixing is not None:
            self.used[found.fixing.day] = found.fixing
        return found.amount_micros

    def anew(self) -> Management:
        """The same rates, with nothing converted by them yet."""
        return Management(self.currency, self.fixings, self.today)

    def is_missing(self, currency: str) -> bool:
        """Whether a rate was asked for and not known."""
        return currency in self.missing

    def total(self, amounts: Any) -> int:
        """The sum of (currency, amount) pairs as of today; what has no rate is in `missing` and not in it."""
        return sum(self.convert(amount, currency) or 0 for currency, amount in amounts)

    @property
    def sentence(self) -> str:
        """By which rates, for the foot of a page; empty where nothing had to be converted."""
        if not self.used:
            return ""
        days, sources = sorted(self.used), sorted({each.source for each in self.used.values()})
        span = f"of {days[0]}" if len(days) == 1 else f"of {len(days)} days from {days[0]} to {days[-1]}"
        return f"In {self.currency} by the rates of {', '.join(sources)} {span}."

    @property
    def left_out(self) -> list[tuple[str, int]]:
        """Currency and amount that are in no sum, because no rate was known."""
        return sorted(self.missing.items())


def management(first: dt.date | None = None) -> Management:
    """For a page that shows days from `first` on (today without one)."""
    own = book.current()
    today = dt.datetime.fromtimestamp(clock.now_ms() // 1000, dt.UTC).date()
    since = (first or today) - dt.timedelta(days=OLDEST_DAYS)
    return Management(own.currency, fx.fixings(own, first=since), today)
