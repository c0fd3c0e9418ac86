"""From an invoice's line to its calls, which must add up to it exactly; and who may look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tollbook.web.document_lines import Check


def _invoice() -> Any:
    from tollbook.store.models import Document

    return Document.objects.get(kind="INVOICE", partner_id="aurora")


def test_the_calls_add_up_to_the_line(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client, pk = log_in("auditor"), _invoice().pk
    assert f"/documents/{pk}/lines/" in client.get(f"/documents/{pk}/").content.decode()
    assert f"/documents/{pk}/lines/1/" in client.get(f"/documents/{pk}/lines/").content.decode()
    page = client.get(f"/documents/{pk}/lines/1/").content.decode()
    assert page.count("badge badge-green") == 4
    assert "639171234567" in page
    assert "/calls/" in page
    exported = b"".join(client.get(f"/documents/{pk}/lines/1/?t-export=csv").streaming_content).decode()
    assert exported.count("\n") == 3
    assert "0.29" in exported


def test_a_sum_that_differs_is_said(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Document

    row = _invoice()
    row.content["lines"][0]["exact_60th_nanos"] = "26100000001"
    names = ("series", "kind", "partner_id", "issued_at", "currency", "content", "content_digest")
    other = Document.objects.create(number=2, **{name: getattr(row, name) for name in names})
    assert log_in("billing").get(f"/documents/{other.pk}/lines/1/").content.decode().count("differs") == 1


def test_the_partner_sees_its_own_without_the_way_to_our_records(full_book: Path, log_in: Callable[[str], Any]) -> None:
    pk = _invoice().pk
    page = log_in("aurora-user").get(f"/documents/{pk}/lines/1/").content.decode()
    assert "49301**" in page
    assert "/calls/" not in page
    assert log_in("cirrus-user").get(f"/documents/{pk}/lines/1/").status_code == 404
    assert log_in("noc").get(f"/documents/{pk}/lines/").status_code == 403


def test_wrong_lines_are_not_found(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client, pk = log_in("owner"), _invoice().pk
    for address in (
        f"/documents/{pk}/lines/2/",
        f"/documents/{pk}/lines/999999999999999999/",
        f"/documents/{pk}/lines/x/",
        "/documents/0/lines/",
    ):
        assert client.get(address).status_code == 404, address
    assert client.get(f"/documents/{pk}/lines/1/?t-b_number=%27%22&t-sort=evil&t-page=0").status_code == 200


def test_one_unit_is_a_difference() -> None:
    assert Check("Calls", 10**30, 10**30).holds
    assert not Check("Calls", 10**30, 10**30 + 1).holds
