"""The compiled loop of rating: one pass over the records' own buffers, into the buffers of the charges."""

from __future__ import annotations

from typing import Any, NamedTuple

from tollbook.core import money, rating
from tollbook.core.deck_timeline import IS_BLOCKED
from tollbook.core.rating import price
from tollbook.engine.compiled import callable_when_compiled, compiled
from tollbook.engine.deck import STATUS, row_terms_at
from tollbook.engine.deck_kernel import find_piece
from tollbook.engine.number import encode_text

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
    """The columns that a price depends on, in place: the text of the called numbers and its offsets, instants and durations in ms.

    The `has_` arrays say where a value is there; what stands at a null means nothing.
    """

    text: Any
    offsets: Any
    has_number: Any
    setup: Any
    has_setup: Any
    answer: Any
    has_answer: Any
    release: Any
    has_release: Any
    duration: Any


class DeckArrays(NamedTuple):
    """A compiled deck; `facts` has per row the places of its words and its row in the file: code, destination, version, row."""

    starts: Any
    spans: Any
    heads: Any
    pieces: Any
    terms: Any
    longest: Any
    facts: Any


class Clock(NamedTuple):
    """A zone: from each of `changes` (ms) on, the next of `offsets` (ms ahead of UTC) is in force."""

    changes: Any
    offsets: Any


class Charges(NamedTuple):
    """The columns of the charges. `has_row` and `has_anchor` are 0 where there is none, `has_rate` where there is no price."""

    facts: Any
    has_row: Any
    has_rate: Any
    rate: Any
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
    backwards = answered and released and release < answer
    if not computed:
        return recorded, backwards or (answered and recorded < 0)
    if answered and released:
        return release - answer, backwards
    return 0, answered


def anchor_of(kind: int, answered: bool, answer: int, has_setup: bool, setup: int, released: bool, release: int) -> tuple[bool, int, bool]:
    """Whether there is an anchor, the anchor, and whether it is the one the agreement names.

    An attempt has no answer; it counts where it was set up, so that it is seen in its day and destination.
    """
    if kind == ANSWER and answered:
        return True, answer, True
    if kind == SETUP and has_setup:
        return True, setup, True
    if kind == RELEASE and released:
        return True, release, True
    if has_setup:
        return True, setup, False
    return released, release, False


def status_of(answered: bool, undecided: bool, piece: int, blocked: bool, duration: int, longest: int) -> int:
    """What becomes of the record; RATED alone has a price."""
    if not answered:
        return NOT_BILLABLE
    if undecided:
        return HELD
    if piece < 0:
        return UNRATED
    if blocked:
        return BLOCKED
    return HELD if duration > longest else RATED


callable_when_compiled(duration_of, anchor_of, status_of)


@compiled
def rate_records(
    first: int, last: int, records: Any, deck: Any, terms: Any, clock: Any, anchor_kind: int, computed: bool, charges: Any
) -> None:
    """Price the records first to last-1. Arrays are taken out of their tuples once: in the loop each access would count references."""
    text, offsets, has_number = records.text, records.offsets, records.has_number
    setups, setups_there, answers, answers_there = records.setup, records.has_setup, records.answer, records.has_answer
    releases, releases_there, durations = records.release, records.has_release, records.duration
    starts, spans, heads, pieces, row_terms, longest, facts = (
        deck.starts,
        deck.spans,
        deck.heads,
        deck.pieces,
        deck.terms,
        deck.longest,
        deck.facts,
    )
    changes, clock_offsets = clock.changes, clock.offsets
    out_facts, has_row, has_rate, rates, billed_s, exact_60th = (
        charges.facts, charges.has_row, charges.has_rate, charges.rate, charges.billed, charges.exact,
    )  # fmt: skip
    amounts, statuses, anchors, has_anchor, days, used_ms = (
        charges.amount, charges.status, charges.anchor, charges.has_anchor, charges.day, charges.duration,
    )  # fmt: skip
    change = 0
    for place in range(first, last):
        answered = answers_there[place]
        released = releases_there[place]
        has_setup = setups_there[place]
        answer, release = answers[place], releases[place]
        duration, undecided = duration_of(durations[place], computed, answered, answer, released, release)
        known, anchor, fitting = anchor_of(anchor_kind, answered, answer, has_setup, setups[place], released, release)
        piece = -1
        if known:
            while change < len(changes) and anchor >= changes[change]:
                change += 1
            while change > 0 and anchor < changes[change - 1]:
                change -= 1
            days[place] = (anchor + clock_offsets[change]) // 86_400_000
            anchors[place] = anchor
            if has_number[place]:
                key = encode_text(text, offsets[place], offsets[place + 1], False)
                piece = find_piece(key, anchor, starts, spans, heads, pieces)
        has_anchor[place] = known
        used_ms[place] = duration
        distinct = 0
        if piece >= 0:
            row = pieces[piece, 1]
            distinct = pieces[piece, 2]
            for fact in range(4):
                out_facts[fact, place] = facts[row, fact]
            rates[place] = row_terms[distinct, 0]
        blocked = piece >= 0 and row_terms[distinct, STATUS] == IS_BLOCKED
        has_row[place] = piece >= 0
        has_rate[place] = piece >= 0 and not blocked
        billed, exact, amount = 0, 0, 0
        status = status_of(answered, undecided or not fitting, piece, blocked, duration, longest[distinct])
        if status == RATED:
            billed, exact, amount = price(duration, row_terms_at(row_terms, distinct), terms)
        billed_s[place] = billed
        exact_60th[place] = exact
        amounts[place] = amount
        statuses[place] = status
