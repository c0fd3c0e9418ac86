"""Zones: a name and its offset changes, so that whole columns of local times become instants and back.

A zone is an IANA name, read from the tzdata package so that every machine has the same rules, or a zone document: the
text of a `Zone` of the tz source with fixed offsets. See docs/rules/time.md.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tollbook.core.problem import refuse

Int64s = npt.NDArray[np.int64]
Int8s = npt.NDArray[np.int8]

# Qualities of a converted local time, as positions in `tollbook.core.cdr.TIME_QUALITIES`.
EXACT: Final = 0
AMBIGUOUS_LOCAL: Final = 1
NONEXISTENT_LOCAL: Final = 2
ASSUMED_UTC: Final = 3

MS_PER_SECOND: Final = 1000
MS_PER_DAY: Final = 86_400_000
EPOCH: Final = dt.date(1970, 1, 1)
# Zone rules are unrolled over these years; an instant outside of them is a mistake of the source.
FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2060
FIRST_MS: Final = (dt.date(FIRST_YEAR, 1, 1) - EPOCH).days * MS_PER_DAY
END_MS: Final = (dt.date(LAST_YEAR + 1, 1, 1) - EPOCH).days * MS_PER_DAY


@dataclass(frozen=True)
class Zone:
    """A zone by value: `offsets_s[i]` (seconds east of UTC) is in force between `changes_ms[i - 1]` and `changes_ms[i]` (UTC)."""

    name: str
    changes_ms: tuple[int, ...]
    offsets_s: tuple[int, ...]
    _arrays: tuple[Int64s, Int64s, Int64s, Int64s] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        changes = np.array(self.changes_ms, dtype=np.int64)
        offsets = np.array(self.offsets_s, dtype=np.int64) * MS_PER_SECOND
        # On the local clock a change is seen at two readings; between them a reading happens twice, or never.
        first = changes + np.maximum(offsets[:-1], offsets[1:])
        second = changes + np.minimum(offsets[:-1], offsets[1:])
        object.__setattr__(self, "_arrays", (changes, offsets, first, second))

    def local_to_utc(self, local_ms: Int64s, fold: int = 0) -> tuple[Int64s, Int8s]:
        """Local readings (ms as if they were UTC) to UTC ms and their quality.

        A reading that happens twice takes its first occurrence (the second where `fold` is 1) and is AMBIGUOUS_LOCAL. One that the
        spring change skips is shifted forward by the gap and is NONEXISTENT_LOCAL.
        """
        _, offsets, first, second = self._arrays
        early = np.searchsorted(first, local_ms, side="right")
        late = np.searchsorted(second, local_ms, side="right")
        quality = np.zeros(len(local_ms), dtype=np.int8)
        twice = offsets[late] < offsets[early]
        quality[twice] = AMBIGUOUS_LOCAL
        quality[offsets[late] > offsets[early]] = NONEXISTENT_LOCAL
        chosen = np.where(twice, late, early) if fold else early
        return local_ms - offsets[chosen], quality

    def utc_to_local(self, utc_ms: Int64s) -> Int64s:
        """Instants to local readings, in ms as if the reading were UTC."""
        changes, offsets, _, _ = self._arrays
        return utc_ms + offsets[np.searchsorted(changes, utc_ms, side="right")]

    def utc_to_local_day(self, utc_ms: Int64s) -> npt.NDArray[np.int32]:
        """The local date of instants, as days since 1970-01-01 (Arrow date32)."""
        return (self.utc_to_local(utc_ms) // MS_PER_DAY).astype(np.int32)

    def local_day(self, utc_ms: int) -> dt.date:
        """The local date of one instant."""
        return EPOCH + dt.timedelta(days=int(self.utc_to_local_day(np.array([utc_ms], dtype=np.int64))[0]))

    def midnight_ms(self, day: dt.date) -> int:
        """The first instant of a local day, UTC ms; where midnight is skipped by a change, the instant of the change."""
        reading = np.array([(day - EPOCH).days * MS_PER_DAY], dtype=np.int64)
        return int(self.local_to_utc(reading)[0][0])

    def change_near(self, utc_ms: int, within_ms: int) -> int | None:
        """The size in ms of an offset change within so many ms of an instant; None where there is none."""
        for number, change in enumerate(self.changes_ms):
            if abs(change - utc_ms) <= within_ms:
                return (self.offsets_s[number + 1] - self.offsets_s[number]) * MS_PER_SECOND
        return None


WALK_S: Final = 6 * 86_400

UTC: Final = Zone("UTC", (), (0,))


@lru_cache(maxsize=256)
def find_zone(name: str) -> Zone:
    """The zone of an IANA name. Refuses with ZONE_UNKNOWN where tzdata does not have it."""
    if name in {"UTC", "Z", "Etc/UTC"}:
        return UTC
    parts = name.split("/")
    if not name or any(part in {"", ".", ".."} for part in parts) or name.startswith("/"):
        raise refuse("ZONE_UNKNOWN", f"{name!r} is no zone name.", value=name)
    resource: Any = files("tzdata").joinpath("zoneinfo", *parts)
    try:
        with resource.open("rb") as data:
            rules = zoneinfo.ZoneInfo.from_file(data, key=name)
    except (OSError, ValueError):
        raise refuse("ZONE_UNKNOWN", f"{name!r} is no zone name.", value=name) from None
    return _unrolled(name, rules)


def _offset_s(rules: dt.tzinfo, utc_s: int) -> int:
    offset = dt.datetime.fromtimestamp(utc_s, rules).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _unrolled(name: str, rules: dt.tzinfo) -> Zone:
    """Walks the years in steps and halves each step in which the offset changes down to its second.

    A step is six days: no zone of tzdata has changed its offset and changed it back within one (a test walks them all by days).
    """
    changes: list[int] = []
    previous = _offset_s(rules, FIRST_MS // MS_PER_SECOND)
    offsets = [previous]
    for step_s in range(FIRST_MS // MS_PER_SECOND, END_MS // MS_PER_SECOND, WALK_S):
        found = _offset_s(rules, step_s + WALK_S)
        if found == previous:
            continue
        low, high = step_s, step_s + WALK_S
        while high - low > 1:
            middle = (low + high) // 2
            if _offset_s(rules, middle) == previous:
                low = middle
            else:
                high = middle
        changes.append(high * MS_PER_SECOND)
        offsets.append(found)
        previous = found
    return Zone(name, tuple(changes), tuple(offsets))
