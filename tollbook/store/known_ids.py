"""Known record ids: exactly once, without reading old segments.

Per source and local day (the day as the source's own text writes it, so that a corrected zone changes nothing) one immutable file
holds every accepted record's 16-byte id and the first 16 bytes of the SHA-256 of its raw record, sorted by id, as four columns of
uint64 that are memory-mapped. A batch is classified against the files of its days and of the weeks around them: a hit with the
same raw record is an exact repeat, a hit with another raw record is a conflict. Nothing here knows the database.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tollbook.store.crash import crash_point
from tollbook.store.files import SPOOL_FOLDER, Stored, mapped, publish, writing

NEW: Final = 0
REPEAT: Final = 1
CONFLICT: Final = 2

KNOWN_FOLDER: Final = "known"
UNDATED: Final = "undated"
# An id that comes back is looked for this many days around its own: a source that counts anew after weeks has another identity rule.
DAYS_EITHER_SIDE: Final = 40
_MAGIC: Final = b"TBIDS\x00\x00\x01"
_COLUMNS: Final = 4
_HEADER_BYTES: Final = 16
_EPOCH_SECONDS: Final = r"\b(?P<epoch>1\d{9})(?:\d{3})?\b"
_DATE: Final = r"(?P<date>\d{4}[-/.]\d{2}[-/.]\d{2}|\d{2}[-/.]\d{2}[-/.]\d{4}|\d{8})"

Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids and raw digests as pairs of uint64, big end first. Sorted by id where it comes from a file or from `sort`."""

    high: Words
    low: Words
    raw_high: Words
    raw_low: Words

    def __len__(self) -> int:
        return len(self.high)

    def take(self, places: NDArray[np.intp]) -> Ids:
        return Ids(self.high[places], self.low[places], self.raw_high[places], self.raw_low[places])

    def sort(self) -> Ids:
        return self.take(np.lexsort((self.low, self.high)))


def ids_of(ids: NDArray[np.uint8], raw: NDArray[np.uint8]) -> Ids:
    """From two byte tables of n rows and 16 columns."""
    words = [np.ascontiguousarray(each).view(">u8").astype("<u8").reshape(-1, 2) for each in (ids, raw)]
    return Ids(words[0][:, 0].copy(), words[0][:, 1].copy(), words[1][:, 0].copy(), words[1][:, 1].copy())


