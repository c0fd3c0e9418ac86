"""How a call got its price, step by step, for people: the same functions that price columns, with their numbers written out.

See docs/rules/rating.md. Nothing is computed here that `tollbook.core.rating.price` does not compute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tollbook.core.agreement import RatingTerms
from tollbook.core.deck import PER_INCREMENT, PER_MINUTE
from tollbook.core.deck_digest import canonical_instant
from tollbook.core.money import format_scaled
from tollbook.core.rating import (
    NO_CEILING,
    ROUND_NOT,
    PriceTerms,
    RowTerms,
    billed_seconds,
    charge_60th_nanos,
    price_terms,
    round_amount_micros,
    round_duration_ms,
    usage_60th_nanos,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is called, the formula with its numbers, and its value with unit."""

    label: str
    formula: str
    value: str

    def as_dict(self) -> dict[str, str]:
        return {"label": self.label, "formula": self.formula, "value": self.value}


class PricedBy(NamedTuple):
    """The deck row that priced a call, and where it stands: row of the received file (from 1) in the deck of that digest; `sheet` is the
    name of that file."""

    code: str
    destination: str
    row: int
    deck_digest: str
    sheet: str
    rate_text: str
    effective_from: int | None
    effective_until: int | None
    blocked: bool


@dataclass(frozen=True, slots=True)
class PricedCall:
    """What is known of the call when it is priced. `status` is that of its charge; instants are UTC ms."""

    number: str
    anchor: str
    anchor_at: int | None
    duration_ms: int
    status: str
    currency: str
    clause: str = ""


def explain(call: PricedCall, priced_by: PricedBy | None, row: RowTerms | None, terms: RatingTerms) -> list[Step]:
    """Every step from the called number to the amount. A call without a price ends where its price does."""
    steps = [_anchor_step(call)]
    if priced_by is None:
        return [*steps, Step("Deck row", f"no code of the deck begins {call.number} at that instant", call.status)]
    steps.append(_row_step(call, priced_by))
    if priced_by.blocked or row is None or call.status != "RATED":
        reasons = {
            "BLOCKED": "the code may not be called",
            "NOT_BILLABLE": "the call was not answered",
            "HELD": "its times or duration allow no price",
        }
        return [*steps, Step("Price", reasons.get(call.status, "no price"), call.status)]
    return [*steps, *_duration_steps(call, row, price_terms(terms), terms), *_money_steps(call, row, terms)]


def _anchor_step(call: PricedCall) -> Step:
    at = canonical_instant(call.anchor_at) or "unknown"
    clause = f" (clause {call.clause})" if call.clause else ""
    return Step("Anchor", f"the {call.anchor.lower()} decides the price{clause}", at)


def _row_step(call: PricedCall, by: PricedBy) -> Step:
    since = canonical_instant(by.effective_from) or "the beginning"
    until = f" until {canonical_instant(by.effective_until)}" if by.effective_until is not None else ""
    where = f"row {by.row} of {by.sheet or 'the deck'} ({by.deck_digest[:12]})"
    formula = f"{call.number}: longest code {by.code}, in force since {since}{until}, {where}"
    return Step("Deck row", formula, f"{by.code} {by.destination}".strip())


def _seconds(ms: int) -> str:
    return f"{format_scaled(ms, 3)} s"


