"""Who stands on a document: legal name, address, tax ids, bank, whom to write to. A sealed document like all that decides money.

See docs/rules/settlement.md, section "Parties".
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from tollbook.core.invoice import Tax
from tollbook.core.money import parse_scaled
from tollbook.core.problem import Problem, Refusal, problem, refuse

FORMAT: Final = "tollbook-party/1"
TAX_CATEGORIES: Final = ("S", "AE", "O")
_TEXT_KEYS: Final = ("id", "name", "country", "vat_id", "registration", "contact", "series")
_TABLES: Final = {"bank": ("name", "iban", "bic"), "tax": ("category", "rate", "note")}


@dataclass(frozen=True, slots=True)
class Bank:
    """Where to pay."""

    name: str = ""
    iban: str = ""
    bic: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A party of an agreement. `tax` is the treatment of what is billed to it; `series` begins the numbers of what it issues."""

    id: str
    name: str
    address: tuple[str, ...] = ()
    country: str = ""
    vat_id: str = ""
    registration: str = ""
    contact: str = ""
    series: str = "INV"
    bank: Bank = Bank()
    tax: Tax = field(default_factory=Tax)
    digest: str = ""


def read_party(text: str, file: str = "") -> tuple[Party, list[Problem]]:
    """The party of a document. Refusal where it is no TOML, no party, without id or name, or says something that would be lost."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise refuse("PARTY_INVALID", f"{error}.", file=file) from None
    if document.pop("format", None) != FORMAT:
        raise refuse("PARTY_INVALID", f"It is not of the format {FORMAT}.", file=file, column="format")
    problems = _unknown(document, file)
    address = document.pop("address", [])
    bank, tax = document.pop("bank", {}), document.pop("tax", {})
    if not isinstance(address, list):
        problems.append(problem("PARTY_INVALID", "The address is a list of lines.", file=file, column="address"))
    problems += [
        problem("PARTY_INVALID", "The value is a text.", file=file, column=name, value=value)
        for name, value in {**document, **bank, **tax}.items()
        if not isinstance(value, str)
    ]
    problems += [problem("PARTY_INVALID", "It is needed.", file=file, column=name) for name in ("id", "name") if not document.get(name)]
    rate_bp, category = parse_scaled(str(tax.get("rate", "0")), 2), tax.get("category", "O")
    if rate_bp is None or rate_bp < 0 or category not in TAX_CATEGORIES or (category != "S" and rate_bp):
        reason = "The category is S, AE or O, and only S has a rate, in percent with at most two decimals."
        problems.append(problem("PARTY_INVALID", reason, file=file, column="tax", value=f"{category} {tax.get('rate', '0')}"))
    if problems or rate_bp is None:
        raise Refusal(problems)
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    treatment = Tax(category, rate_bp, tax.get("note", ""))
    return Party(**document, address=tuple(str(each) for each in address), bank=Bank(**bank), tax=treatment, digest=digest), []


def _unknown(document: Mapping[str, Any], file: str) -> list[Problem]:
    known = {*_TEXT_KEYS, "address", *_TABLES}
    paths = [name for name in document if name not in known]
    for table, names in _TABLES.items():
        inside = document.get(table, {})
        paths += [f"{table}.{name}" for name in inside if name not in names] if isinstance(inside, dict) else [table]
    return [problem("PARTY_INVALID", "No such key is known.", file=file, column=path) for path in paths]


def unnamed(party_id: str, name: str = "") -> Party:
    """A party nobody described: its id stands for its name."""
    return Party(party_id, name or party_id)
