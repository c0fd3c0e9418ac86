"""Disputes: the table of the lifecycle, the clocks, the release of what is undisputed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tollbook.core import dispute
from tollbook.core.agreement import DisputeTerms
from tollbook.core.dispute import CLOCK_OF_STATE, GUARDS, OPEN_STATES, STATES, STEPS, TRANSITIONS, next_state
from tollbook.core.money import parse_scaled
from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Right, Role, allowed

GOLDEN = Path(__file__).parent.parent / "golden" / "dispute"


def cases(name: str, key: str) -> list[Any]:
    every = yaml.safe_load((GOLDEN / name).read_text(encoding="utf-8"))
    return [pytest.param(case["given"], case["expect"], id=case["id"]) for case in every if key in case["expect"] or key == ""]


def micros(text: str) -> int:
    found = parse_scaled(text, 6)
    assert found is not None
    return found


def test_every_state_can_be_reached_and_leads_to_the_end() -> None:
    reached = {"DRAFT"}
    ends = {"CLOSED"}
    for _ in STATES:
        reached |= {row.next for row in TRANSITIONS if row.state in reached}
        ends |= {row.state for row in TRANSITIONS if row.next in ends}
    assert reached == ends == set(STATES)


def test_the_table_is_without_doubt() -> None:
    keys = [(row.state, row.event, row.guard) for row in TRANSITIONS]
    assert len(set(keys)) == len(keys)
    assert {row.guard for row in TRANSITIONS} - {""} <= set(GUARDS)
    assert not [row for row in TRANSITIONS if row.state == "CLOSED"]


def test_the_way_of_a_dispute_that_is_accepted() -> None:
    state = "DRAFT"
    steps = ("submit", "acknowledge", "review", "ask", "answer", "accept_part", "settle", "close")
    facts = {"in_window": True, "credit_note": True}
    seen = []
    for event in steps:
        state = next_state(state, event, facts)
        seen.append(state)
    assert seen == ["SUBMITTED", "ACKNOWLEDGED", "UNDER_REVIEW", "MORE_INFO", "UNDER_REVIEW", "PARTIALLY_ACCEPTED", "SETTLED", "CLOSED"]


def test_a_window_that_was_missed_bars_it() -> None:
    assert next_state("DRAFT", "submit", {"in_window": False, "window_missed": True}) == "TIME_BARRED"
    assert "TIME_BARRED" not in OPEN_STATES


@pytest.mark.parametrize(
    ("state", "event", "words"),
    [
        ("SUBMITTED", "expire", "silence_accepts"),
        ("ACCEPTED", "settle", "credit_note"),
        ("CLOSED", "submit", "no step"),
        ("DRAFT", "accept", "no step"),
    ],
)
def test_a_step_that_is_not_open_is_refused_with_its_reason(state: str, event: str, words: str) -> None:
    with pytest.raises(Refusal) as refused:
        next_state(state, event, {})
    assert refused.value.problems[0].code == "DISPUTE_STEP"
    assert words in refused.value.problems[0].reason


def test_every_step_has_a_side_and_nobody_else_takes_it() -> None:
    assert set(STEPS) == {row.event for row in TRANSITIONS}
    partner = Actor("aurora-user", Role.PARTNER, "aurora")
    for role in (*Role, "other partner"):
        actor = Actor("x", Role(role)) if role in list(Role) else Actor("x", Role.PARTNER, "cirrus")
        for step in STEPS.values():
            may = allowed(actor, dispute.right_for(actor, step.event, "aurora"), "aurora")
            assert may == (role in (Role.OWNER, Role.BILLING)), f"{role} {step.event}"
    answers = {step.event for step in STEPS.values() if allowed(partner, dispute.right_for(partner, step.event, "aurora"), "aurora")}
    assert answers == {"acknowledge", "review", "ask", "accept", "accept_part", "reject"}
    assert dispute.right_for(Actor("b", Role.BILLING), "accept", "aurora") is Right.WORK_DISPUTES


def test_every_open_state_before_the_end_is_watched_by_a_clock() -> None:
    assert set(CLOCK_OF_STATE) <= set(OPEN_STATES)
    assert set(OPEN_STATES) - set(CLOCK_OF_STATE) == {"ACCEPTED", "DEEMED_ACCEPTED", "ESCALATED_L2", "ARBITRATION"}


def test_open_events_are_those_whose_guard_holds() -> None:
    assert dispute.open_events("DRAFT", {"in_window": True}) == ["submit", "withdraw"]
    assert dispute.open_events("DRAFT", {"window_missed": True}) == ["submit", "expire", "withdraw"]
    assert dispute.open_events("CLOSED", {"in_window": True, "credit_note": True}) == []


def test_the_tax_of_parts_never_exceeds_the_whole() -> None:
    assert dispute.tax_of(7_350, 118_000, 23_600) == 1_470
    assert dispute.tax_of(1, 3, 1) + dispute.tax_of(2, 3, 1) <= 1
    assert dispute.tax_of(5, 0, 0) == 0


@pytest.mark.parametrize(("given", "expect"), cases("deadlines.yml", ""))
def test_clocks(given: dict[str, Any], expect: dict[str, Any]) -> None:
    terms = DisputeTerms(window_days=given.get("window_days", 30), window_from=given.get("window_from", "INVOICE_DATE"))
    found = dispute.deadlines(
        terms,
        period_end=given.get("period_end", date(2025, 3, 31)),
        issued_on=given["issued"],
        received_on=given.get("received"),
        submitted_on=given.get("submitted"),
        holidays=given.get("holidays", ()),
    )
    for name, day in expect.items():
        if name == "due":
            continue
        shown = (
            dispute.window_end(terms, given["issued"], given.get("received"), roll=given["roll"])
            if "roll" in given
            else getattr(found, name)
        )
        assert shown == day, name


def test_the_last_day_of_the_window_counts_in_full() -> None:
    assert dispute.is_in_window(date(2025, 5, 3), date(2025, 5, 3))
    assert not dispute.is_in_window(date(2025, 5, 3), date(2025, 5, 4))


@pytest.mark.parametrize(("given", "expect"), cases("releases.yml", ""))
def test_releases(given: dict[str, str], expect: dict[str, str]) -> None:
    found = dispute.undisputed_release(micros(given["net"]), micros(given["tax"]), micros(given["disputed"]))
    assert found.payable_net == micros(expect["payable_net"])
    assert found.payable_gross == micros(expect["payable_gross"])
    assert found.withheld_gross == micros(expect["withheld_gross"])
    assert found.payable_gross + found.withheld_gross == micros(given["net"]) + micros(given["tax"])
    assert dispute.share(micros(given["disputed"]), micros(given["net"])) == expect["share"]


def test_more_than_the_invoice_cannot_be_disputed_nor_credited() -> None:
    with pytest.raises(Refusal, match="DISPUTE_TOO_LARGE"):
        dispute.undisputed_release(100, 0, 101)
    assert dispute.credit_note_micros(7_350_000_000, 4_410_000_000) == 4_410_000_000
    with pytest.raises(Refusal, match="DISPUTE_TOO_LARGE"):
        dispute.credit_note_micros(7_350_000_000, 4_410_000_000, already_credited_micros=3_000_000_000)


def test_a_call_is_disputed_once_per_invoice() -> None:
    before = {"B-1": ["c2", "c9"]}
    assert dispute.already_disputed("B-1", ["c1", "c2"], before) == ["c2"]
    assert dispute.already_disputed("B-2", ["c1", "c2"], before) == []
