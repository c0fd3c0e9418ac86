"""What our deck says of codes over time, as it was known then, and that prices are not for everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Role
from tollbook.flow import clock, intake
from tollbook.flow.book import Book
from tollbook.flow.deck_rows import SheetRow, rows_of_codes
from tollbook.store.models import Agreement

from .small_book import OWNER, terms

# A second sheet: the mobile code dearer from 1 December, 2026-12-01T00:00Z in the zone of the agreement.
SECOND = "Code,Destination,Rate,Billing Increment,Effective Date\n63917,Philippines Globe,0.1800,1/1,2026-12-01\n"
STEP = clock.parse_instant_ms("2026-12-01T00:00:00Z")
RECEIVED = clock.parse_instant_ms("2026-11-05T00:00:00Z")


def _rows(book: Book, *codes: str, actor: Actor = OWNER, known_at: int | None = None) -> list[SheetRow]:
    digest = Agreement.objects.get(partner_id="aurora").digest
    return rows_of_codes(book, codes, actor=actor, partner="aurora", agreement_digest=digest, side="buy", known_at=known_at)


@pytest.fixture
def two_sheets(book: Book, tmp_path: Path) -> Book:
    with clock.pinned(RECEIVED - 86_400_000):
        terms(book)
    path = tmp_path / "aurora-az_v2.csv"
    path.write_text(SECOND, encoding="utf-8")
    with clock.pinned(RECEIVED):
        (report,) = intake.ingest(book, [path], actor=OWNER)
    assert report.status == "published"
    return book


def test_every_sheet_that_prices_a_code_with_its_row_and_start(two_sheets: Book) -> None:
    old, new = _rows(two_sheets, "63917")
    assert (old.sheet, old.row, old.rate_nanos_per_minute) == ("aurora-az_v1.csv", 2, 120_000_000)
    assert (new.sheet, new.row, new.rate_nanos_per_minute, new.since) == ("aurora-az_v2.csv", 2, 180_000_000, STEP)
    assert (old.until, new.until) == (STEP, None)
    assert new.holds_at(STEP)
    assert not new.holds_at(STEP - 1)
    assert old.holds_at(STEP - 1)
    assert not old.holds_at(STEP)
    assert _rows(two_sheets, "999") == []


def test_an_increase_is_in_force_when_its_notice_is_over(book: Book, tmp_path: Path) -> None:
    # Received on the 5th for the 6th, with seven days of notice that do not count the day of arrival: the 6th to the 12th.
    with clock.pinned(RECEIVED - 86_400_000):
        terms(book)
    path = tmp_path / "aurora-az_v2.csv"
    path.write_text(SECOND.replace("2026-12-01", "2026-11-06"), encoding="utf-8")
    with clock.pinned(RECEIVED):
        intake.ingest(book, [path], actor=OWNER)
    old, new = _rows(book, "63917")
    assert (old.until, new.since) == (clock.parse_instant_ms("2026-11-12T00:00:00Z"),) * 2


def test_what_was_not_known_yet_says_nothing(two_sheets: Book) -> None:
    (only,) = _rows(two_sheets, "63917", known_at=RECEIVED - 1)
    assert only.sheet == "aurora-az_v1.csv"


def test_prices_are_not_for_everybody(two_sheets: Book) -> None:
    with pytest.raises(Refusal, match="RIGHT_MISSING"):
        _rows(two_sheets, "63917", actor=Actor("nora", Role.NOC))
