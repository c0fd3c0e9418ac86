"""The calls behind a figure are those that reading every record gives: the same rows, in the same order, whatever they are narrowed to."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tollbook.web import traffic_calls
from tollbook.web.cube import Selection
from tollbook.web.traffic_rows import TrafficRows

from . import seed

COUNT = 180
# Answered, ringing, refused by cause, refused by code, nothing known.
ENDS: list[dict[str, Any]] = [
    {"answered": True, "q850": 16, "sip_code": 200},
    {"alerted": True, "q850": 102, "sip_code": 408},
    {"q850": 17},
    {"sip_code": 503},
    {"q850": None, "sip_code": None},
]
CALLED = ["639171234567", "6312", "63", "4479000", None]


def _record(number: int, file_id: str) -> dict[str, Any]:
    record = seed._record("boreal", "OURS", bytes([number]) * 16, file_id, 10)
    end = ENDS[number % len(ENDS)]
    # Some are taken after midnight, some begin the day before; no two begin at once.
    seized = dt.datetime(2026, 11, 20, 22, tzinfo=dt.UTC) + dt.timedelta(minutes=10 * number)
    record |= {"setup_at": seized if number % 7 else None, "alert_at": seized + dt.timedelta(seconds=1) if end.get("alerted") else None}
    record |= {"answer_at": seized + dt.timedelta(minutes=5) if end.get("answered") else None, "release_at": seized}
    record |= {"leg": "IN" if number % 3 == 0 else "OUT", "leg_no": 1 + number % 2, "partner": f"p{number % 4}", "trunk": f"T{number % 5}"}
    return record | {"q850": end.get("q850"), "sip_code": end.get("sip_code"), "b_e164": CALLED[number % len(CALLED)], "b_raw": "063"}


@pytest.fixture
def many(full_book: Path) -> Path:
    """The book with four more segments of two sources, and prices of every second record in a current run."""
    from tollbook.core import cdr
    from tollbook.store import manifest
    from tollbook.store.models import Batch

    batches = list(Batch.objects.filter(source="boreal"))
    records = [_record(number, batches[0].file_id) for number in range(COUNT)]
    for part in range(2):
        rows = [record for number, record in enumerate(records) if number % 2 == part]
        manifest.add_segments(seed.segment(full_book, "cdr", "OURS", rows, f"part {part}"), batch=batches[0])
    for leg in ("OUT", "IN"):
        made = seed.run("rating", f"p0/{leg}/2026-11")
        charges = [
            seed.row(
                cdr.CHARGE,
                cdr_id=record["cdr_id"],
                leg=leg,
                leg_no=record["leg_no"],
                anchor_at=record["answer_at"] or record["release_at"],
                destination="Cuba" if number % 4 else "Peru",
            )
            for number, record in enumerate(records)
            if number % 2 and record["leg"] == leg
        ]
        manifest.add_segments(seed.segment(full_book, "charge", "OURS", charges, made.run_key), run=made)
    return full_book


NARROWED: list[tuple[tuple[str, str], ...]] = [
    (),
    (("trunk", "T3"),),
    (("partner", "p2"), ("trunk", "T2")),
    (("cause", "BUSY"),),
    (("cause", "NO_ANSWER"), ("hour", "3")),
    (("hour", "23"),),
    (("hour", "03"),),
    (("country", "63"),),
    (("country", "4"),),
    (("source", "boreal"),),
    (("source", "nobody"),),
    (("destination", "Peru"),),
    (("destination", "Cuba"), ("country", "44")),
    (("destination", "Nowhere"),),
]


@pytest.mark.parametrize("narrowed", NARROWED)
@pytest.mark.parametrize(("leg", "descending"), [("OUT", True), ("IN", False)])
def test_rows_are_those_of_reading_everything(many: Path, narrowed: Any, leg: str, descending: bool) -> None:
    selection = Selection(dt.date(2026, 11, 21), dt.date(2026, 11, 21), leg, narrowed)
    rows, _ = traffic_calls.within_reach(selection)
    columns, sort = traffic_calls.TrafficCalls.columns, ("at", descending)
    every = traffic_calls.others(selection, rows)
    for filters in ({}, {"cause": "ANSWER"}):
        wanted = list(every.all(columns, filters, sort, 1_000))
        found = TrafficRows(selection, rows, lambda: every)
        names = ("call", "leg", *(column.name for column in columns))
        kept = [tuple(row[name] for name in names) for row in found.all(columns, filters, sort, 1_000)]
        assert kept == [tuple(row[name] for name in names) for row in wanted]
        page, total = found.page(columns, filters, sort, 5, 7)
        assert total == len(wanted)
        assert [row["call"] for row in page] == [row["call"] for row in wanted[5:12]]
    assert narrowed != () or len(wanted) > 3


def test_another_order_reads_everything(many: Path) -> None:
    selection = Selection(dt.date(2026, 11, 21), dt.date(2026, 11, 21))
    rows, _ = traffic_calls.within_reach(selection)
    found = TrafficRows(selection, rows, lambda: traffic_calls.others(selection, rows))
    page, total = found.page(traffic_calls.TrafficCalls.columns, {}, ("trunk", True), 0, 50)
    assert [row["trunk"] for row in page] == sorted((row["trunk"] for row in page), reverse=True)
    assert total > 50
