"""What a document is called, what it is over, and what was posted and disputed of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from web import seed, seed_lists

from tollbook.api import documents
from tollbook.core.ledger import CHART

from .conftest import ApiClient

if TYPE_CHECKING:
    from tollbook.flow.book import Book

Api = Callable[..., ApiClient]
MODULES = (documents,)


@pytest.mark.parametrize(
    ("number", "content", "name"),
    [
        (1, {"number": "AV-7"}, "AV-7"),
        (1, {"number": ""}, "X-0001"),
        (1, {"number": None}, "X-0001"),
        (999, {}, "X-0999"),
        (9_999, {}, "X-9999"),
        (123_456, {}, "X-123456"),
    ],
)
def test_a_document_is_called_the_same_everywhere(book: Book, number: int, content: dict[str, Any], name: str) -> None:
    """On both databases the list, its filter and its order have what the page of the document says."""
    from tollbook.store.models import Document
    from tollbook.web.documents import numbered
    from tollbook.web.templatetags.tollbook import document_name

    row = Document.objects.create(series="X", number=number, kind="ACCRUAL", issued_at=1, content=content, content_digest="a" * 64)
    found = numbered(Document.objects.filter(series="X"))
    assert document_name(row) == name
    assert list(found.filter(own_number__icontains=name.lower()).order_by("own_number").values_list("own_number", flat=True)) == [name]


def test_one_without_a_number_of_its_own_is_found_by_its_series(full_book: Path, api: Api, log_in: Callable[[str], Any]) -> None:
    seed_lists.fill(full_book)
    client = api("billing")
    (row,) = client.items("documents?number=accrual")
    assert (row["number"], row["series"]) == ("ACCRUAL-0001", "ACCRUAL")
    assert client.get(f"documents/{row['id']}").json()["number"] == "ACCRUAL-0001"
    assert client.items("documents?series=ACCRUAL") == [row]
    assert [each["number"] for each in client.items("documents?sort=number")] == sorted(
        each["number"] for each in client.items("documents")
    )
    page = log_in("billing").get("/documents/?t-own_number=accrual").content.decode()
    assert "ACCRUAL-0001" in page
    assert "AV-7" not in page


def test_a_document_has_its_period_its_postings_and_its_disputes(full_book: Path, api: Api) -> None:
    from tollbook.store.models import Document

    seed_lists.fill(full_book)
    client = api("owner")
    period = {"start_at": seed.DAY_MS, "end_at": seed.DAY_MS + 86_400_000}
    made = Document.objects.create(series="Y", number=1, kind="INVOICE", issued_at=1, content={}, content_digest="a" * 64, **period)
    found = client.get(f"documents/{made.pk}").json()
    assert (found["start_at"], found["end_at"]) == ("2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z")
    invoice = Document.objects.get(kind="INVOICE", number=1, partner_id="aurora")
    postings = client.items(f"postings?document={invoice.pk}")
    assert [each["line_no"] for each in postings] == [1, 2, 3, 4]
    assert {each["account_name"] for each in postings} == {CHART["1200"].name, CHART["4000"].name}
    assert client.items(f"postings?document={made.pk}") == []
    received = Document.objects.get(series="R", partner_id="aurora")
    (dispute,) = client.items(f"disputes?document={received.pk}")
    assert (dispute["id"], dispute["document"], dispute["leg"]) == ("D-aurora-2026-11", received.pk, "OUT")
    assert api("partner", partner="cirrus").items(f"disputes?document={received.pk}") == []
    for wrong in ("x", "-1", str(2**63)):
        assert client.get(f"postings?document={wrong}").status_code == 422
