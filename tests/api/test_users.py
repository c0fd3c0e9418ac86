"""People by the API: invited, let in again, given another role, locked out; and a token has no power beyond its own rights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from web import seed

from tollbook.api import users

from .conftest import ApiClient

Api = Callable[..., ApiClient]
ROUTER = users.router
STRONG = "seven wet donkeys sing"


def accept(address: str) -> Any:
    """A browser that follows the address of an invitation."""
    from django.test import Client

    guest, path = Client(), urlsplit(address).path
    assert guest.get(path).status_code == 200
    assert guest.post(path, {"password": STRONG, "repeated": STRONG}).status_code == 302
    return guest


def test_an_invitation_is_made_accepted_and_shown_once(full_book: Path, api: Api) -> None:
    client, wanted = api("owner"), {"name": "mara", "role": "billing"}
    made = client.post("users", wanted, Idempotency_Key="u-1")
    assert (made.status_code, made.headers["Location"]) == (201, "/api/v1/users/mara")
    assert made.json()["has_password"] is False
    again = client.post("users", wanted, Idempotency_Key="u-1").json()
    assert again == made.json() | {"invitation": None}
    guest = accept(made.json()["invitation"])
    assert guest.get("/exceptions/").status_code == 200
    found = client.get("users/mara").json()
    assert (found["role"], found["has_password"], found["is_active"]) == ("billing", True, True)
    assert "close" in found["rights"]
    assert "mara" in {each["name"] for each in client.items("users")}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": "billing", "role": "billing"}, "USER_NAME"),
        ({"name": "new.one", "role": "partner"}, "USER_PARTNER"),
        ({"name": "new.one", "role": "partner", "partner": "nobody"}, "USER_PARTNER"),
        ({"name": "new.one", "role": "noc", "partner": "aurora"}, "USER_PARTNER"),
        ({"name": "A Name", "role": "noc"}, "API_PARAMETER"),
        ({"name": "new.one", "role": "emperor"}, "API_PARAMETER"),
    ],
)
def test_a_wrong_invitation_says_why(full_book: Path, api: Api, given: dict[str, str], code: str) -> None:
    response = api("owner").post("users", given)
    assert (response.status_code, response.json()["code"]) == (422, code)


def test_a_new_invitation_ends_the_password_the_second_factor_and_every_session(full_book: Path, api: Api, log_in: Any) -> None:
    from allauth.mfa.models import Authenticator
    from django.contrib.auth.models import User
    from django.test import Client

    browser, account = log_in("billing"), User.objects.get(username="billing")
    Authenticator.objects.create(user=account, type=Authenticator.Type.TOTP, data={"secret": "x"})
    made = api("owner").post("users/billing/invitations")
    assert made.status_code == 201
    assert browser.get("/").status_code == 302
    assert not Authenticator.objects.filter(user=account).exists()
    Client().post("/account/login/", {"login": "billing", "password": seed.PASSWORD})
    first = made.json()["invitation"]
    second = api("owner").post("users/billing/invitations").json()["invitation"]
    assert Client().get(urlsplit(first).path).status_code == 404
    assert accept(second).get("/").status_code == 200


def test_another_role_holds_from_the_next_request(full_book: Path, api: Api, log_in: Any) -> None:
    browser, client = log_in("noc"), api("owner")
    assert browser.get("/exceptions/").status_code == 403
    tag = client.get("users/noc").headers["ETag"]
    assert client("PUT", "users/noc/role", {"role": "billing"}, If_Match=tag).json()["role"] == "billing"
    assert browser.get("/exceptions/").status_code == 200
    assert client("PUT", "users/noc/role", {"role": "cfo"}, If_Match=tag).status_code == 412
    assert client("PUT", "users/noc/role", {"role": "partner", "partner": "cirrus"}).json()["partner"] == "cirrus"
    assert browser.get("/documents/").status_code == 200
    assert b"aurora" not in browser.get("/documents/").content.lower()


def test_out_and_in_again(full_book: Path, api: Api, log_in: Any) -> None:
    browser, client = log_in("billing"), api("owner")
    assert client.post("users/billing/deactivation").json()["is_active"] is False
    assert browser.get("/").status_code == 302
    refused = client.post("users/billing/invitations")
    assert (refused.status_code, refused.json()["code"]) == (422, "USER_UNKNOWN")
    assert client.post("users/billing/activation").json()["is_active"] is True
    assert log_in("billing").get("/").status_code == 200
    for path in ("activation", "deactivation", "invitations"):
        assert client.post(f"users/nobody/{path}").status_code == 404
    # A token is nobody who could log in.
    assert client.get(f"users/{client.get('me').json()['token']}").status_code == 404


def test_the_last_owner_stays(full_book: Path, api: Api) -> None:
    client = api("owner")
    for response in (client.post("users/owner/deactivation"), client("PUT", "users/owner/role", {"role": "noc"})):
        assert (response.status_code, response.json()["code"]) == (422, "USER_LAST_OWNER")
    assert client("PUT", "users/billing/role", {"role": "owner"}).status_code == 200
    assert client.post("users/owner/deactivation").status_code == 200


def test_a_token_has_no_power_beyond_its_own_rights(full_book: Path, api: Api) -> None:
    from tollbook.core.rights import RIGHTS, Right, Role

    narrow = api("owner", [Right.MANAGE_USERS, *RIGHTS[Role.NOC]])
    assert narrow.post("users", {"name": "new.noc", "role": "noc"}).status_code == 201
    forbidden = [
        narrow.post("users", {"name": "new.owner", "role": "owner"}),
        narrow.post("users/owner/invitations"),
        narrow.post("users/billing/deactivation"),
        narrow("PUT", "users/noc/role", {"role": "billing"}),
        narrow("PUT", "users/billing/role", {"role": "noc"}),
    ]
    assert [(each.status_code, each.json()["code"]) for each in forbidden] == [(422, "USER_ROLE")] * len(forbidden)


def test_every_role_is_told_with_its_rights(full_book: Path, api: Api) -> None:
    from tollbook.core.rights import Role

    found = {each["role"]: each for each in api("auditor").get("roles").json()["roles"]}
    assert list(found) == [str(role) for role in Role]
    assert set(found["noc"]["rights"]) == {"read-book", "read-calls", "ingest", "block-accounts"}
    assert found["noc"]["reading_rights"] == ["read-book", "read-calls"]
    assert found["auditor"]["rights"] == found["auditor"]["reading_rights"]
    assert all(each["about"] for each in found.values())
    # What is told can be given, and no more.
    client, until = api("owner"), {"expires_at": "2026-12-31T00:00:00Z"}
    made = client.post("tokens", {"name": "n-1", "role": "noc", "scope": found["noc"]["rights"], **until})
    assert made.json()["scope"] == sorted(found["noc"]["rights"])
    assert client.post("tokens", {"name": "n-2", "role": "noc", "scope": ["read-margin"], **until}).status_code == 422
    assert api("billing").get("roles").status_code == 403


def test_the_chain_of_the_journal_is_derived_from_its_answers_alone(full_book: Path, api: Api) -> None:
    from tollbook.core.canonical import canonical_json
    from tollbook.flow import clock

    client = api("owner", idempotency_key="k-1")
    client.post("exceptions/comments", {"exceptions": [seed.digest("aurora RATE_VARIANCE")], "text": "Ask them."})
    names = ("seq", "actor", "action", "subject", "reason", "idempotency_key", "input_hash", "prev_hash")
    before, keys, last = "0" * 64, set(), max(row["seq"] for row in client.items("journal?limit=1000"))
    for seq in range(1, last + 1):
        row = client.get(f"journal/{seq}").json()
        told = {name: row[name] for name in names}
        told |= {"at": clock.parse_instant_ms(row["at"]), "result": canonical_json(row["result"]).decode()}
        assert hashlib.sha256(canonical_json(told)).hexdigest() == row["row_hash"], seq
        assert row["prev_hash"] == before
        before, keys = row["row_hash"], keys | {row["idempotency_key"]}
    assert {None, "k-1"} <= keys
