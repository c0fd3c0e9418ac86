"""Paging by a place in the order on both databases: nulls, equal keys, and rows that come between the pages."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from tollbook.api.listing import _plain
from tollbook.web.table import Column, Kind, QueryRows, keys

if TYPE_CHECKING:
    from tollbook.flow.book import Book

COLUMNS = (
    Column("number", "Number", Kind.COUNT),
    Column("due_on", "Due", Kind.DAY),
    Column("period", "Period", filter="text"),
    Column("total_micros", "Total", Kind.MONEY, currency="currency"),
)
ORDERS = [None, *((name, down) for name in ("number", "due_on", "period", "total_micros") for down in (False, True))]
PAGE = 5


def _add(number: int, **values: Any) -> None:
    from tollbook.store.models import Document

    fixed = {"kind": "X", "issued_at": 1, "content": {}, "content_digest": "a" * 64, "currency": "EUR"}
    Document.objects.create(series="T", number=number, **fixed, **values)


def _fill() -> None:
    """Every third without a due day, many with the same, and amounts beyond what a double can tell apart."""
    for number in range(1, 24):
        due_on = None if number % 3 == 0 else dt.date(2026, 1, 1 + number % 2)
        _add(number, due_on=due_on, period="p" if number % 5 else "q", total_micros=2**53 + number % 4)


def _pages(sort: tuple[str, bool] | None, between: Any = lambda page: None) -> list[dict[str, Any]]:
    """All pages, each begun at a place that has been in a cursor and back."""
    from tollbook.store.models import Document

    rows = QueryRows(Document.objects.filter(series="T"), fields=("pk",))
    order, place = keys.order(sort, rows.tie), None
    found: list[dict[str, Any]] = []
    while page := [dict(row) for row in rows.after(COLUMNS, {}, sort, place, PAGE)]:
        found += page
        between(page)
        place = json.loads(json.dumps([_plain(page[-1][key.source]) for key in order]))
    return found


@pytest.mark.parametrize("sort", ORDERS)
def test_every_row_comes_once_in_order(book: Book, sort: tuple[str, bool] | None) -> None:
    _fill()
    found = _pages(sort)
    assert sorted(row["number"] for row in found) == list(range(1, 24))
    if sort:
        values = [row[sort[0]] for row in found]
        there = [value for value in values if value is not None]
        assert there == sorted(there, reverse=sort[1])
        assert values == there + [None] * (len(values) - len(there)), "what is null comes last, in both directions"


def test_rows_that_come_between_pages_move_no_other(book: Book) -> None:
    """Before each page but the first one row comes at either end of the order."""
    _fill()
    added: list[int] = []

    def between(page: list[dict[str, Any]]) -> None:
        for due_on in (dt.date(2020, 1, 1), None):
            added.append(1_000 + len(added))
            if len(added) <= 8:
                _add(added[-1], due_on=due_on, period="p", total_micros=1)

    found = [row["number"] for row in _pages(("due_on", False), between)]
    assert len(found) == len(set(found)), "none twice"
    assert set(range(1, 24)) <= set(found), "none of those that were there is left out"
    # What comes before the place is not gone back for; what has no due day lies beyond every place that has one.
    assert not {number for number in added if number % 2 == 0} & set(found)
    assert {number for number in added[:8] if number % 2} <= set(found)
