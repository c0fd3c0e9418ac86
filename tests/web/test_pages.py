"""Every page on an empty book says what to do first; on a full one it asks the database a known number of times, whatever it shows."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .test_rights import ARGUMENTS, FILES, patterns

GOLDEN = Path(__file__).parent / "query_counts.json"
UPDATE = os.environ.get("TOLLBOOK_UPDATE_GOLDEN") == "1"
LARGEST_PAGE_BYTES = 200_000
FIRST_PAGES = {"tokens": "new-token"}


def _pages() -> list[tuple[str, Any]]:
    return [(name, view.view_class) for name, view in patterns() if hasattr(view, "view_class") and hasattr(view.view_class, "scope")]


def test_query_counts_are_the_golden_ones(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    client = log_in("owner")
    client.get("/")
    counts, queries = {}, {}
    for name, _ in _pages():
        address = reverse(name, kwargs=ARGUMENTS[name]() if name in ARGUMENTS else None)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get(address).close()
        counts[name] = len(captured)
        queries[name] = [each["sql"] for each in captured]
    if UPDATE:
        GOLDEN.write_text(json.dumps(counts, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    for name, number in counts.items():
        assert number == golden.get(name), f"{name}: {number} queries, not {golden.get(name)}: {queries[name]}"
    assert counts.keys() == golden.keys()
    assert max(counts.values()) <= 25


def test_more_rows_need_no_more_queries(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tollbook.store.models import Document

    client = log_in("owner")
    client.get("/documents/")

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/documents/")
            client.get("/")
        return len(captured)

    before = count()
    row = Document.objects.get(partner_id="aurora", kind="RECEIVED_INVOICE")
    for number in range(10, 60):
        Document.objects.create(
            series="R",
            number=number,
            kind="INVOICE",
            partner_id="aurora",
            issued_at=row.issued_at,
            content={},
            content_digest=f"{number:064d}",
        )
    assert count() == before


def test_an_empty_book_says_what_to_do_first(empty_book: Path) -> None:
    from django.contrib.auth.models import User as Account
    from django.test import Client
    from django.urls import reverse

    from tollbook.store.models import User

    User.objects.create(name="owner", kind="PERSON", role="owner", is_active=True, created_at=0)
    client = Client()
    client.force_login(Account.objects.create_user("owner"), backend="allauth.account.auth_backends.AuthenticationBackend")
    for name, _ in _pages():
        if name in ARGUMENTS or name in ("search", "ingest", "send-decks", "invite", "users", "new-token", "journal", "api-reference"):
            continue
        response = client.get(reverse(name))
        assert response.status_code == 200, name
        text = response.content.decode()
        assert 'class="empty"' in text or "First steps" in text, f"{name} says nothing to somebody who starts"
        # Where a page does what the command does, its button is there for somebody who may press it.
        for command, page in (("tollbook ingest", "ingest"), ("tollbook close", "close-start")):
            assert f"<pre>{command}" not in text or f'href="{reverse(page)}"' in text, name
        # The first step is a command, except where it is a page of its own.
        assert ("tollbook " in text) if name not in FIRST_PAGES else (f'href="{reverse(FIRST_PAGES[name])}"' in text), name


def test_pages_are_small(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """What a first visit loads, compressed: the page and all it fetches by itself (the browser tests weigh what comes over the wire)."""
    import re

    brotli = pytest.importorskip("brotli")
    client = log_in("owner")
    static = Path(__file__).resolve().parents[2] / "tollbook" / "web" / "static"
    from django.contrib.staticfiles import finders

    for name, _ in _pages():
        from django.urls import reverse

        if name in {"search", "job-events", *FILES}:
            continue
        text = client.get(reverse(name, kwargs=ARGUMENTS[name]() if name in ARGUMENTS else None)).content
        size = len(brotli.compress(text, quality=4))
        for path in set(re.findall(rb"(?:src|href)=\"/static/([^\"?#]+)", text)):
            found = finders.find(path.decode())
            assert isinstance(found, str)
            data = Path(found).read_bytes()
            size += len(data) if found.endswith(".woff2") else len(brotli.compress(data, quality=5))
        assert size < LARGEST_PAGE_BYTES, f"{name} loads {size:,} bytes"
    assert static.is_dir()


def test_hostile_addresses_are_not_found(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("owner")
    for address in (
        "/calls/zz/",
        f"/calls/{'0' * 32}/",
        "/exceptions/nothing/",
        "/disputes/%27/",
        "/partners/%00/",
        "/sources/nothing/",
        "/sources/aurora/nothing/",
        "/sources/..%2f..%2fsecret.key/x/",
        "/journal/0/",
        "/journal/99999999999999999999/",
        "/documents/99999999999999999999/",
        "/reconciliation/nothing/",
        "/reconciliation/aurora/OUT/2026-11/x/calls/",
        "/users/one/nobody/",
    ):
        assert client.get(address).status_code == 404, address


def test_what_the_core_refuses_becomes_a_page(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """A deck whose sealed file is gone: the page says which, and what to do."""
    from tollbook.store.files import find
    from tollbook.store.models import Deck

    deck = Deck.objects.get(partner_id="cirrus")
    path = find(full_book, deck.file_id)
    assert path is not None
    path.unlink()
    response = log_in("auditor").get(f"/decks/{deck.pk}/")
    assert response.status_code == 409
    assert b"SEALED_FILE_MISSING" in response.content


def test_a_dispute_goes_on_step_by_step(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Dispute, Journal

    billing, auditor = log_in("billing"), log_in("auditor")
    address = "/disputes/D-aurora-2026-11/"
    assert b"Next step" not in auditor.get(address).content
    assert auditor.post(address, {"event": "acknowledge"}).status_code == 403
    assert billing.post(address, {"event": "settle"}).status_code == 422
    assert billing.post(address, {"event": "acknowledge", "reason": "by mail"}).status_code == 302
    assert Dispute.objects.get(id="D-aurora-2026-11").state == "ACKNOWLEDGED"
    row = Journal.objects.order_by("-seq").first()
    assert row is not None
    assert (row.action, row.reason, row.actor) == ("dispute acknowledge", "by mail", "billing (billing)")


def test_a_partner_sees_no_draft(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Dispute

    Dispute.objects.filter(partner_id="aurora").update(state="DRAFT")
    client = log_in("aurora-user")
    assert client.get("/disputes/D-aurora-2026-11/").status_code == 404
    assert client.get("/disputes/D-aurora-2026-11/pack/").status_code == 404
    assert b"D-aurora" not in client.get("/disputes/").content
    assert b"D-aurora" not in client.get("/").content
    assert b"D-aurora" not in client.get("/search/?q=D-aurora").content.replace(b"\xe2\x80\x9cD-aurora", b"")


def test_a_comparison_without_any_difference_shows_no_call(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Head, Segment

    run = Head.objects.get(stage="reconciliation", scope="aurora/OUT/2026-11").run
    Segment.objects.filter(run=run).delete()
    for address in ("/reconciliation/aurora/OUT/2026-11/calls/", "/reconciliation/aurora/OUT/2026-11/calls/?class=DURATION_VARIANCE"):
        assert log_in("owner").get(address).status_code == 200
