"""Working on exceptions: who looks at one, what was said, what was decided, and how a decision is taken back.

Every change is an event that is only ever added; the columns of the exception are an index of its events. Nothing here posts money: a
dispute does when it is submitted or ends (flow.dispute), and a corrected run does. Each function takes one exception or many: all of
them or none, with a journal row each, and one that somebody else has touched since is refused by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.db import transaction

from tollbook.core import exception
from tollbook.core.digest import json_digest
from tollbook.core.exception import DECISIONS, Circumstances
from tollbook.core.problem import Problem, Refusal, problem, refuse
from tollbook.core.reconciliation_words import CLASS_LABELS
from tollbook.core.remark import remark
from tollbook.core.rights import RIGHTS, Actor, Right, Role, allowed, require
from tollbook.flow import clock, reference
from tollbook.flow.book import Book
from tollbook.flow.command import Command, Outcome, perform
from tollbook.store.models import Dispute, ExceptionCase, ExceptionEvent, User

MOST_AT_ONCE: Final = 200
DEFAULT_LIMIT_MICROS: Final = 25_000_000  # of an agreement that the book does not have

Work = Callable[[ExceptionCase], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Seen:
    """An exception as somebody saw it: the number of its last event then, 0 where there was none."""

    id: str
    last_event: int


def name_of(row: ExceptionCase) -> str:
    """What people call an exception: its class, partner and period."""
    return f"{CLASS_LABELS.get(row.cause, row.cause)}, {row.partner_id} {row.period}"


def assign(
    cases: Sequence[Seen], assignee: str, *, actor: Actor, reason: str = "", idempotency_key: str | None = None, dry_run: bool = False
) -> list[Outcome]:
    """Gives exceptions to somebody; to nobody where `assignee` is empty. Refuses with EXCEPTION_ASSIGNEE who could not decide them."""
    text = remark(reason)

    def work(row: ExceptionCase) -> dict[str, Any]:
        exception.next_state(row.state, exception.ASSIGN)
        if assignee and assignee not in assignees():
            raise refuse("EXCEPTION_ASSIGNEE", value=assignee)
        return _add(row, actor, exception.ASSIGN, {"assignee": assignee}, remark=text, assignee=assignee)

    change = _Change("assign exception", actor, {"assignee": assignee}, text, idempotency_key, dry_run)
    return _each(change, cases, work)


def comment(ids: Sequence[str], text: str, *, actor: Actor, idempotency_key: str | None = None, dry_run: bool = False) -> list[Outcome]:
    """Says something about exceptions. A comment moves nothing, so it does not matter what happened meanwhile."""
    words = remark(text, is_needed=True)

    def work(row: ExceptionCase) -> dict[str, Any]:
        return _add(row, actor, exception.COMMENT, {}, remark=words)

    change = _Change("comment exception", actor, {}, words, idempotency_key, dry_run)
    return _each(change, [Seen(each, -1) for each in ids], work)


def decide(
    book: Book,
    cases: Sequence[Seen],
    decision: str,
    *,
    actor: Actor,
    reason: str = "",
    idempotency_key: str | None = None,
    dry_run: bool = False,
) -> list[Outcome]:
    """Decides exceptions (core.exception.DECISIONS). Refuses what their circumstances do not allow, each with its name."""
    rule = DECISIONS.get(decision)
    if rule is None:
        raise refuse("EXCEPTION_DECISION", value=decision)
    text = remark(reason, is_needed=rule.needs_reason, what=f"“{rule.label}”")
    limits: dict[str, int] = {}

    def work(row: ExceptionCase) -> dict[str, Any]:
        state = exception.next_state(row.state, exception.DECIDE, decision)
        exception.check_decision(decision, circumstances(book, row, actor, limits))
        decided = {"state": state, "decided_at": clock.now_ms(), "decided_by": actor.name}
        return _add(row, actor, exception.DECIDE, {"decision": decision}, remark=text, **decided)

    change = _Change("decide exception", actor, {"decision": decision}, text, idempotency_key, dry_run)
    return _each(change, cases, work)


def undo(cases: Sequence[Seen], *, actor: Actor, reason: str, idempotency_key: str | None = None, dry_run: bool = False) -> list[Outcome]:
    """Takes the last decision back, with a reason. Refuses with EXCEPTION_IN_DISPUTE where the partner has the dispute by now."""
    text = remark(reason, is_needed=True, what="Undoing a decision")

    def work(row: ExceptionCase) -> dict[str, Any]:
        state = exception.next_state(row.state, exception.UNDO, row.state)
        exception.check_undo(Circumstances(row.amount_micros, 0, dispute_state_of(row)))
        last = row.events.filter(kind__in=(exception.DECIDE, exception.CARRY)).exclude(decision="").order_by("-number").first()
        values = {"decision": row.state, "reverses": last.number if last else None}
        return _add(row, actor, exception.UNDO, values, remark=text, state=state, decided_at=None, decided_by="")

    return _each(_Change("undo exception", actor, {}, text, idempotency_key, dry_run), cases, work)


def assignees() -> list[str]:
    """Who may be given exceptions: every active person whose role may decide them."""
    rows = User.objects.filter(kind="PERSON", is_active=True, partner=None).order_by("name").values_list("name", "role")
    return [name for name, role in rows if Right.WORK_EXCEPTIONS in RIGHTS[Role(role)]]


def circumstances(book: Book, row: ExceptionCase, actor: Actor, limits: dict[str, int] | None = None) -> Circumstances:
    """What the decision about an exception depends on. `limits` keeps what was read of agreements, for many exceptions."""
    known = {} if limits is None else limits
    digest = row.agreement_digest
    if digest not in known:
        found = reference.agreement_by_digest(book, digest)
        known[digest] = found.tolerance.line_amount_micros if found else DEFAULT_LIMIT_MICROS
    return Circumstances(row.amount_micros, known[digest], dispute_state_of(row), allowed(actor, Right.SIGN_OFF))


def dispute_state_of(row: ExceptionCase) -> str:
    """Where the dispute of an exception stands; empty where it is in none."""
    if row.dispute_id is None:
        return ""
    return Dispute.objects.values_list("state", flat=True).get(id=row.dispute_id)


@dataclass(frozen=True, slots=True)
class _Change:
    """What is done to each of the exceptions, as their journal rows say it."""

    name: str
    actor: Actor
    parameters: dict[str, Any]
    reason: str
    key: str | None
    dry_run: bool


def _each(change: _Change, cases: Sequence[Seen], work: Work) -> list[Outcome]:
    """The change to every one of them, in one transaction. What is wrong with any is said for all that it is wrong with."""
    require(change.actor, Right.WORK_EXCEPTIONS)
    chosen = sorted({each.id: each for each in cases}.values(), key=lambda each: each.id)
    if not 1 <= len(chosen) <= MOST_AT_ONCE:
        raise refuse("EXCEPTION_CHOICE", value=len(chosen))
    together = json_digest([[each.id, each.last_event] for each in chosen])
    outcomes: list[Outcome] = []
    wrong: list[Problem] = []
    with transaction.atomic():
        rows = locked([each.id for each in chosen])
        for number, seen in enumerate(chosen, start=1):
            row = rows.get(seen.id)
            command = Command(
                change.name,
                Right.WORK_EXCEPTIONS,
                seen.id,
                change.actor,
                {**change.parameters, "reason": change.reason, "together": together},
                idempotency_key=f"{change.key} {number}" if change.key else None,
                reason=change.reason,
            )
            try:
                outcomes.append(perform(command, partial(_work, work, row, seen), dry_run=change.dry_run))
            except Refusal as refusal:
                wrong += [_named(each, row) for each in refusal.problems]
        if wrong:
            raise Refusal(wrong)
    return outcomes


def locked(ids: Sequence[str]) -> dict[str, ExceptionCase]:
    """The exceptions, which nobody else can change until the transaction ends; taken in one order, so that nobody waits in a ring."""
    return {row.id: row for row in ExceptionCase.objects.select_for_update().filter(id__in=ids).order_by("id")}


def _work(work: Work, row: ExceptionCase | None, seen: Seen) -> dict[str, Any]:
    if row is None:
        raise refuse("EXCEPTION_UNKNOWN", value=seen.id)
    if seen.last_event not in (-1, row.last_event):
        last = row.events.order_by("-number").first()
        words = f"{last.actor} was quicker ({last.kind.lower()}{' ' + last.decision if last.decision else ''})." if last else ""
        raise refuse("EXCEPTION_STALE", words, value=seen.id)
    return work(row)


def _named(found: Problem, row: ExceptionCase | None) -> Problem:
    return problem(found.code, f"{name_of(row)}: {found.reason}" if row else found.reason, column=found.place.column, value=found.value)


def _add(row: ExceptionCase, actor: Actor, kind: str, values: dict[str, Any], *, remark: str, **changes: Any) -> dict[str, Any]:
    """The event, and the columns that index it."""
    number = row.last_event + 1
    for name, value in {**changes, "last_event": number}.items():
        setattr(row, name, value)
    row.save(update_fields=[*changes, "last_event"])
    ExceptionEvent.objects.create(exception=row, number=number, kind=kind, at=clock.now_ms(), actor=str(actor), remark=remark, **values)
    return {"exception": row.id, "event": number, "kind": kind, "state": row.state, **values}


def decide_with_dispute(row: ExceptionCase, actor: Actor, dispute: str) -> None:
    """The decision that submitting a dispute makes about an exception of it that nobody had decided; inside that transaction."""
    state = exception.next_state(row.state, exception.DECIDE, exception.DISPUTED)
    decided = {"state": state, "decided_at": clock.now_ms(), "decided_by": actor.name}
    _add(row, actor, exception.DECIDE, {"decision": exception.DISPUTED}, remark=f"{dispute} was submitted.", **decided)
