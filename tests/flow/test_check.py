"""`check` recomputes from the ground: whatever is changed, removed or left behind is named, and what is derived can be made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.db import connection, connections

from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Role
from tollbook.flow import check_files, compiled_decks, matching, rating, rebuild
from tollbook.flow.book import Book, init_book, open_book
from tollbook.flow.check import check_book
from tollbook.store import known_ids, triggers
from tollbook.store.models import Document, KnownIds, Posting, Segment, UsageTotal

from .small_book import DATA, OWNER, PERIOD, cdrs, terms

_built: dict[str, tuple[Path, str]] = {}


@pytest.fixture
def full(
    request: pytest.FixtureRequest, database: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Book:
    """A book with everything in it that can go wrong: built once for each database, then copied."""
    vendor = "postgresql" if database else "sqlite"
    if vendor not in _built:
        folder = tmp_path_factory.mktemp(vendor) / "book"
        _build(folder)
        connections.close_all()
        _built[vendor] = folder, database
    folder, origin = _built[vendor]
    shutil.copytree(folder, tmp_path / "book")
    if origin:
        monkeypatch.setenv("TOLLBOOK_DATABASE_URL", request.getfixturevalue("new_database")(copy_of=origin))
    return open_book(tmp_path / "book")


def _build(folder: Path) -> Book:
    book = init_book(folder, name="test")
    terms(book)
    cdrs(book, DATA / "ours.csv")
    cdrs(book, DATA / "ours_again.csv")
    cdrs(book, DATA / "theirs.csv", "aurora")
    assert rating.rate_period(book, PERIOD, actor=OWNER).parked == []
    matching.match_leg(book, "aurora", "OUT", PERIOD, actor=OWNER)
    return book


def _found(book: Book, *, repair: bool = False) -> list[str]:
    return sorted({each.code for each in check_book(book, actor=OWNER, repair=repair, youngest_orphan_ms=0).found})


def _path(book: Book, kind: str) -> Path:
    return book.path(Segment.objects.filter(kind=kind).order_by("path").first().path)  # type: ignore[union-attr]


def _sql(statement: str) -> None:
    """What somebody does who owns the database."""
    with connection.schema_editor() as editor:
        triggers.remove(None, editor)
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _flip(path: Path, part: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int((len(content) - 1) * part)] ^= 1
    path.write_bytes(content)


def test_a_whole_book_is_whole(full: Book) -> None:
    report = check_book(full, actor=OWNER, youngest_orphan_ms=0)
    assert report.is_whole
    assert [str(each) for each in report.found] == []
    assert set(report.counts) == {
        "journal",
        "files",
        "batches",
        "known ids",
        "usage",
        "runs",
        "key figures",
        "compiled decks",
        "indexes",
        "ledger",
        "orphans",
    }


def _orphan(book: Book) -> None:
    folder = book.folder / "segments" / "cdr" / "OURS" / "2026-01-01"
    folder.mkdir(parents=True)
    (folder / "left.parquet").write_bytes(b"left behind")
    (book.folder / "spool" / "half.tmp").write_bytes(b"half")


def _unbalanced(book: Book) -> None:
    document = Document.objects.create(series="T", number=1, kind="INVOICE", issued_at=1, content={}, content_digest="a" * 64)
    Posting.objects.create(
        document=document,
        entry_no=1,
        line_no=1,
        account="4000",
        currency="USD",
        credit_micros=5,
        state="POSTED",
        booked_at=1,
        value_on="2026-11-30",
    )


def _forget_known_id(book: Book) -> None:
    row = KnownIds.objects.filter(source="switch").order_by("day").first()
    assert row is not None
    ids = known_ids.load(book.path(row.path))
    stored = known_ids.write(book.folder, "switch", row.day, ids.take([0]))  # type: ignore[arg-type]
    KnownIds.objects.filter(pk=row.pk).update(digest=stored.digest, path=str(stored.path.relative_to(book.folder)), rows=1)


DAMAGE: dict[str, tuple[Callable[[Book], object], list[str]]] = {
    "a sealed file is altered": (lambda book: _flip(next((book.folder / "sealed").rglob("*.csv"))), ["CHECK_FILE", "CHECK_KNOWN_IDS"]),
    "a sealed document is removed": (lambda book: next((book.folder / "sealed").rglob("*.toml")).unlink(), ["CHECK_FILE"]),
    "a CDR segment is removed": (lambda book: _path(book, "cdr").unlink(), ["CHECK_FILE"]),
    "a charge segment is altered": (lambda book: _flip(_path(book, "charge")), ["CHECK_FILE"]),
    "a charge segment is removed": (lambda book: _path(book, "charge").unlink(), ["CHECK_FILE", "CHECK_HEAD"]),
    "a result digest is changed": (lambda _: _sql("UPDATE run SET result_digest = run_key WHERE stage = 'rating'"), ["CHECK_HEAD"]),
    "a count is changed": (lambda _: _sql("UPDATE batch SET accepted = accepted - 1, problems = problems + 1"), ["CHECK_BATCH"]),
    "the journal is changed": (lambda _: _sql("UPDATE journal SET actor = 'nobody' WHERE seq = 2"), ["CHECK_JOURNAL"]),
    "the journal lost a row": (lambda _: _sql("DELETE FROM journal WHERE seq = 2"), ["CHECK_JOURNAL"]),
    "usage is changed": (lambda _: UsageTotal.objects.filter(currency="USD").update(amount_micros=1), ["CHECK_USAGE"]),
    "usage is lost": (lambda _: UsageTotal.objects.filter(currency="").delete(), ["CHECK_USAGE"]),
    "the ledger does not balance": (_unbalanced, ["CHECK_LEDGER"]),
    "a known id is forgotten": (_forget_known_id, ["CHECK_KNOWN_IDS", "CHECK_ORPHAN"]),
    "files are left behind": (_orphan, ["CHECK_ORPHAN"]),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_is_wrong_is_named(full: Book, what: str) -> None:
    damage, wanted = DAMAGE[what]
    damage(full)
    got = _found(full)
    # One damage may show in more than one place, but never in a place that is whole.
    assert set(wanted) <= set(got), got
    assert set(got) <= {*wanted, "CHECK_USAGE", "CHECK_HEAD", "CHECK_BATCH", "CHECK_STOPPED"}, got


@pytest.mark.parametrize("kind", ["cdr", "charge", "match"])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.9, 1.0])
def test_a_file_damaged_anywhere_stops_no_other_check(full: Book, kind: str, part: float) -> None:
    path = _path(full, kind)
    _flip(path, part)
    report = check_book(full, actor=OWNER, youngest_orphan_ms=0)
    assert str(path.relative_to(full.folder)) in {each.place.file for each in report.found if each.code == "CHECK_FILE"}
    assert list(report.counts)[-1] == "orphans"
    assert not check_book(full, actor=OWNER, repair=True, youngest_orphan_ms=0).is_whole


@pytest.mark.parametrize("what", ["usage is changed", "usage is lost", "a known id is forgotten", "files are left behind"])
def test_what_is_derived_is_made_again(full: Book, what: str) -> None:
    DAMAGE[what][0](full)
    assert _found(full, repair=True) == []
    assert _found(full) == []


def test_evidence_is_never_repaired(full: Book) -> None:
    next((full.folder / "sealed").rglob("*.toml")).unlink()
    assert "CHECK_FILE" in _found(full, repair=True)


def test_young_files_may_belong_to_somebody(full: Book) -> None:
    _orphan(full)
    assert check_files.orphans(full) == []
    assert len(check_files.orphans(full, youngest_ms=0)) == 2
    assert check_files.sweep(full, youngest_ms=0) == 2


def test_usage_and_known_ids_are_rebuilt_as_they_were(full: Book) -> None:
    lines = [line for found in rebuild.usage(full).values() for line in found]
    assert sum(line.amount_micros for line in lines) == 722_000
    assert {day: len(ids) for day, ids in rebuild.known_ids_of(full, "switch").items()} == {
        "2026-11-10": 3,
        "2026-11-11": 3,
        "2026-11-12": 1,
        "2026-11-14": 1,
    }


@pytest.mark.parametrize(
    ("role", "repair", "may"), [(Role.AUDITOR, False, True), (Role.AUDITOR, True, False), (Role.PARTNER, False, False)]
)
def test_who_may_check_and_repair(book: Book, role: Role, repair: bool, may: bool) -> None:
    actor = Actor("somebody", role, "aurora" if role is Role.PARTNER else None)
    if may:
        assert check_book(book, actor=actor, repair=repair).is_whole
        return
    with pytest.raises(Refusal):
        check_book(book, actor=actor, repair=repair)


def test_a_compiled_deck_that_was_altered_is_named_and_made_again(full: Book) -> None:
    (compiled,) = (full.folder / compiled_decks.FOLDER).iterdir()
    before = {each.name: each.read_bytes() for each in compiled.iterdir()}
    terms_of_rows = np.load(compiled / "terms.npy")
    terms_of_rows[:, 0] += 1
    np.save(compiled / "terms.npy", terms_of_rows)
    (full.folder / compiled_decks.FOLDER / "left").mkdir()
    report = check_book(full, actor=OWNER)
    found = sorted((each.code, each.place.file) for each in report.found)
    assert found == [("CHECK_COMPILED_DECK", compiled.name), ("CHECK_ORPHAN", "left")]
    repaired = check_book(full, actor=OWNER, repair=True)
    assert (repaired.found, repaired.repaired["compiled decks"]) == ([], 2)
    rating.terms_of(full, "aurora", "OUT", PERIOD)
    assert {each.name: each.read_bytes() for each in compiled.iterdir()} == before
