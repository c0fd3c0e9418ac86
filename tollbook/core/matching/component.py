"""Connected components of candidate pairs: records that compete with each other, directly or through others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tollbook.core.matching.assignment import Int64s


def components(starts: Int64s, columns: Int64s, column_count: int) -> Int64s:
    """The component of each row, numbered by its first row. Plain integers: the engine compiles it."""
    row_count = len(starts) - 1
    parent = np.arange(row_count)
    first_row = np.full(column_count, -1, dtype=np.int64)
    for row in range(row_count):
        for edge in range(starts[row], starts[row + 1]):
            column = columns[edge]
            if first_row[column] < 0:
                first_row[column] = row
                continue
            one, other = row, first_row[column]
            while parent[one] != one:
                parent[one] = parent[parent[one]]
                one = parent[one]
            while parent[other] != other:
                parent[other] = parent[parent[other]]
                other = parent[other]
            parent[max(one, other)] = min(one, other)
    for row in range(row_count):
        # A parent comes before its rows, so it already points to the first row of the component.
        parent[row] = parent[parent[row]]
    return parent


def count_twice(numbers: Int64s, counts: npt.NDArray[np.uint8]) -> None:
    """Counts how often each record occurs, up to two: only sole and several are told apart. Plain integers: the engine compiles it."""
    for number in numbers:
        if counts[number] < 2:
            counts[number] += 1
