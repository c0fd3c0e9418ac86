"""Clock differences without identifiers: the minute in which most differences of sole calls of a number fall.

Two records that are each the only one of their numbers are probably, not surely, the same call. They are evidence when
enough of them agree.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tollbook.core.matching.assignment import Int64s

Bools = npt.NDArray[np.bool_]

BIN_MS: Final = 60_000
RANGE_MS: Final = 15 * 3_600_000
FEWEST_PAIRS: Final = 30
ENOUGH_PERCENT: Final = 60
LEVEL_PERCENT: Final = 10
KEPT_PERCENT: Final = 2


def agreeing(deltas: Int64s) -> Bools | None:
    """Which differences belong to the agreeing minutes; None where they do not agree enough to tell the clock.

    They agree when at least 30 lie within 15 hours and at least 60 of 100 in the fullest minute and its neighbours, or in
    the minutes that hold at least a tenth each (a zone that changes within the file has two).
    """
    inside = np.abs(deltas) <= RANGE_MS
    total = int(np.count_nonzero(inside))
    if total < FEWEST_PAIRS:
        return None
    bins = (deltas + RANGE_MS) // BIN_MS
    count = 2 * RANGE_MS // BIN_MS + 1
    held = np.bincount(bins[inside], minlength=count)
    fullest = np.zeros(count, dtype=np.bool_)
    fullest[np.argmax(held)] = True
    levels = held * 100 >= LEVEL_PERCENT * total
    if _share(held, fullest, total) < ENOUGH_PERCENT and _share(held, levels, total) < ENOUGH_PERCENT:
        return None
    kept = _with_neighbours((held * 100 >= KEPT_PERCENT * total) & (held >= FEWEST_PAIRS) | fullest)
    chosen = np.zeros(len(deltas), dtype=np.bool_)
    chosen[inside] = kept[bins[inside]]
    return chosen


def _with_neighbours(bins: Bools) -> Bools:
    wide = bins.copy()
    wide[1:] |= bins[:-1]
    wide[:-1] |= bins[1:]
    return wide


def _share(held: npt.NDArray[np.int64], bins: Bools, total: int) -> int:
    return int(100 * held[_with_neighbours(bins)].sum() // total)
