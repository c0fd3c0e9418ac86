"""Where a series of clock differences changes its level: cuts between pieces.

The level around a pair is the median of 31 differences. A cut is where levels before and after differ by more than a minute, put
where it leaves the fewest differences more than a minute from the level of their piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tollbook.core.matching.assignment import NONE, Int64s

WIDTH: Final = 31
STRIDE: Final = 8
# Windows so many strides apart share no difference.
APART: Final = -(-WIDTH // STRIDE)
STEP_MS: Final = 60_000
FEWEST_PAIRS: Final = 30
WINDOWS_AT_A_TIME: Final = 65_536


def median(values: Int64s) -> int:
    """The median; of an even count the floor of the mean of the two middle values."""
    count = len(values)
    ordered = np.partition(values, [(count - 1) // 2, count // 2])
    return (int(ordered[(count - 1) // 2]) + int(ordered[count // 2])) // 2


def levels(deltas: Int64s) -> Int64s:
    """The medians of windows of 31 differences, one every 8."""
    windows = np.lib.stride_tricks.sliding_window_view(deltas, WIDTH)[::STRIDE]
    found = np.empty(len(windows), dtype=np.int64)
    for start in range(0, len(windows), WINDOWS_AT_A_TIME):
        part = windows[start : start + WINDOWS_AT_A_TIME]
        found[start : start + len(part)] = np.partition(part, WIDTH // 2, axis=1)[:, WIDTH // 2]
    return found


@dataclass(frozen=True, slots=True)
class Cut:
    """A change of level: the index of the first pair after it, and the instants of the pairs around it, between which it lies."""

    index: int
    before_ms: int
    after_ms: int

    @property
    def middle_ms(self) -> int:
        return (self.before_ms + self.after_ms + 1) // 2


def find_cuts(answers: Int64s, deltas: Int64s) -> list[Cut]:
    """The changes of level in order; between two of them, and before and after, there are at least 30 pairs."""
    if len(deltas) < 2 * FEWEST_PAIRS + 1:
        return []
    found = levels(deltas)
    if len(found) <= APART:
        return []
    jumps = np.flatnonzero(np.abs(found[APART:] - found[:-APART]) > STEP_MS)
    cuts: list[Cut] = []
    place = 0
    while place < len(jumps):
        left = int(jumps[place])
        right = _settled(found, left)
        if abs(int(found[right] - found[left])) > STEP_MS:
            index = _best_cut(answers, deltas, left * STRIDE, min(right * STRIDE + WIDTH, len(deltas)), int(found[left]), int(found[right]))
            if index != NONE:
                cuts.append(Cut(index, int(answers[index - 1]), int(answers[index])))
        place = int(np.searchsorted(jumps, right, side="left"))
    return _wide_enough(cuts, len(deltas))


def _settled(found: Int64s, left: int) -> int:
    """The first window after the level left that is past the step: its level lasts, or the series ends."""
    last = len(found) - 1
    for place in range(left + 1, last + 1):
        later = min(place + APART, last)
        if abs(int(found[place] - found[left])) > STEP_MS and abs(int(found[later] - found[place])) <= STEP_MS:
            return place
    return last


def _best_cut(answers: Int64s, deltas: Int64s, start: int, end: int, before: int, after: int) -> int:
    """The index in [start, end] that leaves the fewest differences far from their level; pairs of one instant stay together."""
    part = deltas[start:end]
    far_before = np.concatenate(([0], np.cumsum(np.abs(part - before) > STEP_MS)))
    far_after = np.concatenate(([0], np.cumsum(np.abs(part - after) > STEP_MS)))
    left_over = far_before + (far_after[-1] - far_after)
    indexes = np.arange(start, end + 1)
    allowed = (indexes > 0) & (indexes < len(answers))
    allowed[allowed] = answers[indexes[allowed]] > answers[indexes[allowed] - 1]
    if not np.any(allowed):
        return NONE
    candidates = indexes[allowed]
    return int(candidates[np.argmin(left_over[allowed])])


def _wide_enough(cuts: list[Cut], count: int) -> list[Cut]:
    """Only cuts that leave at least 30 pairs on both sides."""
    kept: list[Cut] = []
    start = 0
    for cut in cuts:
        if cut.index - start >= FEWEST_PAIRS and count - cut.index >= FEWEST_PAIRS:
            kept.append(cut)
            start = cut.index
    return kept
