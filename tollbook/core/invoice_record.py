"""A document as canonical JSON and back: what is frozen when it is issued, and what verification reads. Amounts are text in micro-units.

Only plain values: text, whole numbers, lists, mappings. A document that was read gives back the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import Any, Final

from tollbook.core.invoice import Document, Line, Tax, Totals, Usage
from tollbook.core.party import Bank, Party

FORMAT: Final = "tollbook-invoice/1"
_DATES: Final = ("first_day", "last_day", "issued_on", "due_on", "dispute_until")
_WIDE: Final = ("duration_ms", "billed_s", "exact_60th_nanos", "amount_micros", "rate_nanos_per_minute")
_USAGE: Final = tuple(each.name for each in fields(Usage))
# What depends on the day of issue or on what was issued before; the rest follows from the records alone.
_OF_THE_ISSUE: Final = ("number", "issued_on", "due_on", "dispute_until", "annex_name", "preceding")


def document_content(document: Document, seller: Party, buyer: Party) -> dict[str, Any]:
    """Everything on the document and everything it was made from."""
    plain = {each.name: getattr(document, each.name) for each in fields(Document) if each.name not in ("lines", "tax", "totals")}
    plain.update({name: plain[name].isoformat() for name in _DATES})
    return {
        "format": FORMAT,
        **plain,
        "decks": [list(each) for each in document.decks],
        "clauses": [list(each) for each in document.clauses],
        "notes": list(document.notes),
        "lines": [_line(line) for line in document.lines],
        "tax": asdict(document.tax),
        "totals": {name: str(value) for name, value in asdict(document.totals).items()},
        "seller": party_content(seller),
        "buyer": party_content(buyer),
    }


def results_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a document that follows from records and contracts alone, whenever it is issued: what a close's results hold."""
    return {name: value for name, value in content.items() if name not in (*_OF_THE_ISSUE, "seller", "buyer")}


def read_document(content: Mapping[str, Any]) -> tuple[Document, Party, Party]:
    """The document with its seller and buyer; KeyError, TypeError or ValueError where the content is none."""
    if content["format"] != FORMAT:
        raise ValueError(f"{content['format']} is not {FORMAT}")
    plain = {each.name: content[each.name] for each in fields(Document) if each.name not in ("lines", "tax", "totals")}
    plain.update({name: date.fromisoformat(content[name]) for name in _DATES})
    plain.update({name: tuple((a, *rest) for a, *rest in content[name]) for name in ("decks", "clauses")})
    document = Document(
        **{**plain, "notes": tuple(content["notes"])},
        lines=tuple(_read_line(each) for each in content["lines"]),
        tax=Tax(**content["tax"]),
        totals=Totals(**{name: int(value) for name, value in content["totals"].items()}),
    )
    return document, read_party_content(content["seller"]), read_party_content(content["buyer"])


def _line(line: Line) -> dict[str, Any]:
    usage: dict[str, Any] = {name: getattr(line.usage, name) for name in _USAGE}
    usage.update({name: str(usage[name]) for name in _WIDE}, codes=list(line.usage.codes))
    return {
        "number": line.number,
        "net_micros": str(line.net_micros),
        "adjustment_micros": str(line.adjustment_micros),
        "reason": line.reason,
        **usage,
    }


def _read_line(content: Mapping[str, Any]) -> Line:
    usage = {each.name: content[each.name] for each in fields(Usage)}
    usage.update({name: int(usage[name]) for name in _WIDE}, codes=tuple(content["codes"]))
    return Line(content["number"], Usage(**usage), int(content["net_micros"]), int(content["adjustment_micros"]), content["reason"])


def party_content(party: Party) -> dict[str, Any]:
    return {**asdict(party), "address": list(party.address)}


def read_party_content(content: Mapping[str, Any]) -> Party:
    return Party(**{**content, "address": tuple(content["address"]), "bank": Bank(**content["bank"]), "tax": Tax(**content["tax"])})
