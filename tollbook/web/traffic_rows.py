"""The records behind a key figure, found by the indexes of segments: no segment is opened but for the rows that are shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tollbook.store import segment_index
from tollbook.store.models import Segment
from tollbook.store.segment_index import NO_ROWS, SegmentIndex
from tollbook.web import book
from tollbook.web.cube import ONE_DAY, Selection
from tollbook.web.table.columns import Column, Row
from tollbook.web.table.segment_rows import COUNTED, SegmentRows

MS_PER_DAY: Final = 86_400_000
MS_PER_HOUR: Final = 3_600_000
EXPORTED_AT_ONCE: Final = 1_000
_EPOCH: Final = dt.date(1970, 1, 1)
# What a selection is narrowed by as a word of the row; the other ways need more than one word.
_BY_WORD: Final = ("trunk", "partner", "cause")
Places = NDArray[np.int64]


@dataclass(slots=True)
class _Found:
    """Rows in their order: the seizure of each, the number of its segment and its row there."""

    at: Places
    segment: Places
    row: Places


class TrafficRows:
    """The records of a selection in segments of CDRs, by their time. In any other order they are read by `others`. The table they are for
    filters by cause alone."""

    tie = ("call", "leg", "leg_no")

    def __init__(self, selection: Selection, found: Any, others: Callable[[], SegmentRows]) -> None:
        self._selection, self._others = selection, others
        self._folder = book.folder()
        wanted = dict(selection.narrowed)
        rows = list(found.order_by("day", "digest").values_list("digest", "path", "batch__source"))
        self.has_segments = bool(rows)
        # A file comes from one source, so a segment is of one.
        self._segments = [each for each in rows if wanted.get("source", each[2]) == each[2]]

    def page(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, offset: int, limit: int
    ) -> tuple[list[Row], int]:
        """The rows of one page and how many there are, counted up to COUNTED."""
        if not _is_by_time(sort):
            return self._others().page(columns, filters, sort, offset, limit)
        found = self._collect(filters, _is_descending(sort))
        return self._shown(found, offset, limit, columns), min(len(found.at), COUNTED + 1)

    def all(self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, limit: int) -> Iterator[Row]:
        """Up to so many rows for an export."""
        if not _is_by_time(sort):
            yield from self._others().all(columns, filters, sort, limit)
            return
        found = self._collect(filters, _is_descending(sort))
        for offset in range(0, min(limit, len(found.at)), EXPORTED_AT_ONCE):
            yield from self._shown(found, offset, min(EXPORTED_AT_ONCE, limit - offset), columns)

    def _collect(self, filters: dict[str, str], descending: bool) -> _Found:
        """All rows of the selection in their order."""
        wanted = [*self._selection.narrowed, *filters.items()]
        priced = _priced(self._selection) if any(name == "destination" for name, _ in wanted) else None
        parts = []
        for number, (digest, path, _) in enumerate(self._segments):
            index = segment_index.load(self._folder, digest, path, "cdr")
            rows = self._matching(index, wanted, priced)
            if len(rows):
                parts.append((index.columns["seized"][rows], np.full(len(rows), number), rows))
        if not parts:
            return _Found(NO_ROWS, NO_ROWS, NO_ROWS)
        at, segment, row = (np.concatenate(each) for each in zip(*parts, strict=True))
        order = np.argsort(-at if descending else at, kind="stable")
        return _Found(at[order], segment[order], row[order])

    def _matching(self, index: SegmentIndex, wanted: list[tuple[str, str]], priced: Any) -> Places:
        """The rows of a segment that are of the selection."""
        seized = index.columns.get("seized", NO_ROWS)
        first, last = ((day - _EPOCH).days * MS_PER_DAY for day in (self._selection.first, self._selection.last))
        chosen = (seized >= first) & (seized < last + MS_PER_DAY)
        if not chosen.any():
            return NO_ROWS
        chosen &= index.columns["leg"] == index.codes("leg", self._selection.leg)
        for name, word in wanted:
            if name in _BY_WORD:
                chosen &= index.columns[name] == index.codes(name, word)
            elif name == "hour":
                chosen &= seized // MS_PER_HOUR % 24 == _hour(word)
            elif name == "country":
                codes = [code for code, known in enumerate(index.words["called"]) if known.startswith(word)]
                chosen &= np.isin(index.columns["called"], codes)
        rows = np.flatnonzero(chosen)
        return rows if priced is None else rows[np.isin(index.columns["identity"][rows], priced)]

    def _shown(self, found: _Found, offset: int, limit: int, columns: Sequence[Column]) -> list[Row]:
        """Rows of the order by their number."""
        segments, places = found.segment[offset : offset + limit], found.row[offset : offset + limit]
        rows: list[Any] = [None] * len(places)
        for number in np.unique(segments):
            digest, path, source = self._segments[int(number)]
            index = segment_index.load(self._folder, digest, path, "cdr")
            of_segment = np.flatnonzero(segments == number)
            for place, values in zip(of_segment.tolist(), index.show(places[of_segment]), strict=True):
                row = int(places[place])
                values |= {"call": values.pop("cdr_id").hex(), "source": source, "at": int(index.columns["seized"][row])}
                values["cause"] = index.words["cause"][int(index.columns["cause"][row])]
                rows[place] = {**values, **{column.name: values[column.source] for column in columns}}
        return rows


def _is_by_time(sort: tuple[str, bool] | None) -> bool:
    return sort is None or sort[0] == "at"


def _is_descending(sort: tuple[str, bool] | None) -> bool:
    return sort is None or sort[1]


def _hour(word: str) -> int:
    """An hour as the key figures name it: without a nought in front."""
    return int(word) if word in {str(hour) for hour in range(24)} else -1


def _priced(selection: Selection) -> NDArray[np.uint64]:
    """The identities of the legs whose current charge names the destination of a selection."""
    rows = Segment.objects.filter(kind="charge", run__heads__isnull=False, run__scope__contains=f"/{selection.leg}/")
    near = rows.filter(day__gte=selection.first - ONE_DAY, day__lte=selection.last + ONE_DAY)
    found, word = [np.zeros(0, dtype=np.uint64)], dict(selection.narrowed)["destination"]
    for digest, path in near.order_by("day", "digest").values_list("digest", "path"):
        index = segment_index.load(book.folder(), digest, path, "charge")
        code = index.codes("destination", word)
        if code >= 0:
            found.append(index.columns["identity"][index.columns["destination"] == code])
    return np.concatenate(found)
