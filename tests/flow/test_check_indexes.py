"""Indexes that are missing or wrong are named by the check and made again by its repair."""

from __future__ import annotations

from pathlib import Path

from tollbook.flow import check_indexes
from tollbook.flow.book import init_book
from tollbook.flow.check import check_book
from tollbook.store import segment_index

from .small_book import DATA, OWNER, cdrs


def test_indexes_are_checked_and_made_again(database: str, tmp_path: Path) -> None:
    book = init_book(tmp_path / "book")
    cdrs(book, DATA / "ours.csv")
    cdrs(book, DATA / "theirs.csv", "aurora")
    files = sorted((book.folder / segment_index.FOLDER).rglob("*.keys"))
    assert files
    assert list(check_indexes.broken(book)) == []
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    files[-1].unlink()
    stranger = files[0].with_name("0" * 64 + ".keys")
    stranger.write_bytes(b"")
    assert [each.code for each in check_indexes.broken(book)] == ["CHECK_INDEX"] * 2
    assert check_indexes.build_missing(book) == 1
    report = check_book(book, actor=OWNER, repair=True)
    assert report.repaired["indexes"] == 2
    assert report.counts["indexes"] == 0
    assert files[0].read_bytes() == whole
    assert not stranger.exists()
