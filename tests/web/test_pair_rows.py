"""The calls behind a difference: the heaviest first, by each way down, each row with its day, trunk and class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tollbook.flow import pairs
from tollbook.web.pair_rows import micros
from tollbook.web.reconciliation import pair_rows

from . import seed

SCOPE = "aurora/OUT/2026-11"
ADDRESS = f"/reconciliation/{SCOPE}/calls/"


@pytest.fixture
def run(full_book: Path) -> Any:
    """The comparison of the book with more differences: one pair of three causes, and a record of theirs alone."""
    from tollbook.core import cdr
    from tollbook.store import manifest
    from tollbook.store.models import Head, Segment

    made = Head.objects.get(stage="reconciliation", scope=SCOPE).run
    theirs = [
        {
            "our_cdr_id": None,
            "their_cdr_id": seed.THEIR_ID,
            "leg": "OUT",
            "cause": "MISSING_OURS",
            "exact_60th_nanos": -60_000,
            "minutes_ms": 5,
        }
    ]
    pair = {"our_cdr_id": seed.FIRST_ID, "their_cdr_id": seed.THEIR_ID, "leg": "OUT"}
    causes = [
        {**pair, "cause": cause, "exact_60th_nanos": value, "minutes_ms": 0}
        for cause, value in (("DURATION", 120_000), ("ROUNDING", 30_000))
    ]
    rows = [seed.row(cdr.VARIANCE, **{"currency": "USD", "destination": None, **each}) for each in (*theirs, *causes)]
    manifest.add_segments(seed.segment(full_book, "variance", "", rows, made.run_key), run=made)
    match = {**seed.row(cdr.MATCH, leg="OUT"), "our_cdr_id": seed.FIRST_ID, "their_cdr_id": seed.THEIR_ID, "class": "RATE_VARIANCE"}
    manifest.add_segments(seed.segment(full_book, "match", "", [match], made.run_key), run=made)
    made.inputs = list(Segment.objects.filter(kind="cdr").values_list("digest", flat=True))
    made.parameters = {"leg": "OUT"}
    return made


def causes(found: Any, **filters: str) -> list[str]:
    rows, total = found.page((), filters, ("amount_micros", True), 0, 50)
    assert total == len(rows)
    return [row["cause"] for row in rows]


def test_rows_stand_in_the_order_of_their_weight_with_their_place(run: Any) -> None:
    found = pair_rows(run)
    assert causes(found) == ["RATE", "DURATION", "ROUNDING", "MISSING_OURS"]
    assert causes(found, cause="ROUNDING") == ["ROUNDING"]
    assert causes(found, day="2026-11-21") == ["RATE", "DURATION", "ROUNDING", "MISSING_OURS"]
    assert causes(found, day="2026-11-22") == []
    assert causes(found, trunk="theirs: B-IC01") == ["MISSING_OURS"]
    assert causes(found, trunk="B-IC01", destination="no destination") == ["DURATION", "ROUNDING"]
    assert causes(pair_rows(run, "RATE_VARIANCE")) == ["RATE", "DURATION", "ROUNDING"]
    # 30,000 / 60 = 500 nanos are half a micro-unit, which goes to the even one.
    assert [row["amount_micros"] for row in found.all((), {}, None, 50)] == [20_000, 2, 0, -1]


@pytest.mark.parametrize("sort", [("amount_micros", True), ("amount_micros", False), None])
def test_going_on_behind_a_row(run: Any, sort: Any) -> None:
    found = pair_rows(run)
    rows = list(found.all((), {}, sort, 50))
    names = [*(["amount_micros"] if sort else []), *found.tie]
    for number, row in enumerate(rows):
        assert found.after((), {}, sort, [row[name] for name in names], 2) == rows[number + 1 : number + 3]
    assert [value for batch in found.batches((), {}, sort, 3) for value in batch.column("cause").to_pylist()] == [
        row["cause"] for row in rows
    ]


def test_missing_files_are_made_again(run: Any, full_book: Path) -> None:
    before = causes(pair_rows(run))
    files = list((full_book / pairs.FOLDER).iterdir())
    assert len(files) == 2
    files[0].unlink()
    assert causes(pair_rows(run)) == before


def test_every_way_down_of_the_waterfall_leads_to_calls(run: Any, log_in: Callable[[str], Any]) -> None:
    client = log_in("billing")
    for way in ("destination", "day", "trunk"):
        page = client.get(f"/reconciliation/{SCOPE}/?by={way}").content.decode()
        assert f"calls/?t-{way}=" in page
    assert client.get(f"{ADDRESS}?t-sort=destination&t-page=9").status_code == 200


def test_more_rows_need_no_more_queries(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """The pages over segments ask the database as often for fifty rows as for five, and stay small."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tollbook.core import cdr
    from tollbook.store import manifest
    from tollbook.store.models import Batch, Head

    client = log_in("owner")
    batch, head = Batch.objects.get(source="boreal"), Head.objects.get(stage="reconciliation", scope=SCOPE)

    def add(first: int, count: int) -> None:
        ids = [bytes([first + number]) * 16 for number in range(count)]
        calls = [seed._record("boreal", "OURS", each, batch.file_id, 10) for each in ids]
        manifest.add_segments(seed.segment(full_book, "cdr", "OURS", calls, f"calls {first}"), batch=batch)
        values = {"leg": "OUT", "cause": "RATE", "currency": "USD", "exact_60th_nanos": 60_000}
        rows = [seed.row(cdr.VARIANCE, our_cdr_id=each, **values) for each in ids]
        manifest.add_segments(seed.segment(full_book, "variance", "", rows, f"rows {first}"), run=head.run)
        for path in (full_book / pairs.FOLDER).glob("*"):
            path.unlink()

    def counted() -> dict[str, int]:
        found = {}
        for address in ("/calls/", "/calls/?number=6391", ADDRESS):
            client.get(address)
            with CaptureQueriesContext(connection) as captured:
                response = client.get(address, headers={"accept-encoding": "gzip"})
            assert len(response.content) < 200_000
            found[address] = len(captured)
        return found

    add(1, 3)
    before = counted()
    add(10, 45)
    assert counted() == before


def test_an_exact_sum_for_the_eye_is_rounded_once_and_to_even() -> None:
    # 60,000 sixtieths of 10^-9 are one micro-unit.
    assert [micros(exact) for exact in (60_000, 29_999, 30_000, 90_000, -30_000, -90_000)] == [1, 0, 0, 2, 0, -2]
