"""The worker takes what is new in its folders, once, and leaves what is unfinished."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tollbook import worker
from tollbook.flow import clock
from tollbook.flow.book import Book, open_book
from tollbook.store import lease
from tollbook.store.models import Batch

from .small_book import DATA, OWNER, codes, counts

DROP = '\n[[drop]]\nfolder = "incoming"\nsource = "switch"\n'


@pytest.fixture
def watched(book: Book) -> Book:
    """A book with a drop folder."""
    (book.folder / "incoming").mkdir()
    with (book.folder / "book.toml").open("a", encoding="utf-8") as stream:
        stream.write(DROP)
    return open_book(book.folder)


def _put(book: Book, name: str, to: str = "") -> Path:
    return Path(shutil.copy(DATA / name, book.folder / "incoming" / (to or name)))


def test_new_files_are_taken_once(watched: Book) -> None:
    _put(watched, "ours.csv")
    _put(watched, "ours_again.csv", "half.csv.part")
    _put(watched, "ours_again.csv", ".hidden.csv")
    (report,) = worker.collect_once(watched, actor=OWNER)
    assert (report.source, counts(report)) == ("switch", (8, 7, 0, 1))
    assert worker.collect_once(watched, actor=OWNER) == []
    (watched.folder / "incoming" / "half.csv.part").rename(watched.folder / "incoming" / "half.csv")
    (report,) = worker.collect_once(watched, actor=OWNER)
    assert counts(report) == (3, 1, 1, 1)


def test_a_file_touched_again_is_looked_at_and_adds_nothing(watched: Book) -> None:
    path = _put(watched, "ours.csv")
    worker.collect_once(watched, actor=OWNER)
    os.utime(path, ns=(1, 1))
    (report,) = worker.collect_once(watched, actor=OWNER)
    assert codes(report) == ["DUP_FILE"]


def test_a_growing_file_is_taken_when_it_rests(watched: Book) -> None:
    path = _put(watched, "ours.csv")
    seen: dict[Path, str] = {}
    assert worker.collect_once(watched, actor=OWNER, seen_before=seen) == []
    with path.open("a", encoding="utf-8") as stream:
        stream.write((DATA / "ours_again.csv").read_text(encoding="utf-8").splitlines()[3] + "\n")
    assert worker.collect_once(watched, actor=OWNER, seen_before=seen) == []
    (report,) = worker.collect_once(watched, actor=OWNER, seen_before=seen)
    assert counts(report) == (9, 8, 0, 1)


def test_a_source_somebody_writes_is_tried_again(watched: Book) -> None:
    _put(watched, "ours.csv")
    held = lease.acquire("source switch", now_ms=clock.now_ms())
    (report,) = worker.collect_once(watched, actor=OWNER)
    assert codes(report) == ["LEASE_HELD"]
    lease.release(held)
    (report,) = worker.collect_once(watched, actor=OWNER)
    assert (report.status, Batch.objects.count()) == ("published", 1)


def test_a_folder_that_is_not_there_is_no_error(watched: Book) -> None:
    (watched.folder / "incoming").rmdir()
    assert worker.collect_once(watched, actor=OWNER) == []
