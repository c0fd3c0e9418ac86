"""Every address x {nobody, each role, another partner's user}. A page without a declared right, or without a line here, fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import seed

PEOPLE = (*seed.PEOPLE, "aurora-user", "cirrus-user")
# Addresses that are not pages: for machines, and the log-in itself. Each has its own tests.
OPEN = {"healthz", "readyz", "metrics", "set-up", "invitation", "account_login", "account_logout", "account_inactive", "account_signup"}
FOR_PERSONS = {"account_reauthenticate", "account_change_password"}
# Addresses that give a file and not a page.
FILES = {"document-file", "document-annex", "agreement-file", "deck-file", "source-records", "dispute-pack", "close-pack"}
# What the address of a page needs. The things named here are aurora's, so that cirrus' user is somebody else.
ARGUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "job": lambda: {"pk": seed.JOB},
    "job-events": lambda: {"pk": seed.JOB},
    "exception": lambda: {"pk": seed.digest("aurora RATE_VARIANCE")},
    "dispute": lambda: {"pk": "D-aurora-2026-11"},
    "dispute-pack": lambda: {"pk": "D-aurora-2026-11"},
    "partner": lambda: {"pk": "aurora"},
    "agreement": lambda: {"pk": _first("Agreement", partner_id="aurora")},
    "document": lambda: {"pk": _first("Document", partner_id="aurora")},
    "document-lines": lambda: {"pk": _first("Document", kind="INVOICE", partner_id="aurora")},
    "document-line": lambda: {"pk": _first("Document", kind="INVOICE", partner_id="aurora"), "line": 1},
    "document-annex": lambda: {"pk": _first("Document", kind="INVOICE", partner_id="aurora")},
    "agreement-file": lambda: {"pk": _first("Agreement", partner_id="aurora")},
    "deck-file": lambda: {"pk": _first("Deck", partner_id="aurora")},
    "source-records": lambda: {"source": "boreal", "digest": _first("Batch", "file_id", source="boreal")},
    "document-file": lambda: {"pk": _first("Document", partner_id="aurora")},
    "source": lambda: {"source": "aurora"},
    "source-file": lambda: {"source": "aurora", "digest": _first("Batch", "file_id", source="aurora")},
    "call": lambda: {"cdr_id": seed.FIRST_ID.hex()},
    "deck": lambda: {"pk": _first("Deck", partner_id="aurora")},
    "deck-changes": lambda: {"pk": _first("Deck", partner_id="aurora")},
    "deck-lookup": lambda: {"pk": _first("Deck", partner_id="aurora")},
    "journal-row": lambda: {"seq": 1},
    "user": lambda: {"name": "billing"},
    "token": lambda: {"name": seed.TOKEN},
    "waterfall": lambda: {"scope": "aurora/OUT/2026-11"},
    "pairs": lambda: {"scope": "aurora/OUT/2026-11"},
    "close": lambda: {"pk": _first("Document", kind="CLOSE")},
    "close-pack": lambda: {"pk": _first("Document", kind="CLOSE")},
}


def _first(model: str, field: str = "pk", **where: Any) -> Any:
    from tollbook.store import models

    return getattr(models, model).objects.filter(**where).values_list(field, flat=True).first()


def patterns() -> Iterator[tuple[str, Any]]:
    """Every named address with its view, the second-factor pages of allauth as well."""
    from django.urls import URLPattern, get_resolver

    def walk(entries: Any) -> Iterator[Any]:
        for entry in entries:
            if isinstance(entry, URLPattern):
                # Operations of the API have a walk of their own (tests/api/test_rights.py).
                if not getattr(entry.callback, "is_operation", False):
                    yield entry
            else:
                yield from walk(entry.url_patterns)

    for entry in walk(get_resolver().url_patterns):
        yield entry.name or "", entry.callback


def test_every_page_declares_its_right(full_book: Path) -> None:
    from tollbook.web.page import Page, Scope

    for name, view in patterns():
        if name in OPEN | FOR_PERSONS or name.startswith("mfa_"):
            continue
        page = getattr(view, "view_class", None)
        assert page is not None, f"{name} is no page"
        assert issubclass(page, Page), f"{name} is no page with a right"
        assert page.scope is not None, f"{name} declares no scope"
        assert (page.right is None) == (page.scope is Scope.PERSON), f"{name} declares no right"


@pytest.mark.parametrize("person", [None, *PEOPLE])
def test_every_page_is_seen_by_those_who_may(full_book: Path, log_in: Callable[[str], Any], person: str | None) -> None:
    from django.test import Client
    from django.urls import reverse

    from tollbook.core.rights import Actor, Role
    from tollbook.web.page import may_see

    client = log_in(person) if person else Client()
    seen = 0
    for name, view in patterns():
        page = getattr(view, "view_class", None)
        if name in OPEN | FOR_PERSONS or name.startswith("mfa_") or page is None:
            continue
        address = reverse(name, kwargs=ARGUMENTS[name]() if name in ARGUMENTS else None)
        response = client.get(address)
        if person is None:
            assert response.status_code == 302, f"{name} is open to anybody"
            assert response["Location"].startswith("/account/login/"), f"{name} is open to anybody"
            continue
        partner = person.removesuffix("-user") if person.endswith("-user") else None
        actor = Actor(person, Role.PARTNER if partner else Role(person), partner)
        if not may_see(actor, page.right, page.scope):
            wanted = 403
        elif partner == "cirrus" and name in ARGUMENTS:
            wanted = 404
        else:
            wanted = 200
        assert response.status_code == wanted, f"{person} at {name}: {response.status_code}, not {wanted}"
        seen += 1
        response.close()
        _contains_nothing_of_others(person, name, response)
    assert person is None or seen > 10


def _contains_nothing_of_others(person: str, name: str, response: Any) -> None:
    if person != "cirrus-user" or response.streaming:
        return
    text = response.content.decode(errors="replace").lower()
    assert "aurora" not in text, f"cirrus' user finds aurora at {name}"


@pytest.mark.parametrize("person", [None, *PEOPLE])
def test_only_the_owner_invites(full_book: Path, log_in: Callable[[str], Any], person: str | None) -> None:
    from django.test import Client

    from tollbook.store.models import User

    client = log_in(person) if person else Client()
    response = client.post("/users/invite/", {"name": "new.person", "role": "billing", "partner": ""})
    assert User.objects.filter(name="new.person").exists() == (person == "owner")
    assert response.status_code == {None: 302, "owner": 200}.get(person, 403)


def test_the_lists_of_a_partner_hold_its_own_only(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("cirrus-user")
    for address in ("/documents/", "/disputes/", "/documents/?t-export=csv", "/disputes/?t-export=csv", "/search/?q=D-", "/search/?q=R"):
        response = client.get(address)
        text = (b"".join(response.streaming_content) if response.streaming else response.content).decode()
        assert response.status_code == 200
        assert "cirrus" in text.lower() or "search" in address
        assert "aurora" not in text.lower()


def test_nothing_tells_that_another_partners_thing_exists(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("cirrus-user")
    theirs, nobodys = client.get("/disputes/D-aurora-2026-11/"), client.get("/disputes/D-nobody-2026-11/")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.content == nobodys.content


def test_who_is_let_go_is_out_at_once(full_book: Path, log_in: Callable[[str], Any]) -> None:
    billing, owner = log_in("billing"), log_in("owner")
    assert billing.get("/").status_code == 200
    assert owner.post("/users/one/billing/", {"step": "deactivate"}).status_code == 302
    assert billing.get("/").status_code in (302, 403)
    assert billing.get("/").headers.get("Location", "").startswith("/account/login/")
