"""What compiles a deck's codes into disjoint intervals of numbers, each with the rows that price it over time."""

from __future__ import annotations

from typing import Any

import numpy as np

from tollbook.core import deck_timeline
from tollbook.core.deck_timeline import NONE
from tollbook.engine.compiled import callable_when_compiled, compiled

FIRST_DIGITS = 11**5  # the direct index: one entry per first five digits
REST_OF_DIGITS = 11**10
SORTED_DIGITS = 11**4  # numbers are looked for in the order of their first four digits
REST_OF_SORTED = 11**11
TOO_MANY = -2

callable_when_compiled(
    deck_timeline.in_force,
    deck_timeline.compare_terms,
    deck_timeline.same_row,
    deck_timeline.repeated_slot,
    deck_timeline.kind_of_change,
    deck_timeline.earliest_start,
    deck_timeline.cancel,
    deck_timeline.push,
    deck_timeline.place_row,
    deck_timeline.place_version,
    deck_timeline.close_absent,
    deck_timeline.shown,
    deck_timeline.emit,
    deck_timeline.emit_segments,
)
lay_out = compiled(deck_timeline.lay_out)


@compiled
def parents(low: Any, high: Any, parent: Any) -> None:
    """The longest shorter code of every code (NONE where there is none); codes are sorted by their first number."""
    stack = np.empty(len(low), dtype=np.int64)
    depth = 0
    for code in range(len(low)):
        while depth > 0 and high[stack[depth - 1]] <= low[code]:
            depth -= 1
        parent[code] = stack[depth - 1] if depth > 0 else -1
        stack[depth] = code
        depth += 1


@compiled
def grown(array: Any, size: int) -> Any:
    """A copy of an array of int64 with at least so many entries."""
    larger = np.empty(max(size, 2 * len(array)), dtype=np.int64)
    larger[: len(array)] = array
    return larger


@compiled
def nest(parent: Any, own_first: Any, own_from: Any, own_slot: Any, most: int) -> Any:
    """The pieces of every code with its shorter codes' where it has none of its own: (first piece per code, starts, slots).

    The number of pieces is first[-1]; TOO_MANY there means that they are more than `most`.
    """
    codes = len(parent)
    first = np.zeros(codes + 1, dtype=np.int64)
    starts = np.empty(len(own_from) + 16, dtype=np.int64)
    slots = np.empty(len(own_from) + 16, dtype=np.int64)
    used = 0
    for code in range(codes):
        first[code] = used
        own, own_end = own_first[code], own_first[code + 1]
        above, above_end = 0, 0
        if parent[code] != NONE:
            above, above_end = first[parent[code]], first[parent[code] + 1]
        needed = used + own_end - own + above_end - above
        if needed > most:
            first[codes] = TOO_MANY
            return first, starts, slots
        if needed > len(starts):
            starts = grown(starts, needed)
            slots = grown(slots, needed)
        own_now, above_now, last = NONE, NONE, NONE
        while own < own_end or above < above_end:
            if above == above_end or (own < own_end and own_from[own] <= starts[above]):
                at = own_from[own]
            else:
                at = starts[above]
            if own < own_end and own_from[own] == at:
                own_now = own_slot[own]
                own += 1
            if above < above_end and starts[above] == at:
                above_now = slots[above]
                above += 1
            now = own_now if own_now != NONE else above_now
            if now != last:
                starts[used] = at
                slots[used] = now
                used += 1
                last = now
    first[codes] = used
    return first, starts, slots


@compiled
def intervals(low: Any, high: Any) -> Any:
    """Disjoint intervals of number keys, each with the longest code that covers it: (starts, codes), NONE where no code does."""
    starts = np.empty(2 * len(low) + 1, dtype=np.int64)
    owners = np.empty(2 * len(low) + 1, dtype=np.int32)
    stack = np.empty(len(low) + 1, dtype=np.int64)
    starts[0], owners[0] = 0, -1
    used, depth = 1, 0
    for code in range(len(low) + 1):
        at = low[code] if code < len(low) else np.int64(2**63 - 1)
        while depth > 0 and high[stack[depth - 1]] <= at:
            ended = high[stack[depth - 1]]
            depth -= 1
            used -= 1 if starts[used - 1] == ended else 0
            starts[used] = ended
            owners[used] = stack[depth - 1] if depth > 0 else -1
            used += 1
        if code < len(low):
            used -= 1 if starts[used - 1] == at else 0
            starts[used] = at
            owners[used] = code
            used += 1
            stack[depth] = code
            depth += 1
    return starts[:used].copy(), owners[:used].copy()


@compiled
def find_pieces(keys: Any, at_ms: Any, order: Any, starts: Any, spans: Any, index: Any, pieces: Any, found: Any) -> None:
    """The piece that prices each number key at its instant, NONE where no code does (or the key is none).

    `spans` holds the first piece of each interval and the one after its last; a piece is (from, row, terms, rate). The search has no branch
    that depends on what it finds, so that the processor looks for several numbers at once; therefore it does not choose a piece yet.
    Pieces are walked from the latest. `order` is the order in which the keys are looked for; it changes nothing but the speed.
    """
    intervals_found = np.empty(len(keys), dtype=np.int32)
    for number in range(len(order)):
        key = max(keys[order[number]], 0)
        head = key // REST_OF_DIGITS
        low = np.int64(index[head])
        size = np.int64(index[head + 1]) - low + 1
        while size > 1:
            half = size >> 1
            middle = low + half
            low = middle if starts[middle] <= key else low
            size -= half
        intervals_found[number] = low
    for number in range(len(order)):
        place, low = order[number], intervals_found[number]
        first = np.int64(spans[low, 0])
        piece = np.int64(spans[low, 1]) - 1
        while piece >= first and pieces[piece, 0] > at_ms[place]:
            piece -= 1
        found[place] = piece if keys[place] >= 0 and piece >= first and pieces[piece, 1] >= 0 else -1


@compiled
def search_order(keys: Any) -> Any:
    """The keys by their first digits: neighbours in the order are neighbours in the deck, and stay in the cache."""
    ends = np.zeros(SORTED_DIGITS + 1, dtype=np.int32)
    for key in keys:
        ends[max(key, 0) // REST_OF_SORTED + 1] += 1
    total = 0
    for head in range(len(ends)):
        total += ends[head]
        ends[head] = total
    order = np.empty(len(keys), dtype=np.int32)
    for place in range(len(keys)):
        head = max(keys[place], 0) // REST_OF_SORTED
        order[ends[head]] = place
        ends[head] += 1
    return order
