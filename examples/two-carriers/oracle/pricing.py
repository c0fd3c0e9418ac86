"""The price of a call, longhand: longest code, the row in force, increments, and one rounding at the end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bookmaker.decks import Row

# Exact charges count 1/60 of 10^-9 of the currency: nanos per minute times seconds is then a whole number.
PER_MICRO = 60_000


@dataclass(frozen=True)
class Priced:
    """One row of the deck in force: what a minute costs in nanos, and the increment as (minimum, step) in seconds."""

    code: str
    destination: str
    rate_text: str
    nanos: int
    minimum: int
    step: int


class Deck:
    """A deck over time, its times in one zone. A later row of a code replaces the earlier one from its instant on."""

    def __init__(self, versions: Iterable[Iterable[Row]], zone: str = "UTC") -> None:
        self.rows: dict[str, dict[int, Priced]] = {}
        for version in versions:
            for row in version:
                minimum, step = row.increment.split("/")
                priced = Priced(row.code, row.destination, row.rate, row.price * 10_000, int(minimum), int(step))
                self.rows.setdefault(row.code, {})[local_ms(row.effective, zone)] = priced

    def code(self, number: str) -> str:
        """The longest code the number starts with, "" where there is none."""
        for length in range(len(number), 0, -1):
            if number[:length] in self.rows:
                return number[:length]
        return ""

    def at(self, code: str, at_ms: int) -> Priced:
        """The row in force at an instant; the new row counts from its first millisecond."""
        return self.rows[code][max(start for start in self.rows[code] if start <= at_ms)]

    def price(self, number: str, at_ms: int) -> Priced:
        return self.at(self.code(number), at_ms)


def local_ms(text: str, zone: str) -> int:
    """Milliseconds since 1970 of a local time in an IANA zone; a date alone is its midnight."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1000


def billed_seconds(seconds: int, minimum: int, step: int) -> int:
    """Whole seconds after increments; a call of no second bills nothing."""
    if seconds == 0:
        return 0
    if seconds <= minimum:
        return minimum
    return minimum + -(-(seconds - minimum) // step) * step


def up_to_second(duration_ms: int) -> int:
    """Milliseconds to whole seconds, any fraction counts: the contract's rule, and A's side of it."""
    return -(-duration_ms // 1000)


def micros(exact: int) -> int:
    """1/60 nanos to micro-units, half up. Charges are never negative here."""
    return (exact + PER_MICRO // 2) // PER_MICRO


def decimal(amount_micros: int, places: int = 6) -> str:
    """Micro-units as a decimal text with that many places, half up (away from zero)."""
    scale = 10 ** (6 - places)
    value = (abs(amount_micros) + scale // 2) // scale
    sign = "-" if amount_micros < 0 and value else ""
    return f"{sign}{value // 10**places}.{value % 10**places:0{places}d}" if places else f"{sign}{value}"
