"""The compiled loops of rating, over the records' own buffers into the buffers of the charges."""

from __future__ import annotations

from typing import Any, NamedTuple

from tollbook.core import money, rating
from tollbook.core.rating import price
from tollbook.engine.compiled import callable_when_compiled, compiled
from tollbook.engine.deck import BLOCKED_RATE, row_terms_at

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
    """The columns that a price depends on, in place: instants and durations in ms.

    The `has_` arrays say where a value is there; what stands at a null means nothing.
    """

    setup: Any
    has_setup: Any
    answer: Any
    has_answer: Any
    release: Any
    has_release: Any
    duration: Any


class DeckArrays(NamedTuple):
    """A compiled deck; `facts` has per row the places of its words and its row in the file: code, destination, version, row."""

    pieces: Any
    terms: Any
    longest: Any
    facts: Any


class Clock(NamedTuple):
    """A zone: from each of `changes` (ms) on, the next of `offsets` (ms ahead of UTC) is in force."""

    changes: Any
    offsets: Any


class Charges(NamedTuple):
    """The columns of the charges. `has_row` and `has_anchor` are false where there is none, `has_rate` where there is no price."""

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


def status_of(answered: bool, undecided: bool, piece: int, blocked: bool) -> int:
    """What becomes of the record; RATED alone has a price."""
    if not answered:
        return NOT_BILLABLE
    if undecided:
        return HELD
    if piece < 0:
        return UNRATED
    return BLOCKED if blocked else RATED


callable_when_compiled(duration_of, anchor_of, status_of)


@compiled
def anchor_records(records: Any, clock: Any, anchor_kind: int, computed: bool, charges: Any, undecided: Any) -> None:
    """The first pass: the anchor of each record, its local day and its duration, and whether its price cannot be decided.

    Arrays are taken out of their tuples once: in the loop each access would count references.
    """
    setups, has_setup, answers, has_answer = records.setup, records.has_setup, records.answer, records.has_answer
    releases, has_release, durations = records.release, records.has_release, records.duration
    changes, clock_offsets = clock.changes, clock.offsets
    anchors, has_anchor, days, used_ms = charges.anchor, charges.has_anchor, charges.day, charges.duration
    change = 0
    for place in range(len(durations)):
        answered, released = has_answer[place], has_release[place]
        answer, release = answers[place], releases[place]
        duration, wrong = duration_of(durations[place], computed, answered, answer, released, release)
        known, anchor, fitting = anchor_of(anchor_kind, answered, answer, has_setup[place], setups[place], released, release)
        undecided[place] = wrong or not fitting
        used_ms[place] = duration
        has_anchor[place] = known
        if known:
            while change < len(changes) and anchor >= changes[change]:
                change += 1
            while change > 0 and anchor < changes[change - 1]:
                change -= 1
            days[place] = (anchor + clock_offsets[change]) // 86_400_000
            anchors[place] = anchor


@compiled
def price_records(has_answer: Any, undecided: Any, found: Any, deck: Any, terms: Any, charges: Any, rated: Any) -> None:
    """The last pass: what the pieces that were `found` say, the status of each record, and the price of those that have one."""
    pieces, row_terms, longest, facts = deck.pieces, deck.terms, deck.longest, deck.facts
    out_facts, has_row, has_rate, rates = charges.facts, charges.has_row, charges.has_rate, charges.rate
    durations, statuses = charges.duration, charges.status
    billed_s, exact_60th, amounts = charges.billed, charges.exact, charges.amount
    count = 0
    for place in range(len(found)):
        piece = found[place]
        has_piece = piece >= 0
        blocked = False
        if has_piece:
            row = pieces[piece, 1]
            rate = pieces[piece, 3]
            blocked = rate == BLOCKED_RATE
            rates[place] = rate
            for fact in range(4):
                out_facts[fact, place] = facts[row, fact]
        has_row[place] = has_piece
        has_rate[place] = has_piece and not blocked
        status = status_of(has_answer[place], undecided[place], piece, blocked)
        statuses[place] = status
        # The rated ones are noted without a branch and priced by themselves: whether a call was answered cannot be foreseen.
        rated[count] = place
        count += status == RATED
    for number in range(count):
        place = rated[number]
        distinct = pieces[found[place], 2]
        if durations[place] > longest[distinct]:
            statuses[place] = HELD
            continue
        billed, exact, amount = price(durations[place], row_terms_at(row_terms, distinct), terms)
        billed_s[place] = billed
        exact_60th[place] = exact
        amounts[place] = amount