def id_bytes(column: pa.Array | pa.ChunkedArray) -> NDArray[np.uint8]:
    """A column of 16-byte ids as a byte table of n rows."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], type=pa.binary(16))
    content = np.frombuffer(array.buffers()[1], dtype=np.uint8) if len(array) else np.zeros(0, dtype=np.uint8)
    return content[array.offset * 16 : (array.offset + len(array)) * 16].reshape(-1, 16)


def raw_days(raw_times: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The local day in each raw text of times, as the source wrote it: ISO where the text leads with the year or is an epoch, else
    the digits as they stand, else `undated`. It only decides which file holds the id, so an odd day is slower, never wrong."""
    texts = raw_times.combine_chunks() if isinstance(raw_times, pa.ChunkedArray) else raw_times
    unique = texts.dictionary_encode() if not pa.types.is_dictionary(texts.type) else texts
    if isinstance(unique, pa.ChunkedArray):
        unique = unique.unify_dictionaries().combine_chunks()
    values = unique.dictionary.cast(pa.string())
    dates = pc.struct_field(pc.extract_regex(values, pattern=_DATE), "date")
    seconds = pc.struct_field(pc.extract_regex(values, pattern=_EPOCH_SECONDS), "epoch").cast(pa.int64())
    from_epoch = pc.strftime(seconds.cast(pa.timestamp("s")), format="%Y-%m-%d")
    joined = pc.replace_substring_regex(dates, r"[/.]", "-")
    joined = pc.replace_substring_regex(joined, r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3")
    # An epoch is tried first: its digits would pass for a date.
    days = pc.fill_null(pc.coalesce(from_epoch, joined), UNDATED)
    return pc.fill_null(days.take(unique.indices), UNDATED)


def load(path: Path) -> Ids:
    """A published file, memory-mapped."""
    content = mapped(path)
    if content.size % 8:
        raise ValueError(f"{path.name} is no file of known ids")
    words = np.frombuffer(content, dtype="<u8")
    if len(words) < 2 or words[0] != np.frombuffer(_MAGIC, dtype="<u8")[0] or len(words) != 2 + _COLUMNS * int(words[1]):
        raise ValueError(f"{path.name} is no file of known ids")
    rows = int(words[1])
    columns = [words[2 + index * rows : 2 + (index + 1) * rows] for index in range(_COLUMNS)]
    return Ids(*columns)


def merge(parts: Iterable[Ids]) -> Ids:
    """All parts as one, sorted by id."""
    present = [each for each in parts if len(each)]
    if not present:
        return Ids(*(np.zeros(0, dtype=np.uint64) for _ in range(_COLUMNS)))
    columns = [np.concatenate([getattr(each, name) for each in present]) for name in ("high", "low", "raw_high", "raw_low")]
    return Ids(*columns).sort()


def write(book: Path, source: str, day: str, ids: Ids) -> Stored:
    """Publishes a sorted set of ids under its content's digest; the database row then names this file as the current one."""
    content = [_MAGIC, len(ids).to_bytes(8, "little")]
    content += [np.ascontiguousarray(column, dtype="<u8").tobytes() for column in (ids.high, ids.low, ids.raw_high, ids.raw_low)]
    total = hashlib.sha256()
    for each in content:
        total.update(each)
    digest = total.hexdigest()
    # A source may be called anything; its folder is called by a digest of its name.
    folder = hashlib.sha256(source.encode("utf-8")).hexdigest()[:16]
    target = book / KNOWN_FOLDER / folder / day / f"{digest}.ids"
    with writing(book / SPOOL_FOLDER) as stream:
        for each in content:
            stream.write(each)
        crash_point("known_ids.before_rename")
        is_new = publish(stream, target)
        crash_point("known_ids.after_rename")
    return Stored(digest, target, sum(map(len, content)), ".ids", is_new)


def days_around(day: str, present: Iterable[str]) -> list[str]:
    """The days whose files an id of this day is looked up in. A day that is no ISO date is near every other."""
    centre = _date(day)
    near = []
    for each in present:
        other = _date(each)
        if centre is None or other is None or abs((other - centre).days) <= DAYS_EITHER_SIDE:
            near.append(each)
    return near


def _date(day: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(day)
    except ValueError:
        return None


def classify(batch: Ids, known: Sequence[Ids]) -> NDArray[np.uint8]:
    """NEW, REPEAT or CONFLICT for each record of a batch, in its order. Each of `known` is sorted; no id is in two of them with
    different raw digests. Within the batch the first record of an id counts and the later ones repeat it or conflict with it."""
    total = len(batch)
    verdict = np.zeros(total, dtype=np.uint8)
    if total == 0:
        return verdict
    order = np.lexsort((np.arange(total), batch.low, batch.high))
    ordered = batch.take(order)
    same = np.zeros(total, dtype=bool)
    same[1:] = (ordered.high[1:] == ordered.high[:-1]) & (ordered.low[1:] == ordered.low[:-1])
    leaders = np.flatnonzero(~same)
    group = np.cumsum(~same) - 1
    first = ordered.take(leaders)
    is_known = np.zeros(len(leaders), dtype=bool)
    raw_high, raw_low = first.raw_high.copy(), first.raw_low.copy()
    for each in known:
        hits, places = _look_up(first, each)
        is_known[hits] = True
        raw_high[hits] = each.raw_high[places]
        raw_low[hits] = each.raw_low[places]
    equal = (ordered.raw_high == raw_high[group]) & (ordered.raw_low == raw_low[group])
    found = np.where(equal, REPEAT, CONFLICT).astype(np.uint8)
    found[leaders[~is_known]] = NEW
    verdict[order] = found
    return verdict


def _look_up(wanted: Ids, known: Ids) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which of the wanted ids are known, and where: pairs of places."""
    places = np.searchsorted(known.high, wanted.high)
    open_ones = np.arange(len(wanted))
    hits, found = [], []
    # One round decides, unless two known ids share their first 64 bits.
    while len(open_ones):
        inside = places[open_ones] < len(known)
        open_ones = open_ones[inside]
        at = places[open_ones]
        same_high = known.high[at] == wanted.high[open_ones]
        open_ones, at = open_ones[same_high], at[same_high]
        same_low = known.low[at] == wanted.low[open_ones]
        hits.append(open_ones[same_low])
        found.append(at[same_low])
        open_ones = open_ones[~same_low]
        places[open_ones] += 1
    return np.concatenate(hits) if hits else open_ones, np.concatenate(found) if found else open_ones


def same(one: Ids | None, other: Ids | None) -> bool:
    """Whether two sorted sets hold the same ids with the same raw digests."""
    if one is None or other is None or len(one) != len(other):
        return one is other
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("high", "low", "raw_high", "raw_low"))
