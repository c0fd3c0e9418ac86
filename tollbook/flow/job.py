"""Long work that somebody starts from a page and a worker does: started, taken by one worker, shown while it runs, ended or handed back.

A job is taken under a lease of its own. A worker that dies leaves it to the next one, which may begin again, because every stage finds
what was published before and goes on from there; the fencing token keeps the dead one, should it come back, from saying how it ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from django.db import transaction
from django.db.models import Q, QuerySet

from tollbook.core.problem import Problem, Refusal, problem, refuse
from tollbook.core.rights import Actor, Right, Role, allowed, require
from tollbook.flow import clock, progress
from tollbook.flow.book import Book, local_actor
from tollbook.flow.command import Command, perform
from tollbook.flow.job_kinds import KINDS, Finding, Task, kind_of
from tollbook.flow.job_pulse import HandedBackError, Pulse, StoppedError
from tollbook.store import lease
from tollbook.store.models import Job, JobProgress, User

QUEUED: Final = "QUEUED"
RUNNING: Final = "RUNNING"
DONE: Final = "DONE"
FAILED: Final = "FAILED"
CANCELLED: Final = "CANCELLED"
ACTIVE: Final = (QUEUED, RUNNING)
OVER: Final = (DONE, FAILED, CANCELLED)
# A worker that says nothing for so long is asked after; whether it is dead, its lease says.
SILENCE_MS: Final = 10_000
MOST_ATTEMPTS: Final = 3


def start(
    kind: str, parameters: Mapping[str, Any], *, actor: Actor, idempotency_key: str | None = None, reason: str = "", again: str = ""
) -> Job:
    """Puts long work into the queue. Refuses with JOB_UNKNOWN, RIGHT_MISSING or JOB_PARAMETERS. The same idempotency key, the same job.

    `again` is the job this one repeats, for the journal.
    """
    chosen = kind_of(kind)
    require(actor, chosen.right)
    valid, subject = chosen.checked(parameters)

    def work() -> dict[str, Any]:
        same = (
            Job.objects.filter(kind=kind, state__in=ACTIVE, parameters=valid).order_by("created_at").first() if chosen.is_shared else None
        )
        row = same or Job.objects.create(
            id=uuid4().hex,
            kind=kind,
            subject=subject[:200],
            parameters=valid,
            actor=actor.name,
            role=str(actor.role),
            created_at=clock.real_now_ms(),
        )
        return {"job": row.id}

    given = {**valid, "again": again} if again else valid
    key = f"job {actor.name} {idempotency_key}"[:200] if idempotency_key else None
    outcome = perform(Command(f"start {kind.lower()}", chosen.right, subject[:200], actor, given, idempotency_key=key, reason=reason), work)
    return Job.objects.get(id=outcome.result["job"])


def cancel(job: str, *, actor: Actor) -> Job:
    """Takes a job out of the queue, or asks its worker to stop at the next step; what was published until then stays.

    For who started it and for who may start such work. JOB_OVER where it has ended.
    """
    row = Job.objects.get(id=job)
    if row.actor != actor.name:
        require(actor, KINDS[row.kind].right)

    def work() -> dict[str, Any]:
        found = Job.objects.select_for_update().get(id=job)
        if found.state in OVER:
            raise refuse("JOB_OVER", value=job)
        if found.state == QUEUED:
            found.state, found.finished_at = CANCELLED, clock.real_now_ms()
        found.cancel_wanted_by = actor.name
        found.save(update_fields=["state", "finished_at", "cancel_wanted_by"])
        return {"job": job, "state": found.state}

    perform(Command(f"cancel {row.kind.lower()}", KINDS[row.kind].sees, row.subject, actor, {"job": job}), work)
    return Job.objects.get(id=job)


def visible(actor: Actor) -> QuerySet[Job]:
    """The jobs somebody may look at: the own ones, and all of the kinds whose results they may read. A partner's user sees none."""
    if actor.role is Role.PARTNER or actor.partner is not None:
        return Job.objects.none()
    kinds = [kind.name for kind in KINDS.values() if allowed(actor, kind.sees)]
    return Job.objects.filter(Q(kind__in=kinds) | Q(actor=actor.name))


def startable(actor: Actor) -> list[str]:
    """The kinds somebody may start."""
    return [kind.name for kind in KINDS.values() if allowed(actor, kind.right)]


@dataclass(frozen=True, slots=True)
class Taken:
    """A job this worker has, with the lease that says so."""

    job: Job
    held: lease.Held


