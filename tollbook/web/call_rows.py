"""Rows of a list of calls, found by the indexes of segments: the newest first, and no segment is opened that cannot add to the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tollbook.engine.segment_keys import DIGITS, id_bounds, number_bounds, text_bounds
from tollbook.store import segment_index
from tollbook.store.segment_index import NO_ROWS, UNDATED, SegmentIndex
from tollbook.web import book
from tollbook.web.table.columns import Column, Row
from tollbook.web.table.segment_rows import COUNTED

# Rows of one millisecond that are put into their order; beyond it they keep the order of their segments.
MOST_TIES: Final = 4_000
EXPORTED_AT_ONCE: Final = 1_000
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. Days are UTC; an empty text looks for everything."""

    number: str = ""
    call_id: str = ""
    icid: str = ""
    partner: str = ""
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class _Segment:
    digest: str
    path: str
    side: str
    source: str
    rows: int
    low: int
    high: int


@dataclass(slots=True)
class _Found:
    """Rows that were found, in their order: the instant of each, the number of its segment and its row there. `total` is how many there
    are, as far as it was counted."""

    segments: list[_Segment]
    total: int
    at: Places
    segment: Places
    row: Places


class CallRows:
    """The records that a search finds in segments of CDRs. They are ordered by their time alone, the newest or the oldest first."""

    tie = ("call", "leg", "leg_no")

    def __init__(self, search: Search, found: Any) -> None:
        values = found.values_list("digest", "path", "side", "batch__source", "rows", "min_anchor_at", "max_anchor_at")
        self._search = search
        self._keys = _keys(search)
        self._folder = book.folder()
        self._segments = [
            _Segment(digest, path, side, source or "", rows, UNDATED if low is None else low, UNDATED if high is None else high)
            for digest, path, side, source, rows, low, high in values
        ]

    def _index(self, segment: _Segment) -> SegmentIndex:
        return segment_index.load(self._folder, segment.digest, segment.path, "cdr")

    def page(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, offset: int, limit: int
    ) -> tuple[list[Row], int]:
        """The rows of one page and how many there are, counted up to COUNTED."""
        found = self._collect(filters, _is_descending(sort), offset + limit, COUNTED + 1)
        return self._window(found, _is_descending(sort), offset, limit, columns), min(found.total, COUNTED + 1)

    def after(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, place: Sequence[Any] | None, limit: int
    ) -> list[Row]:
        """Up to so many rows beyond a place (time, then `tie`); from the beginning where it is None."""
        descending = _is_descending(sort)
        if place is None:
            return self._window(self._collect(filters, descending, limit, 0), descending, 0, limit, columns)
        at, *rest = place if len(place) > len(self.tie) else (self._instant_of(str(place[0])), *place)
        bound = UNDATED if at is None else int(at)
        found = self._collect(filters, descending, limit, 0, bound=bound)
        rows = self._window(found, descending, 0, limit + MOST_TIES, columns)
        key = tuple(rest)
        return [row for row in rows if _instant(row) != bound or tuple(row[name] for name in self.tie) > key][:limit]

    def _instant_of(self, call: str) -> int | None:
        """The time of a record, for a place that does not say it."""
        for segment in self._segments:
            index = self._index(segment)
            rows = index.rows_within("cdr_id", id_bounds(bytes.fromhex(call), bytes.fromhex(call)))
            if len(rows):
                return int(index.columns["at"][rows[0]])
        return None

    def all(self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, limit: int) -> Iterator[Row]:
        """Up to so many rows for an export."""
        found = self._collect(filters, _is_descending(sort), limit, 0)
        for offset in range(0, min(limit, len(found.at)), EXPORTED_AT_ONCE):
            yield from self._window(found, _is_descending(sort), offset, min(EXPORTED_AT_ONCE, limit - offset), columns)

    def batches(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, size: int
    ) -> Iterator[pa.RecordBatch]:
        """All rows as Arrow batches of so many, under the names of the sources."""
        found = self._collect(filters, _is_descending(sort), sum(each.rows for each in self._segments), 0)
        names = list(dict.fromkeys([*self.tie, *(column.source for column in columns)]))
        for offset in range(0, len(found.at), size):
            rows = self._window(found, _is_descending(sort), offset, size, columns)
            yield pa.RecordBatch.from_pylist([{name: row[name] for name in names} for row in rows], schema=_schema(names))

    def _collect(self, filters: dict[str, str], descending: bool, wanted: int, counted: int, *, bound: int | None = None) -> _Found:
        """At least the first `wanted` rows of the order, and the count of all of them up to `counted`. A bound leaves out what stands
        before it in the order."""
        segments = sorted(self._segments, key=(lambda each: -each.high) if descending else (lambda each: each.low))
        parts: list[tuple[Places, int, Places]] = []
        held = total = 0
        edge: int | None = None
        for number, segment in enumerate(segments):
            is_enough = edge is not None and (segment.high < edge if descending else segment.low > edge)
            if is_enough and total >= counted:
                break
            if filters.get("side", segment.side) != segment.side or _is_beyond(segment, bound, descending):
                continue
            if is_enough and self._is_whole(filters):
                total += segment.rows
                continue
            at, rows = self._matching(segment, filters)
            if bound is not None:
                inside = at <= bound if descending else at >= bound
                at, rows = at[inside], rows[inside]
            total += len(rows)
            if len(rows) and not is_enough:
                parts.append((at, number, rows))
                held += len(rows)
                edge = _edge(parts, held, wanted, descending)
        return _joined(segments, parts, total, descending)

    def _is_whole(self, filters: dict[str, str]) -> bool:
        """Whether every row of a segment is looked for."""
        search = self._search
        return not (search.number or search.call_id or search.icid or search.partner or filters.get("leg"))

    def _matching(self, segment: _Segment, filters: dict[str, str]) -> tuple[Places, Places]:
        """The rows of a segment that are looked for, with their instants."""
        index, search = self._index(segment), self._search
        rows: Places | None = None
        for columns in self._keys:
            hits = [index.rows_within(name, within) for name, within in columns]
            found = np.unique(np.concatenate(hits)) if sum(map(len, hits)) else NO_ROWS
            rows = found if rows is None else np.intersect1d(rows, found)
            if not len(rows):
                return NO_ROWS, NO_ROWS
        instants = index.columns.get("at", NO_ROWS)
        for name, word in (("partner", search.partner), ("leg", filters.get("leg", ""))):
            if word and (rows is None or len(rows)):
                code = index.codes(name, word)
                codes = index.columns[name]
                rows = np.flatnonzero(codes == code) if rows is None else rows[codes[rows] == code]
        if rows is None:
            return instants, np.arange(len(instants))
        if len(rows) and (len(search.number) > DIGITS or search.call_id):
            rows = self._verified(index, rows)
        return instants[rows], rows

    def _verified(self, index: SegmentIndex, rows: Places) -> Places:
        """Keys are shorter than what they stand for: the rows that hold the whole of it."""
        number, call_id = self._search.number, self._search.call_id
        kept = []
        for row, values in zip(rows.tolist(), index.show(rows), strict=True):
            texts = [_digits(values[name]) for name in ("a", "b")]
            if any(text.startswith(number) or text.endswith(number) for text in texts) and call_id in ("", values["call_id"]):
                kept.append(row)
        return np.array(kept, dtype=np.int64)

    def _window(self, found: _Found, descending: bool, offset: int, limit: int, columns: Sequence[Column]) -> list[Row]:
        """Rows of the order by their number; those of one instant in the order of their tie."""
        if offset >= len(found.at):
            return []
        last = min(offset + limit, len(found.at)) - 1
        sign = -1 if descending else 1
        ordered = sign * found.at
        begin = int(np.searchsorted(ordered, ordered[offset], side="left"))
        end = int(np.searchsorted(ordered, ordered[last], side="right"))
        if end - begin > limit + MOST_TIES:
            begin, end = offset, last + 1
        rows = self._shown(found, begin, end, columns)
        rows.sort(key=lambda row: (sign * _instant(row), *(row[name] for name in self.tie)))
        return rows[offset - begin : last + 1 - begin]

    def _shown(self, found: _Found, begin: int, end: int, columns: Sequence[Column]) -> list[Row]:
        rows: list[Any] = [None] * (end - begin)
        segments = found.segment[begin:end]
        for number in np.unique(segments):
            places = np.flatnonzero(segments == number)
            segment = found.segments[int(number)]
            for place, values in zip(places.tolist(), self._index(segment).show(found.row[begin:end][places]), strict=True):
                values |= {"call": values.pop("cdr_id").hex(), "side": segment.side, "source": segment.source}
                rows[place] = {**values, **{column.name: values[column.source] for column in columns}}
        return rows


