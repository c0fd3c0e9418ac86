"""Segments: immutable Parquet files of one kind, side and UTC day, named by the SHA-256 of their bytes.

The schema's metadata names kind, side, day and maker (the batch or run), so that a file found alone says what it is, and the same
rows made twice by different makers are different files. Nothing here knows the database.
"""

from __future__ import annotations

import datetime
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tollbook.core.cdr import SCHEMA_VERSION
from tollbook.core.tables import TableKind, anchor_of
from tollbook.store.crash import crash_point
from tollbook.store.files import SPOOL_FOLDER, digest_of, make_folder, publish_path, sync_path
from tollbook.store.segment_index import IDS, IndexWriter

SEGMENTS_FOLDER: Final = "segments"
COMPRESSION: Final = "zstd"
COMPRESSION_LEVEL: Final = 1
ROW_GROUP_ROWS: Final = 131_072
# A page is what is unpacked for one row of it: small ones let a look at one call pass over the others.
PAGE_BYTES: Final = 65_536
# Whole numbers that tell every row of a file apart.
_COUNTED: Final = ("record_no", "byte_offset")
# Files open at once while a file with many days is read; beyond it the day longest untouched is finished, and may be opened again.
OPEN_WRITERS: Final = 32
MS_PER_DAY: Final = 86_400_000
_EPOCH: Final = datetime.date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A written segment; `path` is below the book's folder. Anchors are milliseconds UTC, None where the kind has none."""

    digest: str
    kind: str
    side: str
    day: datetime.date | None
    rows: int
    size: int
    min_anchor_at: int | None
    max_anchor_at: int | None
    schema_version: int
    path: str
    is_new: bool


class _Open:
    """One Parquet file being written."""

    def __init__(self, path: Path, schema: pa.Schema, index: IndexWriter | None) -> None:
        self.path, self.index = path, index
        self.rows = 0
        self.low: int | None = None
        self.high: int | None = None
        self.writer = pq.ParquetWriter(
            path,
            schema,
            compression=COMPRESSION,
            compression_level=COMPRESSION_LEVEL,
            version="2.6",
            use_dictionary=_repeating(schema),
            data_page_size=PAGE_BYTES,
        )

    def write(self, rows: pa.Table, low: int | None, high: int | None) -> None:
        self.writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
        if self.index is not None:
            self.index.add(rows)
        self.rows += rows.num_rows
        if low is not None and high is not None:
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)


class SegmentWriter:
    """Writes rows of one kind and side, split by UTC day, with bounded memory. `finish` names and publishes the files."""

    def __init__(self, book: Path, kind: TableKind, side: str, maker: str) -> None:
        self._book, self._kind, self._side, self._maker = book, kind, side, maker
        self._open: OrderedDict[int | None, _Open] = OrderedDict()
        self._done: list[SegmentFile] = []

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Takes rows in the kind's schema."""
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        if table.num_rows == 0:
            return
        table = table.select(self._kind.schema.names).cast(self._kind.schema)
        anchors = anchor_of(table, self._kind)
        if anchors is None:
            self._write_day(None, table, None, None)
            return
        instants = pc.fill_null(anchors.cast(pa.int64()), np.iinfo(np.int64).min).to_numpy()
        absent = instants == np.iinfo(np.int64).min
        days = np.where(absent, np.iinfo(np.int64).min, instants // MS_PER_DAY)
        for day in np.unique(days):
            chosen = np.flatnonzero(days == day)
            part = table if len(chosen) == table.num_rows else table.take(pa.array(chosen))
            if day == np.iinfo(np.int64).min:
                self._write_day(None, part, None, None)
            else:
                self._write_day(int(day), part, int(instants[chosen].min()), int(instants[chosen].max()))

    def _write_day(self, day: int | None, rows: pa.Table, low: int | None, high: int | None) -> None:
        if day not in self._open:
            if len(self._open) >= OPEN_WRITERS:
                oldest, file = self._open.popitem(last=False)
                self._done.append(self._publish(oldest, file))
            folder = self._book / SPOOL_FOLDER
            make_folder(folder)
            metadata = {
                "schema_version": str(SCHEMA_VERSION),
                "kind": self._kind.name,
                "side": self._side,
                "day": "" if day is None else _day(day).isoformat(),
                "maker": self._maker,
            }
            index = IndexWriter(self._book, self._kind.name) if self._kind.name in IDS else None
            self._open[day] = _Open(folder / f"{uuid4().hex}.parquet", self._kind.schema.with_metadata(metadata), index)
        self._open.move_to_end(day)
        self._open[day].write(rows, low, high)

    def _publish(self, day: int | None, file: _Open) -> SegmentFile:
        file.writer.close()
        digest, size = digest_of(file.path), file.path.stat().st_size
        name = "undated" if day is None else _day(day).isoformat()
        relative = Path(SEGMENTS_FOLDER, self._kind.name, self._side or "all", name, f"{digest}.parquet")
        sync_path(file.path)
        crash_point("segment.before_rename")
        is_new = publish_path(file.path, self._book / relative)
        crash_point("segment.after_rename")
        if not is_new:
            file.path.unlink(missing_ok=True)
        if file.index is not None:
            file.index.publish(digest)
        return SegmentFile(
            digest=digest,
            kind=self._kind.name,
            side=self._side,
            day=None if day is None else _day(day),
            rows=file.rows,
            size=size,
            min_anchor_at=file.low,
            max_anchor_at=file.high,
            schema_version=SCHEMA_VERSION,
            path=str(relative),
            is_new=is_new,
        )

    def finish(self) -> list[SegmentFile]:
        """Publishes what is still open; every file written by this writer, by day."""
        while self._open:
            day, file = self._open.popitem(last=False)
            self._done.append(self._publish(day, file))
        self._done.sort(key=lambda each: (each.day or _EPOCH, each.digest))
        return self._done

    def abandon(self) -> None:
        """Closes and removes what was not published."""
        for file in self._open.values():
            file.writer.close()
            file.path.unlink(missing_ok=True)
            if file.index is not None:
                file.index.abandon()
        self._open.clear()


def _repeating(schema: pa.Schema) -> list[str]:
    """The columns that say the same in many rows. A dictionary of ids, numbers and instants, which are of one row each, would only make a
    file larger, and would have to be unpacked whole for any of them."""
    return [
        field.name
        for field in schema
        if field.name not in _COUNTED and not (pa.types.is_string(field.type) or pa.types.is_timestamp(field.type) or _is_id(field.type))
    ]


def _is_id(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _day(number: int) -> datetime.date:
    return _EPOCH + datetime.timedelta(days=number)


def read_batches(path: Path, *, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of one segment in batches, dictionaries kept."""
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=ROW_GROUP_ROWS, columns=columns)
