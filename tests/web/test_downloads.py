"""What is downloaded is what was sealed, byte by byte, and never shown in the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tollbook.core.digest import sha256_hex
from tollbook.web import downloads

from .test_rights import ARGUMENTS

GIVEN = {
    "document-annex": downloads.Annex,
    "agreement-file": downloads.AgreementDocument,
    "deck-file": downloads.RateSheet,
    "source-records": downloads.Records,
}


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_the_bytes_are_those_that_were_sealed(full_book: Path, log_in: Callable[[str], Any], name: str) -> None:
    from django.urls import resolve, reverse

    from tollbook.store.models import SealedFile

    address = reverse(name, kwargs=ARGUMENTS[name]())
    page: Any = resolve(address).func
    assert page.view_class is GIVEN[name]
    response = log_in("owner").get(address)
    assert response.status_code == 200
    found = SealedFile.objects.get(digest=sha256_hex(b"".join(response.streaming_content)))
    response.close()
    assert response.headers["Content-Disposition"] == f'attachment; filename="{found.name}"'
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_its_page_leads_to_it_for_those_who_may_have_it(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from django.urls import reverse

    for name, page in (
        ("document-annex", "document"),
        ("agreement-file", "agreement"),
        ("deck-file", "deck"),
        ("source-records", "source-file"),
    ):
        given = ARGUMENTS[name]()
        assert reverse(name, kwargs=given) in log_in("owner").get(reverse(page, kwargs=given)).content.decode(), name
    theirs = reverse("document-annex", kwargs=ARGUMENTS["document-annex"]())
    assert theirs in log_in("aurora-user").get(reverse("document", kwargs=ARGUMENTS["document-annex"]())).content.decode()


def test_what_is_not_there_is_not_found(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Document

    client = log_in("owner")
    accrual = Document.objects.exclude(kind="INVOICE").first()
    assert accrual is not None
    records = ARGUMENTS["source-records"]()
    for path in (
        f"/documents/{accrual.pk}/calls/",
        "/documents/99999/calls/",
        "/agreements/99999/file/",
        "/decks/99999/file/",
        f"/sources/aurora/{records['digest']}/file/",
        f"/sources/boreal/{'0' * 64}/file/",
        "/sources/aurora/..%2f..%2fbook.toml/file/",
    ):
        assert client.get(path).status_code == 404, path


def test_a_partners_file_may_state_prices_and_is_not_for_who_sees_none(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Batch

    theirs = Batch.objects.filter(source="aurora").values_list("file_id", flat=True).first()
    page, file = f"/sources/aurora/{theirs}/", f"/sources/aurora/{theirs}/file/"
    assert log_in("noc").get(page).status_code == 200
    assert file not in log_in("noc").get(page).content.decode()
    assert log_in("noc").get(file).status_code == 403
    assert file in log_in("routes").get(page).content.decode()
    given = log_in("routes").get(file)
    given.close()
    assert given.status_code == 200
