"""Tables: order, filter, pages and export, over rows of the database and over segments; hostile parameters do nothing."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from tollbook.web.table.cells import body
from tollbook.web.table.columns import Column, Kind
from tollbook.web.table.export import neutral

from . import seed

DOUBLE = "/exceptions/"


def _rows(response: Any) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_sorts_by_any_column_both_ways(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("owner")
    up = _rows(client.get(f"{DOUBLE}?t-sort=amount_micros&t-export=csv"))[1:]
    down = _rows(client.get(f"{DOUBLE}?t-sort=-amount_micros&t-export=csv"))[1:]
    amounts = [row[-2] for row in up]
    assert amounts == sorted(amounts, key=lambda text: float(text))
    assert [row[-2] for row in down] == amounts[::-1]
    page = client.get(f"{DOUBLE}?t-sort=-amount_micros").content.decode()
    assert 'aria-sort="descending"' in page


def test_filters_and_exports_what_it_shows(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("owner")
    address = f"{DOUBLE}?t-partner=cirrus&t-cause=RATE_VARIANCE"
    page = client.get(address).content.decode()
    assert "1 to 1 of 1" in page
    assert ">Aurora Voice<" not in page
    assert ">Cirrus Transit<" in page
    assert "1 to 1 of 1" in client.get(address.replace("cirrus", "us%20Tran")).content.decode(), "found by a part of the name too"
    rows = _rows(client.get(f"{address}&t-export=csv"))
    assert rows[0][:3] == ["Difference", "Class", "Partner"]
    assert [row[2] for row in rows[1:]] == ["Cirrus Transit"]
    # An amount goes out with its currency beside it, and a class under the name it has on the page.
    assert (rows[0][-2:], rows[1][-2:]) == (["At risk", "Currency"], ["3210.00", "USD"])
    assert rows[1][:2] == ["Rate", "Data"]


def test_rates_of_a_page_have_the_same_decimals() -> None:
    """So that their points stand below each other: 0.1395 beside 0.00473 is 0.13950."""
    rates = (Column("rate", "Rate", Kind.RATE),)
    assert re.findall(r">([0-9.]+)<", body(rates, [{"rate": 139_500_000}, {"rate": None}, {"rate": 4_730_000}])) == ["0.13950", "0.00473"]
    assert ">0.2000<" in body(rates, [{"rate": 200_000_000}])
    assert body(rates, []) == ""


def test_export_as_a_workbook(full_book: Path, log_in: Callable[[str], Any]) -> None:
    response = log_in("owner").get("/documents/?t-export=xlsx")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(response.content)).get_sheet_by_index(0).to_python()
    head, *rows = sheet
    assert head[-2:] == ["Total", "Currency"]
    issued = head.index("Issued (UTC)")
    assert all(isinstance(row[issued], dt.date) for row in rows), "an instant is one for the spreadsheet too"
    assert {row[head.index("Partner")] for row in rows} == {"Aurora Voice", "Cirrus Transit"}
    # The two invoices of the suppliers, and ours.
    assert sorted(row[-2] for row in rows) == [0.44, 118_412.5, 118_412.5]
    assert {row[-1] for row in rows} == {"USD"}


def test_problems_of_a_file_come_from_segments(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Batch

    client = log_in("owner")
    digest = Batch.objects.get(source="boreal").file_id
    page = client.get(f"/sources/boreal/{digest}/").content.decode()
    assert "CDR_FIELD_MISSING" in page
    assert "=broken line" in page
    rows = _rows(client.get(f"/sources/boreal/{digest}/?t-export=csv"))
    assert rows[1][rows[0].index("Value")] == "'=broken line", "a spreadsheet must not run it"
    none = client.get(f"/sources/boreal/{digest}/?t-code=NO_SUCH").content.decode()
    assert "Nothing matches" in none


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=HYPERLINK(0)"])
def test_text_that_a_spreadsheet_would_run_is_quoted(text: str) -> None:
    assert neutral(Column("a", "A"), {"a": text}) == f"'{text}"


def test_figures_stay_figures() -> None:
    money = Column("a", "A", Kind.MONEY, currency="c")
    assert neutral(money, {"a": -1_500_000, "c": "USD"}) == "-1.50"
    assert neutral(money, {"a": 12, "c": "KWD"}) == "0.000012"
    assert neutral(Column("a", "A", Kind.RATE), {"a": 23_500_000}) == "0.0235"
    assert neutral(Column("a", "A", Kind.INSTANT), {"a": seed.DAY_MS}) == "2026-11-21T00:00:00.000Z"
    assert neutral(Column("a", "A", Kind.COUNT), {"a": None}) is None


@pytest.mark.parametrize(
    "query",
    [
        "t-sort=password",
        "t-sort=-amount_micros);DROP TABLE exception",
        "t-sort=run__inputs",
        "t-page=0",
        "t-page=-1",
        "t-page=99999999999999999999",
        "t-page=x",
        "t-page=%00",
        "t-state=" + "x" * 5_000,
        "t-state=%00",
        "t-partner=%27%20OR%201=1--",
        "t-export=exe",
        "t-cause=<script>alert(1)</script>",
    ],
)
def test_hostile_parameters_do_nothing(full_book: Path, log_in: Callable[[str], Any], query: str) -> None:
    response = log_in("owner").get(f"{DOUBLE}?{query}")
    assert response.status_code == 200
    assert b"<script>alert" not in response.content


@pytest.mark.parametrize(
    "query", ["number=%27;--", "number=abc", "from=2026-13-01", "to=%00", "call-id=" + "x" * 9_000, "number=1&t-sort=x", "icid=%27%22"]
)
def test_a_hostile_search_is_answered(full_book: Path, log_in: Callable[[str], Any], query: str) -> None:
    response = log_in("noc").get(f"/calls/?{query}")
    assert response.status_code in (200, 422)
    if response.status_code == 422:
        assert b'role="alert"' in response.content


def test_calls_are_found_by_the_end_of_a_number_and_by_call_id(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("noc")
    for query in ("number=1234567", "number=%2B63 917 123 4567", "call-id=abc-123@boreal.example", "partner=aurora", "from=2026-11-21"):
        assert b"1 to 2 of 2" in client.get(f"/calls/?{query}").content, query
    assert b"1 to 2 of 2" not in client.get("/calls/?number=999").content
    assert b"No record of these days" in client.get("/calls/?to=2026-01-01").content


def test_the_call_page_has_both_records_and_the_clause(full_book: Path, log_in: Callable[[str], Any]) -> None:
    page = log_in("billing").get(f"/calls/{seed.FIRST_ID.hex()}/").content.decode()
    for words in ("boreal,2026-11-21 10:00:00", "62 s", ">Duration<", "rule R2", "0.29 USD", "A3.2"):
        assert words in page, words
    prices_hidden = log_in("noc").get(f"/calls/{seed.FIRST_ID.hex()}/").content.decode()
    assert "0.29" not in prices_hidden
    assert "Price of our" not in prices_hidden


def test_pages_of_a_table_do_not_overlap(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.core.rights import Actor, Right, Role
    from tollbook.flow.command import Command, perform

    client = log_in("owner")

    for number in range(60):
        perform(Command("note", Right.READ_BOOK, f"note {number}", Actor("ines", Role.OWNER)), lambda: {"same": True})
    first, second = (client.get(f"/journal/?t-sort=action&t-page={number}").content.decode() for number in (1, 2))
    rows = [set(re.findall(r"/journal/(\d+)/", page)) for page in (first, second)]
    assert len(rows[0]) == 50
    assert not rows[0] & rows[1]
