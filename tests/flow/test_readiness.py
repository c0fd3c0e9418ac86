"""What a close would miss, before it is started: on the small month that is closed elsewhere, with pieces of it left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollbook.core.problem import Refusal
from tollbook.flow import clock, intake
from tollbook.flow.book import Book
from tollbook.flow.close import close_period
from tollbook.flow.readiness import Readiness, months_with_traffic, readiness

from . import closing
from .small_book import OWNER

AFTER_MS = clock.parse_instant_ms(closing.NOW)


def _missing(found: Readiness) -> list[str]:
    return [each.words for each in found.items if not each.holds] + [
        f"{each.partner}: {item.words}" for each in found.partners for item in each.items if not item.holds
    ]


def test_an_empty_book_misses_everything(book: Book) -> None:
    with clock.pinned(AFTER_MS):
        found = readiness(book, closing.PERIOD)
    assert _missing(found) == ["There are agreements", "Our records are in"]
    assert found.missing == 2
    assert months_with_traffic() == []
    with pytest.raises(Refusal):
        readiness(book, "soon")


def test_what_came_is_ticked_off(book: Book, tmp_path: Path) -> None:
    with clock.pinned(AFTER_MS):
        intake.ingest(book, closing.documents(tmp_path, invoice=False), actor=OWNER)
        (ours, label), (theirs, their_label) = closing.records(tmp_path)
        intake.ingest(book, [ours], actor=OWNER, source=label)
        assert months_with_traffic() == ["2026-11"]
        found = readiness(book, closing.PERIOD)
        assert _missing(found) == ["aurora: Their records", "aurora: Their invoice"]
        assert [each.is_ready for each in found.partners] == [False, True]
        intake.ingest(book, [theirs], actor=OWNER, source=their_label)
        intake.ingest(book, closing.documents(tmp_path), actor=OWNER)
        found = readiness(book, closing.PERIOD)
        assert _missing(found) == []
        assert found.partners[0].items[-1].words == "Their invoice: AV-1"
        close_period(book, closing.PERIOD, actor=OWNER)
        assert _missing(readiness(book, closing.PERIOD)) == ["It was not closed before"]
        assert readiness(book, "2026-10").quiet == 2


def test_a_period_that_runs_and_traffic_without_an_agreement(book: Book, tmp_path: Path) -> None:
    documents = [path for path in closing.documents(tmp_path, invoice=False) if "nordtel" not in path.name]
    with clock.pinned(clock.parse_instant_ms("2026-11-20T00:00:00Z")):
        intake.ingest(book, documents, actor=OWNER)
        path, label = closing.records(tmp_path)[0]
        intake.ingest(book, [path], actor=OWNER, source=label)
        found = _missing(readiness(book, closing.PERIOD))
    assert found == ["The period is over", "Every partner with traffic has an agreement", "aurora: Their records", "aurora: Their invoice"]
