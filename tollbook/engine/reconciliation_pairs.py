"""Every matched pair of a batch: their price step by step, the split of the difference, the class. Columns in, columns out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.money import HALF_UP, SIXTIETHS_PER_NANO, divide_rounded, parse_scaled
from tollbook.core.reconciliation import (
    CLASSES,
    MOST_AMOUNT_NANOS,
    MOST_BILLED_S,
    amount_fits,
    classify_pair,
    decompose,
    durations_differ,
    implied_rate,
)
from tollbook.engine.compiled import callable_when_compiled, compiled
from tollbook.engine.reconciliation_prices import Booleans, Integers, Priced, Prices
from tollbook.engine.reconciliation_reasons import Reasons, find_reasons

STATED = "STATED"  # their file says what they bill
OUR_PRICES = "OUR_PRICES"  # it does not: their seconds are valued on our terms
MINUTES_ONLY = "MINUTES_ONLY"  # and we have no deck either
LONGEST_BLOCK_S = 600  # no increment is longer: seconds further beyond a duration are no increment

callable_when_compiled(decompose, classify_pair, durations_differ, amount_fits, implied_rate, divide_rounded)


@dataclass(frozen=True)
class Rules:
    """What the agreement and the two files say about amounts: `unit` is the last digit of a stated amount in 1/60 nanos.

    `step` is the contract's rounding per call in 1/60 nanos (0: it does not round per call), `mode` how.
    """

    basis: str
    currency: str
    unit: int
    step: int
    mode: int

    @property
    def band(self) -> int:
        """How much per call is rounding: one unit of the last digit, theirs or the contract's, whichever is coarser."""
        return max(self.unit, self.step)


@dataclass(frozen=True)
class Stated:
    """What their records state, with a flag where they do. Amounts in 1/60 nanos, rates in nanos per minute."""

    amount: Integers
    has_amount: Booleans
    rate: Integers
    has_rate: Booleans
    billed: Integers
    has_billed: Booleans
    other_currency: Booleans


def integers(table: pa.Table, name: str) -> Integers:
    """A column as int64; null is 0. Instants are UTC ms."""
    column = table.column(name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())
    filled: Integers = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    return filled


def present(table: pa.Table, name: str) -> Booleans:
    flags: Booleans = pc.is_valid(table.column(name)).to_numpy()
    return flags


