"""What a person should look at before a new version of a deck becomes active. See docs/rules/decks.md, "Guard rails"."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from statistics import median_low

import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.deck import ACTIVE, FULL, Deck
from tollbook.core.problem import Problem, problem

SHOWN_CODES = 5


@dataclass(frozen=True, slots=True)
class Guards:
    """The limits: codes removed by a FULL version, the factor between old and new rate, and how far the median rate may move."""

    removed_pct: Fraction = Fraction(20)
    factor: int = 5
    median_pct: Fraction = Fraction(25)


def guard_problems(previous: Deck, new: Deck, guards: Guards | None = None) -> list[Problem]:
    """DECK_GUARD for everything unusual between two versions; none means that the new one looks like the old one."""
    limits = guards or Guards()
    old_rates, new_rates = _latest_rates(previous), _latest_rates(new)
    reasons = [
        _currency_reason(previous, new),
        _removed_reason(old_rates, new_rates, new, limits),
        _factor_reason(old_rates, new_rates, limits),
        _median_reason(old_rates, new_rates, limits),
    ]
    return [problem("DECK_GUARD", reason, file=new.file) for reason in reasons if reason]


def _latest_rates(deck: Deck) -> dict[str, int]:
    """The rate of each code that can be called, by its last row."""
    rows = deck.rows.filter(pc.equal(deck.rows.column("status").cast(pa.string()), ACTIVE))
    columns = rows.select(["code", "rate_nanos", "effective_from"]).sort_by([("effective_from", "ascending")])
    return dict(zip(columns.column("code").to_pylist(), columns.column("rate_nanos").to_pylist(), strict=True))


def _currency_reason(previous: Deck, new: Deck) -> str:
    if not previous.currency or not new.currency or previous.currency == new.currency:
        return ""
    return f"The currency changes from {previous.currency} to {new.currency}: that is another deck."


def _removed_reason(old: dict[str, int], new: dict[str, int], deck: Deck, limits: Guards) -> str:
    removed = len(old.keys() - new.keys())
    if deck.mode != FULL or not old or Fraction(100 * removed, len(old)) <= limits.removed_pct:
        return ""
    return f"The FULL version closes {removed:,} of {len(old):,} codes ({100 * removed // len(old)} %)."


def _factor_reason(old: dict[str, int], new: dict[str, int], limits: Guards) -> str:
    far = [code for code, rate in new.items() if old.get(code) and (rate > limits.factor * old[code] or rate * limits.factor < old[code])]
    if not far:
        return ""
    shown = ", ".join(sorted(far)[:SHOWN_CODES]) + (", ..." if len(far) > SHOWN_CODES else "")
    return f"{len(far):,} rates move by a factor over {limits.factor}: {shown}."


def _median_reason(old: dict[str, int], new: dict[str, int], limits: Guards) -> str:
    both = old.keys() & new.keys()
    if not both:
        return ""
    before, after = median_low(old[code] for code in both), median_low(new[code] for code in both)
    if not before or Fraction(100 * abs(after - before), before) <= limits.median_pct:
        return ""
    scaled = " It looks like another scale, as cents for units." if after in range(50 * before, 200 * before) else ""
    return f"The median rate moves by {100 * abs(after - before) // before} %.{scaled}"
