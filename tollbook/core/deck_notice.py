"""How early a change must be announced, and from when it then counts. See docs/rules/decks.md, "Changes and notice"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tollbook.core.zone import Zone

CALENDAR_DATE: Final = "CALENDAR_DATE"  # midnight of the local day of receipt plus the days
CLEAR_DAYS: Final = "CLEAR_DAYS"  # so many whole days between receipt and start
EXACT_HOURS: Final = "EXACT_HOURS"  # 24 hours a day from the instant of receipt
DEFER: Final = "DEFER"
REJECT_ROW: Final = "REJECT_ROW"
ACCEPT: Final = "ACCEPT"
SUPERSEDE: Final = "SUPERSEDE"
KEEP: Final = "KEEP"
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class NoticeTerms:
    """The agreement's notice: days per kind of change, how days count, what happens to a short notice and to pending rows."""

    increase_days: int = 7
    new_code_days: int = 0
    closure_days: int = 0
    mode: str = CALENDAR_DATE
    short_notice: str = DEFER
    pending: str = SUPERSEDE
    allow_retro_decrease: bool = False


def earliest_ms(received_at: int, days: int, zone: Zone, mode: str = CALENDAR_DATE) -> int:
    """The first instant from which a change with so many days of notice may count; without notice that is the receipt itself.

    Received 2025-03-03T15:20Z, 7 days, UTC: 2025-03-10T00:00Z by CALENDAR_DATE, the 11th by CLEAR_DAYS, 15:20 on the 10th by EXACT_HOURS.
    """
    if days == 0:
        return received_at
    if mode == EXACT_HOURS:
        return received_at + days * DAY_MS
    more = 1 if mode == CLEAR_DAYS else 0
    return zone.midnight_ms(zone.local_day(received_at) + timedelta(days=days + more))
