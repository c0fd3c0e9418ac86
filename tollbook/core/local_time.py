"""The offsets of a zone over a stretch of time, so that a column of instants becomes local without an object per value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
DAY_MS = 86_400_000
_EARLIEST_DAY, _LATEST_DAY = -25_567, 84_006
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def offset_ms(at_ms: int, zone: tzinfo) -> int:
    """How far the zone's clock is ahead of UTC at an instant."""
    offset = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(milliseconds=1)


@lru_cache(maxsize=256)
def offsets(zone: tzinfo, first_day: int, last_day: int) -> tuple[Integers, Integers]:
    """When the zone's offset changes between two UTC days (counted from 1970, both included): (instants, offsets from then), in ms.

    Every day is looked at, and a day on which the offset changes is halved down to the second, so no rule of a zone is missed that holds
    longer than a day.
    """
    instants, values = [first_day * DAY_MS], [offset_ms(first_day * DAY_MS, zone)]
    for day in range(first_day + 1, last_day + 2):
        after = offset_ms(day * DAY_MS, zone)
        if after == values[-1]:
            continue
        low, high = (day - 1) * DAY_MS, day * DAY_MS
        while high - low > 1000:
            middle = (low + high) // 2000 * 1000
            if offset_ms(middle, zone) == values[-1]:
                low = middle
            else:
                high = middle
        instants.append(high)
        values.append(after)
    return np.array(instants, dtype=np.int64), np.array(values, dtype=np.int64)


def local_days(at_ms: Integers, zone: tzinfo) -> Integers:
    """The local date of every instant, as days since 1970."""
    if not at_ms.size:
        return at_ms
    # Zones are asked about 1900 to 2200 only: before and after, the offset of the nearest of these days holds.
    first, last = (min(max(int(at), _EARLIEST_DAY * DAY_MS), _LATEST_DAY * DAY_MS) // DAY_MS for at in (at_ms.min(), at_ms.max()))
    instants, values = offsets(zone, first, last)
    local: Integers = (at_ms + values[np.maximum(np.searchsorted(instants, at_ms, side="right") - 1, 0)]) // DAY_MS
    return local
