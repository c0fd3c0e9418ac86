"""A document survives being frozen, and its results do not depend on the day or the number."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from tollbook.core.agreement import RatingTerms
from tollbook.core.canonical import canonical_json, parse_canonical_json
from tollbook.core.invoice import Document, Tax, Usage, make_lines, totals
from tollbook.core.invoice_record import document_content, read_document, results_of
from tollbook.core.party import Bank, Party

SELLER = Party("boreal", "Boreal Carrier", ("1 Quay", "Dublin"), "IE", bank=Bank("B", "IE00", "X"), digest="1" * 64)
BUYER = Party("nordtel", "Nordtel AB", tax=Tax("AE", 0, "Reverse charge"))


def document() -> Document:
    huge = 2**70
    usage = Usage("IN", "Łódź", ("4842", "4843"), "1/1", 2**40, "USD", "v1", "d" * 64, 2, 3, 4, huge, huge // 60_000, clause="A3.2")
    terms, tax, day = RatingTerms(), Tax("AE", 0, "Reverse charge"), date(2026, 11, 30)
    lines = make_lines([usage], terms)
    return Document(
        *("380", "BC-0001", "nordtel", "USD", "2026-11", date(2026, 11, 1), day, "UTC", day, day, day, "A", "1", "a" * 64, "CALL(6)"),
        *(lines, tax, totals(lines, terms, tax, "USD"), (("deck", "v1", "b" * 64),), (("prices", "A3.2 Charges"),), "annex.csv", "e" * 64),
    )


def test_a_document_comes_back_as_it_was() -> None:
    content = document_content(document(), SELLER, BUYER)
    again = parse_canonical_json(canonical_json(content))
    assert read_document(again) == (document(), SELLER, BUYER)
    assert document_content(*read_document(again)) == content


def test_the_results_do_not_depend_on_number_and_day() -> None:
    later = replace(
        document(), number="BC-0009", issued_on=date(2027, 1, 5), due_on=date(2027, 2, 4), dispute_until=date(2027, 2, 4), annex_name="x"
    )
    assert results_of(document_content(later, SELLER, BUYER)) == results_of(document_content(document(), SELLER, BUYER))
    other = replace(document(), currency="EUR")
    assert results_of(document_content(other, SELLER, BUYER)) != results_of(document_content(document(), SELLER, BUYER))
