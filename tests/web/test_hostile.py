"""Wrong and hostile input in every field and every parameter of every page: an answer in words, never a failure, and nothing of it runs.

Fields and parameters are found on the pages themselves, so a new one is asked by itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from python_calamine import CalamineWorkbook

from . import seed
from .forms import Form, Reader, parameters
from .test_rights import ARGUMENTS, FOR_PERSONS, OPEN, patterns

MARKUP = "<script>alert(1)</script>"
HOSTILE = (
    "",
    f"{MARKUP}' OR 1=1 -- \u202e=1+1",
    "\x00",
    "9" * 31,
    "-1",
    "2026-13-45",
    "99999-01-01",
    "x" * 20_000,
)
POSTED = (HOSTILE[1], HOSTILE[2], HOSTILE[3], HOSTILE[5], "x" * 200_000)
NOT_UTF_8 = "%ff%fe"
SIGNED_OUT = {"account_logout"}
# The page's own: a key that is none counts as absent, and Django looks after its token.
NOT_READ = {"key", "csrfmiddlewaretoken"}
RUNS = re.compile(r"^[=+\-@\t\r\n]")
NUMBER = re.compile(r"^-?[0-9]+(\.[0-9]+)?$")


def places() -> dict[str, str]:
    """Every page's address, those of the account as well."""
    from django.urls import reverse

    found = {}
    for name, view in patterns():
        is_page = hasattr(view, "view_class") and getattr(view.view_class, "scope", None) is not None
        if is_page or name in FOR_PERSONS or name == "mfa_index":
            found[name] = reverse(name, kwargs=ARGUMENTS[name]() if name in ARGUMENTS else None)
    return found


def _is_page(response: Any) -> bool:
    return not response.streaming and response.headers.get("Content-Type", "").startswith("text/html")


def read(client: Any, addresses: dict[str, str]) -> dict[str, Reader]:
    """The pages, as they stand."""
    found = {}
    for name, address in addresses.items():
        response = client.get(address)
        if _is_page(response):
            found[name] = Reader(address, response.content.decode())
        response.close()
    return found


def wrong_about(response: Any, what: str) -> Iterator[str]:
    """What is not as it must be about an answer to hostile input."""
    if response.status_code >= 500:
        yield f"{what}: {response.status_code}"
    if _is_page(response):
        text = response.content.decode()
        if MARKUP in text:
            yield f"{what}: markup comes back as markup"
        if response.status_code >= 400 and not re.search(r"<h1|role=\"alert\"|field-error", text):
            yield f"{what}: {response.status_code} without a word"
    response.close()


def _refused(response: Any) -> bool:
    """A 4xx, or the page of an account's form with what is wrong beside the field."""
    if response.status_code == 200 and _is_page(response):
        return b"field-error" in response.content or b'role="alert"' in response.content
    return 400 <= response.status_code < 500


