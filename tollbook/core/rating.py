"""The price of a call: one function of integers, read by people and compiled for columns. See docs/rules/rating.md.

Everything is exact: durations in milliseconds, rates in nanos per minute (10^-9), the unrounded charge in sixtieths of a nano. The
amount is rounded once, at the rounding point the agreement names. The functions use integer operators only, so that numba compiles
them as they are.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tollbook.core.agreement import RatingTerms
from tollbook.core.deck import PER_INCREMENT, PER_MINUTE
from tollbook.core.money import HALF_UP, INT64_MAX, ROUNDING_MODES, SIXTIETHS_PER_MICRO, SIXTIETHS_PER_NANO, divide_rounded

# How a measured duration becomes the one that is billed.
ROUND_CEIL: Final = 0
ROUND_HALF_UP: Final = 1
ROUND_FLOOR: Final = 2
ROUND_THRESHOLD: Final = 3
ROUND_NOT: Final = 4
DURATION_MODES: Final = {
    "CEIL": ROUND_CEIL,
    "HALF_UP": ROUND_HALF_UP,
    "FLOOR": ROUND_FLOOR,
    "THRESHOLD": ROUND_THRESHOLD,
    "MILLISECONDS": ROUND_NOT,
}
NO_CEILING: Final = -1  # a row without a maximum charge
LONGEST_CALL_S: Final = 366 * 86_400  # a longer duration is no call
SHORTEST_LIMIT_S: Final = 86_400  # a price under which not even a call of a day fits 64 bits is refused with its deck


class RowTerms(NamedTuple):
    """The price terms of one deck row, in the order of `tollbook.core.deck.TERMS`; `max_charge_nanos` is NO_CEILING where there is none."""

    rate_nanos: int
    rate_first_nanos: int
    connect_nanos: int
    surcharge_call_nanos: int
    surcharge_minute_nanos: int
    minimum_s: int
    step_s: int
    grace_s: int
    free_s: int
    min_charge_nanos: int
    max_charge_nanos: int
    rate_unit: int


class PriceTerms(NamedTuple):
    """What the agreement says about the price of a call, as integers; flags are 0 or 1."""

    duration_mode: int
    threshold_ms: int
    zero_duration_billable: int
    grace_waives_fees: int
    free_keeps_connect: int
    unit_micros: int  # the amount of a call is a multiple of this
    rounding: int


def price_terms(terms: RatingTerms) -> PriceTerms:
    """The agreement's rating terms as the price function takes them.

    Where the agreement rounds per line or per document, the amount of a call is only shown, to the micro-unit half up; the exact charge
    is what is summed.
    """
    per_call = terms.round_at.point == "CALL"
    return PriceTerms(
        duration_mode=DURATION_MODES[terms.duration_mode],
        threshold_ms=terms.threshold_ms,
        zero_duration_billable=int(terms.zero_duration_billable),
        grace_waives_fees=int(terms.grace_waives_fees),
        free_keeps_connect=int(terms.free_keeps_connect),
        unit_micros=10 ** (6 - min(terms.round_at.places, 6)) if per_call else 1,
        rounding=ROUNDING_MODES[terms.rounding] if per_call else HALF_UP,
    )


def round_duration_ms(duration_ms: int, mode: int, threshold_ms: int) -> int:
    """The duration under the agreement's rounding mode, still in milliseconds: whole seconds in every mode but ROUND_NOT."""
    if mode == ROUND_NOT:
        return duration_ms
    whole_s = duration_ms // 1000
    fraction_ms = duration_ms - whole_s * 1000
    if mode == ROUND_CEIL:
        up = fraction_ms > 0
    elif mode == ROUND_HALF_UP:
        up = fraction_ms >= 500
    elif mode == ROUND_THRESHOLD:
        up = fraction_ms >= threshold_ms and fraction_ms > 0
    else:
        up = False
    return (whole_s + 1) * 1000 if up else whole_s * 1000


