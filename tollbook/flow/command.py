"""The one door for writes: rights, transaction, idempotency, dry run and the journal row, for every change of a book."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from tollbook.core.digest import json_digest
from tollbook.core.problem import refuse
from tollbook.core.rights import Actor, Right, require
from tollbook.flow import clock
from tollbook.store import journal
from tollbook.store.crash import crash_point
from tollbook.store.models import Journal


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody wants done. `parameters` are JSON values (large integers as text) and decide, with name, subject and actor,
    whether two commands with one idempotency key are the same."""

    name: str
    right: Right
    subject: str
    actor: Actor
    parameters: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    reason: str = ""
    partner: str | None = None

    def input_hash(self) -> str:
        return json_digest({"name": self.name, "subject": self.subject, "actor": self.actor.name, "parameters": dict(self.parameters)})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done: the result as JSON values, and the journal row that says so (None for a dry run)."""

    result: dict[str, Any]
    seq: int | None
    is_repeated: bool = False
    is_dry_run: bool = False


class _RollBackError(Exception):
    """Ends a dry run's transaction."""


def perform(command: Command, work: Callable[[], dict[str, Any]], *, dry_run: bool = False) -> Outcome:
    """Does `work` in a transaction with its journal row: both happen or neither.

    The same idempotency key with the same input gives the first result again and does nothing; with another input it is refused
    (IDEMPOTENCY_CONFLICT). A dry run goes the whole way and is rolled back. Refuses with RIGHT_MISSING before anything else.
    `work` returns JSON values and leaves files alone, except new ones that nothing names before the commit.
    """
    require(command.actor, command.right, command.partner)
    input_hash = command.input_hash()
    outcome: Outcome | None = None
    try:
        with transaction.atomic():
            earlier = _earlier(command, input_hash)
            if earlier is not None:
                return earlier
            result = work()
            crash_point("command.after_work")
            row = journal.append(
                at=clock.now_ms(),
                actor=str(command.actor),
                action=command.name,
                subject=command.subject,
                reason=command.reason,
                idempotency_key=command.idempotency_key,
                input_hash=input_hash,
                result=result,
            )
            crash_point("command.after_journal")
            outcome = Outcome(result, None if dry_run else row.seq, is_dry_run=dry_run)
            if dry_run:
                raise _RollBackError
    except _RollBackError:
        assert outcome is not None
        return outcome
    crash_point("command.after_commit")
    return outcome


def _earlier(command: Command, input_hash: str) -> Outcome | None:
    if command.idempotency_key is None:
        return None
    journal.lock_key(command.idempotency_key)
    row = Journal.objects.filter(idempotency_key=command.idempotency_key).first()
    if row is None:
        return None
    if row.input_hash != input_hash:
        raise refuse(
            "IDEMPOTENCY_CONFLICT", f"The key was used by journal row {row.seq} with another input.", value=command.idempotency_key
        )
    return Outcome(json.loads(row.result), row.seq, is_repeated=True)


@contextmanager
def rehearsal() -> Iterator[None]:
    """Everything done inside is rolled back at the end: a dry run of many commands. Files written meanwhile are swept by `check`."""
    try:
        with transaction.atomic():
            yield
            raise _RollBackError
    except _RollBackError:
        return
