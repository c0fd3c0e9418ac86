"""The commands of a book on the command line: exit codes, tables, JSON, problems; never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tollbook.cli import book as book_commands
from tollbook.cli import explain as explain_command
from tollbook.cli import worker as worker_command
from tollbook.cli.app import run

DATA = Path(__file__).resolve().parent.parent / "data" / "small_book"


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new book made on the command line, with its agreement and its deck."""
    for name in ("TOLLBOOK_DATABASE_URL", "TOLLBOOK_BOOK", "TOLLBOOK_NOW"):
        monkeypatch.setenv(name, "")
    folder = tmp_path / "book"
    assert run(["--now", "2026-11-01T00:00:00Z", "init", str(folder), "--name", "Boreal Carrier"]) == 0
    assert run(["ingest", str(DATA / "aurora.toml"), str(DATA / "aurora-az_v1.csv"), "--book", str(folder)]) == 0
    return folder


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(capsys.readouterr().out)
    return value


def test_init_says_where_the_book_is(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLLBOOK_DATABASE_URL", "")
    monkeypatch.setenv("TOLLBOOK_BOOK", str(tmp_path / "from-the-environment"))
    assert run(["init", "--json", "--currency", "EUR"]) == 0
    assert _json(capsys)["book"] == str(tmp_path / "from-the-environment")
    assert run(["init"]) == 2
    assert "BOOK_EXISTS" in capsys.readouterr().err


def test_ingest_shows_a_line_per_file_and_its_problems(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["ingest", str(DATA / "ours.csv"), "--source", "switch", "--book", str(book)]) == 1
    shown = capsys.readouterr()
    assert "ours.csv" in shown.out
    assert "8" in shown.out
    assert "error CDR_TIME_UNREADABLE: ours.csv, record 7, column answer_at" in shown.err
    assert run(["ingest", str(DATA / "ours.csv"), "--source", "switch", "--book", str(book), "--json"]) == 0
    (file,) = _json(capsys)["files"]
    assert (file["status"], file["read"], file["found"][0]["code"]) == ("repeated", 0, "DUP_FILE")


def test_ingest_of_nothing_usable_is_refused(book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("call me\n", encoding="utf-8")
    assert run(["ingest", str(tmp_path / "notes.txt"), str(tmp_path / "absent.csv"), "--book", str(book)]) == 2
    shown = capsys.readouterr().err
    assert "FILE_KIND_UNKNOWN" in shown
    assert "FILE_MISSING" in shown
    assert run(["ingest", str(tmp_path / "notes.txt"), "--as", "weather", "--book", str(book)]) == 2


def test_a_rehearsed_ingest_leaves_nothing(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    arguments = ["ingest", str(DATA / "theirs.csv"), "--source", "aurora", "--book", str(book), "--json"]
    assert run([*arguments, "--dry-run"]) == 0
    rehearsed = _json(capsys)
    assert run(arguments) == 0
    assert _json(capsys) == rehearsed


def test_check_and_repair(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["ingest", str(DATA / "ours.csv"), "--source", "switch", "--book", str(book)])
    capsys.readouterr()
    assert run(["check", "--book", str(book)]) == 0
    assert "The book is whole." in capsys.readouterr().out
    next((book / "sealed").rglob("*.toml")).write_text("another", encoding="utf-8")
    assert run(["check", "--book", str(book), "--json"]) == 1
    report = _json(capsys)
    assert (report["is_whole"], report["checks"]["files"]) == (False, 1)
    assert report["found"][0]["code"] == "CHECK_FILE"
    assert run(["check", "--book", str(book), "--repair"]) == 1
    assert "The book is not whole." in capsys.readouterr().out


def test_explain_a_call(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["ingest", str(DATA / "ours.csv"), "--source", "switch", "--book", str(book)])
    from tollbook.core.rights import Actor, Role
    from tollbook.flow.book import open_book
    from tollbook.flow.rating import rate_period
    from tollbook.store.models import Segment

    opened = open_book(book)
    rate_period(opened, "2026-11", actor=Actor("ines", Role.OWNER))
    import pyarrow.parquet as pq

    path = opened.path(Segment.objects.filter(kind="cdr").order_by("day")[0].path)
    record = next(each for each in pq.read_table(path).to_pylist() if each["call_id"] == "c1@boreal")
    capsys.readouterr()
    assert run(["explain", record["cdr_id"].hex(), "--book", str(book)]) == 0
    shown = capsys.readouterr().out
    assert "OUT leg, aurora: RATED 0.122 USD" in shown
    assert "c1@boreal,OUT,aurora" in shown
    assert run(["explain", record["cdr_id"].hex(), "--book", str(book), "--json"]) == 0
    assert _json(capsys)["legs"][0]["deck_row"] == 2
    assert run(["explain", "00000000", "--book", str(book)]) == 2
    assert "CDR_UNKNOWN" in capsys.readouterr().err


def test_the_worker_looks_once(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (book / "book.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[[drop]]\nfolder = "incoming"\nsource = "switch"\n')
    (book / "incoming").mkdir()
    (book / "incoming" / "ours.csv").write_bytes((DATA / "ours.csv").read_bytes())
    capsys.readouterr()
    assert run(["worker", "--once", "--book", str(book), "--json"]) == 1
    assert [each["status"] for each in _json(capsys)["files"]] == ["published"]
    assert run(["worker", "--once", "--book", str(book), "--json"]) == 0
    assert _json(capsys)["files"] == []


@pytest.mark.parametrize("command", [["ingest", "x.csv"], ["check"], ["worker", "--once"], ["explain", "0123456789abcdef"]])
def test_without_a_book_nothing_is_done(command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--book", str(tmp_path / "nowhere")]) == 2
    assert "BOOK_MISSING" in capsys.readouterr().err


@pytest.mark.parametrize(
    "function", [book_commands.init, book_commands.ingest, book_commands.check, worker_command.worker, explain_command.explain]
)
def test_every_command_has_an_example(function: Any) -> None:
    assert "Example: tollbook " in (function.__doc__ or "")
