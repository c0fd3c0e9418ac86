"""Every list of the API over a book with something of everything: what its document promises of fields, filters and orders is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from web import seed_lists

from .conftest import ApiClient, make_token
from .test_rights import _first, address

Api = Callable[..., ApiClient]
# Lists whose things are others than those of the tests of rights.
ADDRESSES: Final[dict[str, Callable[[], str]]] = {
    "deck-rows": lambda: f"decks/{_second_deck()}/rows",
    "deck-changes": lambda: f"decks/{_second_deck()}/changes",
    "exception-events": lambda: f"exceptions/{_first('ExceptionCase', assignee='billing')}/events",
    "document-lines": lambda: f"documents/{_first('Document', kind='INVOICE', number=2)}/lines",
    "received-lines": lambda: f"documents/{_first('Document', series='T')}/received-lines",
    "pairs": lambda: f"reconciliations/{seed_lists.SCOPE}/pairs",
}
# List and field that have no value in the book, and why.
EMPTY: Final = {("exceptions", "destination"): "A reconciliation opens one for a class of difference, over all destinations."}


def _second_deck() -> str:
    return _first("Deck", partner_id="aurora", currency="USD")


def lists() -> dict[str, tuple[str, dict[str, Any]]]:
    """Path and description of every list of the document, by its name."""
    from tollbook.api.application import document

    found = {}
    for path, operations in document()["paths"].items():
        for operation in operations.values():
            if operation.get("x-list"):
                found[operation["operationId"]] = (path.removeprefix("/api/v1"), operation)
    return found


def fields_of(operation: dict[str, Any]) -> list[str]:
    """The fields of a row, as the document describes them."""
    from tollbook.api.application import document

    schemas = document()["components"]["schemas"]
    page = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    item = schemas[page]["properties"]["items"]["items"]["$ref"].rsplit("/", 1)[1]
    return list(schemas[item]["properties"])


@pytest.fixture
def book(full_book: Path) -> Path:
    """The full book with the rest of everything."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow import job

    job.start("CHECK", {}, actor=Actor("owner", Role.OWNER))
    make_token("t-cirrus", "partner", partner="cirrus")
    seed_lists.fill(full_book)
    return full_book


@pytest.fixture
def read(book: Path, api: Api) -> Callable[..., list[dict[str, Any]]]:
    """The rows of a list by its name, with further parameters."""
    client = api("owner")

    def rows(name: str, /, **query: Any) -> list[dict[str, Any]]:
        asked = ADDRESSES[name]() if name in ADDRESSES else address(lists()[name][0])
        return client.items(f"{asked}{'&' if '?' in asked else '?'}{urlencode({'limit': 1000, **query})}")

    return rows


def test_every_field_has_a_value_somewhere(read: Callable[..., list[dict[str, Any]]]) -> None:
    empty = {
        (name, field)
        for name, (_, operation) in lists().items()
        for rows in [read(name)]
        for field in fields_of(operation)
        if all(row[field] in (None, "") for row in rows)
    }
    assert empty == set(EMPTY)


def test_more_rows_need_no_more_queries(read: Callable[..., list[dict[str, Any]]]) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for name in lists():
        counts = []
        for limit in (1_000, 1, 1_000):
            with CaptureQueriesContext(connection) as captured:
                read(name, limit=limit)
            counts.append(len(captured))
        # What is read once and kept is read before.
        assert counts[1] == counts[2] <= 20, f"{name}: {counts}"


def test_every_field_that_is_offered_sorts(read: Callable[..., list[dict[str, Any]]]) -> None:
    asked = 0
    for name, (_, operation) in lists().items():
        offered = next(each["schema"] for each in operation["parameters"] if each["name"] == "sort")
        orders = [sort for kind in offered.get("anyOf", ()) for sort in kind.get("enum", ())]
        many = len(read(name)) if orders else 0
        # Each field once, every other one the largest first.
        for sort in (orders[2 * number + number % 2] for number in range(len(orders) // 2)):
            values = [row[sort.removeprefix("-")] for row in read(name, sort=sort)]
            there = [value for value in values if value is not None]
            assert len(values) == many, f"{name} by {sort}"
            assert values == there + [None] * (many - len(there)), f"{name} by {sort}: what is null comes last"
            asked += 1
    assert asked > 120


def test_every_field_that_is_offered_filters(read: Callable[..., list[dict[str, Any]]]) -> None:
    asked = 0
    for name, (_, operation) in lists().items():
        rows, fields = read(name), fields_of(operation)
        for parameter in operation["parameters"]:
            field = parameter["name"]
            if parameter["in"] != "query" or field not in fields or (name, field) in EMPTY:
                continue
            wanted = str(next(row[field] for row in rows if row[field] not in (None, "")))
            found = [str(row[field]) for row in read(name, **{field: wanted})]
            is_text = "contain" in parameter["description"]
            assert found, f"{name} of {field} {wanted}"
            assert all(wanted.lower() in each.lower() if is_text else each == wanted for each in found), f"{name} of {field} {wanted}"
            asked += 1
    assert asked > 50
