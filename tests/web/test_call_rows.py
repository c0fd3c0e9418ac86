"""Lists of calls give the rows, order, pages and counts that reading every record would give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tollbook.web.call_rows import CallRows, Search
from tollbook.web.calls import Calls

from . import seed

COUNT = 120


@pytest.fixture
def many(full_book: Path) -> Path:
    """The book with three more segments whose times overlap; every tenth call begins with the one before."""
    import datetime as dt

    from tollbook.store import manifest
    from tollbook.store.models import Batch

    batch = Batch.objects.get(source="boreal")
    at = dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC)
    for part in range(3):
        records = []
        for number in range(part, COUNT, 3):
            record = seed._record("boreal", "OURS", bytes([number]) * 16, batch.file_id, 10)
            moment = at + dt.timedelta(seconds=number - (number % 10 == 0))
            record |= {"answer_at": moment, "setup_at": moment, "leg": "IN" if number % 4 else "OUT", "partner": f"p{number % 5}"}
            record |= {"b_e164": f"6391{number:08d}", "call_id": f"call-{number}@host", "icid": f"icid-{number}"}
            records.append(record)
        manifest.add_segments(seed.segment(full_book, "cdr", "OURS", records, f"part {part}"), batch=batch)
    return full_book


def every(book: Path) -> list[dict[str, Any]]:
    """All records, newest first, read from the segments themselves."""
    from tollbook.store.models import Segment

    found = []
    for path in Segment.objects.filter(kind="cdr").values_list("path", flat=True):
        found += pq.read_table(book / path).to_pylist()
    return sorted(found, key=lambda row: (-row["answer_at"].timestamp(), row["cdr_id"].hex(), row["leg"], row["leg_no"]))


def of(search: Search) -> CallRows:
    from tollbook.store.models import Segment

    return CallRows(search, Segment.objects.filter(kind="cdr"))


SEARCHES: list[tuple[Search, dict[str, str], Any]] = [
    (Search(), {}, lambda row: True),
    (Search(number="6391"), {}, lambda row: row["b_e164"].startswith("6391") or row["b_e164"].endswith("6391")),
    (Search(number="00000007"), {}, lambda row: row["b_e164"].endswith("00000007")),
    (Search(number="639100000042"), {}, lambda row: row["b_e164"] == "639100000042"),
    (Search(number="639100000999"), {}, lambda row: False),
    (Search(call_id="call-7@host"), {}, lambda row: row["call_id"] == "call-7@host"),
    (Search(icid="icid-8", partner="p3"), {}, lambda row: row["icid"] == "icid-8" and row["partner"] == "p3"),
    (Search(icid="icid-8", partner="p2"), {}, lambda row: False),
    (Search(partner="p1"), {"leg": "OUT"}, lambda row: row["partner"] == "p1" and row["leg"] == "OUT"),
    (Search(), {"side": "THEIRS"}, lambda row: row["side"] == "THEIRS"),
]


@pytest.mark.parametrize(("search", "filters", "is_meant"), SEARCHES)
@pytest.mark.parametrize("descending", [True, False])
def test_pages_are_those_of_reading_everything(many: Path, search: Search, filters: Any, is_meant: Any, descending: bool) -> None:
    wanted = [row["cdr_id"].hex() for row in every(many) if is_meant(row)]
    sort = ("at", descending)
    pages, total = [], 0
    for offset in range(0, 130, 13):
        found, total = of(search).page(Calls.columns, filters, sort, offset, 13)
        pages += [row["call"] for row in found]
    if descending:
        assert pages == wanted
    assert sorted(pages) == sorted(wanted)
    assert total == len(wanted)
    assert [row["call"] for row in of(search).all(Calls.columns, filters, sort, 1_000)] == pages
    assert [row for batch in of(search).batches(Calls.columns, filters, sort, 50) for row in batch.column("call").to_pylist()] == pages


@pytest.mark.parametrize("descending", [True, False])
def test_going_on_behind_a_row_leaves_none_out_and_repeats_none(many: Path, descending: bool) -> None:
    sort, found, place = ("at", descending), [], None
    while rows := of(Search()).after(Calls.columns, {}, sort, place, 7):
        found += [row["call"] for row in rows]
        place = [rows[-1][name] for name in ("at", "call", "leg", "leg_no")]
    assert found == [row["call"] for row in of(Search()).all(Calls.columns, {}, sort, 1_000)]
    assert len(set(found)) == COUNT + 2


def test_a_place_without_its_time_is_looked_up(many: Path) -> None:
    rows = of(Search()).after(Calls.columns, {}, None, None, 9)
    place = [rows[4][name] for name in ("call", "leg", "leg_no")]
    assert of(Search()).after(Calls.columns, {}, None, place, 4) == rows[5:]
