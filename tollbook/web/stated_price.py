"""What a partner's record states of its own price, taken apart: where in our deck its rate stands, and what its seconds come to by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from tollbook.core.money import HALF_UP, divide_rounded, format_scaled, parse_scaled
from tollbook.core.rating_explain import Step
from tollbook.core.rights import Actor
from tollbook.flow.deck_rows import SheetRow, rows_of_codes
from tollbook.web import book
from tollbook.web.words import instant_exact

# Prices, which are not for everybody who may see calls.
PRICES: Final = ("their_rate_text", "their_amount_text", "their_amount_nanos", "their_currency")
_NANO_PLACES: Final = 9
_SECOND_MS: Final = 1000


def states_price(records: Sequence[dict[str, Any]]) -> bool:
    """Whether a record has prices in it, and so has the line it came in."""
    return any(record.get(name) is not None for record in records for name in PRICES)


def without_prices(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records for somebody who may see calls and no prices."""
    return [{**record, **dict.fromkeys(PRICES)} for record in records]


def said(at: int) -> str:
    """An instant to the second, with its milliseconds where it has some."""
    return instant_exact(at).replace(".000 UTC", " UTC")


def rows_at_rate(rows: Sequence[SheetRow], rate_nanos: int) -> list[SheetRow]:
    """The rows that say this rate, those of the longest code first, the newest of each first."""
    found = [row for row in rows if row.rate_nanos_per_minute == rate_nanos]
    return sorted(found, key=lambda row: (-len(row.code), -(row.since or 0)))


def stated_steps(
    theirs: dict[str, Any], number: str, anchor_at: int | None, *, actor: Actor, partner: str, agreement_digest: str, known_at: int | None
) -> list[Step]:
    """Rate, seconds and amount of their record as steps; empty where it states no rate. `anchor_at` is what decides our price (UTC ms)."""
    rate_nanos = parse_scaled(str(theirs.get("their_rate_text") or ""), _NANO_PLACES)
    if rate_nanos is None or not number:
        return []
    codes = {number[:length] for length in range(1, len(number) + 1)} | {str(theirs.get("their_code") or number)}
    rows = rows_of_codes(
        book.current(), codes, actor=actor, partner=partner, agreement_digest=agreement_digest, side="buy", known_at=known_at
    )
    rows = rows_at_rate(rows, rate_nanos)
    steps = [Step("Their rate", where_words(rows, anchor_at), f"{format_scaled(rate_nanos, _NANO_PLACES, 4)} per minute")]
    billed_s = theirs.get("their_billed_s")
    if billed_s is None:
        return steps
    steps.append(Step("Their billed seconds", _lasted(theirs.get("duration_ms")), f"{billed_s} s"))
    exact = format_scaled(divide_rounded(rate_nanos * billed_s, 60, HALF_UP), _NANO_PLACES, 2)
    amount = theirs.get("their_amount_text")
    formula = f"{format_scaled(rate_nanos, _NANO_PLACES, 4)} x {billed_s} s / 60 = {exact}"
    return [*steps, Step("Their amount", formula, f"{amount or exact} {theirs.get('their_currency') or ''}".strip())]


def where_words(rows: Sequence[SheetRow], anchor_at: int | None) -> str:
    """Where a rate stands in our deck, from the rows that say it: the one in force at the instant if there is one, else when it was or
    will be in force."""
    if not rows:
        return "no row of our deck for this number has this rate"
    holding = next((row for row in rows if anchor_at is not None and row.holds_at(anchor_at)), None)
    row = holding or rows[0]
    stands = f"{row.code} {row.destination}".strip() + f", row {row.row} of {row.sheet}"
    if row.since is None or anchor_at is None or row.since <= anchor_at:
        ended = row.until is not None and anchor_at is not None and row.until <= anchor_at
        return f"{stands}, in force until {said(row.until or 0)}: before this call" if ended else stands
    return f"{stands}, in force from {said(row.since)}: {_length(row.since - anchor_at)} after this call"


def _length(ms: int) -> str:
    seconds, _ = divmod(ms, _SECOND_MS)
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a second"


def clock_words(offset_ms: int) -> str:
    """How far their clock is from ours; empty below a second. Theirs is ours and the offset (docs/rules/matching.md)."""
    if abs(offset_ms) < _SECOND_MS:
        return ""
    return f"their clock is {_length(abs(offset_ms))} {'ahead of' if offset_ms > 0 else 'behind'} ours, which the matching allowed for"


def _lasted(duration_ms: int | None) -> str:
    return f"their record lasted {format_scaled(duration_ms, 3)} s" if duration_ms is not None else "as their record states"
