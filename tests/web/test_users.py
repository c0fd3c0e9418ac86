"""The owner's page of a person: a new invitation, another role, locked out; and what is refused says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tollbook.web import users

STRONG = "seven wet donkeys sing"
PERSON = "/users/one/billing/"


def test_a_new_invitation_leads_back_in(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from django.test import Client

    billing, owner = log_in("billing"), log_in("owner")
    page = owner.post(PERSON, {"step": "invite-again"}).content.decode()
    address = re.search(r"http://testserver(/invitation/[^<\"]+)", page)
    assert address is not None
    assert billing.get("/").status_code == 302
    assert "has set no password yet" in owner.get(PERSON).content.decode()
    guest = Client()
    assert guest.post(address[1], {"password": STRONG, "repeated": STRONG}).status_code == 302
    assert guest.get("/exceptions/").status_code == 200


def test_who_is_locked_out_cannot_use_an_invitation(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from django.test import Client

    owner = log_in("owner")
    page = owner.post(PERSON, {"step": "invite-again"}).content.decode()
    address = re.search(r"http://testserver(/invitation/[^<\"]+)", page)
    assert address is not None
    assert owner.post(PERSON, {"step": "deactivate"}).status_code == 302
    assert Client().get(address[1]).status_code == 404
    refused = owner.post(PERSON, {"step": "invite-again"})
    assert refused.status_code == 422
    assert "let the person in again first" in refused.content.decode()


def test_another_role(full_book: Path, log_in: Callable[[str], Any]) -> None:
    owner, noc = log_in("owner"), log_in("noc")
    assert owner.post("/users/one/noc/", {"step": "role", "role": "cfo", "partner": ""}).status_code == 302
    assert noc.get("/exceptions/").status_code == 200
    page = owner.get("/users/one/noc/").content.decode()
    assert re.search(r'value="cfo"\s+selected', page)


@pytest.mark.parametrize("given", [{"role": "partner", "partner": ""}, {"role": "noc", "partner": "aurora"}, {"role": "emperor"}, {}])
def test_a_role_that_cannot_be_is_said_at_its_field(full_book: Path, log_in: Callable[[str], Any], given: dict[str, str]) -> None:
    from tollbook.store.models import User

    response = log_in("owner").post(PERSON, {"step": "role", **given})
    assert response.status_code == 422
    assert b"field-error" in response.content
    assert User.objects.get(name="billing").role == "billing"


@pytest.mark.parametrize("step", ["invite-again", "role", "activate", "deactivate", "", "promote"])
def test_nobody_but_the_owner_and_nobody_with_oneself(full_book: Path, log_in: Callable[[str], Any], step: str) -> None:
    given = {"step": step, "role": "owner", "partner": ""}
    assert log_in("auditor").post(PERSON, given).status_code == 403
    assert log_in("billing").post("/users/one/auditor/", given).status_code == 403
    assert log_in("owner").post("/users/one/owner/", given).status_code == 403
    assert step not in users.STEPS or log_in("owner").post("/users/one/nobody/", given).status_code == 404


def test_a_book_that_acts_as_of_another_day_says_so(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.flow import clock

    with clock.pinned(clock.parse_instant_ms("2026-12-03T10:00:00Z")):
        assert re.search(r"as of .*2026-12-03.*10:00", log_in("owner").get("/").content.decode())
        assert "jobs carry the time of this machine" in log_in("owner").get("/jobs/").content.decode()
