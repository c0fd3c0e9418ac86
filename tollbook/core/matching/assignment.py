"""The best one-to-one choice among candidate pairs: most pairs first, then the smallest total cost.

Successive shortest paths over a sparse bipartite graph in integers. Our records are rows, theirs are columns, both numbered in the
order of (answer, cdr_id). Each row may also stay without a partner, at a price above any sum of real costs, which is what
makes the number of pairs come first. Plain integer functions: the engine compiles them. See docs/rules/matching.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

NONE: Final = -1
# Costs are capped so that path sums stay within 64 bits for a million rows; 2^40 ms are 34 years.
COST_LIMIT: Final = 2**40


def heap_push(keys: Int64s, items: Int64s, size: int, key: int, item: int) -> int:
    """Adds an item to a binary heap kept in two arrays; the new size."""
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if keys[parent] <= key:
            break
        keys[place] = keys[parent]
        items[place] = items[parent]
        place = parent
    keys[place] = key
    items[place] = item
    return size + 1


def heap_drop(keys: Int64s, items: Int64s, size: int) -> int:
    """Removes the smallest item (at 0) of the heap; the new size."""
    size -= 1
    key = keys[size]
    item = items[size]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[place] = keys[child]
        items[place] = items[child]
        place = child
    keys[place] = key
    items[place] = item
    return size


def dropping_cost(rows: int, columns: int, highest_cost: int) -> int:
    """The price of leaving a row without a partner: above any sum of real costs."""
    return (min(rows, columns) + 1) * (highest_cost + 1)


def assign(starts: Int64s, columns: Int64s, costs: Int64s, column_count: int, drop_cost: int) -> tuple[Int64s, Int64s, Int64s]:
    """The column of each row (-1 for none), and the potentials of rows and columns that prove it is optimal.

    `starts` has one more entry than there are rows: row i has the edges starts[i] .. starts[i + 1] - 1, its columns ascending.
    """
    row_count = len(starts) - 1
    chosen = np.full(row_count, NONE, dtype=np.int64)
    chosen_cost = np.full(row_count, drop_cost, dtype=np.int64)
    owner = np.full(column_count, NONE, dtype=np.int64)
    potential = np.zeros(column_count, dtype=np.int64)
    distance = np.zeros(column_count, dtype=np.int64)
    seen = np.full(column_count, NONE, dtype=np.int64)
    final = np.full(column_count, NONE, dtype=np.int64)
    came_from = np.full(column_count, NONE, dtype=np.int64)
    edge_cost = np.zeros(column_count, dtype=np.int64)
    keys = np.zeros(len(columns) + 1, dtype=np.int64)
    items = np.zeros(len(columns) + 1, dtype=np.int64)
    scanned = np.zeros(column_count, dtype=np.int64)
    for start_row in range(row_count):
        row = start_row
        base = 0
        size = 0
        scanned_count = 0
        best_drop = drop_cost
        dropped_row = start_row
        end_column = NONE
        while True:
            for edge in range(starts[row], starts[row + 1]):
                column = columns[edge]
                if final[column] == start_row:
                    continue
                reach = base + costs[edge] - potential[column]
                if seen[column] != start_row or reach < distance[column]:
                    seen[column] = start_row
                    distance[column] = reach
                    came_from[column] = row
                    edge_cost[column] = costs[edge]
                    size = heap_push(keys, items, size, reach, column)
            while size > 0 and final[items[0]] == start_row:
                size = heap_drop(keys, items, size)
            if size == 0 or keys[0] >= best_drop:
                break
            column = items[0]
            reach = keys[0]
            size = heap_drop(keys, items, size)
            final[column] = start_row
            if owner[column] == NONE:
                end_column = column
                break
            scanned[scanned_count] = column
            scanned_count += 1
            row = owner[column]
            base = reach - (chosen_cost[row] - potential[column])
            if base + drop_cost < best_drop:
                best_drop = base + drop_cost
                dropped_row = row
        total = distance[end_column] if end_column != NONE else best_drop
        for number in range(scanned_count):
            column = scanned[number]
            potential[column] += distance[column] - total
        augment(start_row, dropped_row, end_column, chosen, chosen_cost, owner, came_from, edge_cost, drop_cost)
    row_potential = np.empty(row_count, dtype=np.int64)
    for row in range(row_count):
        row_potential[row] = drop_cost if chosen[row] == NONE else chosen_cost[row] - potential[chosen[row]]
    return chosen, row_potential, potential


def augment(
    start_row: int,
    dropped_row: int,
    end_column: int,
    chosen: Int64s,
    chosen_cost: Int64s,
    owner: Int64s,
    came_from: Int64s,
    edge_cost: Int64s,
    drop_cost: int,
) -> None:
    """Shifts the rows along the path found: the last takes the free column, or the dropped row gives its column up."""
    column = end_column
    if column == NONE:
        if dropped_row == start_row:
            return
        column = chosen[dropped_row]
        chosen[dropped_row] = NONE
        chosen_cost[dropped_row] = drop_cost
    while True:
        row = came_from[column]
        previous = chosen[row]
        chosen[row] = column
        chosen_cost[row] = edge_cost[column]
        owner[column] = row
        if row == start_row:
            return
        column = previous
