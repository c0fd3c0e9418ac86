"""A clock that runs fast or slow: the slope of the differences, and the differences without it."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np

from tollbook.core.matching.assignment import Int64s
from tollbook.core.matching.piece import PPB, nearest
from tollbook.core.matching.step import FEWEST_PAIRS, median

BLOCKS: Final = 512


def slope_ppb(answers: Int64s, deltas: Int64s) -> int:
    """The least-squares slope of the differences over time, through the medians of equal blocks, in parts per 10^9."""
    bounds = np.linspace(0, len(answers), min(BLOCKS, len(answers) // FEWEST_PAIRS) + 1).astype(np.int64)
    points = [(median(answers[start:end]), median(deltas[start:end])) for start, end in itertools.pairwise(bounds)]
    count = len(points)
    # Exact in Python's integers: sums are scaled by the count instead of subtracting a rounded mean.
    time_sum, delta_sum = sum(time for time, _ in points), sum(delta for _, delta in points)
    covariance = sum((count * time - time_sum) * (count * delta - delta_sum) for time, delta in points)
    variance = sum((count * time - time_sum) ** 2 for time, _ in points)
    return nearest(covariance * PPB, variance) if variance else 0


def residuals(answers: Int64s, deltas: Int64s, drift_ppb: int, reference_ms: int) -> Int64s:
    """The differences without their drift. Time is taken in tenths of a second to stay within 64 bits."""
    grown = (answers - reference_ms) // 100 * drift_ppb
    found: Int64s = deltas - (grown + PPB // 200) // (PPB // 100)
    return found
