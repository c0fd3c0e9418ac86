"""The example's month closed from its files, and from the same records in other files and another order: one result digest."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from tollbook.core.rights import Actor, Role
from tollbook.flow import clock, intake
from tollbook.flow.book import init_book
from tollbook.flow.close import Close, close_period
from tollbook.plain.verify import verify

INBOX = Path(__file__).resolve().parents[2] / "examples" / "two-carriers" / "inbox"
OWNER = Actor("ines", Role.OWNER)
PIECES = 3

pytestmark = pytest.mark.slow


def split(inbox: Path) -> None:
    """Both sides' records in several files, whose names put the last records first."""
    for name in ("boreal/carrier_a_cdr.csv.gz", "aurora/aurora_cdr_2026-11.csv.gz"):
        path = inbox / name
        with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
            head, *rows = stream.readlines()
        path.unlink()
        size = -(-len(rows) // PIECES)
        for piece in range(PIECES):
            text = head + "".join(rows[piece * size : (piece + 1) * size])
            (path.parent / f"{'zyx'[piece]}_{path.name.removesuffix('.gz')}").write_text(text, encoding="utf-8", newline="")


def closed(folder: Path, inbox: Path) -> Close:
    with clock.pinned(clock.parse_instant_ms("2026-12-02T09:00:00Z")):
        book = init_book(folder)
        reports = intake.ingest(book, [inbox], actor=OWNER)
        assert [each.name for each in reports if each.status == "refused"] == []
        return close_period(book, "2026-11", actor=OWNER)


def test_other_files_and_another_order_give_the_same_result_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their clock goes back in the middle: which of two hours a record means must not depend on the file it came in."""
    for name in ("TOLLBOOK_DATABASE_URL", "TOLLBOOK_BOOK", "TOLLBOOK_CRASH_AT"):
        monkeypatch.setenv(name, "")
    whole = closed(tmp_path / "whole", INBOX)
    shutil.copytree(INBOX, tmp_path / "inbox")
    split(tmp_path / "inbox")
    pieces = closed(tmp_path / "pieces", tmp_path / "inbox")
    assert whole.is_complete
    assert pieces.result_digest == whole.result_digest
    assert pieces.root != whole.root
    found = verify(pieces.pack)
    assert [check for check in found.checks if check.status != "ok"] == []
