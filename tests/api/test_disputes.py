"""A dispute as its page has it: the clocks, what a step takes, what submitting does, and whose step was written down by whom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from web import seed

from tollbook.api import disputes

from .conftest import ApiClient

Api = Callable[..., ApiClient]
MODULES = (disputes,)
PATH = "disputes/D-aurora-2026-11"


def _step(client: ApiClient, seen: str, event: str, **given: Any) -> None:
    response = client.post(f"{PATH}/steps", {"event": event, "seen_state": seen, **given}, Idempotency_Key=event)
    assert response.status_code == 200, response.content


def test_the_clock_that_runs_is_named(full_book: Path, api: Api) -> None:
    from tollbook.store.models import Dispute

    at = {name: f"2026-12-0{number}T00:00:00.000Z" for number, name in enumerate(("acknowledge", "answer", "first", "second"), start=1)}
    day_ms = 86_400_000
    columns = ("acknowledge_by_at", "answer_by_at", "escalate_l1_at", "escalate_l2_at")
    rows = Dispute.objects.filter(id="D-aurora-2026-11")
    rows.update(**{name: seed.DAY_MS + (10 + number) * day_ms for number, name in enumerate(columns)})
    for client in (api("billing"), api("partner", partner="aurora")):
        for state, clock in (
            ("SUBMITTED", "acknowledge"),
            ("UNDER_REVIEW", "answer"),
            ("REJECTED", "first"),
            ("ESCALATED_L1", "second"),
            ("CLOSED", ""),
        ):
            rows.update(state=state)
            found = client.get(PATH).json()
            assert [found[name] for name in columns] == list(at.values())
            assert found["due_at"] == at.get(clock), state


def test_a_step_says_what_it_takes(full_book: Path, api: Api) -> None:
    ours, theirs = api("billing"), api("partner", partner="aurora")
    _step(ours, "SUBMITTED", "acknowledge")
    _step(ours, "ACKNOWLEDGED", "review")
    found, told = ({each["event"]: each for each in client.get(PATH).json()["next_steps"]} for client in (ours, theirs))
    assert list(found) == ours.get(PATH).json()["steps"]
    assert (found["accept"]["label"], told["accept"]["label"]) == ("They accept", "Accept")
    assert {event: each["amount"] for event, each in told.items()} == {"ask": None, "accept": None, "accept_part": "PART", "reject": None}
    assert (told["reject"]["needs_reason"], told["reject"]["next_state"], told["reject"]["is_told"]) == (True, "REJECTED", True)
    assert (found["withdraw"]["needs_reason"], found["withdraw"]["next_state"], found["withdraw"]["is_told"]) == (True, "WITHDRAWN", False)
    _step(theirs, "UNDER_REVIEW", "accept_part", credit_micros="5")
    (settle,) = [each for each in ours.get(PATH).json()["next_steps"] if each["event"] == "settle"]
    assert (settle["amount"], settle["next_state"]) == ("CREDIT", "SETTLED")
    assert theirs.get(PATH).json()["next_steps"] == []


def test_who_wrote_a_step_down_is_for_ours_to_know(full_book: Path, api: Api) -> None:
    ours, theirs = api("billing"), api("partner", partner="aurora")
    _step(ours, "SUBMITTED", "acknowledge")
    _step(theirs, "ACKNOWLEDGED", "review")
    for path, rows in ((PATH, "events"), (f"{PATH}/events", "items")):
        assert [each["is_recorded_for_them"] for each in ours.get(path).json()[rows]] == [True, False]
        assert [each["is_recorded_for_them"] for each in theirs.get(path).json()[rows]] == [None, None]


def test_what_submitting_a_draft_would_do(full_book: Path, api: Api) -> None:
    from tollbook.store.models import Dispute, ExceptionCase

    client = api("billing")
    assert client.get(PATH).json()["submission"] is None
    Dispute.objects.filter(id="D-aurora-2026-11").update(state="DRAFT")
    ExceptionCase.objects.filter(partner_id="aurora").update(dispute_id="D-aurora-2026-11")
    ExceptionCase.objects.filter(id=seed.digest("aurora DURATION_VARIANCE")).update(state="ACCEPTED")
    # 4,312.18 is disputed, of which 1,102.18 was accepted.
    assert client.get(PATH).json()["submission"] == {"given_up_micros": "1102180000", "claimed_micros": "3210000000", "undecided": 1}
    assert api("partner", partner="aurora").get(PATH).status_code == 404


def test_the_pack_has_a_name_and_a_size(full_book: Path, api: Api) -> None:
    for client in (api("auditor"), api("partner", partner="aurora")):
        found = client.get(PATH).json()
        response = client.get(f"{PATH}/pack")
        assert found["pack_bytes"] == len(b"".join(response.streaming_content))
        assert found["pack_name"] in response.headers["Content-Disposition"]
