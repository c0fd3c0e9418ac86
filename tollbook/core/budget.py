"""The error budget: which differences are settled without a word, and which go to dispute.

Percentages are exact fractions of OUR side, every limit is inclusive. See docs/rules/reconciliation.md, section "Error budget".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from tollbook.core.agreement import ToleranceTerms
from tollbook.core.money import SIXTIETHS_PER_MICRO

ACCEPT = "ACCEPT"  # inside: the invoice stands, the difference is booked to the settlement tolerance
LINES = "LINES"  # some destination lines fail their guard and go to dispute, the rest is inside
DISPUTE = "DISPUTE"  # outside: the variance goes to dispute
ACCRUE = "ACCRUE"  # outside, but in our favour: the difference is accrued, not disputed
OUTCOMES = (ACCEPT, LINES, DISPUTE, ACCRUE)


@dataclass(frozen=True, slots=True)
class Line:
    """One destination on both sides; amounts in 1/60 nanos."""

    name: str
    ours: int
    theirs: int

    @property
    def difference(self) -> int:
        return self.theirs - self.ours


@dataclass(frozen=True, slots=True)
class Test:
    """Minutes and value of both sides against the tolerance. A percentage is None where ours is nothing and theirs is not."""

    our_quantity: int
    their_quantity: int
    our_value: int
    their_value: int
    quantity_pct: Fraction | None
    value_pct: Fraction | None
    quantity_ok: bool
    value_ok: bool
    inside: bool


@dataclass(frozen=True, slots=True)
class LineGuard:
    """A line beyond the guard: its difference and the limit it broke, in 1/60 nanos."""

    line: Line
    limit: Fraction


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole test, the lines that failed their guard, the test of the rest, and the outcome."""

    whole: Test
    failed_lines: tuple[LineGuard, ...]
    rest: Test
    outcome: str
    disputed: int  # in 1/60 nanos: how much of theirs - ours goes to dispute
    terms: ToleranceTerms = field(repr=False)


def percentage(ours: int, theirs: int) -> Fraction | None:
    """|theirs - ours| as a percentage of ours; None, more than any limit, where ours is 0 and theirs is not."""
    if ours == theirs:
        return Fraction(0)
    return Fraction(abs(theirs - ours) * 100, abs(ours)) if ours else None


def compare(terms: ToleranceTerms, our_quantity: int, their_quantity: int, our_value: int, their_value: int) -> Test:
    """One level of the budget. The quantities are like for like: billed against billed, or conversation against conversation."""
    quantity_pct = percentage(our_quantity, their_quantity)
    value_pct = percentage(our_value, their_value)
    quantity_ok = quantity_pct is not None and quantity_pct <= terms.minutes_pct
    value_ok = value_pct is not None and value_pct <= terms.value_pct
    inside = (quantity_ok and value_ok) if terms.logic == "ALL" else (quantity_ok or value_ok)
    return Test(our_quantity, their_quantity, our_value, their_value, quantity_pct, value_pct, quantity_ok, value_ok, inside)


def line_limit(terms: ToleranceTerms, line: Line) -> Fraction:
    """How far a destination line may be off, in 1/60 nanos: a percentage of ours or a fixed amount, whichever is more."""
    return max(terms.line_pct * abs(line.ours) / 100, Fraction(terms.line_amount_micros * SIXTIETHS_PER_MICRO))


def judge(
    terms: ToleranceTerms,
    quantities: dict[str, tuple[int, int]],
    lines: Iterable[Line],
    *,
    payable: bool,
    basis: str = "FULL",
) -> Verdict:
    """Ours against theirs as a whole and per destination line; `quantities` holds (ours, theirs) seconds or milliseconds per line.

    A line that fails its guard goes to dispute alone and the rest is tested again: +5 % on one destination hides -5 % on another.
    A difference in our favour (we pay, and they ask for less) is never disputed; it is accrued until the right to correct it ends.
    """
    every = sorted(lines, key=lambda line: line.name)
    failed = tuple(LineGuard(line, limit) for line in every if abs(line.difference) > (limit := line_limit(terms, line)))
    whole = _test(terms, quantities, every)
    failed_names = {guard.line.name for guard in failed}
    rest_lines = [line for line in every if line.name not in failed_names]
    rest = _test(terms, {name: pair for name, pair in quantities.items() if name not in failed_names}, rest_lines)
    outcome, disputed = _outcome(whole, failed, rest, 1 if payable else -1)
    if outcome == DISPUTE and basis == "EXCESS":
        disputed = _excess(terms, whole)
    return Verdict(whole, failed, rest, outcome, disputed, terms)


def _outcome(whole: Test, failed: tuple[LineGuard, ...], rest: Test, sign: int) -> tuple[str, int]:
    """The outcome and the part of theirs - ours that goes to dispute. With `sign`, a positive difference is one that costs us."""
    if not failed and whole.inside:
        return ACCEPT, 0
    difference = whole.their_value - whole.our_value
    costly_lines = sum(guard.line.difference for guard in failed if sign * guard.line.difference > 0)
    if failed and costly_lines and (rest.inside or sign * difference <= 0):
        # Where every line fails the same way there is no rest to release: that is the whole.
        everything = costly_lines == difference and rest.our_value == rest.their_value == 0
        return DISPUTE if everything else LINES, costly_lines
    if sign * difference < 0 or (failed and rest.inside):
        return ACCRUE, 0
    return DISPUTE, difference


def _test(terms: ToleranceTerms, quantities: dict[str, tuple[int, int]], lines: list[Line]) -> Test:
    ours = sum(pair[0] for pair in quantities.values())
    theirs = sum(pair[1] for pair in quantities.values())
    return compare(terms, ours, theirs, sum(line.ours for line in lines), sum(line.theirs for line in lines))


def _excess(terms: ToleranceTerms, whole: Test) -> int:
    """The part of the difference above the value tolerance, towards zero to a whole 1/60 nano."""
    difference = whole.their_value - whole.our_value
    allowed = terms.value_pct * abs(whole.our_value) / 100
    above = int(max(Fraction(0), abs(difference) - allowed))
    return above if difference >= 0 else -above
