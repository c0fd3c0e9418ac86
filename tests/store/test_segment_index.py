"""Indexes of segments find what is in the segment and nothing else, and are the same when they are made again."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tollbook.core.cdr import CDR
from tollbook.core.tables import KINDS
from tollbook.engine import segment_keys
from tollbook.engine.database import open_database
from tollbook.engine.segment_keys import id_bounds, number_bounds, text_bounds
from tollbook.store import column_file, segment_index
from tollbook.store.segment_lookup import SegmentFileAt, rows_by_id
from tollbook.store.segments import SegmentWriter

AT = dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC)
# Nothing in front of a number, nothing but digits, more than fifteen of them, no number at all.
NUMBERS = ["639171234567", "+63 917 765", "0", "12345678901234567", None, "anonymous", "639171234568"]


def identity(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()[:16]


def rows(count: int) -> pa.Table:
    """CDRs whose numbers, Call-IDs and legs follow from their number."""
    empty: dict[str, Any] = {field.name: "" if not field.nullable else None for field in CDR}
    empty |= {field.name: 0 for field in CDR if not field.nullable and pa.types.is_integer(field.type)}
    found = []
    for number in range(count):
        call = {
            "cdr_id": identity(number),
            "leg": "IN" if number % 3 else "OUT",
            "side": "OURS",
            "source": "switch",
            "partner": f"p{number % 2}",
        }
        times = {"answer_at": AT + dt.timedelta(milliseconds=number), "duration_ms": number}
        numbers = {"a_raw": "4930111", "b_raw": NUMBERS[number % len(NUMBERS)], "b_e164": "4477" if number == 3 else None}
        found.append({**empty, **call, **times, **numbers, "call_id": f"call-{number}@host" if number % 5 else None})
    return pa.Table.from_pylist(found, schema=CDR)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, SegmentFileAt, pa.Table]:
    """A segment of 2,500 rows that came in pieces of other lengths than those of the index."""
    table = rows(2_500)
    writer = SegmentWriter(tmp_path, KINDS["cdr"], "OURS", "maker")
    for start, end in ((0, 700), (700, 701), (701, 2_500)):
        writer.write(table.slice(start, end - start))
    (segment,) = writer.finish()
    return tmp_path, SegmentFileAt(segment.digest, tmp_path / segment.path), table


def index_of(written: tuple[Path, SegmentFileAt, pa.Table]) -> segment_index.SegmentIndex:
    book, at, _ = written
    return segment_index.load(book, at.digest, at.path, "cdr")


@pytest.mark.parametrize("digits", ["639", "6391712345", "639171234567", "4567", "1234567890123", "0", "4477", "99", "493", "111"])
def test_numbers_are_found_by_their_beginning_and_their_end(written: Any, digits: str) -> None:
    table = written[2]
    shown = segment_index.shown(table)
    wanted = set()
    known = digits[: segment_keys.DIGITS]
    last = digits[-segment_keys.DIGITS :]
    for row, pair in enumerate(zip(shown.column("a").to_pylist(), shown.column("b").to_pylist(), strict=True)):
        for text in pair:
            only = "".join(each for each in text or "" if each.isdigit())
            if only.startswith(known) or only.endswith(last):
                wanted.add(row)
    index = index_of(written)
    found = [index.rows_within("beginning", number_bounds(digits)), index.rows_within("end", number_bounds(digits[::-1]))]
    assert set(np.concatenate(found).tolist()) == wanted


def test_call_ids_and_ids_are_found_alone(written: Any) -> None:
    index = index_of(written)
    for number in (1, 1_023, 1_024, 2_499):
        assert index.rows_within("call_id", text_bounds(f"call-{number}@host")).tolist() == [number]
        assert index.rows_within("cdr_id", id_bounds(identity(number), identity(number))).tolist() == [number]
    assert index.rows_within("call_id", text_bounds("call-5@host")).tolist() == []
    assert index.rows_within("icid", text_bounds("call-1@host")).tolist() == []


def test_rows_are_shown_as_they_were_written(written: Any) -> None:
    places = np.array([2_499, 0, 1_024, 701])
    assert index_of(written).show(places) == [segment_index.shown(written[2]).slice(place, 1).to_pylist()[0] for place in places.tolist()]


def test_an_index_is_the_same_when_it_is_made_again(written: Any) -> None:
    book, at, _ = written
    paths = [segment_index.path_of(book, at.digest, suffix) for suffix in (".keys", ".rows")]
    before = [path.read_bytes() for path in paths]
    assert segment_index.is_whole(book, at.digest, at.path, "cdr")
    for path in paths:
        path.unlink()
    assert not segment_index.is_whole(book, at.digest, at.path, "cdr")
    segment_index.build(book, at.digest, at.path, "cdr")
    assert [path.read_bytes() for path in paths] == before
    assert not list((book / "spool").iterdir())


def test_a_torn_index_is_made_again_by_whoever_reads_it(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path, KINDS["cdr"], "OURS", "torn")
    writer.write(rows(10))
    (segment,) = writer.finish()
    path = segment_index.path_of(tmp_path, segment.digest, ".keys")
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(ValueError, match="not whole"):
        column_file.read(path)
    assert segment_index.load(tmp_path, segment.digest, tmp_path / segment.path, "cdr").rows == 10
    assert path.read_bytes() == whole


def test_whole_rows_are_read_by_their_id(written: Any) -> None:
    book, at, table = written
    connection = open_database()
    try:
        (found,) = rows_by_id(connection, book, "cdr", [at], identity(1_500))
        assert found == table.slice(1_500, 1).to_pylist()[0]
        assert rows_by_id(connection, book, "cdr", [at], identity(9_999)) == []
        low, high = (identity(7)[:4] + each * 12 for each in (b"\x00", b"\xff"))
        assert [row["duration_ms"] for row in rows_by_id(connection, book, "cdr", [at], low, high)] == [7]
    finally:
        connection.close()
