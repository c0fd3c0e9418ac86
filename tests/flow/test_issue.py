"""Issuing: gapless numbers under aborts and side by side, once per key, balanced postings, frozen rows."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from tollbook.core import ledger
from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Role
from tollbook.flow.book import Book
from tollbook.flow.issue import Draft, Finished, Issued, issue, postings_of
from tollbook.store.models import Document, Journal, Posting

DAY = dt.date(2026, 12, 1)


def draft(key: str, **changes: Any) -> Draft:
    return Draft(
        **{
            "key": key,
            "series": "BC-2026",
            "kind": "INVOICE",
            "partner": "nordtel",
            "currency": "EUR",
            "issued_on": DAY,
            **AMOUNTS,
            **changes,
        }
    )


AMOUNTS = {"total_micros": 120_000_000, "tax_micros": 20_000_000}


def finish(number: int) -> Finished:
    name = f"BC-2026-{number}"
    return Finished({"number": name}, ledger.sales_invoice(name, "nordtel", "EUR", 100_000_000, 20_000_000), b"%PDF", f"{name}.pdf")


def test_a_document_with_its_pages_and_postings(book: Book, owner: Actor) -> None:
    made = issue(book, draft("a"), finish, actor=owner)
    row = Document.objects.get()
    assert (made.number, row.content, row.file.name) == (1, {"number": "BC-2026-1"}, "BC-2026-1.pdf")
    assert ledger.balances(postings_of(row))[ledger.RECEIVABLE, "nordtel", "EUR", ledger.POSTED] == 120_000_000


def test_the_same_key_issues_once_and_another_content_under_it_is_refused(book: Book, owner: Actor) -> None:
    first = issue(book, draft("a"), finish, actor=owner)
    again = issue(book, draft("a"), finish, actor=owner)
    assert (again.number, again.is_repeated, first.is_repeated) == (1, True, False)
    assert Document.objects.count() == 1
    with pytest.raises(Refusal, match="IDEMPOTENCY_CONFLICT"):
        issue(book, draft("a", total_micros=1), finish, actor=owner)


def test_a_failed_document_gives_its_number_back(book: Book, owner: Actor) -> None:
    def fails(number: int) -> Finished:
        raise RuntimeError("the pages cannot be made")

    issue(book, draft("a"), finish, actor=owner)
    with pytest.raises(RuntimeError):
        issue(book, draft("b"), fails, actor=owner)
    assert issue(book, draft("c"), finish, actor=owner).number == 2
    assert issue(book, draft("d", series="CN-2026"), finish, actor=owner).number == 1


def test_postings_that_do_not_balance_stop_the_document(book: Book, owner: Actor) -> None:
    def lopsided(number: int) -> Finished:
        return Finished({}, ledger.sales_invoice("x", "nordtel", "EUR", 1, 0)[:1])

    with pytest.raises(ValueError):
        issue(book, draft("a"), lopsided, actor=owner)
    assert Document.objects.count() == Posting.objects.count() == Journal.objects.filter(action="issue document").count() == 0


def test_an_issued_document_cannot_be_changed(book: Book, owner: Actor) -> None:
    issue(book, draft("a"), finish, actor=owner)
    for change in (lambda: Document.objects.update(total_micros=1), lambda: Document.objects.all()._raw_delete("default")):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_somebody_without_the_right_issues_nothing(book: Book) -> None:
    with pytest.raises(Refusal, match="RIGHT_MISSING"):
        issue(book, draft("a"), finish, actor=Actor("eve", Role.NOC))


def test_a_hundred_side_by_side_with_ten_failures_are_numbered_1_to_90(book: Book, owner: Actor) -> None:
    def one(order: int) -> Issued | None:
        def sometimes(number: int) -> Finished:
            if order % 10 == 3:
                raise RuntimeError("aborted")
            return Finished({"order": order})

        try:
            return issue(book, draft(f"key {order}"), sometimes, actor=owner)
        except RuntimeError:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        made = [each for each in pool.map(one, range(100)) if each is not None]
    assert sorted(each.number for each in made) == list(range(1, 91))
    assert list(Document.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 91))
