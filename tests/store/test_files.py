"""Content-addressed files: the same bytes are one file, nothing half-written ever has a name."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path

import pytest

from tollbook.core.problem import Refusal
from tollbook.store import files


def test_a_file_is_named_by_its_bytes(tmp_path: Path) -> None:
    stored = files.put(tmp_path, io.BytesIO(b"a,b\n1,2\n"), "October (final).CSV")
    assert stored.digest == hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    assert stored.path == tmp_path / "sealed" / stored.digest[:2] / f"{stored.digest}.csv"
    assert stored.path.read_bytes() == b"a,b\n1,2\n"
    assert (stored.size, stored.is_new) == (8, True)
    assert files.get(tmp_path, stored.digest) == stored.path
    assert files.verify(stored.path, stored.digest)


def test_the_same_bytes_under_another_name_are_one_file(tmp_path: Path) -> None:
    first = files.put(tmp_path, io.BytesIO(b"same"), "a.csv")
    again = files.put(tmp_path, io.BytesIO(b"same"), "b.txt")
    assert again.path == first.path
    assert not again.is_new
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [first.path]


def test_nothing_is_left_of_a_file_beyond_the_limit(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        files.put(tmp_path, io.BytesIO(b"x" * 100), "a.csv", limit_bytes=99)
    assert [each.code for each in refusal.value.problems] == ["FILE_TOO_LARGE"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_changed_byte_is_seen(tmp_path: Path) -> None:
    stored = files.put(tmp_path, io.BytesIO(b"evidence"), "a.csv")
    stored.path.write_bytes(b"evidenze")
    assert not files.verify(stored.path, stored.digest)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("cdr.csv", ".csv"),
        ("CDR.CSV.GZ", ".csv.gz"),
        ("v1.2.xlsx", ".xlsx"),
        ("no suffix", ""),
        ("evil.csv/../../x", ""),
        (".hidden", ".hidden"),
        ("a.b c", ""),
        ("labny.zi", ".zi"),
        ("x." + "a" * 30, ""),
    ],
)
def test_suffixes_are_plain_or_absent(name: str, suffix: str) -> None:
    assert files.suffix_of(name) == suffix


@pytest.mark.parametrize(("path", "code"), [("absent.csv", "FILE_MISSING"), (".", "FILE_UNREADABLE")])
def test_a_file_that_cannot_be_read_is_a_coded_refusal(tmp_path: Path, path: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        files.put_file(tmp_path, tmp_path / path)
    assert refusal.value.problems[0].code == code


def test_packed_files_unpack_into_the_spool_folder_and_leave_it_clean(tmp_path: Path) -> None:
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(b"id\n" + b"1\n" * 1000, mtime=0))
    with files.unpacked(tmp_path, packed) as plain:
        assert plain.read_bytes() == b"id\n" + b"1\n" * 1000
        assert plain.suffix == ".csv"
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (gzip.compress(bytes(5_000_000), mtime=0), "FILE_COMPRESSION_RATIO"),
        (gzip.compress(b"whole", mtime=0)[:-6], "FILE_UNREADABLE"),
        (b"no gzip at all", "FILE_UNREADABLE"),
    ],
    ids=["bomb", "truncated", "other"],
)
def test_bad_packed_files_are_refused(tmp_path: Path, content: bytes, code: str) -> None:
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(content)
    with pytest.raises(Refusal) as refusal, files.unpacked(tmp_path, packed):
        pass
    assert refusal.value.problems[0].code == code
    assert list((tmp_path / "spool").iterdir()) == []
