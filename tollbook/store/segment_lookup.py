"""Rows of segments by an id: found by the index, then read alone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow.parquet as pq

from tollbook.engine.database import paths_list
from tollbook.engine.segment_keys import id_bounds
from tollbook.store import segment_index
from tollbook.store.segment_index import IDS

# Rows of one id in one segment: legs and causes. More than this is a defect of a source, and the first ones show it.
MOST_ROWS: Final = 1_000
# Rows somebody looked at are looked at again: on the same page, under its other leg, by the next person of the case.
_KEPT: Final = 1_024
_FEW: Final = 16


@dataclass(frozen=True, slots=True)
class SegmentFileAt:
    """A segment where it lies."""

    digest: str
    path: Path


def rows_by_id(
    connection: duckdb.DuckDBPyConnection, book: Path, kind: str, segments: Iterable[SegmentFileAt], low: bytes, high: bytes | None = None
) -> list[dict[str, Any]]:
    """The whole rows whose id (one of the kind's) is `low`, or lies between `low` and `high`. Columns without any value in a segment are
    read as null."""
    last = high or low
    within = id_bounds(low, last)
    found: list[dict[str, Any]] = []
    for segment in segments:
        rows = _rows(book, kind, segment, within)
        if rows:
            found += [row for row in _read(connection, segment.path, rows) if _is_meant(row, kind, low, last)]
    return found


def _rows(book: Path, kind: str, segment: SegmentFileAt, within: Any) -> list[int]:
    index = segment_index.load(book, segment.digest, segment.path, kind)
    hits = [index.rows_within(name, within) for name in IDS[kind]]
    return [int(row) for row in np.unique(np.concatenate(hits))[:MOST_ROWS]] if any(map(len, hits)) else []


def _is_meant(row: dict[str, Any], kind: str, low: bytes, high: bytes) -> bool:
    """Keys are the beginnings of ids."""
    return any(row[name] is not None and low <= bytes(row[name]) <= high for name in IDS[kind])


_kept: OrderedDict[tuple[Path, tuple[int, ...]], list[dict[str, Any]]] = OrderedDict()
_lock = threading.Lock()


def _read(connection: duckdb.DuckDBPyConnection, path: Path, rows: list[int]) -> list[dict[str, Any]]:
    """Rows of a segment, which never changes, by their places."""
    key = (path, tuple(rows))
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return [dict(row) for row in _kept[key]]
    found = _read_again(connection, path, rows)
    if len(found) <= _FEW:
        with _lock:
            _kept[key] = [dict(row) for row in found]
            while len(_kept) > _KEPT:
                _kept.popitem(last=False)
    return found


def _read_again(connection: duckdb.DuckDBPyConnection, path: Path, rows: list[int]) -> list[dict[str, Any]]:
    names, empty = _columns(path)
    chosen = ", ".join(f'"{name}"' for name in names)
    places = ", ".join(str(row) for row in rows)
    source = f"read_parquet({paths_list([path])}, file_row_number = true, hive_partitioning = false)"
    query = f"SELECT {chosen} FROM {source} WHERE file_row_number IN ({places}) ORDER BY file_row_number"  # noqa: S608 - names are ours
    found: list[dict[str, Any]] = connection.sql(query).to_arrow_table().to_pylist()
    return [{**dict.fromkeys(empty), **row} for row in found]


@lru_cache(maxsize=4096)
def _columns(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of a segment that hold any value, and those that hold none: most of a CDR's are for other kinds of switches."""
    metadata = pq.read_metadata(path)
    nulls = dict.fromkeys(range(metadata.num_columns), 0)
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for place in nulls:
            statistics = group.column(place).statistics
            nulls[place] += statistics.null_count if statistics is not None and statistics.has_null_count else 0
    names = metadata.schema.names
    empty = tuple(names[place] for place, count in nulls.items() if count == metadata.num_rows)
    return tuple(name for name in names if name not in empty), empty
