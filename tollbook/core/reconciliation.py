"""Classes of a difference, causes of money, and the split of one pair's difference into its causes.

A pair has exactly one class: the first of `CLASSES` that applies. It says who looks at the pair. Its money is split by cause, and
the parts of a pair add up to its difference exactly. Everything is integers: milliseconds, billed seconds, 1/60 nanos.
See docs/rules/reconciliation.md.
"""

from __future__ import annotations

from typing import Final

from tollbook.core.money import INT64_MAX, SIXTIETHS_PER_NANO
from tollbook.core.rating import NO_CEILING, RowTerms, usage_60th_nanos

CLASSES: Final = (
    "DUPLICATE_THEIRS",
    "DUPLICATE_OURS",
    "ANSWER_MISMATCH",
    "MISSING_OURS",
    "MISSING_THEIRS",
    "TIME_SHIFT",
    "CURRENCY_MISMATCH",
    "DESTINATION_MISMATCH",
    "DURATION_VARIANCE",
    "INCREMENT_VARIANCE",
    "RATE_VARIANCE",
    "ROUNDING",
    "MATCHED",
)
# A flag beside the class: the two sides put the call into different periods; its money counts once, where the contract says.
BOUNDARY: Final = "BOUNDARY"
# Not a class: a record of ours that belongs to another partner is no party to this comparison, it is named and left out.
OTHER_BLOCK: Final = "OTHER_BLOCK"

CAUSES: Final = (
    "DURATION",
    "INCREMENT",
    "RATE",
    "DESTINATION",
    "TIME_SHIFT",
    "ROUNDING",
    "FX",
    "FEE",
    "MISSING_OURS",
    "MISSING_THEIRS",
    "DUPLICATE_THEIRS",
    "DUPLICATE_OURS",
    "ANSWER_MISMATCH",
    "OTHER_BLOCK",
    "UNEXPLAINED",
)

# What the same difference is called when the two sides change places. Whatever is not here keeps its name.
MIRROR: Final = {
    "DUPLICATE_THEIRS": "DUPLICATE_OURS",
    "DUPLICATE_OURS": "DUPLICATE_THEIRS",
    "MISSING_OURS": "MISSING_THEIRS",
    "MISSING_THEIRS": "MISSING_OURS",
}

# Sub-class of a record without a counterpart that lasted no time at all: its own named group, so that it neither hides nor alarms.
ZERO_DURATION: Final = "ZERO_DURATION"

# Positions in CLASSES, as plain integers for the compiled functions.
DUPLICATE_THEIRS_NO: Final = 0
DUPLICATE_OURS_NO: Final = 1
ANSWER_MISMATCH_NO: Final = 2
MISSING_OURS_NO: Final = 3
MISSING_THEIRS_NO: Final = 4
TIME_SHIFT_NO: Final = 5
CURRENCY_MISMATCH_NO: Final = 6
DESTINATION_MISMATCH_NO: Final = 7
DURATION_VARIANCE_NO: Final = 8
INCREMENT_VARIANCE_NO: Final = 9
RATE_VARIANCE_NO: Final = 10
ROUNDING_NO: Final = 11
MATCHED_NO: Final = 12

# Which row of our deck explains their price where ours does not, as an integer for the compiled functions.
EXPLAINED_BY_NOTHING: Final = 0
EXPLAINED_BY_TIME: Final = 1  # the row our deck gives at their uncorrected timestamp
EXPLAINED_BY_DESTINATION: Final = 2  # the row of another code or destination
EXPLAINED_BY_VERSION: Final = 3  # the row of the same code that starts at another time: an increase early or late

# Stated figures beyond these do not fit exact 64-bit arithmetic; they are reported and taken as not stated.
MOST_AMOUNT_NANOS: Final = INT64_MAX // (4 * SIXTIETHS_PER_NANO)
MOST_BILLED_S: Final = 366 * 86_400

DURATION_FLOOR_MS: Final = 2_000
DURATION_PERCENT: Final = 1


def durations_differ(our_ms: int, their_ms: int) -> bool:
    """Whether two durations differ by more than 2 s and by more than 1 % of the longer one; both limits are inclusive."""
    difference = abs(their_ms - our_ms)
    return difference > DURATION_FLOOR_MS and 100 * difference > DURATION_PERCENT * max(our_ms, their_ms)


