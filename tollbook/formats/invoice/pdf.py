"""The invoice as PDF: the figures of core.invoice as finished text, laid out by Typst with the fonts of this package.

The same document gives the same bytes: no system font, no clock, the date of issue as the file's date.
"""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, time
from functools import cache, partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

import typst

from tollbook.core.deck import ANY
from tollbook.core.invoice import CREDIT_NOTE, REASONS, Document, Line
from tollbook.core.money import format_micros, format_scaled
from tollbook.core.party import Party

_TITLES: Final = {CREDIT_NOTE: "Credit note"}
_CODES_SHOWN: Final = 3


def invoice_pdf(document: Document, seller: Party, buyer: Party) -> bytes:
    """The pages of a finalised document."""
    issued = int(datetime.combine(document.issued_on, time.min, tzinfo=UTC).timestamp())
    data = json.dumps(page_data(document, seller, buyer), ensure_ascii=False)
    made = _compiler().compile(sys_inputs={"data": data}, format="pdf", timestamp=issued)
    assert isinstance(made, bytes)
    return made


@cache
def _compiler() -> Any:
    """One compiler for all invoices of a process: the fonts are read once."""
    here = files("tollbook.formats.invoice")
    with as_file(here.joinpath("invoice.typ")) as template, as_file(here.joinpath("fonts")) as fonts:
        # An empty root: a document can never pull a file of this machine into its pages.
        root = Path(tempfile.mkdtemp(prefix="tollbook-typst-"))
        main = root / "invoice.typ"
        main.write_bytes(template.read_bytes())
        return typst.Compiler(input=str(main), root=str(root), font_paths=[str(fonts)], ignore_system_fonts=True)


def page_data(document: Document, seller: Party, buyer: Party) -> dict[str, Any]:
    """Every text that stands on the pages."""
    sums, money = document.totals, partial(format_micros, currency=document.currency)
    kind = _TITLES.get(document.kind, "Invoice")
    period = f"{document.first_day} to {document.last_day}"
    calls = sum(line.usage.calls for line in document.lines)
    billed_s = sum(line.usage.billed_s for line in document.lines)
    price_places = max((len(line.price_per_minute.partition(".")[2]) for line in document.lines), default=4)
    return {
        "kind": kind,
        "title": f"{kind} {document.number}",
        "number": document.number,
        "currency": document.currency,
        "seller": {**_party(seller), "footer": " · ".join(each for each in (seller.name, seller.registration, seller.vat_id) if each)},
        "buyer": _party(buyer),
        "facts": [
            ["Date of issue", str(document.issued_on)],
            ["Due", str(document.due_on)],
            ["Traffic", period],
            ["Time zone", document.zone],
            ["Agreement", f"{document.agreement_id} v{document.agreement_version}"],
            ["Currency", document.currency],
            *([["Corrects", document.preceding]] if document.preceding else []),
        ],
        "tiles": [
            ["Calls", f"{calls:,}", False],
            ["Billed minutes", _minutes(billed_s), False],
            ["Net", f"{money(sums.net)}", False],
            [f"Payable by {document.due_on}", f"{document.currency} {money(sums.payable)}", True],
        ],
        "service": f"International voice termination, {period}, days in {document.zone}. Prices per minute without tax.",
        "lines": [_line(line, document, price_places) for line in document.lines],
        "sums": _sums(document, money),
        "payable": ["Payable", f"{document.currency} {money(sums.payable)}"],
        "tax_note": document.tax.note,
        "payment": _payment(document, seller),
        "dispute": _dispute(document, seller),
        "derivation": _derivation(document),
        "sources": _sources(document),
    }


def _party(party: Party) -> dict[str, Any]:
    lines = [*party.address, party.country, f"VAT {party.vat_id}" if party.vat_id else "", party.registration]
    return {"name": party.name, "lines": [each for each in lines if each]}


def _line(line: Line, document: Document, price_places: int) -> dict[str, str]:
    usage, currency = line.usage, document.currency
    shown, more = usage.codes[:_CODES_SHOWN], len(usage.codes) - _CODES_SHOWN
    notes = [each for each in (usage.a_zone, usage.band, usage.jurisdiction) if each not in ("", ANY)]
    if usage.prior_period:
        notes.insert(0, f"late calls of {usage.prior_period}, at its rates")
    if line.adjustment_micros:
        sign = "+" if line.adjustment_micros > 0 else "-"
        notes.append(f"with {sign}{format_micros(abs(line.adjustment_micros), currency)} {REASONS[line.reason]}")
    return {
        "destination": usage.destination or "(no name)",
        "codes": ", ".join(shown) + (f" +{more}" if more > 0 else ""),
        "version": _sheets(document).get(usage.deck_digest, usage.rate_version),
        "increments": usage.increments,
        "calls": f"{usage.calls:,}",
        "minutes": _minutes(usage.billed_s),
        "price": format_scaled(usage.rate_nanos_per_minute, 9, price_places),
        "amount": format_micros(line.net_micros, currency),
        "note": " · ".join(notes),
    }


def _sheets(document: Document) -> dict[str, str]:
    """A letter for each rate sheet, by its digest: the lines are narrow and the names of files are long."""
    return {digest: chr(ord("A") + number) if number < 26 else str(number) for number, (_, _, digest) in enumerate(document.decks)}


def _minutes(billed_s: int) -> str:
    """Minutes with four places, enough to give the seconds back: 1/60 min is 0.0167."""
    text = format_scaled((billed_s * 10_000 + 30) // 60, 4, 4)
    whole, _, fraction = text.partition(".")
    return f"{int(whole):,}.{fraction}"


def _sums(document: Document, money: Any) -> list[list[str]]:
    sums, tax = document.totals, document.tax
    rows = [["Sum of lines", money(sums.lines)]]
    if sums.rounding_allowance or sums.rounding_charge:
        rows.append(["Rounding of the document", money(sums.rounding_charge - sums.rounding_allowance)])
    rows.append(["Net", money(sums.net)])
    rate = format_scaled(tax.rate_bp, 2)
    rows.append([f"VAT {rate} %" if tax.category == "S" else f"VAT ({tax.category})", money(sums.tax)])
    return rows


def _payment(document: Document, seller: Party) -> list[list[str]]:
    rows = [["Reference", document.number], ["Due", str(document.due_on)]]
    bank = [["Bank", seller.bank.name], ["IBAN", seller.bank.iban], ["BIC", seller.bank.bic]]
    return [each for each in (*bank, *rows) if each[1]]


def _dispute(document: Document, seller: Party) -> str:
    to = f" to {seller.contact}" if seller.contact else ""
    return (
        f"In writing{to}, until {document.dispute_until} 23:59:59 ({document.zone}). What is not disputed stays due on {document.due_on}."
    )


def _derivation(document: Document) -> str:
    clauses = "; ".join(f"{what}: {clause}" for what, clause in document.clauses)
    text = (
        f"Each call is priced by the rates in force at its anchor and rounded at {document.rounding}; every line is the sum of its calls in"
        " the annex, in whole minor units. The annex lists every call with its code, seconds, rate and amount. Digests are SHA-256."
    )
    return f"{text} Clauses: {clauses}." if clauses else text


def _sources(document: Document) -> list[list[str]]:
    rows = [[f"Agreement {document.agreement_id} v{document.agreement_version}", document.agreement_digest]]
    rows += [[f"Rates {_sheets(document)[digest]}: {name}, {version}", digest] for name, version, digest in document.decks]
    if document.annex_sha256:
        rows.append([f"Annex {document.annex_name}", document.annex_sha256])
    return rows