def take(worker: str, *, now_ms: int | None = None) -> Taken | None:
    """The oldest job nobody is at, now this worker's; None where there is none. One whose worker fell silent is taken over when its lease
    allows; one that ended its worker time and again is given up (JOB_ABANDONED)."""
    now = clock.real_now_ms() if now_ms is None else now_ms
    silent = Q(state=RUNNING) & (Q(progress__isnull=True) | Q(progress__seen_at__lt=now - SILENCE_MS))
    for job in list(Job.objects.filter(Q(state=QUEUED) | silent).order_by("created_at", "id").values_list("id", flat=True)[:20]):
        try:
            held = lease.acquire(f"job {job}", now_ms=now)
        except Refusal:
            continue
        row = _begin(job, held, worker, now)
        if row is not None:
            return Taken(row, held)
        lease.release(held)
    return None


def _begin(job: str, held: lease.Held, worker: str, now: int) -> Job | None:
    with transaction.atomic():
        lease.check(held, now_ms=now)
        row = Job.objects.select_for_update().get(id=job)
        if row.state not in ACTIVE:
            return None
        row.attempts += 1
        row.worker, row.state = worker, RUNNING
        row.started_at = row.started_at or now
        if row.attempts > MOST_ATTEMPTS or row.cancel_wanted_by:
            given_up = row.attempts > MOST_ATTEMPTS
            row.state, row.finished_at = (FAILED if given_up else CANCELLED), now
            row.problems = [problem("JOB_ABANDONED", value=job).as_dict()] if given_up else []
            row.save()
            return None
        row.save()
        JobProgress.objects.update_or_create(job=row, defaults={"seen_at": now, "stage": "", "detail": "", "done": 0, "total": 0})
        return row


def actor_of(job: Job) -> Actor:
    """Who started it, with the role of now: rights that were taken away are gone. USER_UNKNOWN for who may not log in any more."""
    local = local_actor()
    row = User.objects.filter(name=job.actor).first()
    if row is None and job.actor == local.name:
        return local
    if row is None or not row.is_active:
        raise refuse("USER_UNKNOWN", value=job.actor)
    scope = frozenset(Right(each) for each in row.scope) if row.scope else None
    return Actor(row.name, Role(row.role), row.partner_id, scope)


def run_taken(book: Book, taken: Taken, *, stop: Callable[[], bool] = lambda: False) -> str:
    """Does a job and says how it ended: its state. Where `stop` says so it is handed back to the queue at the next step."""
    row, kind = taken.job, KINDS[taken.job.kind]
    found, problems, state = Finding({}), [], FAILED
    with Pulse(row.id, taken.held, stop) as pulse:
        try:
            actor = actor_of(row)
            require(actor, kind.right)
            with progress.watched(pulse.tell):
                found = kind.run(Task(row.id, book, actor, row.parameters))
            state, problems = DONE, list(found.problems)
        except Refusal as refusal:
            problems = list(refusal.problems)
        except StoppedError:
            state = CANCELLED
        except HandedBackError:
            state = QUEUED
        except Exception as error:
            logging.getLogger("tollbook.job").exception("%s %s failed", row.kind, row.id)
            problems = [problem("DEFECT", f"{type(error).__name__}: {error}. The worker's output has the details.")]
    return _end(taken, state, found.result, problems)


def _end(taken: Taken, state: str, result: dict[str, Any], problems: Iterable[Problem]) -> str:
    """Says how it ended, unless somebody else took it over meanwhile: then that is theirs to say."""
    now = clock.real_now_ms()
    try:
        with transaction.atomic():
            lease.check(taken.held, now_ms=now)
            row = Job.objects.select_for_update().get(id=taken.job.id)
            row.state, row.result, row.problems = state, result, [each.as_dict() for each in problems]
            row.finished_at = now if state in OVER else None
            # Handed back on purpose is no attempt that failed.
            row.attempts -= 1 if state == QUEUED else 0
            row.save()
            if state == DONE:
                _fill(row, now)
    except Refusal:
        return RUNNING
    lease.release(taken.held)
    return state


def _fill(row: Job, now: int) -> None:
    """The bar of what is done is full, whatever was told last."""
    last = JobProgress.objects.select_for_update().filter(job=row).first()
    if last is not None:
        last.number, last.seen_at, last.total = last.number + 1, now, max(last.total, 1)
        last.done, last.detail = last.total, ""
        last.save()