def amount_fits(amount_60th_nanos: int, price_60th_nanos: int, unit_60th_nanos: int) -> bool:
    """Whether a stated amount is that price, within one unit of its last digit.

    With a price of rate x seconds this is the interval test: rate in [(a - u) x 60 / billed, (a + u) x 60 / billed].
    """
    return abs(amount_60th_nanos - price_60th_nanos) <= unit_60th_nanos


def classify_pair(
    one_answered: bool,
    explained_by: int,
    currency_differs: bool,
    duration_differs: bool,
    billed_differs: bool,
    rate_differs: bool,
    residual_60th_nanos: int,
    band_60th_nanos: int,
) -> int:
    """The class of a matched pair as its position in CLASSES: the first that applies.

    `billed_differs` compares their billed seconds with our increments on THEIR duration, so that a difference of duration inside
    the tolerance is no difference of increments. A residual beyond the rounding band is a wrong effective rate, never a match.
    """
    if one_answered:
        return ANSWER_MISMATCH_NO
    if explained_by == EXPLAINED_BY_TIME:
        return TIME_SHIFT_NO
    if currency_differs:
        return CURRENCY_MISMATCH_NO
    if explained_by == EXPLAINED_BY_DESTINATION:
        return DESTINATION_MISMATCH_NO
    if duration_differs:
        return DURATION_VARIANCE_NO
    if billed_differs:
        return INCREMENT_VARIANCE_NO
    if rate_differs or abs(residual_60th_nanos) > band_60th_nanos:
        return RATE_VARIANCE_NO
    return ROUNDING_NO if residual_60th_nanos != 0 else MATCHED_NO


def decompose(
    ours: int, our_exact: int, at_their_duration: int, at_their_row: int, at_their_increment: int, at_their_rate: int, theirs: int
) -> tuple[int, int, int, int, int]:
    """The difference theirs - ours of one pair as (duration, row, increment, rate, residual), in the unit of the amounts.

    `ours` is the amount under the contract's rounding, `our_exact` the charge before it. The others price the same call exactly, each
    with one more of their terms: their duration; the row that explains their price (ours where none does); their billed seconds; their
    rate; and last what they state. What remains is their rounding less ours. The parts add up by construction.
    61.2 s against 62.9 s, 1/1 at 0.0120 against 30/6 at 0.0125, stated 0.0138: 0.000200, 0, 0.000600, 0.000550, 0.000050.
    """
    return (
        at_their_duration - our_exact,
        at_their_row - at_their_duration,
        at_their_increment - at_their_row,
        at_their_rate - at_their_increment,
        (theirs - at_their_rate) - (ours - our_exact),
    )


def implied_rate(amount_60th_nanos: int, billed_s: int) -> int:
    """The rate in nanos per minute that an amount implies, rounded half up; 0 where no second is billed."""
    if billed_s <= 0:
        return 0
    quotient = (2 * abs(amount_60th_nanos) + billed_s) // (2 * billed_s)
    return quotient if amount_60th_nanos >= 0 else -quotient


def seconds_60th_nanos(billed_s: int, rate_nanos: int, row: RowTerms) -> int:
    """The exact charge of billed seconds as they are, at a rate, by the other terms of a deck row; nothing where nothing is billed.

    The rate replaces the row's; the first block keeps its own rate where the row has one.
    """
    if billed_s <= 0:
        return 0
    first = rate_nanos if row.rate_first_nanos == row.rate_nanos else row.rate_first_nanos
    at_rate = RowTerms(
        rate_nanos,
        first,
        row.connect_nanos,
        row.surcharge_call_nanos,
        row.surcharge_minute_nanos,
        row.minimum_s,
        row.step_s,
        row.grace_s,
        row.free_s,
        row.min_charge_nanos,
        row.max_charge_nanos,
        row.rate_unit,
    )
    exact = SIXTIETHS_PER_NANO * (row.connect_nanos + row.surcharge_call_nanos) + usage_60th_nanos(billed_s, at_rate)
    exact = max(exact, SIXTIETHS_PER_NANO * row.min_charge_nanos)
    if row.max_charge_nanos != NO_CEILING:
        exact = min(exact, SIXTIETHS_PER_NANO * row.max_charge_nanos)
    return exact
