"""How far a job is, as server-sent events: one for every change, a comment now and then, and a last one when it is over.

A stream holds a thread of the server, so there are only so many at a time, and each ends by itself after two minutes: the browser then asks
again with the last event it saw, and a page without a stream asks every few seconds.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tollbook.flow import clock, job
from tollbook.flow.progress import in_words
from tollbook.store.models import Job

MOST_STREAMS: Final = 8
BEAT_S: Final = 0.5
BEATS_OF_A_STREAM: Final = 240
BEATS_OF_SILENCE: Final = 30
RETRY_MS: Final = 2_000
_places = threading.BoundedSemaphore(MOST_STREAMS)


@dataclass(frozen=True, slots=True)
class Shot:
    """A job as it is now. `mark` changes with everything a page shows, but the seconds. `before` counts the jobs that come before one that
    waits; None for any other."""

    mark: str
    state: str
    words: str
    done: int
    total: int
    elapsed_ms: int
    before: int | None = None

    @property
    def is_over(self) -> bool:
        return self.state in job.OVER

    @property
    def is_active(self) -> bool:
        return not self.is_over

    @property
    def share(self) -> int:
        """How much is done, in whole per cent; never all of it before it is over."""
        return min(100 * self.done // self.total, 100 if self.is_over else 99) if self.total else 0

    def as_dict(self) -> dict[str, Any]:
        names = ("state", "words", "done", "total", "elapsed_ms", "share")
        return {name: getattr(self, name) for name in names}


def shot_of(job_id: str) -> Shot | None:
    """A job as it is now, in one query; one more while it waits."""
    row = Job.objects.select_related("progress").defer("result", "problems", "parameters").filter(id=job_id).first()
    if row is None:
        return None
    now = clock.real_now_ms()
    if row.state == job.QUEUED:
        before = Job.objects.filter(state__in=job.ACTIVE, created_at__lt=row.created_at).count()
        words = "Waiting for a worker" if not before else f"Waiting, {before} before it"
        return Shot(f"{row.state}-{row.attempts}-{before}", row.state, words, 0, 0, now - row.created_at, before)
    last = getattr(row, "progress", None)
    number, done, total = (last.number, last.done, last.total) if last else (0, 0, 0)
    words = in_words(last.stage, last.detail) if last and row.state == job.RUNNING else OVER_WORDS.get(row.state, "")
    if row.cancel_wanted_by and row.state == job.RUNNING:
        words = f"Stopping after this: {words}"
    until = row.finished_at or now
    return Shot(f"{row.state}-{row.attempts}-{number}", row.state, words, done, total, max(0, until - (row.started_at or row.created_at)))


OVER_WORDS: Final = {job.DONE: "Done", job.FAILED: "It could not be done", job.CANCELLED: "Stopped"}


def events(
    read: Callable[[], Shot | None], last: str = "", *, wait: Callable[[float], object], beats: int = BEATS_OF_A_STREAM
) -> Iterator[bytes]:
    """The stream as bytes: `read` says how the job is, `wait` lets half a second pass, `last` is the mark the browser saw last."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    silence = 0
    for _ in range(beats):
        shot = read()
        if shot is None:
            return
        if shot.mark != last:
            last, silence = shot.mark, 0
            yield _event("progress", shot.mark, shot.as_dict())
        elif silence >= BEATS_OF_SILENCE:
            silence = 0
            yield b": still at it\n\n"
        if shot.is_over:
            yield _event("end", shot.mark, {"state": shot.state})
            return
        wait(BEAT_S)
        silence += 1


def _event(name: str, mark: str, values: dict[str, Any]) -> bytes:
    return f"event: {name}\nid: {mark}\ndata: {json.dumps(values)}\n\n".encode()


class Stream:
    """Events that hold one of the places while they are sent; `close` gives it back, whether anything was sent or not."""

    def __init__(self, content: Iterator[bytes]) -> None:
        self._content, self._holds = content, True

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._content)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Gives the place back, once."""
        if self._holds:
            self._holds = False
            _places.release()

    def __del__(self) -> None:
        """An answer that was made and never sent has nobody who closes it."""
        self.close()


def stream(job_id: str, last: str) -> Stream | None:
    """The stream of a job; None where all places are taken."""
    if not _places.acquire(blocking=False):
        return None
    pause = threading.Event()
    return Stream(events(lambda: shot_of(job_id), last, wait=pause.wait))
