"""The price of one leg, taken apart: the same functions that price columns, on one record."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tollbook.core.agreement import Agreement
from tollbook.core.explanation import LegPrice
from tollbook.core.money import format_scaled
from tollbook.core.rating_explain import PricedCall, explain
from tollbook.core.zone import Zone
from tollbook.engine.deck import CompiledDeck
from tollbook.engine.rating import rate


def charge_of(record: pa.Table, deck: CompiledDeck, agreement: Agreement, zone: Zone | str, sign: int) -> dict[str, Any]:
    """The charge of a single record (a table of one row in the CDR schema) under an agreement, as columns are charged."""
    charges = rate(record, deck, agreement.rating, sign=sign, zone=zone, currency=agreement.currency or None)
    found: dict[str, Any] = charges.to_pylist()[0]
    return found


def explain_leg(record: pa.Table, charge: dict[str, Any], deck: CompiledDeck, agreement: Agreement, clause: str) -> LegPrice:
    """How a record (a table of one row) got the charge it has. `clause` is the one the charge stands under."""
    row = record.to_pylist()[0]
    anchor_at = _ms(charge)
    place = _row_place(deck, row["b_e164"], anchor_at)
    priced_by, terms = (deck.priced_by(place), deck.terms_of(place)) if place >= 0 else (None, None)
    call = PricedCall(
        number=row["b_e164"] or row["b_raw"] or "",
        anchor=agreement.rating.price_anchor,
        anchor_at=anchor_at,
        duration_ms=charge["duration_ms"],
        status=charge["status"],
        currency=charge["currency"] or "",
        clause=agreement.rating.clause,
    )
    text = agreement.clauses.get(clause)
    is_rated = charge["status"] == "RATED"
    names = ("code", "destination", "rate_nanos_per_minute", "billed_s", "amount_micros")
    priced: dict[str, Any] = {name: charge[name] if is_rated else None for name in names}
    named = f"{agreement.id} version {agreement.version} ({agreement.digest[:12]})" if agreement.id else ""
    return LegPrice(
        leg=row["leg"],
        partner=row["partner"] or "",
        status=charge["status"],
        amount=format_scaled(charge["amount_micros"], 6, 2) if is_rated else "",
        currency=charge["currency"] or "",
        agreement=named,
        clause=agreement.clause_title(clause) if clause else "",
        clause_text=text.text if text else "",
        deck_digest=priced_by.deck_digest if priced_by else "",
        deck_row=priced_by.row if priced_by else None,
        **priced,
        steps=tuple(explain(call, priced_by, terms, agreement.rating)),
    )


def _ms(charge: dict[str, Any]) -> int | None:
    """The anchor of a charge in milliseconds UTC."""
    if charge["anchor_at"] is None:
        return None
    value: int = pa.scalar(charge["anchor_at"], pa.timestamp("ms", tz="UTC")).cast(pa.int64()).as_py()
    return value


def _row_place(deck: CompiledDeck, number: str | None, anchor_at: int | None) -> int:
    if number is None or anchor_at is None:
        return -1
    rows, _ = deck.find_text(pa.array([number]), anchor_at)
    return int(np.asarray(rows)[0])
