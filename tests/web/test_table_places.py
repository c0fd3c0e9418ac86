"""Going on after a row: every order, with nulls, duplicates and rows that come meanwhile, over a query, a segment and a list alike."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tollbook.web.table import keys
from tollbook.web.table.columns import Column, Kind
from tollbook.web.table.memory_rows import MemoryRows
from tollbook.web.table.query_rows import QueryRows
from tollbook.web.table.segment_rows import SegmentRows

COLUMNS = (Column("number", "Number", Kind.COUNT), Column("due_on", "Due", Kind.DAY), Column("period", "Period", filter="text"))
# number, due_on, period: with nulls and with rows that are equal in what is sorted by.
ROWS = [(n, None if n % 3 == 0 else dt.date(2026, 1, 1 + n % 2), "p" if n % 5 else "q") for n in range(1, 24)]
ORDERS = [None, ("number", True), ("due_on", False), ("due_on", True), ("period", True), ("period", False)]


def _query() -> QueryRows:
    from tollbook.store.models import Document

    for number, due_on, period in ROWS:
        Document.objects.create(
            series="T", number=number, kind="X", issued_at=1, content={}, content_digest="a" * 64, due_on=due_on, period=period
        )
    return QueryRows(Document.objects.filter(series="T"), fields=("pk",))


def _segment() -> SegmentRows:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t (number BIGINT, due_on DATE, period VARCHAR)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [list(row) for row in ROWS])
    return SegmentRows(connection, "SELECT * FROM t", fields=("number",))


def _memory() -> MemoryRows:
    return MemoryRows([dict(zip(("number", "due_on", "period"), row, strict=True)) for row in ROWS], tie=("number",))


@pytest.mark.parametrize("make", [_query, _segment, _memory])
@pytest.mark.parametrize("sort", ORDERS)
def test_every_row_comes_once_in_order(empty_book: Path, make: Callable[[], Any], sort: tuple[str, bool] | None) -> None:
    rows = make()
    order = keys.order(sort, rows.tie)
    found: list[Any] = []
    place = None
    while page := rows.after(COLUMNS, {}, sort, place, 5):
        assert len(page) <= 5
        found += page
        place = [page[-1][key.source] for key in order]
    assert sorted(row["number"] for row in found) == [row[0] for row in ROWS]
    if sort:
        given = [row[sort[0]] for row in found]
        there = [value for value in given if value is not None]
        assert there == sorted(there, reverse=sort[1])
        assert given == there + [None] * (len(given) - len(there)), "what is null comes last"


@pytest.mark.parametrize("make", [_query, _segment, _memory])
def test_filters_hold_beyond_the_first_page(empty_book: Path, make: Callable[[], Any]) -> None:
    word = "Q"  # a text filter does not look at case
    rows = make()
    first = rows.after(COLUMNS, {"period": word}, ("number", False), None, 2)
    place = [first[-1][key.source] for key in keys.order(("number", False), rows.tie)]
    rest = rows.after(COLUMNS, {"period": word}, ("number", False), place, 100)
    assert [row["number"] for row in [*first, *rest]] == [row[0] for row in ROWS if row[2] == "q"]


def test_rows_that_come_meanwhile_move_nothing(empty_book: Path) -> None:
    from tollbook.store.models import Document

    rows = _query()
    first = rows.after(COLUMNS, {}, ("number", True), None, 5)
    Document.objects.create(series="T", number=99, kind="X", issued_at=1, content={}, content_digest="a" * 64)
    place = [first[-1]["number"], first[-1]["pk"]]
    second = rows.after(COLUMNS, {}, ("number", True), place, 5)
    assert [row["number"] for row in first + second] == list(range(23, 13, -1))


def test_rows_of_a_list_page_like_the_others(empty_book: Path) -> None:
    page, total = _memory().page(COLUMNS, {"period": "q"}, ("number", True), 1, 2)
    assert ([row["number"] for row in page], total) == ([15, 10], 4)
    assert [row["number"] for row in _memory().all(COLUMNS, {}, ("number", False), 2)] == [1, 2]


def test_arrow_batches_come_in_order_and_in_pieces(empty_book: Path) -> None:
    batches = list(_segment().batches(COLUMNS, {}, ("number", True), 10))
    assert [number for batch in batches for number in batch.column("number").to_pylist()] == [row[0] for row in reversed(ROWS)]
