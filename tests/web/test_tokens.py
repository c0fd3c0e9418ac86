"""Tokens on the pages: made by the owner and shown once, revoked, and by nobody else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tollbook.web import tokens

from . import seed

FORM = {"name": "new-export", "role": "billing", "width": tokens.READS, "days": "90", "partner": "", "reason": "For the ERP"}
NEW = "/users/tokens/new/"


def test_the_owner_makes_one_and_sees_it_once(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.flow import token
    from tollbook.store.models import Journal

    client = log_in("owner")
    page = client.post(NEW, FORM).content.decode()
    secret = re.search(r"tollbook_[A-Za-z0-9_-]{43}", page)
    assert secret
    assert token.actor_of(secret[0]).scope == frozenset(token.default_scope(token.Role.BILLING))
    assert Journal.objects.get(subject="token/new-export").reason == "For the ERP"
    for address in ("/users/tokens/", "/users/tokens/one/new-export/"):
        assert secret[0] not in client.get(address).content.decode()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Not A Name"},
        {"name": seed.TOKEN},
        {"role": "king"},
        {"width": tokens.CHOSEN},
        {"width": tokens.CHOSEN, "role": "noc", "rights": ["read-ledger"]},
        {"role": "partner"},
        {"days": "100000"},
    ],
)
def test_what_cannot_be_made_is_said_beside_its_field(full_book: Path, log_in: Callable[[str], Any], change: dict[str, Any]) -> None:
    from tollbook.store.models import User

    response = log_in("owner").post(NEW, {**FORM, **change})
    assert response.status_code == 422
    assert "field-error" in response.content.decode()
    assert User.objects.filter(kind="TOKEN").count() == 1


@pytest.mark.parametrize("person", ["owner", "auditor", "billing", "aurora-user"])
def test_only_the_owner_makes_and_revokes(full_book: Path, log_in: Callable[[str], Any], person: str) -> None:
    from tollbook.store.models import User

    client = log_in(person)
    made = client.post(NEW, FORM)
    revoked = client.post(f"/users/tokens/one/{seed.TOKEN}/", {"step": "revoke"})
    assert User.objects.filter(name="new-export").exists() == (person == "owner")
    assert User.objects.get(name=seed.TOKEN).is_active == (person != "owner")
    assert (made.status_code, revoked.status_code) == ((200, 302) if person == "owner" else (403, 403))
