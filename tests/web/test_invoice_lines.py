"""Why one line of a supplier's invoice differs: its causes with their clauses, what is on no line, and who may see it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tollbook.store import files
from tollbook.web.invoice_lines import has_lines

HEAD = """format = "tollbook-invoice-in/1"
partner = "aurora"
number = "AV-7"
issued_on = "2026-12-01"
received_at = "2026-12-01T08:12:00Z"
period_from = "2026-11-01"
period_until = "2026-12-01"
currency = "USD"
total = "0.90"
lines = "lines.csv"
"""
LINES = """destination,codes,rate,calls,minutes,amount
Philippines mobile,639,0.3000,2,2.0000,0.60
Germany,49,0.0200,1,10.0000,0.20
Philippines mobile,639,0.1000,1,1.0000,0.10
"""


def received(book: Path, lines: str = LINES, number: int = 77) -> Any:
    """Another invoice of the supplier of the book, with the files it came in."""
    from tollbook.store.models import Document

    row = Document.objects.get(kind="RECEIVED_INVOICE", partner_id="aurora", series="R")
    names = ("kind", "partner_id", "issued_at", "currency", "period", "content_digest", "total_micros")
    digests = [files.put(book, io.BytesIO(text.encode()), name).digest for text, name in ((HEAD, "h.toml"), (lines, "lines.csv"))]
    content = {"number": "AV-7", "files": digests}
    return Document.objects.create(series="T", number=number, content=content, **{name: getattr(row, name) for name in names})


@pytest.fixture
def invoice(full_book: Path) -> Any:
    return received(full_book)


def test_from_the_invoice_to_the_calls_of_a_line(invoice: Any, log_in: Callable[[str], Any]) -> None:
    client, base = log_in("billing"), f"/documents/{invoice.pk}/"
    assert has_lines(invoice)
    assert f"{base}lines/" in client.get(base).content.decode()
    assert f'href="{base}lines/"' in client.get("/reconciliation/aurora/OUT/2026-11/").content.decode()
    lines = client.get(f"{base}lines/").content.decode()
    # What differs most stands first: 1.2 thousand million sixtieths of a nano are 0.02.
    assert lines.index("lines/1/") < lines.index("lines/2/")
    assert "0.02" in lines
    page = client.get(f"{base}lines/1/").content.decode()
    assert "2 lines of this destination" in page
    assert f"{base}lines/3/" in page
    for amount in ("0.60", "0.70", "0.02", "0.68"):
        assert f">{amount}" in page, amount
    assert "t-destination=Philippines+mobile&amp;t-cause=RATE" in page
    assert "#clause-a35" in page
    export = b"".join(client.get(f"{base}lines/1/?c-export=csv").streaming_content).decode().splitlines()
    assert export[1:] == ["Rate,A3.5,1,0.02,USD"]
    assert "Nothing differs" in client.get(f"{base}lines/2/").content.decode()


def test_what_is_on_no_line_of_theirs_is_said(full_book: Path, log_in: Callable[[str], Any]) -> None:
    invoice = received(full_book, LINES.replace("Philippines mobile,639", "Philippines,63"))
    page = log_in("billing").get(f"/documents/{invoice.pk}/lines/").content.decode()
    assert "on no line of theirs" in page
    assert "calls/?t-destination=Philippines+mobile" in page


def test_the_partner_sees_its_lines_and_nothing_of_the_comparison(invoice: Any, log_in: Callable[[str], Any]) -> None:
    base = f"/documents/{invoice.pk}/lines/"
    page = log_in("aurora-user").get(base).content.decode()
    assert "Philippines mobile" in page
    assert "0.60" in page
    assert "differs" not in page
    assert log_in("aurora-user").get(f"{base}1/").status_code == 404
    assert log_in("cirrus-user").get(base).status_code == 404
    assert log_in("noc").get(f"{base}1/").status_code == 403


def test_lines_that_are_not_there_and_hostile_filters(invoice: Any, log_in: Callable[[str], Any]) -> None:
    client, base = log_in("owner"), f"/documents/{invoice.pk}/lines/"
    assert client.get(f"{base}4/").status_code == 404
    assert client.get(f"{base}999999999999999999/").status_code == 404
    assert client.get(f"{base}?t-number=%27%22&t-destination=%3Cscript%3E&t-sort=evil&t-page=0").status_code == 200
    exported = b"".join(client.get(f"{base}?t-export=csv").streaming_content).decode()
    assert "Germany" in exported


def test_what_our_deck_says_of_a_lines_codes(full_book: Path, log_in: Callable[[str], Any]) -> None:
    # The seed's deck has 0.1450 for 639 and 0.1200 for 63; the first line bills 0.30, this one what our deck says.
    page = log_in("billing").get(f"/documents/{received(full_book).pk}/lines/1/").content.decode()
    assert "What our deck says of its codes" in page
    assert "0.1450" in page
    assert "aurora_az_v1.csv, row 3" in page
    assert ">theirs<" not in page
    same = received(full_book, LINES.replace("639,0.3000", "639,0.1450").replace("0.60", "0.29"), number=78)
    assert ">theirs<" in log_in("billing").get(f"/documents/{same.pk}/lines/1/").content.decode()
