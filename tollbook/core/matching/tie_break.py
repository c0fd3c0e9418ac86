"""Among equally good assignments the earliest with the earliest: the lexicographically smallest vector of partner ranks.

Every optimal assignment uses only tight edges (their cost equals the sum of the two potentials) and leaves only columns without
potential free. So, row by row, the lowest tight column is taken for which the others can still be arranged. Plain integer
functions: the engine compiles them. See docs/rules/matching.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tollbook.core.matching.assignment import NONE, Int64s

NO_WAY: Final = -2
# A search that ends by leaving row r without a partner returns DROPPED - r.
DROPPED: Final = -3


def settle_ties(
    starts: Int64s, columns: Int64s, costs: Int64s, chosen: Int64s, row_potential: Int64s, potential: Int64s, drop_cost: int
) -> Int64s:
    """The column of each row (-1 for none) of the lexicographically smallest optimal assignment; changes and returns `chosen`."""
    row_count = len(starts) - 1
    column_count = len(potential)
    owner = np.full(column_count, NONE, dtype=np.int64)
    for row in range(row_count):
        if chosen[row] != NONE:
            owner[chosen[row]] = row
    column_starts, rows = tight_rows(starts, columns, costs, row_potential, potential)
    seen = np.full(column_count, NONE, dtype=np.int64)
    came_from = np.full(column_count, NONE, dtype=np.int64)
    goes_to = np.full(column_count, NONE, dtype=np.int64)
    queue = np.empty(column_count + 1, dtype=np.int64)
    stamp = 0
    for row in range(row_count):
        for edge in range(starts[row], starts[row + 1]):
            wanted = columns[edge]
            held = chosen[row]
            if held != NONE and wanted >= held:
                break
            if costs[edge] - potential[wanted] != row_potential[row] or 0 <= owner[wanted] < row:
                continue
            stamp += 1
            end = displace(
                row, wanted, held, starts, columns, costs, row_potential, potential, owner, seen, came_from, queue, stamp, drop_cost
            )
            if end == NO_WAY:
                continue
            if end == held or held == NONE or potential[held] == 0:
                shift(row, wanted, held, end, chosen, owner, came_from)
                break
            stamp += 1
            cover = refill(row, held, column_starts, rows, chosen, potential, seen, goes_to, queue, stamp)
            if cover != NO_WAY:
                shift(row, wanted, held, end, chosen, owner, came_from)
                cover_up(held, cover, queue[column_count], chosen, owner, goes_to)
                break
    return chosen


def tight_rows(starts: Int64s, columns: Int64s, costs: Int64s, row_potential: Int64s, potential: Int64s) -> tuple[Int64s, Int64s]:
    """For each column the rows with a tight edge to it: the bounds in the second array, and the rows."""
    row_count = len(starts) - 1
    column_starts = np.zeros(len(potential) + 1, dtype=np.int64)
    for row in range(row_count):
        for edge in range(starts[row], starts[row + 1]):
            if costs[edge] - potential[columns[edge]] == row_potential[row]:
                column_starts[columns[edge] + 1] += 1
    for column in range(len(potential)):
        column_starts[column + 1] += column_starts[column]
    filled = column_starts[:-1].copy()
    rows = np.empty(column_starts[-1], dtype=np.int64)
    for row in range(row_count):
        for edge in range(starts[row], starts[row + 1]):
            column = columns[edge]
            if costs[edge] - potential[column] == row_potential[row]:
                rows[filled[column]] = row
                filled[column] += 1
    return column_starts, rows


def displace(
    row: int,
    wanted: int,
    held: int,
    starts: Int64s,
    columns: Int64s,
    costs: Int64s,
    row_potential: Int64s,
    potential: Int64s,
    owner: Int64s,
    seen: Int64s,
    came_from: Int64s,
    queue: Int64s,
    stamp: int,
    drop_cost: int,
) -> int:
    """Where the owner of the wanted column and whoever it displaces can end: at `held`, a free column or nowhere (DROPPED - row)."""
    if owner[wanted] == NONE:
        return wanted
    anywhere = held == NONE or potential[held] == 0
    found = NO_WAY
    seen[wanted] = stamp
    queue[0] = wanted
    first, last = 0, 1
    while first < last:
        column = queue[first]
        first += 1
        moved = owner[column]
        if row_potential[moved] == drop_cost and found == NO_WAY:
            found = DROPPED - moved
        for edge in range(starts[moved], starts[moved + 1]):
            target = columns[edge]
            if seen[target] == stamp or costs[edge] - potential[target] != row_potential[moved]:
                continue
            if target != held and 0 <= owner[target] <= row:
                continue
            seen[target] = stamp
            came_from[target] = column
            if target == held:
                return held
            if owner[target] != NONE:
                queue[last] = target
                last += 1
            elif found == NO_WAY:
                found = target
        if anywhere and found != NO_WAY:
            return found
    return found


def refill(
    row: int,
    held: int,
    column_starts: Int64s,
    rows: Int64s,
    chosen: Int64s,
    potential: Int64s,
    seen: Int64s,
    goes_to: Int64s,
    queue: Int64s,
    stamp: int,
) -> int:
    """How the column given up can be covered by later rows: the column that becomes free, or DROPPED - row for a row that had none."""
    seen[held] = stamp
    queue[0] = held
    first, last = 0, 1
    while first < last:
        column = queue[first]
        first += 1
        for place in range(column_starts[column], column_starts[column + 1]):
            moved = rows[place]
            if moved <= row:
                continue
            given_up = chosen[moved]
            if given_up == NONE:
                # The row enters at `column`; its path onward is already in goes_to. The column is kept at the queue's end.
                queue[len(queue) - 1] = column
                return int(DROPPED - moved)
            if seen[given_up] == stamp:
                continue
            seen[given_up] = stamp
            goes_to[given_up] = column
            if potential[given_up] == 0:
                return int(given_up)
            queue[last] = given_up
            last += 1
    return NO_WAY


def shift(row: int, wanted: int, held: int, end: int, chosen: Int64s, owner: Int64s, came_from: Int64s) -> None:
    """Gives the wanted column to the row and moves the displaced rows along the path found."""
    column = end
    if end <= DROPPED:
        column = chosen[DROPPED - end]
        chosen[DROPPED - end] = NONE
    while column != wanted:
        previous = came_from[column]
        moved = owner[previous]
        chosen[moved] = column
        owner[column] = moved
        column = previous
    chosen[row] = wanted
    owner[wanted] = row
    if held not in (NONE, end):
        owner[held] = NONE


def cover_up(held: int, cover: int, entry: int, chosen: Int64s, owner: Int64s, goes_to: Int64s) -> None:
    """Moves later rows so that the column given up is taken again: from the free end, or from a row that had no partner."""
    if cover <= DROPPED:
        moved = DROPPED - cover
        target = entry
    else:
        moved = owner[cover]
        owner[cover] = NONE
        target = goes_to[cover]
    while True:
        displaced = owner[target]
        chosen[moved] = target
        owner[target] = moved
        if target == held:
            return
        moved = displaced
        target = goes_to[target]
