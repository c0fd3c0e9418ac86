"""Exceptions by the run and the dispute they are of, those that nobody has, and what took the place of what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from web import seed

from tollbook.api import exceptions

from .conftest import ApiClient

Api = Callable[..., ApiClient]
MODULES = (exceptions,)
DURATION, RATE = (seed.digest(f"aurora {cause}") for cause in ("DURATION_VARIANCE", "RATE_VARIANCE"))


def test_those_of_a_run_of_a_dispute_and_of_nobody(full_book: Path, api: Api) -> None:
    client = api("billing")
    every = {each["id"]: each for each in client.items("exceptions")}
    run = every[RATE]["run"]
    assert client.get(f"runs/{run}").json()["stage"] == "reconciliation"
    assert len(client.items(f"exceptions?run={run}")) == len(every)
    assert client.items(f"exceptions?run={'0' * 64}") == []
    assert [each["id"] for each in client.items("exceptions?dispute=D-aurora-2026-11")] == [RATE]
    assert (every[RATE]["minutes_ms"], every[RATE]["opened_at"]) == (61_000, "2026-11-22T12:00:00.000Z")
    chosen = {"exceptions": [{"id": DURATION, "last_event": 0}], "assignee": "billing"}
    assert client.post("exceptions/assignments", chosen).status_code == 200
    assert [each["id"] for each in client.items("exceptions?assignee=billing")] == [DURATION]
    assert {each["id"] for each in client.items("exceptions?assignee=")} == every.keys() - {DURATION}
    assert client.get("exceptions?partner=").status_code == 422


def test_what_took_the_place_of_what(full_book: Path, api: Api) -> None:
    from tollbook.store.models import ExceptionCase

    client, old = api("billing"), ExceptionCase.objects.get(id=DURATION)
    assert client.get(f"exceptions/{DURATION}").json()["earlier"] is None
    old.pk, old.earlier_id, old.amount_micros = "f" * 64, DURATION, 7
    old.save(force_insert=True)
    ExceptionCase.objects.filter(id=DURATION).update(state="SUPERSEDED", decided_by="cfo")
    before, now = (client.get(f"exceptions/{each}").json() for each in (DURATION, "f" * 64))
    assert (before["later"], before["may_be_undone"], before["owner"]) == ("f" * 64, False, "billing")
    assert now["earlier"] == {"id": DURATION, "amount_micros": "1102180000", "currency": "USD", "decided_by": "cfo"}
    assert now["later"] is None


def test_a_decision_may_be_undone_until_the_partner_has_the_dispute(full_book: Path, api: Api) -> None:
    client = api("billing")

    def may_be_undone(case: str) -> bool:
        return bool(client.get(f"exceptions/{case}").json()["may_be_undone"])

    assert not may_be_undone(DURATION)
    decided = {"exceptions": [{"id": DURATION, "last_event": 0}], "decision": "ACCEPTED", "reason": "theirs is right"}
    assert client.post("exceptions/decisions", decided, Idempotency_Key="a").status_code == 200
    assert may_be_undone(DURATION)
    # The dispute of this one was submitted.
    decided = {"exceptions": [{"id": RATE, "last_event": 0}], "decision": "DISPUTED"}
    assert client.post("exceptions/decisions", decided, Idempotency_Key="b").status_code == 200
    assert not may_be_undone(RATE)
    undone = {"exceptions": [{"id": RATE, "last_event": 1}], "reason": "x"}
    assert client.post("exceptions/undos", undone, Idempotency_Key="c").status_code == 409
