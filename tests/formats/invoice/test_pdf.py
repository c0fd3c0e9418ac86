"""The invoice PDF: the same bytes each time, every figure on its pages, no system font, the fonts as vendored."""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import date
from importlib.resources import files

from tollbook.core.agreement import RatingTerms
from tollbook.core.invoice import Document, Tax, Usage, make_lines, totals
from tollbook.core.party import Bank, Party
from tollbook.formats.invoice.pdf import invoice_pdf, page_data

FONTS = files("tollbook.formats.invoice").joinpath("fonts")
SELLER = Party(
    "boreal",
    "Boreal Carrier",
    ("12 Fjord Street", "0150 Oslo"),
    "Norway",
    "NO1",
    "Reg. 1",
    "disputes@boreal.example",
    "BC",
    Bank("B", "NO00", "X"),
)
BUYER = Party("nordtel", "Zażółć Łódź Ελλάδα Україна Sp. z o.o.")


def document(lines: int = 90) -> Document:
    usages = []
    for number in range(lines):
        rate, billed = 12_345_678 + number, 60 * number + 7
        codes = tuple(str(4800 + number + each) for each in range(1 + number % 6))
        amount = billed * rate // 60_000
        usages.append(Usage("IN", f"Łódź {number:03d}", codes, "30/6", rate, "USD", "v1", "d" * 64, 3, 1, billed, billed * rate, amount))
    terms, tax = RatingTerms(), Tax("AE", 0, "Reverse charge")
    made = make_lines(usages, terms)
    return Document(
        *("380", "BC-2026-0001", "nordtel", "USD", "2026-11", date(2026, 11, 1), date(2026, 11, 30), "Europe/Warsaw"),
        *(date(2026, 12, 1), date(2026, 12, 31), date(2026, 12, 31), "NT-1", "1", "a" * 64, "CALL(6) HALF_UP"),
        *(made, tax, totals(made, terms, tax, "USD"), (("nordtel", "v1", "b" * 64),), (("price", "A3.2 Prices"),), "calls.csv", "e" * 64),
    )


def test_the_same_document_gives_the_same_bytes() -> None:
    first = invoice_pdf(document(), SELLER, BUYER)
    assert first == invoice_pdf(document(), SELLER, BUYER)
    assert first.startswith(b"%PDF-1.7")
    assert first != invoice_pdf(document(91), SELLER, BUYER)


def test_hostile_text_stays_text() -> None:
    """Names come from partners: markup and code in them must be printed, not run."""
    hostile = Party("x", '#read("/etc/passwd") *bold* $x$ \\ " </table>')
    assert invoice_pdf(document(1), SELLER, hostile).startswith(b"%PDF")


def test_every_figure_is_on_the_pages() -> None:
    data = page_data(document(3), SELLER, BUYER)
    assert data["number"] == "BC-2026-0001"
    assert [line["minutes"] for line in data["lines"]] == ["0.1167", "1.1167", "2.1167"]
    assert [line["price"] for line in data["lines"]] == ["0.012345678", "0.012345679", "0.012345680"]
    assert data["lines"][2]["codes"] == "4802, 4803, 4804"
    # 7 s, 67 s and 127 s at 0.01234568 a minute: 0.00144, 0.01379, 0.02613, that is 0.00 + 0.01 + 0.03.
    assert data["payable"] == ["Payable", "USD 0.04"]
    text = json.dumps(data)
    assert all(
        each in text for each in ("a" * 64, "b" * 64, "e" * 64, "2026-12-31 23:59:59", "Europe/Warsaw", "A3.2 Prices", "Reverse charge")
    )


def test_the_fonts_are_those_of_the_manifest() -> None:
    manifest = tomllib.loads(FONTS.joinpath("MANIFEST.toml").read_text(encoding="utf-8"))
    assert {each["name"]: each["sha256"] for each in manifest["file"]} == {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in FONTS.iterdir() if each.name.endswith(".ttf")
    }
    assert "SIL OPEN FONT LICENSE" in FONTS.joinpath(manifest["licence_file"]).read_text(encoding="utf-8")