def _keys(search: Search) -> list[list[tuple[str, Any]]]:
    """What every row has to have: for each part of the search the columns of keys it may stand in, with its bounds there."""
    found: list[list[tuple[str, Any]]] = []
    if search.number:
        found.append([("beginning", number_bounds(search.number)), ("end", number_bounds(search.number[::-1]))])
    for name, text in (("call_id", search.call_id), ("icid", search.icid)):
        if text:
            found.append([(name, text_bounds(text))])
    return found


def _is_descending(sort: tuple[str, bool] | None) -> bool:
    return sort is None or sort[1]


def _instant(row: Row) -> int:
    return UNDATED if row["at"] is None else int(row["at"])


def _digits(text: str | None) -> str:
    return "".join(each for each in text or "" if each in "0123456789")


def _is_beyond(segment: _Segment, bound: int | None, descending: bool) -> bool:
    if bound is None:
        return False
    return segment.low > bound if descending else segment.high < bound


def _edge(parts: list[tuple[Places, int, Places]], held: int, wanted: int, descending: bool) -> int | None:
    """The instant of the last row that is wanted, once there are so many."""
    if held < wanted or not wanted:
        return None
    at = np.concatenate([each[0] for each in parts])
    place = held - wanted if descending else wanted - 1
    return int(np.partition(at, place)[place])


def _joined(segments: list[_Segment], parts: list[tuple[Places, int, Places]], total: int, descending: bool) -> _Found:
    if not parts:
        return _Found(segments, total, NO_ROWS, NO_ROWS, NO_ROWS)
    at = np.concatenate([each[0] for each in parts])
    segment = np.concatenate([np.full(len(each[0]), each[1]) for each in parts])
    row = np.concatenate([each[2] for each in parts])
    order = np.argsort(-at if descending else at, kind="stable")
    return _Found(segments, total, at[order], segment[order], row[order])


def _schema(names: Sequence[str]) -> pa.Schema:
    kinds = {"leg_no": pa.int16(), "at": pa.int64(), "duration_ms": pa.int64(), "sip_code": pa.int16()}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in names])
