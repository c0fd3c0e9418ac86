"""R12: records of a side that writes no seconds, joined where minute and rounded duration leave one possibility."""

from __future__ import annotations

from typing import Final

from tollbook.core.matching.ladder import Rule
from tollbook.engine.matching_records import OURS, RAW, Room
from tollbook.engine.matching_stage import settle

MINUTE_MS: Final = 60_000
GRAINS_MS: Final = (60_000, 1_000, 1)


def settle_coarse(room: Room, rule: Rule) -> int:
    """Runs the rule if one side's answers are all whole minutes; the durations then agree after that side's rounding."""
    grain_ms = max((_grain(room, table) for table in (OURS, RAW)), default=0)
    if not grain_ms:
        return 0
    same_minute = f"abs(o.answer // {MINUTE_MS} - t.answer // {MINUTE_MS}) <= 1"
    return settle(room, rule, (same_minute, f"(o.duration = t.duration OR abs(o.duration - t.duration) < {grain_ms})"))


def _grain(room: Room, table: str) -> int:
    """The rounding of a side's durations if its answers have no seconds, else 0."""
    whole = ", ".join(f"coalesce(bool_and(duration % {grain} = 0), false)" for grain in GRAINS_MS)
    row = room.rows(f"SELECT coalesce(bool_and(answer % {MINUTE_MS} = 0), false), {whole} FROM {table} WHERE answered")[0]
    return next(grain for grain, holds in zip(GRAINS_MS, row[1:], strict=True) if holds) if row[0] else 0