def billed_seconds(chargeable_ms: int, minimum_s: int, step_s: int) -> int:
    """The first block, then as many whole steps as it takes: 13 s on 10/6 is 16, not the 18 of rounding 13 up to sixes."""
    beyond_ms = chargeable_ms - minimum_s * 1000
    if beyond_ms <= 0:
        return minimum_s
    step_ms = step_s * 1000
    return minimum_s + (beyond_ms + step_ms - 1) // step_ms * step_s


def usage_60th_nanos(billed_s: int, row: RowTerms) -> int:
    """The charge for time: the first block at the first rate, the rest at the rate, and the surcharge per minute on all of it."""
    first_s = min(billed_s, row.minimum_s)
    rest_s = billed_s - first_s
    surcharge = row.surcharge_minute_nanos * billed_s
    if row.rate_unit == PER_MINUTE:
        return row.rate_first_nanos * first_s + row.rate_nanos * rest_s + surcharge
    if row.rate_unit == PER_INCREMENT:
        first_block = row.rate_first_nanos if first_s > 0 else 0
        return SIXTIETHS_PER_NANO * (first_block + row.rate_nanos * (rest_s // row.step_s)) + surcharge
    return SIXTIETHS_PER_NANO * (row.rate_first_nanos * first_s + row.rate_nanos * rest_s) + surcharge


def charge_60th_nanos(duration_ms: int, row: RowTerms, terms: PriceTerms) -> tuple[int, int]:
    """Billed seconds and the exact charge of an answered call."""
    fees = SIXTIETHS_PER_NANO * (row.connect_nanos + row.surcharge_call_nanos)
    rounded_ms = round_duration_ms(duration_ms, terms.duration_mode, terms.threshold_ms)
    if row.grace_s > 0 and rounded_ms <= row.grace_s * 1000:
        return 0, (0 if terms.grace_waives_fees else fees)
    if rounded_ms == 0 and not terms.zero_duration_billable:
        return 0, 0
    chargeable_ms = max(0, rounded_ms - row.free_s * 1000)
    if row.free_s > 0 and chargeable_ms == 0:
        return 0, (fees if terms.free_keeps_connect else 0)
    billed_s = billed_seconds(chargeable_ms, row.minimum_s, row.step_s)
    exact = fees + usage_60th_nanos(billed_s, row)
    exact = max(exact, SIXTIETHS_PER_NANO * row.min_charge_nanos)
    if row.max_charge_nanos != NO_CEILING:
        exact = min(exact, SIXTIETHS_PER_NANO * row.max_charge_nanos)
    return billed_s, exact


def round_amount_micros(exact_60th_nanos: int, terms: PriceTerms) -> int:
    """The amount of a call: the exact charge rounded once, to a multiple of the agreement's unit."""
    return divide_rounded(exact_60th_nanos, SIXTIETHS_PER_MICRO * terms.unit_micros, terms.rounding) * terms.unit_micros


def price(duration_ms: int, row: RowTerms, terms: PriceTerms) -> tuple[int, int, int]:
    """Billed seconds, the exact charge in sixtieths of a nano, and the amount in micro-units, of an answered call.

    95.4 s on 30/6 at 0.0850 with 0.01 connection, 0.002 per call and 0.25 per minute: 96 s and 0.548. The duration must be at most
    `longest_ms(row)`, which is where 64 bits end.
    """
    billed_s, exact = charge_60th_nanos(duration_ms, row, terms)
    return billed_s, exact, round_amount_micros(exact, terms)


def longest_ms(row: RowTerms) -> int:
    """The longest duration whose charge fits 64 bits under this row, for terms up to `tollbook.core.deck.MOST_NANOS` each."""
    per_second = row.surcharge_minute_nanos + max(row.rate_nanos, row.rate_first_nanos) * (
        1 if row.rate_unit == PER_MINUTE else SIXTIETHS_PER_NANO
    )
    fixed = SIXTIETHS_PER_NANO * (row.connect_nanos + row.surcharge_call_nanos + row.min_charge_nanos + row.rate_first_nanos)
    seconds = (INT64_MAX - fixed) // max(per_second, 1) - row.minimum_s - row.step_s - 1
    return max(0, min(seconds, LONGEST_CALL_S)) * 1000