def rate_nanos(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Rates as written to nanos per minute; null where there is none or where it does not fit into nine decimals."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    parsed = pa.array([parse_scaled(text, 9) for text in encoded.dictionary.to_pylist()], pa.int64())
    return pa.chunked_array([parsed.take(encoded.indices)])


def stated_terms(records: pa.Table, terms: Rules) -> Stated:
    """What a column of their records states. What does not fit exact arithmetic counts as not stated; without a deck nothing does."""
    rates = rate_nanos(records.column("their_rate_text"))
    theirs = pc.fill_null(pc.not_equal(records.column("their_currency").cast(pa.string()), terms.currency), False)
    money = terms.basis != MINUTES_ONLY
    other: Booleans = theirs.to_numpy() & money
    nanos, billed, rate = integers(records, "their_amount_nanos"), integers(records, "their_billed_s"), pc.fill_null(rates, 0).to_numpy()
    has_amount = money & present(records, "their_amount_nanos") & ~other & (np.abs(nanos) <= MOST_AMOUNT_NANOS)
    has_billed = present(records, "their_billed_s") & (billed >= 0) & (billed <= MOST_BILLED_S)
    has_rate = money & pc.is_valid(rates).to_numpy() & ~other & (np.abs(rate) <= MOST_AMOUNT_NANOS // MOST_BILLED_S)
    return Stated(
        amount=np.where(has_amount, nanos, 0) * SIXTIETHS_PER_NANO,
        has_amount=has_amount,
        rate=np.where(has_rate, rate, 0),
        has_rate=has_rate,
        billed=np.where(has_billed, billed, 0),
        has_billed=has_billed,
        other_currency=other,
    )


@dataclass(frozen=True)
class _Steps:
    """The prices of a pair on the way from ours to theirs."""

    at_duration: Priced
    row: Priced
    reasons: Reasons
    billed: Integers
    rate: Integers
    at_increment: Integers
    at_rate: Integers
    rate_differs: Booleans
    billed_differs: Booleans


def explain_pairs(units: pa.Table, prices: Prices, terms: Rules) -> pa.Table:
    """A row per unit of `units` (reconciliation_batch.sql), in their order: the parts of its difference in 1/60 nanos, class, reason."""
    stated = stated_terms(units, terms)
    one_answered: Booleans = pc.equal(units.column("match_class").cast(pa.string()), "ANSWER_MISMATCH").to_numpy()
    steps = _price_steps(units, prices, terms, stated, ~one_answered & ~stated.other_currency)
    theirs = _their_amounts(terms, stated, steps)
    count = units.num_rows
    parts = np.zeros((5, count), np.int64)
    classes = np.zeros(count, np.int8)
    _split(
        (integers(units, "our_ms"), integers(units, "their_ms")),
        (integers(units, "our_value"), integers(units, "our_exact"), steps.at_duration.exact, steps.row.exact),
        (steps.at_increment, steps.at_rate, theirs),
        (one_answered, steps.reasons.explained_by, stated.other_currency, steps.billed_differs, steps.rate_differs),
        terms.band,
        parts,
        classes,
    )
    columns = {
        "class": pa.DictionaryArray.from_arrays(pa.array(classes), pa.array(CLASSES)),
        "explained_by": steps.reasons.explained_by,
        "v_duration": parts[0],
        "v_row": parts[1],
        "v_increment": parts[2],
        "v_rate": parts[3],
        "v_residual": parts[4],
        "their_value": theirs,
        "other_currency": stated.other_currency,
        "billed_theirs": steps.billed,
        "rate_theirs": pa.array(steps.rate, mask=~(stated.has_rate | stated.has_amount)),
        "implied": pa.array(~(stated.has_rate & stated.has_amount & stated.has_billed)),
        "detail": steps.reasons.detail_column(),
        "clock_moves_row": _clock_moves_row(units, prices, steps.at_duration),
    }
    return pa.table(columns)


def _price_steps(units: pa.Table, prices: Prices, terms: Rules, stated: Stated, comparable: Booleans) -> _Steps:
    at_duration = prices.calls(units, integers(units, "their_ms"))
    billed, has_billed = _billed_seconds(integers(units, "their_ms"), prices, terms, stated, at_duration)
    on_our_row = prices.seconds(at_duration, billed, at_duration.rate)
    amount_off = stated.has_amount & ~_fits(stated.amount, on_our_row, terms.unit)
    rate_differs = comparable & np.where(stated.has_rate, stated.rate != at_duration.rate, amount_off)
    billed_differs = comparable & has_billed & at_duration.rated & (billed != at_duration.billed_s)
    reasons = find_reasons(
        units, prices, at_duration, stated.rate, stated.has_rate, stated.amount, billed, rate_differs, billed_differs, terms.unit
    )
    row = reasons.row
    at_increment = prices.seconds(row, billed, row.rate)
    unmoved_rate = np.where(
        rate_differs & ~reasons.agrees, _implied(stated.amount, billed), np.where(reasons.agrees, reasons.rate, row.rate)
    )
    rate = np.where(stated.has_rate, stated.rate, unmoved_rate)
    at_rate = prices.seconds(row, billed, rate)
    return _Steps(at_duration, row, reasons, billed, rate, at_increment, at_rate, rate_differs, billed_differs)


def _billed_seconds(their_ms: Integers, prices: Prices, terms: Rules, stated: Stated, at_duration: Priced) -> tuple[Integers, Booleans]:
    """Their billed seconds, and where they are known: stated, or the whole seconds that their rate and their amount leave no doubt of.

    Two units of the last digit must be less than the price of a second, and the seconds must cover their duration by no more than the
    longest block. Elsewhere our increments on their duration stand in.
    """
    implied = _implied_seconds(stated.amount, stated.rate)
    off = np.abs(stated.amount - prices.seconds(at_duration, implied, stated.rate)) > terms.unit
    beyond_s = implied - their_ms // 1000
    certain = stated.has_amount & stated.has_rate & ~stated.has_billed & (2 * terms.unit < stated.rate) & ~off
    certain &= (beyond_s >= 0) & (beyond_s <= LONGEST_BLOCK_S)
    billed = np.where(stated.has_billed, stated.billed, np.where(certain, implied, at_duration.billed_s))
    return billed, stated.has_billed | certain


def _clock_moves_row(units: pa.Table, prices: Prices, ours: Priced) -> Booleans:
    """Whether their clock, uncorrected, would read another row of our deck."""
    theirs = prices.calls(units, integers(units, "their_ms"), clock="refolded_")
    moved: Booleans = theirs.rated & ours.rated & (theirs.row != ours.row)
    return moved


def _their_amounts(terms: Rules, stated: Stated, steps: _Steps) -> Integers:
    """What they bill: as stated; where only a rate is stated, by it; where the whole file states no money, our price."""
    rounded = round_calls(steps.at_rate, terms.step, terms.mode)
    derived = np.where(stated.has_rate | (terms.basis == OUR_PRICES), rounded, 0)
    result: Integers = np.where(stated.other_currency, 0, np.where(stated.has_amount, stated.amount, derived))
    return result


@compiled
def _fits(amounts: Integers, prices: Integers, unit: int) -> Booleans:
    result = np.zeros(len(amounts), np.bool_)
    for index in range(len(amounts)):
        result[index] = amount_fits(amounts[index], prices[index], unit)
    return result


@compiled
def _implied_seconds(amounts: Integers, rates: Integers) -> Integers:
    """Whole seconds that amounts in 1/60 nanos are at rates in nanos per minute; none where that is no number of seconds."""
    result = np.zeros(len(amounts), np.int64)
    for index in range(len(amounts)):
        if rates[index] > 0 and amounts[index] > 0:
            seconds = divide_rounded(amounts[index], rates[index], HALF_UP)
            result[index] = seconds if seconds <= MOST_BILLED_S else 0
    return result


@compiled
def _implied(amounts: Integers, billed: Integers) -> Integers:
    result = np.zeros(len(amounts), np.int64)
    for index in range(len(amounts)):
        result[index] = implied_rate(amounts[index], billed[index])
    return result


@compiled
def round_calls(exact: Integers, step: int, mode: int) -> Integers:
    """Charges at the contract's rounding per call; as they are where it does not round per call (step 0)."""
    result = exact.copy()
    if step > 0:
        for index in range(len(exact)):
            result[index] = divide_rounded(exact[index], step, mode) * step
    return result


@compiled
def _split(
    durations: tuple[Integers, Integers],
    ours: tuple[Integers, Integers, Integers, Integers],
    theirs: tuple[Integers, Integers, Integers],
    differs: tuple[Booleans, Integers, Booleans, Booleans, Booleans],
    band: int,
    parts: Integers,
    classes: Integers,
) -> None:
    for index in range(len(classes)):
        split = decompose(
            ours[0][index], ours[1][index], ours[2][index], ours[3][index], theirs[0][index], theirs[1][index], theirs[2][index]
        )
        for part in range(5):
            parts[part, index] = split[part]
        longer = durations_differ(durations[0][index], durations[1][index])
        classes[index] = classify_pair(
            differs[0][index], differs[1][index], differs[2][index], longer, differs[3][index], differs[4][index], split[4], band
        )


def call_step(places: int) -> int:
    """The unit of so many decimals in 1/60 nanos: 6 places are a micro-unit, that is 60,000."""
    in_nanos: int = 10 ** (9 - places)
    return SIXTIETHS_PER_NANO * in_nanos
