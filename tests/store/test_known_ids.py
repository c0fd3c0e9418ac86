"""Known ids: new, exact repeat or conflict, whatever the order and the split; compared with a dictionary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.store import known_ids, raw_records
from tollbook.store.known_ids import CONFLICT, NEW, REPEAT, Ids

# Few ids and few contents, so that repeats and conflicts are common; the first byte alone differs, the last alone differs.
RECORDS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2)), max_size=30)


def _bytes(number: int) -> bytes:
    return bytes([number]) + bytes(14) + bytes([255 - number]) if number % 2 else bytes(15) + bytes([number])


def _ids(records: list[tuple[int, int]]) -> Ids:
    tables = [np.frombuffer(b"".join(_bytes(each[place]) for each in records), dtype=np.uint8).reshape(-1, 16) for place in (0, 1)]
    return known_ids.ids_of(*tables)


def _oracle(records: list[tuple[int, int]], known: dict[int, int]) -> list[int]:
    verdicts = []
    for record, content in records:
        if record not in known:
            known[record] = content
            verdicts.append(NEW)
        else:
            verdicts.append(REPEAT if known[record] == content else CONFLICT)
    return verdicts


@given(RECORDS, RECORDS, RECORDS)
def test_classification_is_that_of_a_dictionary(
    first: list[tuple[int, int]], second: list[tuple[int, int]], third: list[tuple[int, int]]
) -> None:
    seen: dict[int, int] = {}
    known: list[Ids] = []
    for records in (first, second, third):
        ids = _ids(records)
        verdict = known_ids.classify(ids, known)
        assert verdict.tolist() == _oracle(records, seen)
        known.append(ids.take(np.flatnonzero(verdict == NEW)).sort())
    merged = known_ids.merge(known)
    assert len(merged) == len(seen)
    assert known_ids.classify(_ids(third), [merged]).tolist() == _oracle(third, dict(seen))


def test_two_ids_that_share_their_first_half_are_two() -> None:
    high = np.array([5, 5, 5, 6], dtype=np.uint64)
    low = np.array([1, 2, 9, 0], dtype=np.uint64)
    same = np.array([7, 7, 7, 7], dtype=np.uint64)
    known = Ids(high, low, same, same)
    wanted = Ids(np.array([5, 5, 6], dtype=np.uint64), np.array([9, 3, 1], dtype=np.uint64), same[:3], same[:3])
    assert known_ids.classify(wanted, [known]).tolist() == [REPEAT, NEW, NEW]


def test_files_come_back_as_they_were_written(tmp_path: Path) -> None:
    ids = _ids([(number, number % 3) for number in range(8)]).sort()
    stored = known_ids.write(tmp_path, "a source / with a name", "2026-11-22", ids)
    assert known_ids.same(known_ids.load(stored.path), ids)
    assert known_ids.write(tmp_path, "a source / with a name", "2026-11-22", ids).is_new is False
    assert known_ids.same(known_ids.load(known_ids.write(tmp_path, "a", "undated", known_ids.merge([])).path), known_ids.merge([]))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    stored = known_ids.write(tmp_path, "a", "2026-11-22", _ids([(1, 1)]))
    stored.path.write_bytes(stored.path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="no file of known ids"):
        known_ids.load(stored.path)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-22 01:25:44|2026-11-22 01:25:46", "2026-11-22"),
        ("2026/11/22 01:25", "2026-11-22"),
        ("22.11.2026 01:25", "22-11-2026"),
        ("1795310740.410502", "2026-11-22"),
        ("1795310740410", "2026-11-22"),
        ("20261122012544", "2026-11-22"),
        ("", "undated"),
        ("soon", "undated"),
    ],
)
def test_the_day_is_that_of_the_raw_text(text: str, day: str) -> None:
    assert known_ids.raw_days(pa.array([text, "2026-01-01", None])).to_pylist() == [day, "2026-01-01", "undated"]


def test_an_id_is_looked_up_around_its_day() -> None:
    present = ["2026-10-01", "2026-11-20", "2026-12-30", "2027-01-02", "undated", "22-11-2026"]
    assert known_ids.days_around("2026-11-22", present) == ["2026-11-20", "2026-12-30", "undated", "22-11-2026"]
    assert known_ids.days_around("undated", present) == present


def test_raw_records_are_hashed_where_they_lie(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "a.csv"
    path.write_bytes(b"id\n1,a\r\n22,\xff\n")
    with raw_records.mapped(path) as content:
        digests = raw_records.raw_digests(content, np.array([3, 8]), np.array([3, 4]))
        assert [bytes(row) for row in digests] == [hashlib.sha256(each).digest()[:16] for each in (b"1,a", b"22,\xff")]
        assert raw_records.raw_text(content, 8, 4) == "22,\\xff"
    (tmp_path / "empty").write_bytes(b"")
    with raw_records.mapped(tmp_path / "empty") as content:
        assert raw_records.raw_digests(content, np.array([], dtype=np.int64), np.array([], dtype=np.int64)).shape == (0, 16)
