"""A rate deck: one version of a rate sheet as an immutable value, its rows as columns. See docs/rules/decks.md.

A row prices the calls whose number starts with its code, from `effective_from` (null: from the beginning) until `effective_until`
(null: open end), both UTC. Money is integer nanos per minute or per call (10^-9), seconds are whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import pyarrow as pa

from tollbook.core.cdr import INSTANT, WORD
from tollbook.core.zone import Zone, find_zone

ACTIVE: Final = "ACTIVE"
DELETED: Final = "DELETED"  # the code is withdrawn: the next shorter code prices the call
BLOCKED: Final = "BLOCKED"  # the code may not be called: no price at all
STATUSES: Final = (ACTIVE, DELETED, BLOCKED)

PER_MINUTE: Final = 0
PER_SECOND: Final = 1
PER_INCREMENT: Final = 2
RATE_UNITS: Final = ("PER_MINUTE", "PER_SECOND", "PER_INCREMENT")

FULL: Final = "FULL"  # a code that is absent is closed
PARTIAL: Final = "PARTIAL"  # a code that is absent is unchanged
MODES: Final = (FULL, PARTIAL)

ANY: Final = "*"  # the only zone of origin and the only time band, where a deck does not tell them apart
LONGEST_CODE: Final = 15
# The largest price a cell may hold: a call of a day at it still fits 64 bits in sixtieths of a nano.
MOST_NANOS: Final = 50_000 * 10**9

# The price terms of a row, in the order in which the price function takes them.
TERMS: Final = (
    "rate_nanos",
    "rate_first_nanos",
    "connect_nanos",
    "surcharge_call_nanos",
    "surcharge_minute_nanos",
    "minimum_s",
    "step_s",
    "grace_s",
    "free_s",
    "min_charge_nanos",
    "max_charge_nanos",
)


def _columns() -> list[tuple[str, pa.DataType, bool]]:
    return [
        ("code", pa.string(), False),
        ("destination", WORD, False),
        ("country", WORD, False),
        ("a_zone", WORD, False),
        ("band", WORD, False),
        *((name, pa.int64(), name == "max_charge_nanos") for name in TERMS),
        ("rate_unit", WORD, False),
        ("effective_from", INSTANT, True),
        ("effective_until", INSTANT, True),
        ("status", WORD, False),
        # What the sender says the row is (NEW, INCREASE, ...); never trusted, compared with what the rates say.
        ("declared_change", WORD, True),
        # Where the row stands in the received file, counted from 1 with the header, and the rate as it was written there.
        ("row", pa.int32(), False),
        ("rate_text", WORD, False),
    ]


DECK_ROW: Final = pa.schema([pa.field(name, kind, nullable=nullable) for name, kind, nullable in _columns()])


@dataclass(frozen=True)
class Deck:
    """One received version. `received_at` (UTC ms) is when it became known; None means that it was always known.

    `rows` has the schema DECK_ROW with the dates as the sender claims them: notice and supersession depend on the agreement and on
    the other versions (`tollbook.core.deck_timeline`). `digest` names the content, whatever file or row order it came in.
    """

    rows: pa.Table = field(repr=False)
    partner: str = ""
    deck_id: str = ""
    version: str = ""
    currency: str = ""
    zone: str = "UTC"
    mode: str = FULL
    received_at: int | None = None
    file: str = ""
    file_digest: str = ""
    rules: Zone | None = field(default=None, repr=False, compare=False)  # of a zone that is a document and no IANA name

    @property
    def clock(self) -> Zone:
        """The zone in which the deck's dates are read."""
        return self.rules or find_zone(self.zone)

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex over the canonical text of the deck (docs/rules/decks.md, "The digest")."""
        from tollbook.core.deck_digest import deck_digest

        return deck_digest(self)
