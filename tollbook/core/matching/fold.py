"""Which of two readings a local time means when the partner's clock went back: told by the order of the file.

Records are written when calls end, so the release of a record lies near the release of the record before it. See
docs/rules/matching.md.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np

from tollbook.core.matching.assignment import NONE, Int64s
from tollbook.core.matching.piece import Piece

# A piece holds a little beyond its bounds, for clocks that are cut to seconds.
VALIDITY_MARGIN_MS: Final = 5_000
# The order of a file tells something when nearly all neighbours end within a quarter of an hour of each other.
NEIGHBOUR_MS: Final = 900_000
NEIGHBOURS_PERCENT: Final = 90
FAR_MS: Final = 2**50


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of THEIR time, [from_ms, until_ms), open where None, and the pieces (by position) in which its times can lie."""

    from_ms: int | None
    until_ms: int | None
    pieces: tuple[int, ...]


def stretches(pieces: list[Piece]) -> list[Stretch]:
    """Their time line cut where the set of possible pieces changes. A time that fits no piece belongs to the nearest."""
    spans = [_their_span(piece) for piece in pieces]
    edges = sorted({edge for span in spans for edge in span if edge is not None})
    bounds: list[int | None] = [None, *edges, None]
    found: list[Stretch] = []
    for start, end in itertools.pairwise(bounds):
        inside = tuple(number for number, span in enumerate(spans) if _covers(span, start, end))
        if not inside:
            # Only between two bounds: the spring change of a zone skips this stretch.
            middle = (start + end) // 2 if start is not None and end is not None else 0
            before = max(number for number, span in enumerate(spans) if span[1] is not None and span[1] <= middle)
            found += [Stretch(start, middle, (before,)), Stretch(middle, end, (before + 1,))]
        else:
            found.append(Stretch(start, end, inside))
    return found


def _their_span(piece: Piece) -> tuple[int | None, int | None]:
    """The validity of a piece on their clock, with its margin; as far as it may reach where its bounds are not known to the second."""
    earliest = piece.from_ms if piece.earliest_ms is None else piece.earliest_ms
    latest = piece.until_ms if piece.latest_ms is None else piece.latest_ms
    start = None if earliest is None else earliest - VALIDITY_MARGIN_MS
    end = None if latest is None else latest + VALIDITY_MARGIN_MS
    return (
        None if start is None else start + piece.offset_at(start),
        None if end is None else end + piece.offset_at(end),
    )


def _covers(span: tuple[int | None, int | None], start: int | None, end: int | None) -> bool:
    low, high = span
    return (low is None or (start is not None and start >= low)) and (high is None or (end is not None and end <= high))


def resolve(
    files: Int64s, answers: Int64s, releases: Int64s, durations: Int64s, first: Int64s, second: Int64s, offsets: Int64s, chosen: Int64s
) -> Int64s:
    """The piece of each record in file order, -1 where two remain possible; written to `chosen`.

    `first` and `second` are the possible pieces (second -1 where there is one only). In each file the readings are taken with which
    the releases of neighbours lie nearest to each other; the answer follows from the release by the duration. Where a file has no
    certain time and the two beginnings explain it equally well, or its order does not follow the releases, both readings remain.
    """
    start = 0
    while start < len(files):
        end = start + 1
        while end < len(files) and files[end] == files[start]:
            end += 1
        path = best_path(answers, releases, durations, first, second, offsets, start, end)
        near = 0
        previous = 0
        for number in range(start, end):
            release = reading(answers, releases, durations, first, second, offsets, number, path[number - start])
            if number > start and abs(release - previous) <= NEIGHBOUR_MS:
                near += 1
            previous = release
            one, other = first[number], second[number]
            if other == NONE:
                chosen[number] = one
            elif path[number - start] == NONE:
                chosen[number] = NONE
            else:
                ends = answers[number] + durations[number]
                chosen[number] = other if abs(ends - offsets[other] - release) < abs(ends - offsets[one] - release) else one
        if 100 * near < NEIGHBOURS_PERCENT * (end - start - 1):
            for number in range(start, end):
                if second[number] != NONE:
                    chosen[number] = NONE
        start = end
    return chosen


def reading(
    answers: Int64s, releases: Int64s, durations: Int64s, first: Int64s, second: Int64s, offsets: Int64s, number: int, which: int
) -> int:
    """The release of a record on our clock under one of its readings (0 first, 1 second)."""
    if second[number] == NONE:
        return int(answers[number] + durations[number] - offsets[first[number]])
    return int(releases[number] - offsets[second[number] if which == 1 else first[number]])


def best_path(
    answers: Int64s, releases: Int64s, durations: Int64s, first: Int64s, second: Int64s, offsets: Int64s, start: int, end: int
) -> Int64s:
    """The readings (0 or 1) of the records of one file with the smallest sum of jumps between releases; -1 where it is undecided."""
    count = end - start
    came_from = np.zeros((2, 2, count), dtype=np.int64)
    totals = np.zeros((2, 2), dtype=np.int64)
    certain = False
    for origin in range(2):
        totals[origin, 1 - origin] = FAR_MS
        for number in range(start, end):
            certain = certain or second[number] == NONE
            if number == start:
                continue
            before = totals[origin].copy()
            for state in range(2):
                here = reading(answers, releases, durations, first, second, offsets, number, state)
                stay = before[0] + abs(here - reading(answers, releases, durations, first, second, offsets, number - 1, 0))
                turn = before[1] + abs(here - reading(answers, releases, durations, first, second, offsets, number - 1, 1))
                came_from[origin, state, number - start] = 0 if stay <= turn else 1
                totals[origin, state] = min(stay, turn)
    best = np.array([min(totals[0, 0], totals[0, 1]), min(totals[1, 0], totals[1, 1])])
    path = np.full(count, NONE, dtype=np.int64)
    if not certain and abs(best[0] - best[1]) < abs(offsets[first[start]] - offsets[second[start]]) // 2:
        return path
    origin = 0 if best[0] <= best[1] else 1
    state = 0 if totals[origin, 0] <= totals[origin, 1] else 1
    for place in range(count - 1, -1, -1):
        path[place] = state
        state = came_from[origin, state, place]
    return path
