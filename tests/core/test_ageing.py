"""Buckets of open documents, at each of their edges."""

from __future__ import annotations

import datetime as dt

import pytest

from tollbook.core.ageing import BUCKETS, aged, bucket

DUE = dt.date(2026, 1, 31)


@pytest.mark.parametrize(
    ("days", "wanted"),
    [(-5, "current"), (0, "current"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (60, "31-60"), (61, "61-90"), (90, "61-90"), (91, "90+")],
)
def test_edges(days: int, wanted: str) -> None:
    assert bucket(DUE, DUE + dt.timedelta(days=days)) == wanted


def test_without_a_due_date_nothing_is_overdue() -> None:
    assert bucket(None, DUE) == "current"


def test_nothing_is_lost_between_buckets() -> None:
    amounts = [(DUE + dt.timedelta(days=step), 7) for step in range(-120, 120)]
    sums = aged(amounts, DUE)
    assert tuple(sums) == BUCKETS
    assert sum(sums.values()) == 7 * 240
    assert sums["1-30"] == 7 * 30
