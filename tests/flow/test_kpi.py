"""Key figures in a book: made with the records, made again by the day, checked against the records."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Role
from tollbook.flow import clock, kpi
from tollbook.flow.book import Book
from tollbook.flow.check import check_book
from tollbook.flow.rating import rate_period

from .small_book import DATA, OWNER, PERIOD, cdrs, lines, terms, write

TENTH, ELEVENTH = dt.date(2026, 11, 10), dt.date(2026, 11, 11)


def sums(book: Book, name: str = "seizures") -> dict[str, int]:
    from tollbook.store.models import Segment

    found: dict[str, int] = {}
    for segment in Segment.objects.filter(kind="kpi", run__heads__isnull=False).order_by("day"):
        rows = pq.read_table(book.path(segment.path))
        found[str(segment.day)] = found.get(str(segment.day), 0) + sum(rows.column(name).to_pylist())
    return found


def test_days_are_summed_and_hours_are_those_of_the_seizure(book: Book) -> None:
    terms(book)
    cdrs(book, DATA / "ours.csv")
    runs = kpi.refresh(book, actor=OWNER)
    assert [run.scope for run in runs] == ["2026-11-10", "2026-11-11", "2026-11-12"]
    assert sums(book) == {"2026-11-10": 3, "2026-11-11": 3, "2026-11-12": 1}
    assert sums(book, "answers") == {"2026-11-10": 3, "2026-11-11": 2, "2026-11-12": 1}
    assert sums(book, "amount_micros") == {"2026-11-10": 0, "2026-11-11": 0, "2026-11-12": 0}


def test_rating_makes_them_again_with_its_money_and_nothing_else_does(book: Book) -> None:
    terms(book)
    cdrs(book, DATA / "ours.csv")
    first = kpi.refresh(book, actor=OWNER)
    rate_period(book, PERIOD, actor=OWNER)
    second = kpi.refresh(book, actor=OWNER)
    assert {run.run_key for run in first}.isdisjoint(run.run_key for run in second)
    # 61 s and 30 s of 1/1 at 0.12: 0.122 and 0.06; 100 s of 60/60 at 0.06: 0.12.
    assert sums(book, "amount_micros")["2026-11-10"] == 302_000
    again = kpi.refresh(book, actor=OWNER, first=TENTH, last=ELEVENTH)
    assert all(run.is_reused for run in again)
    assert [run.run_key for run in again] == [run.run_key for run in second][:2]


def test_a_late_file_makes_its_own_day_again(book: Book, tmp_path: Path) -> None:
    terms(book)
    with clock.pinned(1_795_000_000_000):
        cdrs(book, DATA / "ours.csv")
    with clock.pinned(1_795_000_001_000):
        before = {run.scope: run.run_key for run in kpi.refresh(book, actor=OWNER)}
        assert kpi.refresh(book, actor=OWNER) == []
    header, records = lines("ours.csv")
    late = write(tmp_path / "late.csv", header, [records[5].replace("c6@", "c9@")])
    with clock.pinned(1_795_000_002_000):
        cdrs(book, late)
        after = {run.scope: run.run_key for run in kpi.refresh(book, actor=OWNER)}
    assert list(after) == ["2026-11-11"]
    assert after["2026-11-11"] != before["2026-11-11"]
    assert sums(book)["2026-11-11"] == 4


def test_records_in_several_files_are_the_same_sums(book: Book, tmp_path: Path) -> None:
    header, records = lines("ours.csv")
    terms(book)
    for number, part in enumerate((records[4:], records[:4])):
        cdrs(book, write(tmp_path / f"part{number}.csv", header, part))
    kpi.refresh(book, actor=OWNER)
    assert sums(book) == {"2026-11-10": 3, "2026-11-11": 3, "2026-11-12": 1}
    assert sums(book, "conversation_ms")["2026-11-10"] == 191_000


def test_check_sums_them_again(book: Book) -> None:
    from tollbook.store.models import Run

    terms(book)
    cdrs(book, DATA / "ours.csv")
    runs = kpi.refresh(book, actor=OWNER)
    assert list(kpi.check(book)) == []
    assert check_book(book, actor=OWNER).is_whole
    # The sums of another day under this day's name: their own digest holds, the records say otherwise.
    other = Run.objects.get(run_key=runs[0].run_key).segments.get()
    path = book.path(runs[1].paths("kpi")[0].relative_to(book.folder).as_posix())
    path.write_bytes(book.path(other.path).read_bytes())
    assert [found.value for found in kpi.check(book)] == ["2026-11-11"]


def test_who_brings_records_may_sum_them(book: Book) -> None:
    terms(book)
    cdrs(book, DATA / "ours.csv", actor=Actor("nora", Role.NOC))
    assert len(kpi.refresh(book, actor=Actor("nora", Role.NOC))) == 3
    with pytest.raises(Refusal):
        kpi.refresh(book, actor=Actor("carl", Role.CFO))
