"""One record against several of the other side that lie inside it: long calls that one side cut into parts.

All or nothing: every unmatched record inside the interval counts, none is left out to make a sum fit.
"""

from __future__ import annotations

from typing import Final

from tollbook.core.matching.assignment import Int64s
from tollbook.core.matching.ladder import PERCENT

OVERLAP_MS: Final = 2_000
PART_MS: Final = 2_000
TOLERANCE_PERCENT: Final = 1


def accepted(whole: Int64s, duration: Int64s, start: Int64s, end: Int64s, passes: Int64s) -> Int64s:
    """Marks with 1 the candidate groups that hold; rows are ordered by (whole, start, end).

    `whole` numbers the one record from 0 without gaps, `duration` is its length, `start` and `end` bound one part. A group holds when
    it has at least two parts, no two of which overlap by more than 2 s, and their union is as long as the whole to within 2 s a part
    or 1 %. Plain integers: the engine compiles it.
    """
    row = 0
    while row < len(whole):
        group = whole[row]
        length = duration[row]
        parts = 0
        union = 0
        apart = True
        latest = start[row]
        while row < len(whole) and whole[row] == group:
            if parts > 0 and min(latest, end[row]) - start[row] > OVERLAP_MS:
                apart = False
            union += max(0, end[row] - max(start[row], latest))
            latest = max(latest, end[row])
            parts += 1
            row += 1
        difference = abs(length - union)
        close = difference <= PART_MS * parts or PERCENT * difference <= TOLERANCE_PERCENT * length
        passes[group] = 1 if parts > 1 and apart and close else 0
    return passes
