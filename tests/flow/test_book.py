"""Making and opening a book: what lies where, and the refusals."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.db import connection

from tollbook import settings
from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Role
from tollbook.flow import clock
from tollbook.flow.book import Book, default_folder, init_book, local_actor, open_book, read_settings
from tollbook.store.models import Partner, Setting


def _code(refusal: pytest.ExceptionInfo[Refusal]) -> str:
    return refusal.value.problems[0].code


def test_a_new_book_has_its_folders_and_its_secret(book: Book) -> None:
    assert {path.name for path in book.folder.iterdir() if path.is_dir()} == {"sealed", "segments", "known", "spool"}
    secret = book.folder / settings.SECRET_FILE_NAME
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(settings.read_secret(book.folder)) >= 48
    assert open_book(book.folder) == book
    assert Setting.objects.get(name="book_id").value == book.id
    assert list((book.folder / "spool").iterdir()) == []


def test_settings_are_what_they_were_made_with(database: str, tmp_path: Path) -> None:
    book = init_book(tmp_path / "b", name='Boreal "Carrier"', currency="EUR", zone="Europe/Stockholm")
    assert (book.name, book.currency, book.zone) == ('Boreal "Carrier"', "EUR", "Europe/Stockholm")
    assert book.database == ("postgresql" if database else "sqlite")


def test_a_second_init_is_refused(book: Book) -> None:
    with pytest.raises(Refusal) as refusal:
        init_book(book.folder)
    assert _code(refusal) == "BOOK_EXISTS"


def test_an_interrupted_init_is_run_again(book: Book) -> None:
    (book.folder / "book.toml").unlink()
    with pytest.raises(Refusal) as refusal:
        open_book(book.folder)
    assert _code(refusal) == "BOOK_MISSING"
    assert init_book(book.folder, name="test").id == book.id


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("format = ", "BOOK_SETTINGS"),
        ('name = "x"', "BOOK_SETTINGS"),
        ('format = "tollbook-book/2"', "BOOK_NEWER"),
        ('format = "tollbook-book/1"', "BOOK_SETTINGS"),
        ('format = "tollbook-book/1"\nid = "1"\ncurrency = "USD"\nzone = "UTC"\ndatabase = "sqlite"\ncurency = "EUR"', "BOOK_SETTINGS"),
        (
            'format = "tollbook-book/1"\nid = "1"\ncurrency = "USD"\nzone = "UTC"\ndatabase = "sqlite"\n[[drop]]\nfolders = "x"',
            "BOOK_SETTINGS",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "book.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Refusal) as refusal:
        read_settings(tmp_path)
    assert _code(refusal) == code


def test_a_book_of_a_newer_version_is_refused_and_not_touched(book: Book) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('store', '9001_from_the_future', CURRENT_TIMESTAMP)")
    with pytest.raises(Refusal) as refusal:
        open_book(book.folder)
    assert _code(refusal) == "BOOK_NEWER"
    assert "9001_from_the_future" in refusal.value.problems[0].reason


def test_another_database_is_refused(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "" if book.database == "postgresql" else "postgres:///nowhere?host=/nowhere"
    monkeypatch.setenv("TOLLBOOK_DATABASE_URL", other)
    with pytest.raises(Refusal) as refusal:
        open_book(book.folder)
    assert _code(refusal) == "BOOK_DATABASE_MISMATCH"


def test_a_database_of_another_book_is_refused(book: Book) -> None:
    Setting.objects.filter(name="book_id").update(value="somebody else's")
    with pytest.raises(Refusal) as refusal:
        open_book(book.folder)
    assert _code(refusal) == "BOOK_DATABASE_MISMATCH"


def test_one_process_can_go_from_one_book_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_DATABASE_URL", "")
    monkeypatch.setenv("TOLLBOOK_BOOK", "")
    one = init_book(tmp_path / "one")
    Partner.objects.create(id="aurora")
    init_book(tmp_path / "two")
    assert Partner.objects.count() == 0
    open_book(one.folder)
    assert Partner.objects.count() == 1
    assert default_folder() == one.folder


def test_only_the_owner_makes_a_book(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        init_book(tmp_path / "b", actor=Actor("x", Role.BILLING))
    assert _code(refusal) == "RIGHT_MISSING"
    assert not (tmp_path / "b").exists()
    assert local_actor().role is Role.OWNER


def test_a_zone_has_an_iana_name(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="ZONE_UNKNOWN"):
        init_book(tmp_path / "book", zone="Mars/Base")
    assert not (tmp_path / "book").exists()


@pytest.mark.parametrize("name", ["eur", "EURO", ""])
def test_a_currency_is_three_letters(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        init_book(tmp_path / "b", currency=name)
    assert _code(refusal) == "BOOK_SETTINGS"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (
            "postgres://u:p%40ss@db.example:5433/toll",
            {"NAME": "toll", "USER": "u", "PASSWORD": "p@ss", "HOST": "db.example", "PORT": "5433"},
        ),
        ("postgresql:///toll?host=/run/pg&sslmode=require", {"NAME": "toll", "HOST": "/run/pg", "OPTIONS": {"sslmode": "require"}}),
    ],
)
def test_database_urls(url: str, wanted: dict[str, object]) -> None:
    got = settings.postgresql_database(url)
    assert {name: got[name] for name in wanted} == wanted
    with pytest.raises(ValueError, match="postgres://"):
        settings.postgresql_database("mysql://x")


def test_sqlite_is_set_up_to_keep_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_DATABASE_URL", "")
    monkeypatch.setenv("TOLLBOOK_BOOK", "")
    init_book(tmp_path / "b")
    with connection.cursor() as cursor:
        got = {
            name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert got == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 20_000}


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-12-03T09:00:00Z", 1_796_288_400_000),
        ("2026-12-03T10:00:00+01:00", 1_796_288_400_000),
        ("2026-12-03T09:00:00.123999Z", 1_796_288_400_123),
        ("2026-12-03", 1_796_256_000_000),
    ],
)
def test_instants(text: str, ms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_NOW", text)
    assert clock.now_ms() == ms
    with clock.pinned(5):
        assert clock.now_ms() == 5
    assert clock.show_instant(1_796_288_400_123) == "2026-12-03T09:00:00.123Z"
    with pytest.raises(Refusal) as refusal:
        clock.parse_instant_ms("tomorrow")
    assert _code(refusal) == "INSTANT_INVALID"
