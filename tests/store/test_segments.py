"""Segments: split by UTC day whatever the batches, found by their digest, with TD1 that does not see the files."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.core import cdr
from tollbook.core.digest import table_digest
from tollbook.core.tables import KINDS
from tollbook.store import digests, files
from tollbook.store.segments import OPEN_WRITERS, SegmentFile, SegmentWriter, read_batches

DAY_MS = 86_400_000


def _counters(hours_ms: list[int]) -> pa.Table:
    count = len(hours_ms)
    columns: dict[str, list[Any]] = {
        "source": ["a"] * count,
        "trunk": ["t"] * count,
        "hour": hours_ms,
        "seizures": list(range(count)),
        "answers": [0] * count,
        "ms": [0] * count,
    }
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in cdr.COUNTER}, schema=cdr.COUNTER)


def _write(book: Path, *tables: pa.Table, maker: str = "m") -> list[SegmentFile]:
    writer = SegmentWriter(book, KINDS["counter"], "OURS", maker)
    for table in tables:
        writer.write(table)
    return writer.finish()


def test_rows_are_split_by_utc_day_with_their_bounds(tmp_path: Path) -> None:
    found = _write(tmp_path, _counters([DAY_MS - 1, DAY_MS, DAY_MS + 5]), _counters([0]))
    assert [(str(each.day), each.rows, each.min_anchor_at, each.max_anchor_at) for each in found] == [
        ("1970-01-01", 2, 0, DAY_MS - 1),
        ("1970-01-02", 2, DAY_MS, DAY_MS + 5),
    ]
    for each in found:
        path = tmp_path / each.path
        assert each.path == f"segments/counter/OURS/{each.day}/{each.digest}.parquet"
        assert files.verify(path, each.digest)
        metadata = pq.read_schema(path).metadata
        assert metadata[b"schema_version"] == b"1"
        assert (metadata[b"kind"], metadata[b"side"], metadata[b"maker"]) == (b"counter", b"OURS", b"m")
        assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"
    assert list((tmp_path / "spool").iterdir()) == []


def test_the_same_rows_of_another_maker_are_another_file(tmp_path: Path) -> None:
    table = _counters([1, 2])
    one, again, other = (_write(tmp_path, table, maker=maker)[0] for maker in ("m", "m", "n"))
    assert (one.digest, one.is_new, again.is_new) == (again.digest, True, False)
    assert one.digest != other.digest


def test_a_file_of_very_many_days_keeps_few_files_open(tmp_path: Path) -> None:
    days = OPEN_WRITERS * 2
    table = _counters([day * DAY_MS for day in range(days)])
    found = _write(tmp_path, table, table)
    assert sum(each.rows for each in found) == 2 * days
    assert {each.day for each in found} == {dt.date(1970, 1, 1) + dt.timedelta(days=day) for day in range(days)}


def test_what_is_abandoned_leaves_nothing(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, KINDS["counter"], "OURS", "m")
    writer.write(_counters([1]))
    writer.abandon()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@given(hours=st.lists(st.integers(0, 3 * DAY_MS), unique=True, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=4))
def test_td1_of_segments_is_td1_of_the_rows(tmp_path_factory: pytest.TempPathFactory, hours: list[int], cuts: list[int]) -> None:
    book = tmp_path_factory.mktemp("book")
    table = _counters(hours)
    bounds = [0, *sorted(min(cut, len(hours)) for cut in cuts), len(hours)]
    parts = [table.slice(low, high - low) for low, high in pairwise(bounds)]
    paths = [book / each.path for each in _write(book, *parts)]
    wanted = table_digest(table, KINDS["counter"].order)
    assert digests.table_td1("counter", paths) == (wanted, len(hours))
    assert digests.table_td1("counter", paths[::-1], in_memory=-1) == (wanted, len(hours))
    assert sum(rows.num_rows for path in paths for rows in read_batches(path)) == len(hours)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_written_read_and_digested_both_ways(tmp_path: Path, kind: str) -> None:
    schema = KINDS[kind].schema
    table = pa.table({field.name: _values(field) for field in schema}, schema=schema)
    writer = SegmentWriter(tmp_path, KINDS[kind], "", "m")
    writer.write(table)
    paths = [tmp_path / each.path for each in writer.finish()]
    memory, database = digests.table_td1(kind, paths), digests.table_td1(kind, paths, in_memory=-1)
    assert memory == database == (table_digest(table, KINDS[kind].order, excluded=KINDS[kind].excluded, unique=KINDS[kind].unique), 3)
    assert digests.plain_schema(KINDS[kind]).names == schema.names
    assert digests.result_digest({kind: {"td1": memory[0], "rows": 3}})


def _values(field: pa.Field) -> pa.Array:
    """Three different values that sort the same in every engine only if they are compared as they should be; a null where one may be."""
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    values: list[Any]
    if pa.types.is_fixed_size_binary(kind):
        values = [b"\xff" * 16, b"a" * 16, b"\x00" * 16]
    elif pa.types.is_boolean(kind):
        values = [True, False, True]
    elif pa.types.is_string(kind):
        values = ["é", "B", "a"]
    else:
        values = [100, 3, 20]
    if field.nullable:
        values[1] = None
    array = pa.array(values, kind)
    return array.dictionary_encode().cast(field.type) if pa.types.is_dictionary(field.type) else array
