"""The rows of decks that pages read are those of the sealed sheets, and are named and removed where they are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tollbook.flow import check_indexes, deck_sheets
from tollbook.flow.book import Book, init_book
from tollbook.store import column_file

from .small_book import terms


@pytest.fixture
def book(database: str, tmp_path: Path) -> Book:
    made = init_book(tmp_path / "book")
    terms(made)
    return made


def test_what_was_saved_is_what_the_sheet_says(book: Book) -> None:
    (version,) = deck_sheets.versions(book)
    assert deck_sheets.build_missing(book) == 1
    assert deck_sheets.build_missing(book) == 0
    deck_sheets._of_process.cache_clear()
    found, wanted = deck_sheets.deck_of(book, version), version.deck
    assert replace(found, rows=wanted.rows) == wanted
    assert found.rows.to_pylist() == wanted.rows.to_pylist()
    assert found.digest == wanted.digest
    assert found.clock == wanted.clock


def test_rows_that_are_not_of_their_sheet_are_named_and_removed(book: Book) -> None:
    deck_sheets.build_missing(book)
    assert list(deck_sheets.wrong(book)) == []
    (path,) = (book.folder / deck_sheets.FOLDER).iterdir()
    rows = pa.ipc.open_file(str(path)).read_all()
    place = rows.schema.get_field_index("rate_nanos")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows.set_column(place, rows.schema.field(place), pc.add(rows.column(place), 1)))
    stray = path.with_name("0" * 64 + ".arrow")
    stray.write_bytes(b"")
    assert sorted(deck_sheets.wrong(book)) == sorted([path, stray])
    assert check_indexes.repair(book) == 2
    assert list(path.parent.iterdir()) == []


def test_torn_rows_are_read_again_and_a_full_disk_stops_nobody(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    (version,) = deck_sheets.versions(book)
    deck_sheets.build_missing(book)
    (path,) = (book.folder / deck_sheets.FOLDER).iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    deck_sheets._of_process.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(column_file, "place", full)
        assert deck_sheets.deck_of(book, version).rows.num_rows == version.deck.rows.num_rows
    deck_sheets._of_process.cache_clear()
    deck_sheets.deck_of(book, version)
    assert path.read_bytes() == whole
