"""The pulse of a job: a thread beside the work that writes how far it is, keeps its lease, and hears that it should stop.

It has a connection of its own that gives up after a quarter of a second, so whatever it cannot write now it writes at the next beat; the
work never waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from django.db import DatabaseError
from django.db.models import F

from tollbook.core.problem import refuse
from tollbook.flow import clock
from tollbook.flow.progress import Step
from tollbook.store import lease
from tollbook.store.beside import impatient_connection
from tollbook.store.models import Job, JobProgress, Lease, Worker

BEAT_S: Final = 0.5
# Without anything new, so often is enough to be seen alive.
QUIET_MS: Final = 3_000


class StoppedError(Exception):
    """Somebody cancelled the job."""


class HandedBackError(Exception):
    """The worker ends; another one does the job from where it is."""


class Pulse:
    """Beats while the work runs. `tell` is its watcher: it takes note, and ends the work where it has to end."""

    def __init__(self, job: str, held: lease.Held, stop: Callable[[], bool]) -> None:
        self._job, self._held, self._stop = job, held, stop
        self._step, self._written = Step(""), Step("")
        self._seen_at = 0
        self._cancelled = self._lost = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name=f"pulse-{job[:8]}")

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join(timeout=10)

    def tell(self, step: Step) -> None:
        """How far the work is. Raises StoppedError, HandedBackError, or LEASE_LOST where another worker has the job now."""
        self._step = step
        if self._lost:
            raise refuse("LEASE_LOST", "Another worker took this over.", value=self._held.name)
        if self._cancelled:
            raise StoppedError
        if self._stop():
            raise HandedBackError

    def _beat(self) -> None:
        with impatient_connection():
            while True:
                is_last = self._end.wait(BEAT_S)
                with suppress(DatabaseError):  # the work is writing: at the next beat
                    self.once()
                if is_last:
                    return

    def once(self) -> None:
        """One beat, over the connection of the calling thread."""
        now, step = clock.real_now_ms(), self._step
        self._cancelled = self._cancelled or Job.objects.filter(id=self._job).exclude(cancel_wanted_by="").exists()
        if step == self._written and now - self._seen_at < QUIET_MS:
            return
        changed = {"stage": step.stage, "detail": step.detail[:300], "done": step.done, "total": step.total, "seen_at": now}
        JobProgress.objects.filter(job_id=self._job).update(number=F("number") + 1, **changed)
        self._written = step
        if now - self._seen_at >= QUIET_MS:
            kept = Lease.objects.filter(name=self._held.name, token=self._held.token).update(expires_at=now + lease.LEASE_MS)
            self._lost = not kept
            Worker.objects.filter(job=self._job).update(seen_at=now)
            self._seen_at = now