def test_every_parameter_of_every_address(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("owner")
    client.raise_request_exception = False
    addresses = places()
    pages = read(client, addresses)
    names: dict[str, set[str]] = {address: {"t-sort", "t-page", "t-export"} for address in addresses.values()}
    for page in pages.values():
        for link in page.links:
            names.setdefault(urlsplit(link).path, set()).update(parameters(link))
        for form in page.forms:
            if form.method == "get":
                names.setdefault(urlsplit(form.action).path, set()).update(form.fields)
    wrong, asked = [], 0
    for address in addresses.values():
        given = sorted(names[address])
        for number, text in enumerate(HOSTILE):
            if text in POSTED:
                wrong += wrong_about(client.get(address, dict.fromkeys(given, text)), f"{address} {given} all {text[:30]!r}")
            # Alone each name has one of the texts in turn; what is first to be refused hides nothing then.
            for name in given[number :: len(HOSTILE)]:
                wrong += wrong_about(client.get(address, {name: text}), f"{address} {name}={text[:30]!r}")
                asked += 1
        wrong += wrong_about(client.get(f"{address}?{NOT_UTF_8}={NOT_UTF_8}"), f"{address} not UTF-8")
    assert not wrong, "\n".join(wrong)
    assert asked > 150


def test_every_place_in_every_address(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """What stands in the path itself: the thing is not there, and the answer says so."""
    from django.urls import NoReverseMatch, reverse

    client = log_in("owner")
    client.raise_request_exception = False
    wrong = []
    for name, view in patterns():
        if name not in ARGUMENTS or not hasattr(view, "view_class"):
            continue
        right = ARGUMENTS[name]()
        for key in right:
            for text in (MARKUP, "\x00", "9" * 31, "..", "x" * 3_000, "'--", "\u202e"):
                try:
                    address = reverse(name, kwargs={**right, key: text})
                except NoReverseMatch:
                    address = reverse(name, kwargs=right).replace(quote(str(right[key])), quote(text, safe=""), 1)
                response = client.get(address)
                if response.status_code != 404:
                    wrong.append(f"{address[:80]}: {response.status_code}, not 404")
                wrong += wrong_about(response, address[:80])
    assert not wrong, "\n".join(wrong)


def forms_of(client: Any, pages: dict[str, Reader]) -> dict[tuple[str, ...], Form]:
    """Every form that changes something, once."""
    from django.urls import reverse

    out = {reverse(name) for name in SIGNED_OUT}
    found: dict[tuple[str, ...], Form] = {}
    for page in pages.values():
        for form in page.forms:
            if form.method == "post" and urlsplit(form.action).path not in out:
                found.setdefault(form.key, form)
    return found


def test_every_page_that_takes_something_has_its_form(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from django.urls import resolve

    client = log_in("owner")
    taken = {resolve(key[0]).url_name for key in forms_of(client, read(client, places()))}
    takes = {name for name, view in patterns() if "post" in vars(getattr(view, "view_class", object)) and name not in OPEN}
    # A job that is over, as ours is, has no way to be stopped, and who is in is asked for no second factor.
    assert takes - taken <= {"job", "mfa_authenticate"}


def test_every_field_of_every_form(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("owner")
    client.raise_request_exception = False
    wrong, asked = [], 0
    for form in forms_of(client, read(client, places())).values():
        passed: dict[str, set[str]] = {}
        for button in form.buttons or [("", "")]:
            sent = {**form.fields, **({button[0]: button[1]} if button[0] else {})}
            refused = {name: set[str]() for name in sent}
            for name, text in product(sorted(set(sent) - NOT_READ), POSTED):
                response = client.post(form.action, {**sent, name: text})
                asked += 1
                if _refused(response):
                    refused[name] = refused[name] | {text}
                wrong += wrong_about(response, f"{form.action} {button[1]} {name}={text[:30]!r}")
            for name, texts in refused.items():
                passed[name] = passed.get(name, set(POSTED)) & (set(POSTED) - texts)
        # What is chosen and not typed is looked at by what uses it; another button of the same form may do without.
        wrong += [
            f"{form.action} {name}: {len(left)} texts are taken"
            for name, left in passed.items()
            if left and name not in form.free | NOT_READ
        ]
        wrong += wrong_about(client.post(form.action, {}), f"{form.action} with nothing")
        wrong += wrong_about(client.post(form.action, NOT_UTF_8, content_type="application/x-www-form-urlencoded"), form.action)
        wrong += wrong_about(client.post(form.action, b"\x00\xff", content_type="multipart/form-data; boundary=x"), form.action)
    for address in places().values():
        shown = client.get(address)
        wrong += wrong_about(shown, f"{address} afterwards")
    assert not wrong, "\n".join(wrong)
    assert asked > 100


def test_no_cell_of_any_export_is_run_by_a_spreadsheet(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store import models

    for model, names in (
        (models.Partner, ("name",)),
        (models.ExceptionCase, ("destination", "owner")),
        (models.Job, ("subject",)),
        (models.User, ("created_by",)),
    ):
        for name in names:
            model._default_manager.update(**{name: '=HYPERLINK("http://x","y")'})
    client, sheets, planted = log_in("owner"), 0, 0
    for address in places().values():
        response = client.get(address, {"t-export": "csv"})
        if not response.headers.get("Content-Type", "").startswith("text/csv"):
            response.close()
            continue
        rows = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))
        cells = [cell for row in rows for cell in row]
        assert not [cell for cell in cells if RUNS.match(cell) and not NUMBER.match(cell)], address
        planted += sum(cell.startswith("'=") for cell in cells)
        book = client.get(address, {"t-export": "xlsx"})
        values = [
            cell for row in CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0).to_python() for cell in row
        ]
        assert not [cell for cell in values if isinstance(cell, str) and RUNS.match(cell) and not NUMBER.match(cell)], address
        sheets += 1
    assert sheets > 10
    assert planted > 5


@pytest.mark.parametrize("name", ["x" * 300 + ".csv", "..\\..\\book.sqlite3", MARKUP + ".csv", "\u202evsc.exe", "=1+1.csv", "a\x00b.csv"])
def test_a_file_of_a_hostile_name_stays_where_files_are(full_book: Path, log_in: Callable[[str], Any], name: str) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = log_in("owner")
    client.raise_request_exception = False
    before = {path for path in full_book.parent.rglob("*") if full_book not in path.parents}
    response = client.post("/ingest/", {"files": SimpleUploadedFile(name, b"a,b\n1,2\n", "text/csv"), "source": "", "as": ""}, follow=True)
    assert not list(wrong_about(response, name))
    assert {path for path in full_book.parent.rglob("*") if full_book not in path.parents} == before
    assert seed.PASSWORD not in response.content.decode()
