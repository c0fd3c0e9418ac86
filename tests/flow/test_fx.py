"""Exchange rates in a book: sealed, indexed by the day they are for and by when they were known."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path

from tollbook.core.rights import Actor, Role
from tollbook.flow import fx, intake
from tollbook.flow.book import Book

from .small_book import OWNER

DOCUMENT = 'format = "tollbook-fx/1"\nsource = "ECB"\nbase = "EUR"\ndate = {day}\nknown_from = "{known}"\n[rates]\nUSD = "{rate}"\n'
FRIDAY = dt.date(2025, 5, 30)


def test_fixings_are_those_known_then(book: Book, tmp_path: Path) -> None:
    for number, (day, known, rate) in enumerate(
        (
            ("2025-05-30", "2025-05-30T14:00:00Z", "1.10"),
            ("2025-05-30", "2025-06-05T09:00:00Z", "1.20"),
            ("2025-06-02", "2025-06-02T14:00:00Z", "1.3"),
        )
    ):
        (tmp_path / f"fx{number}.toml").write_text(DOCUMENT.format(day=day, known=known, rate=rate))
    reports = intake.ingest(book, sorted(tmp_path.glob("fx*.toml")), actor=OWNER)
    assert [(each.status, each.kind) for each in reports] == [("published", "FX")] * 3
    now, then = fx.fixings(book), fx.fixings(book, known_at=1_749_000_000_000)  # 2025-06-04
    assert now.days[FRIDAY].rates["USD"] == Fraction("1.2")
    assert then.days[FRIDAY].rates["USD"] == Fraction("1.1")
    assert list(fx.fixings(book, first=dt.date(2025, 6, 1)).days) == [dt.date(2025, 6, 2)]
    assert list(fx.fixings(book, last=FRIDAY).days) == [FRIDAY]


def test_a_wrong_one_is_reported_and_not_in_force(book: Book, tmp_path: Path) -> None:
    path = tmp_path / "fx.toml"
    path.write_text(DOCUMENT.format(day="2025-05-30", known="2025-05-30T14:00:00Z", rate="1,1"))
    (report,) = intake.ingest(book, [path], actor=OWNER)
    assert (report.status, [each.code for each in report.found]) == ("refused", ["FX_INVALID"])
    assert fx.fixings(book).days == {}


def test_rates_are_brought_by_those_who_write_references(book: Book, tmp_path: Path) -> None:
    from tollbook.core.rights import Right
    from tollbook.flow.collection import right_to_seal

    assert right_to_seal("FX") is Right.WRITE_REFERENCE
    assert not any(Right.WRITE_REFERENCE in rights for role, rights in _rights() if role is Role.NOC)


def _rights() -> list[tuple[Role, frozenset[object]]]:
    from tollbook.core.rights import RIGHTS

    assert Actor("nora", Role.NOC)
    return [(role, frozenset(rights)) for role, rights in RIGHTS.items()]