def _duration_steps(call: PricedCall, row: RowTerms, terms: PriceTerms, agreed: RatingTerms) -> list[Step]:
    rounded_ms = round_duration_ms(call.duration_ms, terms.duration_mode, terms.threshold_ms)
    how = "milliseconds kept" if terms.duration_mode == ROUND_NOT else agreed.duration_mode
    if agreed.duration_mode == "THRESHOLD":
        how = f"THRESHOLD of {agreed.threshold_ms} ms"
    steps = [Step("Duration", f"{_seconds(call.duration_ms)} {agreed.duration_basis.lower()}, {how}", _seconds(rounded_ms))]
    if row.grace_s > 0:
        within = rounded_ms <= row.grace_s * 1000
        steps.append(
            Step("Grace", f"{_seconds(rounded_ms)} {'<=' if within else '>'} {row.grace_s} s", "not charged" if within else "charged")
        )
    if row.free_s > 0:
        left_ms = max(0, rounded_ms - row.free_s * 1000)
        steps.append(Step("Free seconds", f"max(0, {_seconds(rounded_ms)} - {row.free_s} s)", _seconds(left_ms)))
        rounded_ms = left_ms
    billed_s, _ = charge_60th_nanos(call.duration_ms, row, terms)
    if billed_s == 0:
        return [*steps, Step("Billed seconds", "nothing is left to bill", "0 s")]
    beyond = f"{row.minimum_s} + ceil(({_seconds(rounded_ms)} - {row.minimum_s}) / {row.step_s}) x {row.step_s}"
    formula = beyond if rounded_ms > row.minimum_s * 1000 else f"at most the first block of {row.minimum_s} s"
    return [
        *steps,
        Step("Billed seconds", f"{row.minimum_s}/{row.step_s}: {formula}", f"{billed_seconds(rounded_ms, row.minimum_s, row.step_s)} s"),
    ]


def _exact(sixtieths: int, currency: str) -> str:
    """An exact charge to twelve places; the last figure of a fraction that does not end there is cut, and said to be."""
    value, rest = divmod(sixtieths * 100, 6)
    return f"{format_scaled(value, 12)}{'...' if rest else ''} {currency}".strip()


def _money_steps(call: PricedCall, row: RowTerms, agreed: RatingTerms) -> list[Step]:
    terms = price_terms(agreed)
    billed_s, exact = charge_60th_nanos(call.duration_ms, row, terms)
    steps: list[Step] = []
    usage = usage_60th_nanos(billed_s, row) if billed_s else 0
    if billed_s:
        steps.append(Step("Usage", _usage_formula(billed_s, row), _exact(usage, call.currency)))
    fees = row.connect_nanos + row.surcharge_call_nanos
    if fees and exact:
        formula = f"connection {format_scaled(row.connect_nanos, 9)} + per call {format_scaled(row.surcharge_call_nanos, 9)}"
        steps.append(Step("Fees", formula, _exact(60 * fees, call.currency)))
    if billed_s and row.min_charge_nanos and exact == 60 * row.min_charge_nanos:
        steps.append(Step("Minimum charge", f"at least {format_scaled(row.min_charge_nanos, 9)}", _exact(exact, call.currency)))
    if billed_s and row.max_charge_nanos != NO_CEILING and exact == 60 * row.max_charge_nanos:
        steps.append(Step("Maximum charge", f"at most {format_scaled(row.max_charge_nanos, 9)}", _exact(exact, call.currency)))
    steps.append(Step("Exact charge", "not rounded", _exact(exact, call.currency)))
    amount = format_scaled(round_amount_micros(exact, terms), 6)
    if agreed.round_at.point == "CALL":
        how = f"rounded {agreed.rounding} to {agreed.round_at.places} places"
    else:
        how = f"shown to the micro-unit; {agreed.round_at} rounds the sum of the exact charges"
    return [*steps, Step("Amount", how, f"{amount} {call.currency}".strip())]


def _usage_formula(billed_s: int, row: RowTerms) -> str:
    first_s = min(billed_s, row.minimum_s)
    rest_s = billed_s - first_s
    rate, first = format_scaled(row.rate_nanos, 9), format_scaled(row.rate_first_nanos, 9)
    surcharge = f" + {format_scaled(row.surcharge_minute_nanos, 9)} x {billed_s} / 60" if row.surcharge_minute_nanos else ""
    if row.rate_unit == PER_INCREMENT:
        return f"{first} for the first block + {rate} x {rest_s // row.step_s} steps{surcharge}"
    over = " / 60" if row.rate_unit == PER_MINUTE else ""
    if row.rate_first_nanos == row.rate_nanos:
        return f"{rate} x {billed_s}{over}{surcharge}"
    return f"{first} x {first_s}{over} + {rate} x {rest_s}{over}{surcharge}"
