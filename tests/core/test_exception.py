"""Exceptions: the table of decisions, what each needs, and the state as what the events make of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.core import exception
from tollbook.core.exception import DECISIONS, MOVES, OPEN, STATES, SUPERSEDED, Circumstances, Event, next_state, state_after
from tollbook.core.problem import Refusal
from tollbook.core.remark import remark

NOTHING_SPECIAL = Circumstances(amount_micros=10_000_000, limit_micros=25_000_000)


def code(refused: pytest.ExceptionInfo[Refusal]) -> str:
    return refused.value.problems[0].code


def test_every_decision_can_be_taken_and_taken_back() -> None:
    for name in DECISIONS:
        assert next_state(OPEN, exception.DECIDE, name) == name
        assert next_state(name, exception.UNDO, name) == OPEN


def test_the_table_names_only_states_and_kinds_there_are() -> None:
    assert {state for state, _, _ in MOVES} | set(MOVES.values()) <= set(STATES)
    assert {kind for _, kind, _ in MOVES} <= set(exception.EVENTS)


def test_a_decision_is_taken_back_before_another_is_taken() -> None:
    for first in DECISIONS:
        for second in DECISIONS:
            with pytest.raises(Refusal) as refused:
                next_state(first, exception.DECIDE, second)
            assert code(refused) == "EXCEPTION_STEP"
            assert "already" in refused.value.problems[0].reason


def test_nothing_moves_what_a_later_run_replaced() -> None:
    for kind, word in ((exception.DECIDE, "ACCEPTED"), (exception.UNDO, "ACCEPTED"), (exception.ASSIGN, ""), (exception.CARRY, "")):
        with pytest.raises(Refusal, match="EXCEPTION_STEP"):
            next_state(SUPERSEDED, kind, word)
    assert next_state(SUPERSEDED, exception.COMMENT) == SUPERSEDED


@pytest.mark.parametrize("word", ["", "OPEN", "SUPERSEDED", "accepted", "'; DROP TABLE exception"])
def test_another_word_is_no_decision(word: str) -> None:
    with pytest.raises(Refusal) as refused:
        next_state(OPEN, exception.DECIDE, word)
    assert code(refused) == "EXCEPTION_DECISION"


@given(st.lists(st.tuples(st.sampled_from(exception.EVENTS), st.sampled_from(["", *DECISIONS])), max_size=12))
def test_the_state_is_the_last_decision_that_was_not_undone(tried: list[tuple[str, str]]) -> None:
    taken: list[Event] = []
    standing = OPEN
    for kind, decision in tried:
        try:
            next_state(standing, kind, decision)
        except Refusal:
            continue
        taken.append(Event(kind, decision))
        if kind in (exception.DECIDE, exception.CARRY) and decision:
            standing = decision
        elif kind == exception.UNDO:
            standing = OPEN
        assert state_after(taken) == standing


def test_what_costs_nothing_is_not_claimed() -> None:
    free = Circumstances(amount_micros=0, limit_micros=25_000_000)
    with pytest.raises(Refusal) as refused:
        exception.check_decision("DISPUTED", free)
    assert code(refused) == "EXCEPTION_NO_CLAIM"
    assert [name for name, against in exception.open_decisions(OPEN, free).items() if not against] == ["ACCEPTED", "TOLERATED", "OUR_ERROR"]


@pytest.mark.parametrize(
    ("amount", "may_exceed", "refused"),
    [(25_000_000, False, False), (25_000_001, False, True), (25_000_001, True, False), (0, False, False)],
)
def test_what_is_tolerated_stays_inside_the_guard_of_a_line(amount: int, may_exceed: bool, refused: bool) -> None:
    given_ = Circumstances(amount, 25_000_000, "", may_exceed)
    assert bool(exception.open_decisions(OPEN, given_)["TOLERATED"]) is refused


@pytest.mark.parametrize(
    "state", ["SUBMITTED", "ACKNOWLEDGED", "UNDER_REVIEW", "MORE_INFO", "REJECTED", "SETTLED", "CLOSED", "ARBITRATION"]
)
def test_what_the_partner_has_is_decided_by_the_dispute(state: str) -> None:
    there = Circumstances(10_000_000, 25_000_000, state)
    exception.check_decision("DISPUTED", there)
    with pytest.raises(Refusal) as refused:
        exception.check_decision("ACCEPTED", there)
    assert code(refused) == "EXCEPTION_IN_DISPUTE"
    with pytest.raises(Refusal, match="EXCEPTION_IN_DISPUTE"):
        exception.check_undo(there)


@pytest.mark.parametrize("state", ["", "DRAFT", "WITHDRAWN", "TIME_BARRED"])
def test_what_the_partner_has_not_is_ours_to_decide(state: str) -> None:
    ours = Circumstances(10_000_000, 25_000_000, state)
    assert set(exception.open_decisions(OPEN, ours).values()) == {""}
    exception.check_undo(ours)


def test_every_decision_says_what_it_means() -> None:
    for rule in DECISIONS.values():
        assert rule.label[0].isupper()
        assert rule.done[0].islower()
        assert rule.meaning.endswith(".")


def test_what_is_given_up_of_a_dispute() -> None:
    """1.70 net of 0.20 + 0.30 + 1.20 + 1.20 at risk, less 1.20 they left out."""
    decided = [("DISPUTED", 200_000), ("ACCEPTED", 300_000), ("DISPUTED", 1_200_000), ("OPEN", 1_200_000)]
    assert exception.conceded_micros(1_700_000, decided) == 300_000
    assert exception.conceded_micros(1_700_000, [("TOLERATED", 1_200_000), ("OUR_ERROR", 1_200_000)]) == 1_700_000
    assert exception.conceded_micros(1_700_000, [("OPEN", 5), ("DISPUTED", 7), ("SUPERSEDED", 9)]) == 0


def test_a_remark_is_kept_as_it_was_meant() -> None:
    assert remark("  their deck\r\nis right \n") == "their deck\nis right"
    assert remark("") == ""
    for text, needed, expected in (
        ("   ", True, "REMARK_MISSING"),
        ("a\0b", False, "REMARK_UNUSABLE"),
        ("x" * 2_001, False, "REMARK_UNUSABLE"),
    ):
        with pytest.raises(Refusal) as refused:
            remark(text, is_needed=needed)
        assert code(refused) == expected
