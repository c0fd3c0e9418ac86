"""Decks for tests, written as people would write them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tollbook.core.deck import DECK_ROW, Deck
from tollbook.core.deck_date import parse_moment
from tollbook.core.money import parse_scaled
from tollbook.core.zone import find_zone


def nanos(text: str) -> int:
    value = parse_scaled(text, 9)
    assert value is not None
    return value


def instant(text: str | None, zone: str = "UTC") -> int | None:
    if text is None:
        return None
    read = parse_moment(text, find_zone(zone))
    assert not read.problem, text
    return read.at_ms


def row(
    code: str,
    rate: str = "0",
    effective: str | None = None,
    increment: str = "1/1",
    status: str = "ACTIVE",
    until: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A row of the deck schema; `more` holds other columns by their own names."""
    minimum, step = increment.split("/")
    values: dict[str, Any] = dict.fromkeys(DECK_ROW.names, 0)
    values |= {"code": code, "destination": "", "country": "", "a_zone": "*", "band": "*", "rate_unit": "PER_MINUTE", "rate_text": rate}
    values |= {
        "rate_nanos": nanos(rate),
        "rate_first_nanos": nanos(rate),
        "minimum_s": int(minimum),
        "step_s": int(step),
        "max_charge_nanos": None,
    }
    values |= {"effective_from": instant(effective), "effective_until": instant(until), "status": status, "declared_change": None, "row": 2}
    return values | more


def deck(*rows: dict[str, Any], **about: Any) -> Deck:
    numbered = [{**each, "row": number} for number, each in enumerate(rows, 2)]
    columns = {name: pa.array([each[name] for each in numbered], DECK_ROW.field(name).type) for name in DECK_ROW.names}
    return Deck(rows=pa.table(columns, schema=DECK_ROW), **about)
