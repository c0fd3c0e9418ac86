"""Every role against every right, written out; and what partners and tokens may not see."""

from __future__ import annotations

import pytest

from tollbook.core.problem import Refusal
from tollbook.core.rights import READING, RIGHTS, Actor, Right, Role, allowed, require

# Rows: rights; columns: owner billing noc routes cfo auditor partner. The table as people agreed on it, not as the code has it.
COLUMNS = list(Role)
TABLE = """
read-book          x x x x x x .
read-calls         x x x x x x .
read-reference     x x . x x x .
read-margin        x x . x x x .
read-disputes      x x . . x x x
read-documents     x x . . x x x
read-ledger        x x . . x x .
read-journal       x x . . x x .
read-users         x . . . . x .
ingest             x x x . . . .
write-reference    x x . . . . .
write-decks        x x . x . . .
run                x x . . . . .
work-exceptions    x x . . . . .
work-disputes      x x . . . . .
answer-disputes    . . . . . . x
issue-documents    x x . . . . .
post-payments      x x . . x . .
close              x x . . . . .
sign-off           x . . . x . .
block-accounts     x . x . x . .
repair             x . . . . . .
manage-users       x . . . . . .
"""
CASES = [
    (Role(role), Right(line.split()[0]), mark == "x")
    for line in TABLE.strip().splitlines()
    for role, mark in zip(COLUMNS, line.split()[1:], strict=True)
]


def test_the_table_names_every_role_and_right() -> None:
    assert {(role, right) for role, right, _ in CASES} == {(role, right) for role in Role for right in Right}
    assert set(RIGHTS) == set(Role)


@pytest.mark.parametrize(("role", "right", "may"), CASES, ids=lambda value: str(value))
def test_role_and_right(role: Role, right: Right, may: bool) -> None:
    partner = "aurora" if role is Role.PARTNER else None
    assert allowed(Actor("somebody", role, partner), right, "aurora") is may


@pytest.mark.parametrize("right", list(Right))
def test_a_partner_sees_its_own_things_only(right: Right) -> None:
    actor = Actor("p", Role.PARTNER, "aurora")
    assert not allowed(actor, right, "cirrus")
    assert not allowed(actor, right, None)
    assert not allowed(Actor("nobody's", Role.PARTNER, None), right, None)
    assert not allowed(Actor("nobody's", Role.PARTNER, None), right, "aurora")


@pytest.mark.parametrize("role", list(Role))
def test_a_token_may_do_what_role_and_scope_both_allow(role: Role) -> None:
    scope = frozenset({Right.READ_DOCUMENTS, Right.INGEST})
    token = Actor("t", role, "aurora" if role is Role.PARTNER else None, scope)
    got = {right for right in Right if allowed(token, right, "aurora")}
    assert got == RIGHTS[role] & scope


def test_a_token_bound_to_a_partner_stays_with_it() -> None:
    token = Actor("t", Role.BILLING, "aurora", frozenset(READING))
    assert allowed(token, Right.READ_DISPUTES, "aurora")
    assert not allowed(token, Right.READ_DISPUTES, "cirrus")
    assert not allowed(token, Right.READ_BOOK)


def test_auditors_change_nothing() -> None:
    assert RIGHTS[Role.AUDITOR] == READING


def test_a_refusal_says_who_and_what_but_not_of_whom() -> None:
    with pytest.raises(Refusal) as refusal:
        require(Actor("eve", Role.PARTNER, "cirrus"), Right.READ_DISPUTES, "aurora")
    (found,) = refusal.value.problems
    assert found.code == "RIGHT_MISSING"
    assert "aurora" not in str(found)
