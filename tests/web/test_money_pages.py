"""The overview in the management currency, the homes of the NOC and the CFO, exposure and ageing."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from . import seed

FX = """format = "tollbook-fx/1"
source = "ECB"
base = "EUR"
date = 2026-11-20
known_from = "2026-11-20T15:00:00Z"
[rates]
USD = "1.25"
"""


def _ingest_rates(book: Path) -> None:
    from tollbook.core.rights import Actor, Role
    from tollbook.flow.book import read_settings
    from tollbook.flow.documents import add_document

    path = book.parent / "fx.toml"
    path.write_text(FX)
    add_document(read_settings(book), path, "FX", actor=Actor("seed", Role.OWNER))


def _usage(currency: str, amount: int) -> None:
    from tollbook.store.models import UsageTotal

    UsageTotal.objects.create(
        origin="latvox/IN/2026-11", partner="latvox", leg="IN", currency=currency, day=seed.DAY, records=1, answered=1, amount_micros=amount
    )


def test_sums_of_other_currencies_are_converted_or_named(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """The book is managed in USD: 80 EUR at 1 EUR = 1.25 USD are 100 USD."""
    _usage("EUR", 80_000_000)
    client = log_in("cfo")
    page = client.get("/overview/").content.decode()
    assert "No rate of exchange was known for" in page
    assert "80.00" in page
    _ingest_rates(full_book)
    page = client.get("/overview/").content.decode()
    assert "No rate of exchange" not in page
    assert "In USD by the rates of ECB of 2026-11-20." in page
    assert 'title="100.00 USD"' in page
    assert 'title="80.00 EUR"' in client.get("/overview/?currency=EUR").content.decode()
    assert client.get("/overview/?currency=%3Cscript%3E").status_code == 200


def test_the_home_of_the_noc_has_traffic_and_no_money(full_book: Path, log_in: Callable[[str], Any]) -> None:
    page = log_in("noc").get("/").content.decode()
    assert "Traffic now" in page
    assert "ASR 52.0" in page
    assert "NER" in page
    assert "USD" not in page


def test_the_home_of_the_cfo_has_found_disputed_exposed(full_book: Path, log_in: Callable[[str], Any]) -> None:
    page = log_in("cfo").get("/").content.decode()
    for words in ("Money found", "Disputed", "Exposed"):
        assert words in page


def test_what_a_later_run_replaced_is_found_once(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """A period that was closed again: the exceptions of the run before are superseded, those of the new run are the same difference."""
    from tollbook.store.models import ExceptionCase
    from tollbook.web import figures

    def found() -> list[tuple[str, int, int]]:
        return [
            (each.currency, each.number, each.amount_micros) for each in figures.by_currency(figures.found_exceptions(), "amount_micros")
        ]

    # Two of each partner: 3,210.00 and 1,102.18.
    assert found() == [("USD", 4, 8_624_360_000)]
    for row in ExceptionCase.objects.filter(partner="aurora"):
        again = ExceptionCase.objects.get(id=row.id)
        again.id, again.earlier_id, again.state = seed.digest(f"{row.id} again"), row.id, "ACCEPTED"
        again.save(force_insert=True)
    ExceptionCase.objects.filter(partner="aurora").exclude(state="ACCEPTED").update(state="SUPERSEDED")
    assert found() == [("USD", 4, 8_624_360_000)]
    assert 'title="8,624.36 USD"' in log_in("cfo").get("/").content.decode()


def test_exposure_is_what_is_unpaid_unbilled_and_held(full_book: Path) -> None:
    from tollbook.store.models import Document, Partner, Posting
    from tollbook.web import exposure

    _usage("EUR", 80_000_000)
    latvox, _ = Partner.objects.get_or_create(id="latvox")
    common = {"kind": "INVOICE", "issued_at": 0, "content": {}, "content_digest": seed.digest("x"), "currency": "EUR", "partner": latvox}
    old = Document.objects.create(series="S", number=11, period="2026-10", due_on=dt.date(2026, 11, 1), total_micros=5, **common)
    lines = {"document": old, "partner": latvox, "currency": "EUR", "booked_at": 0, "value_on": seed.DAY, "entry_no": 1}
    Posting.objects.create(**lines, line_no=1, account="1200", debit_micros=50, state="POSTED")
    Posting.objects.create(**lines, line_no=2, account="1200", credit_micros=20, state="POSTED")
    Posting.objects.create(**lines, line_no=3, account="1200", debit_micros=7, state="PENDING")
    (found,) = exposure.of("latvox", dt.date(2026, 12, 2))
    assert (found.unpaid, found.unbilled, found.held, found.total) == (30, 80_000_000, 7, 80_000_037)
    assert found.ageing["31-60"] == 30
    Document.objects.create(series="S", number=12, period="2026-11", total_micros=80_000_000, **common)
    assert exposure.of("latvox", seed.DAY)[0].unbilled == 0
    assert exposure.of("nobody", seed.DAY) == []


def test_a_partner_has_its_scorecard_by_right(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.web import scorecard

    page = log_in("cfo").get("/partners/aurora/").content.decode()
    assert "Exposure in USD" not in page  # nothing is posted or unbilled
    scores = {each.words: each.value for each in scorecard.of("aurora", sees_disputes=True)}
    # 4,312.18 of 118,412.50 are 3.6 %; 130 of 250 answered.
    assert (scores["Matched"], scores["Disputed"], scores["ASR to them"]) == ("100.0 %", "3.6 %", "52.0 %")
    assert set(scores) >= {each.words for each in scorecard.of("aurora", sees_disputes=False)} == {"ASR to them", "NER to them"}
    routes = log_in("routes").get("/partners/aurora/").content.decode()
    assert "Disputed" not in routes
    assert "Exposure" not in routes
    _usage("EUR", 80_000_000)
    assert scorecard.of("latvox", sees_disputes=True) == []


def rows_of(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode().lstrip("\ufeff"))))


def test_the_tables_of_the_overview_are_whole(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """By partner and by day: the same sums, in each table and in its file; what has no rate is a line of its own currency."""
    _usage("EUR", 80_000_000)
    client = log_in("cfo")
    partners = rows_of(client.get("/overview/?p-export=csv"))
    days = rows_of(client.get("/overview/?d-export=csv"))
    for leg, column in (("From customer", "Revenue"), ("To supplier", "Cost")):
        of_leg = [row for row in partners if row["Leg"] == leg and row["Currency"] == "USD"]
        assert sum(Decimal(row["Amount"]) for row in of_leg) == sum(Decimal(row[column]) for row in days) != 0
        assert abs(sum(Decimal(row["Of the leg"]) for row in of_leg) - 100) < 1
    (left,) = [row for row in partners if row["Currency"] == "EUR"]
    assert (left["Partner"], left["Amount"], left["Of the leg"], left["Minutes"]) == ("latvox", "80.00", "", "")
    found = client.get("/overview/?p-partner=latv&p-leg=IN").content.decode()
    table = found[found.index('id="table-p"') :]
    assert "latvox" in table
    assert "/partners/aurora/" not in table[: table.index('id="table-d"')]
