"""The compiled loops of rating, over the records' own buffers into the buffers of the charges."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tollbook.core import money, rating
from tollbook.core.rating import price
from tollbook.engine.compiled import callable_when_compiled, compiled
from tollbook.engine.deck import BLOCKED_RATE, row_terms_at
from tollbook.engine.deck_kernel import find_pieces, search_order

# The statuses as places in `tollbook.core.cdr.CHARGE_STATUSES`, and the anchors by number.
RATED, UNRATED, BLOCKED, NOT_BILLABLE, HELD = range(5)
ANSWER, SETUP, RELEASE = range(3)

callable_when_compiled(
    money.divide_rounded,
    rating.round_duration_ms,
    rating.billed_seconds,
    rating.usage_60th_nanos,
    rating.charge_60th_nanos,
    rating.round_amount_micros,
    price,
)


class Records(NamedTuple):
    """The columns that a price depends on, in place: what is called as a number key, instants and durations in ms.

    The `has_` arrays say where a value is there; what stands at a null means nothing.
    """

    key: Any
    setup: Any
    has_setup: Any
    answer: Any
    has_answer: Any
    release: Any
    has_release: Any
    duration: Any


class DeckArrays(NamedTuple):
    """A compiled deck with at least one piece; `facts` has per piece the places of its code, destination and version, and its row."""

    starts: Any
    spans: Any
    index: Any
    pieces: Any
    terms: Any
    longest: Any
    facts: Any


class Clock(NamedTuple):
    """A zone: from each of `changes` (ms) on, the next of `offsets` (ms ahead of UTC) is in force."""

    changes: Any
    offsets: Any


class Agreed(NamedTuple):
    """What the agreement says: which anchor and clock, whether durations are computed, and the price terms."""

    anchor: Any
    clock: Any
    computed: Any
    terms: Any


class Charges(NamedTuple):
    """The columns of the charges. `has_row` and `has_anchor` are false where there is none, `has_rate` where there is no price.

    Where nothing is there the value is zero.
    """

    code: Any
    destination: Any
    version: Any
    row: Any
    has_row: Any
    rate: Any
    has_rate: Any
    billed: Any
    exact: Any
    amount: Any
    status: Any
    anchor: Any
    has_anchor: Any
    day: Any
    duration: Any


def duration_of(recorded: int, computed: bool, answered: bool, answer: int, released: bool, release: int) -> tuple[int, bool]:
    """The duration that is priced, and whether it cannot be: it runs backwards, or is not there."""
    both = answered & released
    backwards = both & (release < answer)
    if not computed:
        return recorded, backwards | (answered & (recorded < 0))
    return (release - answer if both else 0), (backwards if both else answered)


def anchor_of(kind: int, answered: bool, answer: int, has_setup: bool, setup: int, released: bool, release: int) -> tuple[bool, int, bool]:
    """Whether there is an anchor, the anchor, and whether it is the one the agreement names.

    An attempt has no answer; it counts where it was set up, so that it is seen in its day and destination.
    """
    there = answered if kind == ANSWER else (has_setup if kind == SETUP else released)
    named = answer if kind == ANSWER else (setup if kind == SETUP else release)
    return there | has_setup | released, (named if there else (setup if has_setup else release)), there


def status_before_price(answered: bool, undecided: bool) -> int:
    """What becomes of the record as far as its own columns say; RATED is what the deck decides."""
    return (HELD if undecided else RATED) if answered else NOT_BILLABLE


callable_when_compiled(duration_of, anchor_of, status_before_price)


@compiled
def anchor_records(records: Any, places: Any, agreed: Any, charges: Any, first: int, keys: Any, before: Any) -> None:
    """The first pass: the anchor of each record, its local day and its duration, the key to look up, and its status before the price.

    Arrays are taken out of their tuples once: in the loop each access would count references.
    """
    record_keys, setups, has_setup, answers, has_answer = records.key, records.setup, records.has_setup, records.answer, records.has_answer
    releases, has_release, durations = records.release, records.has_release, records.duration
    kind, computed, changes, clock_offsets = agreed.anchor, agreed.computed, agreed.clock.changes, agreed.clock.offsets
    last = first + len(keys)
    places, anchors, has_anchor = places[first:last], charges.anchor[first:last], charges.has_anchor[first:last]
    days, used_ms = charges.day[first:last], charges.duration[first:last]
    change = 0
    for number in range(len(keys)):
        place = places[number]
        answered, released = has_answer[place], has_release[place]
        answer, release = answers[place], releases[place]
        duration, wrong = duration_of(durations[place], computed, answered, answer, released, release)
        known, anchor, fitting = anchor_of(kind, answered, answer, has_setup[place], setups[place], released, release)
        before[number] = status_before_price(answered, wrong | (not fitting))
        used_ms[number] = duration
        has_anchor[number] = known
        anchor = anchor if known else 0
        anchors[number] = anchor
        keys[number] = record_keys[place] if known else -1
        while change < len(changes) and anchor >= changes[change]:
            change += 1
        while change > 0 and anchor < changes[change - 1]:
            change -= 1
        days[number] = (anchor + clock_offsets[change]) // 86_400_000 if known else 0


@compiled
def describe_records(found: Any, deck: Any, charges: Any, first: int, before: Any, rated: Any) -> int:
    """The pass after the search: what the pieces that were `found` say, and the status of each record.

    The rated ones are noted in `rated`, to be priced by themselves. There is no branch: whether a call was answered cannot be foreseen.
    """
    pieces, facts = deck.pieces, deck.facts
    last = first + len(found)
    codes, destinations, versions = charges.code[first:last], charges.destination[first:last], charges.version[first:last]
    deck_rows, has_row = charges.row[first:last], charges.has_row[first:last]
    rates, has_rate, statuses = charges.rate[first:last], charges.has_rate[first:last], charges.status[first:last]
    count = 0
    for number in range(len(found)):
        has_piece = found[number] >= 0
        piece = max(found[number], 0)
        rate = pieces[piece, 3]
        priced = has_piece & (rate != BLOCKED_RATE)
        codes[number] = facts[piece, 0] if has_piece else 0
        destinations[number] = facts[piece, 1] if has_piece else 0
        versions[number] = facts[piece, 2] if has_piece else 0
        deck_rows[number] = facts[piece, 3] if has_piece else 0
        has_row[number] = has_piece
        rates[number] = rate if priced else 0
        has_rate[number] = priced
        decided = RATED if priced else (BLOCKED if has_piece else UNRATED)
        status = decided if before[number] == RATED else before[number]
        statuses[number] = status
        rated[count] = number
        count += status == RATED
    return count


@compiled
def price_records(rated: Any, found: Any, deck: Any, terms: Any, charges: Any, first: int) -> None:
    """The last pass: the price of the rated ones; a call that is too long for its terms is HELD."""
    pieces, row_terms, longest = deck.pieces, deck.terms, deck.longest
    last = first + len(found)
    durations, statuses = charges.duration[first:last], charges.status[first:last]
    billed_s, exact_60th, amounts = charges.billed[first:last], charges.exact[first:last], charges.amount[first:last]
    billed_s[:] = 0
    exact_60th[:] = 0
    amounts[:] = 0
    for number in rated:
        distinct = pieces[found[number], 2]
        if durations[number] > longest[distinct]:
            statuses[number] = HELD
            continue
        billed, exact, amount = price(durations[number], row_terms_at(row_terms, distinct), terms)
        billed_s[number] = billed
        exact_60th[number] = exact
        amounts[number] = amount


@compiled
def rate_records(records: Any, places: Any, first: int, last: int, block: int, deck: Any, agreed: Any, charges: Any) -> None:
    """The records at `places[first:last]` into the same lines of the charges, by blocks, so that what is worked on stays in the cache.

    Several passes, because one that searches must not wait for one that decides.
    """
    keys = np.empty(block, dtype=np.int64)
    found = np.empty(block, dtype=np.int64)
    before = np.empty(block, dtype=np.int32)
    rated = np.empty(block, dtype=np.int32)
    for start in range(first, last, block):
        size = min(block, last - start)
        anchor_records(records, places, agreed, charges, start, keys[:size], before[:size])
        order = search_order(keys[:size])
        at_ms = charges.anchor[start : start + size]
        find_pieces(keys[:size], at_ms, order, deck.starts, deck.spans, deck.index, deck.pieces, found[:size])
        count = describe_records(found[:size], deck, charges, start, before[:size], rated)
        price_records(rated[:count], found[:size], deck, agreed.terms, charges, start)
