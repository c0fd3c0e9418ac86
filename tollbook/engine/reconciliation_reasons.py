"""Why their price is not ours: which row of our own deck gives it, and what that says. Only pairs whose price differs are looked at.

The order is that of the classes: their clock, then the code or destination they name, then the same code at another time, then the
shorter codes of the number. The first row that gives their price is the reason; one they name is it even where the price is a third one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from tollbook.core.deck import LONGEST_CODE
from tollbook.core.reconciliation import EXPLAINED_BY_DESTINATION, EXPLAINED_BY_TIME, EXPLAINED_BY_VERSION
from tollbook.core.reconciliation_sentences import billed_as
from tollbook.engine.reconciliation_prices import NO_ROW, Booleans, Integers, Priced, Prices, Texts

_NONE = -1


@dataclass
class Reasons:
    """Per pair: the reason, the row that explains (where `moved`), whether it gives exactly their price, and a sentence."""

    explained_by: Integers
    row: Priced
    moved: Booleans
    agrees: Booleans
    rate: Integers
    details: list[str] = field(default_factory=list)
    detail_no: Integers = field(default_factory=lambda: np.zeros(0, np.int64))

    def detail_column(self) -> pa.Array:
        indices = pa.array(self.detail_no, pa.int32(), mask=self.detail_no == _NONE)
        return pa.DictionaryArray.from_arrays(indices, pa.array(self.details, pa.string())).cast(pa.string())


@dataclass(frozen=True)
class _Question:
    """The pairs whose price differs, as columns; `places` says where each stands in the batch."""

    places: Integers
    units: pa.Table
    ours: Priced
    rate: Integers
    has_rate: Booleans
    amount: Integers
    billed: Integers
    rate_differs: Booleans
    unit: int

    def take(self, chosen: Integers) -> _Question:
        columns = (self.rate[chosen], self.has_rate[chosen], self.amount[chosen], self.billed[chosen], self.rate_differs[chosen])
        return _Question(self.places[chosen], self.units.take(pa.array(chosen)), self.ours.take(chosen), *columns, self.unit)

    def texts(self, name: str) -> Texts:
        column: Texts = self.units.column(name).cast(pa.string()).to_numpy()
        return column


def find_reasons(
    units: pa.Table,
    prices: Prices,
    ours: Priced,
    rate: Integers,
    has_rate: Booleans,
    amount: Integers,
    billed: Integers,
    rate_differs: Booleans,
    billed_differs: Booleans,
    unit: int,
) -> Reasons:
    """The reasons of a batch. `ours` prices the calls with their duration on our own rows; `unit` is the last digit of an amount."""
    count = units.num_rows
    flags = np.zeros(count, np.bool_)
    found = Reasons(np.zeros(count, np.int64), ours, flags, flags.copy(), np.zeros(count, np.int64), [], np.full(count, _NONE, np.int64))
    places = np.flatnonzero(rate_differs | billed_differs)
    if not len(places):
        return found
    everything = _Question(np.arange(count), units, ours, rate, has_rate, amount, billed, rate_differs, unit)
    question = everything.take(places)
    for step in (_their_clock, _their_code, _their_destination, _other_versions, _shorter_codes):
        if not len(question.places):
            break
        solved = step(question, prices, found)
        question = question.take(np.flatnonzero(~solved))
    return found


def _agrees(question: _Question, prices: Prices, candidate: Priced) -> Booleans:
    """Whether a row gives their price: their rate, or their amount within its last digit; where the rate is ours too, their seconds."""
    by_amount = np.abs(question.amount - prices.seconds(candidate, question.billed, candidate.rate)) <= question.unit
    same_price = np.where(question.has_rate, question.rate == candidate.rate, by_amount)
    result: Booleans = candidate.rated & same_price & (question.rate_differs | (candidate.billed_s == question.billed))
    return result


def _record(
    found: Reasons,
    question: _Question,
    solved: Booleans,
    reason: int,
    candidate: Priced,
    agrees: Booleans,
    sentence: Callable[[int, int], str],
) -> None:
    """Writes the solved pairs into the result; `sentence` tells the reason from our row and theirs.

    A version of our own code explains, but moves no row: the difference stays a matter of rate.
    """
    chosen = np.flatnonzero(solved)
    if not len(chosen):
        return
    where = question.places[chosen]
    found.explained_by[where] = reason
    found.agrees[where] = agrees[chosen]
    found.rate[where] = candidate.rate[chosen]
    if reason != EXPLAINED_BY_VERSION:
        found.moved[where] = True
        found.row = found.row.with_rows(where, candidate.take(chosen))
    pairs = np.stack([question.ours.row[chosen], candidate.row[chosen]])
    kinds, inverse = np.unique(pairs, axis=1, return_inverse=True)
    texts = [sentence(int(ours), int(theirs)) for ours, theirs in kinds.T]
    numbers = [found.details.index(text) if text in found.details else _append(found.details, text) for text in texts]
    found.detail_no[where] = np.array(numbers, np.int64)[inverse.reshape(-1)]


def _append(texts: list[str], text: str) -> int:
    texts.append(text)
    return len(texts) - 1


def _their_clock(question: _Question, prices: Prices, found: Reasons) -> Booleans:
    """Our own rule at their uncorrected timestamp: as they meant a local time that came twice, and as it is sealed."""
    refolded, sealed = (prices.calls(question.units, _their_ms(question), clock=clock) for clock in ("refolded_", "their_"))
    meant = _agrees(question, prices, refolded) & (refolded.row != question.ours.row)
    candidate = sealed.with_rows(np.flatnonzero(meant), refolded.take(np.flatnonzero(meant)))
    solved: Booleans = meant | (_agrees(question, prices, sealed) & (sealed.row != question.ours.row))

    def sentence(_: int, theirs: int) -> str:
        return f"priced at their clock: the row of code {prices.code(theirs)} effective from {prices.since(theirs)}"

    _record(found, question, solved, EXPLAINED_BY_TIME, candidate, solved, sentence)
    return solved


def _their_code(question: _Question, prices: Prices, found: Reasons) -> Booleans:
    """The row of the code they name, where our deck has it and it is another destination, or gives their price."""
    named = question.texts("their_code")
    candidate = prices.calls(question.units, _their_ms(question), numbers=named)
    codes = prices.codes(candidate.row)
    known = candidate.rated & (codes == named) & (codes != prices.codes(question.ours.row))
    agrees = _agrees(question, prices, candidate)
    solved: Booleans = known & (agrees | (prices.destinations(candidate.row) != prices.destinations(question.ours.row)))
    _record(found, question, solved, EXPLAINED_BY_DESTINATION, candidate, agrees, _destination_sentence(prices, "rated as"))
    return solved


def _their_destination(question: _Question, prices: Prices, found: Reasons) -> Booleans:
    """A code of the destination they name, where our deck knows the name, it is not ours, and the code gives their price."""
    named = question.texts("their_destination")
    solved = np.zeros(len(named), np.bool_)
    other = named != prices.destinations(question.ours.row)
    codes = {name: prices.codes_of(name) for name in set(named[other]) if name is not None}
    for attempt in range(max(map(len, codes.values()), default=0)):
        numbers = np.array([_nth(codes.get(name), attempt) for name in named], dtype=object)
        candidate = prices.calls(question.units, _their_ms(question), numbers=numbers)
        fresh = ~solved & other & (prices.codes(candidate.row) == numbers) & _agrees(question, prices, candidate)
        _record(found, question, fresh, EXPLAINED_BY_DESTINATION, candidate, fresh, _destination_sentence(prices, "rated as"))
        solved |= fresh
    return solved


def _other_versions(question: _Question, prices: Prices, found: Reasons) -> Booleans:
    """The same code with the price it has at another time: a change applied early, or late."""
    solved = np.zeros(len(question.places), np.bool_)
    ours = prices.codes(question.ours.row)
    versions = {code: prices.rows_of(code) for code in set(ours[question.ours.rated])}
    for attempt in range(max(map(len, versions.values()), default=0)):
        rows = np.array([_nth_row(versions.get(code), attempt) for code in ours], np.int64)
        candidate = prices.on_rows(rows, _their_ms(question))
        fresh = ~solved & question.rate_differs & (rows != question.ours.row) & _agrees(question, prices, candidate)
        _record(
            found, question, fresh, EXPLAINED_BY_VERSION, candidate, fresh, lambda mine, theirs: _version_sentence(prices, mine, theirs)
        )
        solved |= fresh
    return solved


def _shorter_codes(question: _Question, prices: Prices, found: Reasons) -> Booleans:
    """The shorter codes of the same number, from the longest on: they missed our more specific code."""
    solved = np.zeros(len(question.places), np.bool_)
    codes = prices.codes(question.ours.row)
    for _ in range(LONGEST_CODE):
        shorter = np.array([code[:-1] if code and not done else None for code, done in zip(codes, solved, strict=True)], dtype=object)
        if not any(shorter):
            break
        candidate = prices.calls(question.units, _their_ms(question), numbers=shorter)
        fresh = ~solved & question.rate_differs & _agrees(question, prices, candidate)
        _record(
            found, question, fresh, EXPLAINED_BY_DESTINATION, candidate, fresh, _destination_sentence(prices, "the price of the shorter")
        )
        solved |= fresh
        codes = prices.codes(candidate.row)
    return solved


def _destination_sentence(prices: Prices, verb: str) -> Callable[[int, int], str]:
    def sentence(ours: int, theirs: int) -> str:
        mine = (prices.code(ours), prices.destination(ours)) if ours != NO_ROW else None
        return billed_as(verb, prices.code(theirs), prices.destination(theirs), mine)

    return sentence


def _version_sentence(prices: Prices, ours: int, theirs: int) -> str:
    dearer = prices.rate(theirs) > prices.rate(ours)
    if prices.starts(theirs) > prices.starts(ours):
        return f"the {'increase' if dearer else 'decrease'} effective from {prices.since(theirs)}, applied early"
    return f"the price before the {'decrease' if dearer else 'increase'} of {prices.since(ours)}, kept after it"


def _their_ms(question: _Question) -> Integers:
    durations: Integers = question.units.column("their_ms").to_numpy()
    return durations


def _nth(codes: list[str] | None, number: int) -> str | None:
    return codes[number] if codes and number < len(codes) else None


def _nth_row(rows: list[int] | None, number: int) -> int:
    return rows[number] if rows and number < len(rows) else NO_ROW
