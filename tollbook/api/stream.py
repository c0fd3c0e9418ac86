"""Whole lists as CSV and Arrow, piece by piece: never more of them in memory than a few thousand rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from tollbook.api.fields import Field, arrow_schema
from tollbook.web.table import keys
from tollbook.web.table.columns import Column, Row

ROWS_AT_ONCE: Final = 5_000
Windows = Callable[[str], tuple[Any, str]]
Sort = tuple[str, bool] | None


def csv_of(fields: Sequence[Field], columns: Sequence[Column], filters: dict[str, str], sort: Sort, windows: Windows) -> Iterator[bytes]:
    """UTF-8 with the names first. Values are exact and as they are: this is for programs; the pages export for spreadsheets."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([each.name for each in fields])
    yield _taken(text)
    for rows in _pieces(columns, filters, sort, windows):
        for row in rows:
            values = (each.json(row) for each in fields)
            writer.writerow([str(value).lower() if isinstance(value, bool) else value for value in values])
        yield _taken(text)


def _taken(text: io.StringIO) -> bytes:
    content = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    return content


def arrow_of(fields: Sequence[Field], columns: Sequence[Column], filters: dict[str, str], sort: Sort, windows: Windows) -> Iterator[bytes]:
    """An Arrow IPC stream. Rows of segments stay columns all the way."""
    schema, sink = arrow_schema(fields), _Sink()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in _batches(fields, schema, columns, filters, sort, windows):
            writer.write_batch(batch)
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._kept.append(bytes(content))
        return len(self._kept[-1])

    def taken(self) -> bytes:
        content = b"".join(self._kept)
        self._kept.clear()
        return content


def _batches(
    fields: Sequence[Field], schema: pa.Schema, columns: Sequence[Column], filters: dict[str, str], sort: Sort, windows: Windows
) -> Iterator[pa.RecordBatch]:
    sources = {column.name: column.source for column in columns}
    for rows in _windows(windows):
        if hasattr(rows, "batches"):
            for batch in rows.batches(columns, filters, sort, ROWS_AT_ONCE):
                arrays = [each.arrow(batch.column(sources.get(each.source, each.source))) for each in fields]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        else:
            for piece in _paged(rows, columns, filters, sort):
                yield pa.RecordBatch.from_arrays([each.arrow_of(piece) for each in fields], schema=schema)


def _pieces(columns: Sequence[Column], filters: dict[str, str], sort: Sort, windows: Windows) -> Iterator[list[Row]]:
    names = {column.name: column.source for column in columns}
    for rows in _windows(windows):
        if hasattr(rows, "batches"):
            for batch in rows.batches(columns, filters, sort, ROWS_AT_ONCE):
                yield [{**row, **{name: row[source] for name, source in names.items()}} for row in batch.to_pylist()]
        else:
            yield from _paged(rows, columns, filters, sort)


def _paged(rows: Any, columns: Sequence[Column], filters: dict[str, str], sort: Sort) -> Iterator[list[Row]]:
    """Page after page, so that no query of the database stays open while a slow reader reads."""
    by_name = {column.name: column for column in columns}
    order = keys.order((by_name[sort[0]].source, sort[1]) if sort else None, rows.tie)
    place: list[Any] | None = None
    while piece := rows.after(columns, filters, sort, place, ROWS_AT_ONCE):
        yield piece
        if len(piece) < ROWS_AT_ONCE:
            return
        place = [piece[-1][key.source] for key in order]


def _windows(windows: Windows) -> Iterator[Any]:
    since, is_first = "", True
    while is_first or since:
        rows, since = windows(since)
        is_first = False
        if rows is not None:
            yield rows
