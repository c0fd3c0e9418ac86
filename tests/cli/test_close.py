"""`tollbook close` as people and scripts call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flow import closing

from tollbook.cli.app import run


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("TOLLBOOK_DATABASE_URL", "TOLLBOOK_BOOK", "TOLLBOOK_CRASH_AT"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("TOLLBOOK_NOW", closing.NOW)
    return tmp_path / "book"


def test_a_close_on_the_command_line(book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closing.prepare(book, tmp_path / "files")
    assert run(["close", "2026-11", "--book", str(book)]) == 0
    shown = capsys.readouterr().out
    pack = book / "closes" / "close-2026-11.zip"
    assert pack.is_file()
    assert "Close of 2026-11: complete" in shown
    assert str(pack) in shown
    assert "DSP-aurora-2026-11" in shown
    assert run(["close", "2026-11", "--book", str(book), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["is_complete"], found["pack"], found["problems"]) == (True, str(pack), [])
    assert [(row["number"], row["payable"]) for row in found["invoices"]] == [("BC-2026-0001", "24.00")]
    assert [(row["payable"], row["disputed"]) for row in found["payables"]] == [("14.40", "1.70")]
    assert found["result_digest"] in shown
    report = (book / "closes" / "close-2026-11.html").read_text(encoding="utf-8")
    assert found["result_digest"] in report
    assert "<script" not in report
    assert "http://" not in report.replace("http://www.w3.org", "")


def test_what_is_no_period_and_what_has_nothing_to_close_is_refused(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", str(book)]) == 0
    assert run(["close", "November", "--book", str(book)]) == 2
    assert "PERIOD_UNKNOWN" in capsys.readouterr().err
    assert run(["close", "2026-11", "--book", str(book)]) == 2
    assert "CLOSE_NOTHING" in capsys.readouterr().err
