"""Every operation x {no token, bad, expired, revoked, each role, a token scoped down, another partner's}. What is not named here fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from web import seed
from web.test_invoice_lines import received

from .conftest import DAY_MS, ApiClient, make_token

ROLES = ("owner", "billing", "noc", "routes", "cfo", "auditor")
# What an address needs. The things named here are aurora's, so that cirrus' token is somebody else's.
PLACES: dict[str, Callable[[], str]] = {
    "/partners/{partner}": lambda: "aurora",
    "/agreements/{id}": lambda: _first("Agreement", partner_id="aurora"),
    "/decks/{id}": lambda: _first("Deck", partner_id="aurora"),
    "/sources/{source}": lambda: "aurora",
    "/sources/{source}/files/{digest}": lambda: f"aurora/files/{_first('Batch', 'file_id', source='aurora')}",
    "/sources/{source}/files/{digest}/content": lambda: f"boreal/files/{_first('Batch', 'file_id', source='boreal')}/content",
    "/calls/{call}": lambda: seed.FIRST_ID.hex(),
    "/runs/{run_key}": lambda: _first("Run"),
    "/reconciliations/{partner}/{leg}/{period}": lambda: "aurora/OUT/2026-11",
    "/exceptions/{id}": lambda: seed.digest("aurora RATE_VARIANCE"),
    "/disputes/{id}": lambda: "D-aurora-2026-11",
    "/documents/{id}/received-lines/{line}": lambda: f"{_first('Document', series='T')}/received-lines/1",
    "/documents/{id}/lines/{line}": lambda: f"{_first('Document', kind='INVOICE', partner_id='aurora')}/lines/1",
    "/documents/{id}": lambda: _first("Document", partner_id="aurora"),
    "/closes/{id}": lambda: _first("Document", kind="CLOSE"),
    "/journal/{seq}": lambda: "1",
    "/tokens/{name}": lambda: "t-spare",
    "/users/{name}": lambda: "billing",
    "/jobs/{id}": lambda: seed.JOB,
}
QUERIES = {
    "/decks/look-up": "partner=aurora&direction=BUY&number=639171234567",
    "/decks/{id}/look-up": "number=639171234567",
    "/files": "name=x.csv",
    "/uploads": "name=x.csv",
}
# The documents of the seed have no annex, and its packs are none.
OTHERWISE = {"/documents/{id}/annex": 404, "/closes/{id}/verification": 422, "/disputes/{id}/verification": 422}


def _first(model: str, field: str = "pk", **where: Any) -> str:
    from tollbook.store import models

    return str(getattr(models, model).objects.filter(**where).values_list(field, flat=True).first())


def operations() -> Iterator[tuple[str, str, Any]]:
    """Method, path and what each operation declares."""
    from tollbook.api.application import application

    for router in application()._get_bound_routers():
        for path, view in router.path_operations.items():
            for operation in view.operations:
                for method in operation.methods:
                    yield method, path.replace("{number:", "{"), operation


def declared(operation: Any) -> Any:
    """What the door of an operation asks for; one without a door has none."""
    from tollbook.api.bearer import Bearer

    doors = operation.auth_callbacks
    assert len(doors) == 1, f"{operation.operation_id} has no door"
    assert isinstance(doors[0], Bearer), f"{operation.operation_id} has another door"
    return doors[0].declared


def address(path: str) -> str:
    """The path with aurora's things in it."""
    asked = path
    for known, place in sorted(PLACES.items(), key=lambda each: -len(each[0])):
        if path.startswith(known):
            path = known.split("{")[0].rstrip("/") + "/" + place() + path[len(known) :]
            break
    assert "{" not in path, f"{path} needs a line in PLACES"
    return f"{path.lstrip('/')}?{QUERIES[asked]}" if asked in QUERIES else path.lstrip("/")


