"""Annexes sorted by their lines say what the sealed ones say, and what pages derive is named and removed where it does not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from tollbook.core.cdr import KPI
from tollbook.core.tables import KINDS
from tollbook.flow import annexes, check_indexes, kpi_sums, pairs
from tollbook.flow.book import Book, init_book
from tollbook.store import column_file, files, manifest
from tollbook.store.models import Run
from tollbook.store.segments import SegmentWriter

HEAD = "line,cdr_id,setup_at,answer_at,a_number,b_number,code,duration_ms,billed_s,rate_per_minute,exact_60th_nanos,amount,currency\n"
CALLS = [
    "2,bb,2026-11-21T10:00:00.250Z,,49301**,639171,639,61000,120,0.145000000,17400000000,0.290000,USD",
    "1,cc,2026-11-21T09:00:00.000Z,2026-11-21T09:00:02.000Z,49301**,639172,639,7000,60,0.145000000,8700000000,0.145000,USD",
    "1,aa,2026-11-21T08:00:00.000Z,2026-11-21T08:00:01.000Z,49301**,639173,639,7000,60,1.000000001,9007199254740993,12345.678901,USD",
]


@pytest.fixture
def sealed(database: str, tmp_path: Path) -> tuple[Book, str]:
    book = init_book(tmp_path / "book")
    stored = files.put(book.folder, io.BytesIO((HEAD + "\n".join(CALLS) + "\n").encode()), "annex.csv")
    manifest.add_sealed_file(stored, name="N-1-calls.csv", kind="ANNEX", received_at=0, received_by="test")
    return book, stored.digest


def _read(relation: str) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(f'SELECT line, cdr_id, "at", * FROM {relation}').fetchall()


def test_calls_are_sorted_by_line_and_exact(sealed: tuple[Book, str]) -> None:
    book, digest = sealed
    found = _read(annexes.relation(book, digest))
    assert [row[:2] for row in found] == [(1, "aa"), (1, "cc"), (2, "bb")]
    assert 9_007_199_254_740_993 in found[0]
    assert 1_000_000_001 in found[0]
    assert 12_345_678_901 in found[0]
    assert found[2][2] == 1_795_255_200_250  # without an answer the call stands at its set-up
    assert annexes.path_of(book, digest).is_file()


def test_a_book_that_cannot_be_written_is_read(sealed: tuple[Book, str], monkeypatch: pytest.MonkeyPatch) -> None:
    book, digest = sealed

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(column_file, "place", full)
    relation = annexes.relation(book, digest)
    assert "read_csv" in relation
    assert len(_read(relation)) == 3
    assert not list((book.folder / files.SPOOL_FOLDER).glob("*.parquet"))


def test_what_is_missing_is_made_before_somebody_asks(sealed: tuple[Book, str]) -> None:
    book, _ = sealed
    assert annexes.build_missing(book) == 1
    assert annexes.build_missing(book) == 0
    assert list(annexes.wrong(book)) == []


def test_what_is_derived_and_wrong_is_named_and_removed(sealed: tuple[Book, str]) -> None:
    book, digest = sealed
    annexes.build(book, digest)
    good = annexes.path_of(book, digest)
    other = HEAD + CALLS[0] + "\n"
    stored = files.put(book.folder, io.BytesIO(other.encode()), "annex.csv")
    manifest.add_sealed_file(stored, name="N-2-calls.csv", kind="ANNEX", received_at=0, received_by="test")
    false = annexes.path_of(book, stored.digest)
    false.write_bytes(good.read_bytes())
    torn = good.with_name("0" * 64 + "-1.parquet")
    torn.write_bytes(b"")
    cube = _cube(book)
    folding = kpi_sums.path_of(book.folder, cube, "hours")
    whole = folding.read_bytes()
    folding.write_bytes(whole[:-16] + bytes(16))
    old = folding.with_name(f"{cube}-0.hours")
    old.write_bytes(whole)
    stray = book.folder / pairs.FOLDER / f"{'1' * 64}-{pairs.VERSION}.keys"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"")
    wrong = {false, torn, folding, old, stray}
    found = list(check_indexes.broken(book))
    assert {book.folder / str(each.place.file) for each in found} == wrong
    assert {each.code for each in found} == {"CHECK_INDEX"}
    assert check_indexes.repair(book) == len(wrong)
    assert not any(path.exists() for path in wrong)
    assert good.is_file()
    assert list(check_indexes.broken(book)) == []


def _cube(book: Book) -> str:
    """A published cube of one row with its foldings; its digest."""
    row: dict[str, Any] = {field.name: 1 if pa.types.is_integer(field.type) else "IN" for field in KPI} | {"hour": 1_795_219_200_000}
    table = pa.table({field.name: pa.array([row[field.name]]).cast(field.type) for field in KPI}, schema=KPI)
    writer = SegmentWriter(book.folder, KINDS["kpi"], "OURS", "maker")
    writer.write(table)
    (segment,) = writer.finish()
    known: dict[str, Any] = {"inputs": [], "parameters": {}, "results": {}, "summary": {}, "package_version": "0"}
    times = dict.fromkeys(("known_at", "started_at", "finished_at"), 0)
    run = Run.objects.create(run_key="2" * 64, stage="kpi", scope="day", semantics_version=1, result_digest="3" * 64, **known, **times)
    manifest.add_segments([segment], run=run)
    kpi_sums.build(book.folder, segment.digest, segment.path)
    return segment.digest
