"""Minutes in which one side counts from another event than the answer: its answers are shifted while its releases agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FEWEST_PAIRS: Final = 30
SHIFT_MS: Final = 1_000
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class AnchorShift:
    """A stretch of OUR time, whole minutes, where theirs answer earlier (direction -1) or later (+1) though the calls end together."""

    from_ms: int
    until_ms: int
    direction: int
    pairs: int
    answer_ms: int


def find_shifts(minutes: list[tuple[int, int, int, int]]) -> list[AnchorShift]:
    """The shifts among minutes given as (minute, pairs, median answer residual, median release residual), in order.

    Neighbouring minutes of one direction are joined; their residual is the mean over the pairs, rounded down.
    """
    found: list[AnchorShift] = []
    for minute, pairs, answer_ms, release_ms in minutes:
        if pairs < FEWEST_PAIRS or abs(answer_ms) <= SHIFT_MS or abs(release_ms) > SHIFT_MS:
            continue
        direction = 1 if answer_ms > 0 else -1
        start = minute * MINUTE_MS
        last = found[-1] if found else None
        if last is not None and last.until_ms == start and last.direction == direction:
            together = last.pairs + pairs
            mean = (last.answer_ms * last.pairs + answer_ms * pairs) // together
            found[-1] = AnchorShift(last.from_ms, start + MINUTE_MS, direction, together, mean)
        else:
            found.append(AnchorShift(start, start + MINUTE_MS, direction, pairs, answer_ms))
    return found