@pytest.fixture
def book(full_book: Path) -> Path:
    """The full book with a job, a token and a supplier's invoice with its lines to look at."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow import job

    job.start("CHECK", {}, actor=Actor("owner", Role.OWNER))
    make_token("t-spare", "noc")
    received(full_book)
    return full_book


def test_every_operation_declares_its_right(book: Path) -> None:
    from tollbook.core.rights import Right
    from tollbook.web.page import Scope

    seen = set()
    for method, path, operation in operations():
        given = declared(operation)
        assert isinstance(given.scope, Scope), operation.operation_id
        assert all(isinstance(right, Right) for right in given.rights), operation.operation_id
        if method != "GET":
            assert not any(right.name.startswith("READ_") for right in given.rights if path != "/jobs" and "/jobs/" not in path), path
        assert address(path)
        seen.add((method, path))
    assert len(seen) > 50


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        ("", "TOKEN_MISSING"),
        ("wrong", "TOKEN_INVALID"),
        ("tollbook_" + "A" * 43, "TOKEN_INVALID"),
        ("expired", "TOKEN_EXPIRED"),
        ("revoked", "TOKEN_REVOKED"),
    ],
)
def test_no_operation_opens_without_a_token_that_counts(book: Path, secret: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tollbook.api import bearer
    from tollbook.core.rights import Actor, Role
    from tollbook.flow import clock, token

    monkeypatch.setattr(bearer, "TRIES_A_MINUTE", 1_000)
    if secret == "expired":
        with clock.pinned(seed.NOW_MS - 10 * DAY_MS):
            secret = make_token("t-old", "owner", expires_at=seed.NOW_MS - DAY_MS)
    if secret == "revoked":
        secret = make_token("t-gone", "owner")
        token.revoke(Actor("owner", Role.OWNER), "t-gone")
    for method, path, _ in operations():
        response = ApiClient(secret)(method, address(path))
        assert (response.status_code, response.json()["code"]) == (401, code), path
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert response.headers["Content-Type"] == "application/problem+json"


def test_a_session_of_the_pages_opens_nothing(book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("owner")
    for method, path, _ in operations():
        assert client.generic(method, f"/api/v1/{address(path)}").status_code == 401, path


@pytest.mark.parametrize("who", [*ROLES, "aurora", "cirrus", "narrow", "billing-of-cirrus"])
def test_every_operation_is_open_to_those_who_may(book: Path, who: str) -> None:
    from tollbook.core.rights import Actor, Right, Role

    scope, partner, role = None, None, who
    if who in ("aurora", "cirrus"):
        role, partner = "partner", who
    elif who == "narrow":
        role, scope = "owner", [Right.READ_BOOK]
    elif who == "billing-of-cirrus":
        role, partner = "billing", "cirrus"
    secret = make_token(f"t-{who}", role, scope, partner=partner)
    from tollbook.flow import token

    actor = token.actor_of(secret)
    assert isinstance(actor, Actor)
    assert actor.role is Role(role)
    client, opened = ApiClient(secret), 0
    for method, path, operation in operations():
        response = client(method, address(path))
        if not declared(operation).is_open_to(actor):
            assert response.status_code == 403, f"{who} at {method} {path}: {response.status_code}"
            continue
        opened += 1
        if method != "GET":
            assert response.status_code in (200, 201, 202, 400, 403, 404, 409, 415, 422), f"{who} at {method} {path}: {response.content!r}"
            continue
        wanted = 404 if partner == "cirrus" and "{" in path else OTHERWISE.get(path, 200)
        assert response.status_code == wanted, f"{who} at {method} {path}: {response.status_code}"
        text = b"".join(response.streaming_content) if response.streaming else response.content
        # A problem repeats the path that was asked for, and nothing else.
        assert partner != "cirrus" or wanted == 404 or b"aurora" not in text.lower(), f"cirrus' token finds aurora at {path}"
        response.close()
    assert opened >= (2 if who == "narrow" else 4)


def test_lists_and_streams_hold_a_partners_own_only(book: Path) -> None:
    client = ApiClient(make_token("t-cirrus", "partner", partner="cirrus"))
    for path in ("documents", "disputes"):
        for media in ("application/json", "text/csv", "application/vnd.apache.arrow.stream"):
            response = client.get(path, Accept=media)
            text = b"".join(response.streaming_content) if response.streaming else response.content
            assert b"cirrus" in text
            assert b"aurora" not in text
        assert client.items(f"{path}?partner=aurora") == []


def test_nothing_tells_that_another_partners_thing_exists(book: Path) -> None:
    client = ApiClient(make_token("t-cirrus", "partner", partner="cirrus"))
    theirs, nobodys = client.get("disputes/D-aurora-2026-11"), client.get("disputes/D-nobody-2026-11")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() | {"instance": ""} == nobodys.json() | {"instance": ""}


def test_rights_cut_down_the_parts_of_an_answer(book: Path) -> None:
    from tollbook.core.rights import Right

    calls_alone = ApiClient(make_token("t-calls", "billing", [Right.READ_CALLS]))
    found = calls_alone.get(f"calls/{seed.FIRST_ID.hex()}").json()
    assert (found["prices"], found["differences"]) == (None, None)
    assert "0.29" not in str(found)
    disputes_alone = ApiClient(make_token("t-disputes", "billing", [Right.READ_DISPUTES]))
    assert disputes_alone.get(f"exceptions/{seed.digest('aurora RATE_VARIANCE')}").json()["calls"] is None
    reference_alone = ApiClient(make_token("t-reference", "billing", [Right.READ_REFERENCE]))
    assert reference_alone.get("partners/aurora").json()["at_risk"] is None
