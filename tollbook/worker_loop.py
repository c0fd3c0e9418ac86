"""The worker as a process: jobs as people start them, folders now and then, until it is told to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import duckdb
from django.db import DatabaseError, connection

from tollbook.core.rights import Actor
from tollbook.flow import annexes, clock, deck_sheets, job, pairs
from tollbook.flow.book import Book
from tollbook.flow.collection import FileReport
from tollbook.store.models import Job, Worker
from tollbook.worker import collect_once

FORGOTTEN_MS: Final = 86_400_000
PATIENCE_S: Final = 5


def work_once(book: Book, name: str, *, stop: Callable[[], bool] = lambda: False) -> list[tuple[Job, str]]:
    """Does every job that waits, the oldest first, until there is none or it is told to stop; each with how it ended."""
    done: list[tuple[Job, str]] = []
    while not stop() and (taken := job.take(name)) is not None:
        Worker.objects.filter(id=name).update(job=taken.job.id)
        state = job.run_taken(book, taken, stop=stop)
        Worker.objects.filter(id=name).update(job="", seen_at=clock.real_now_ms())
        done.append((taken.job, state))
        if state == job.QUEUED:
            break
    return done


@contextmanager
def signed_on() -> Iterator[str]:
    """This process in the table of workers, under the name it gives; those that were not seen for a day are forgotten."""
    now = clock.real_now_ms()
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"[:200]
    Worker.objects.filter(seen_at__lt=now - FORGOTTEN_MS).delete()
    Worker.objects.create(id=name, started_at=now, seen_at=now)
    try:
        yield name
    finally:
        with suppress(DatabaseError):
            Worker.objects.filter(id=name).delete()


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often a worker looks: for jobs, into the folders, and how often it says that it is there. In seconds."""

    jobs_s: int = 1
    folders_s: int = 30
    seen_s: int = 10


def run_for_ever(
    book: Book,
    *,
    actor: Actor,
    stop: threading.Event,
    rhythm: Rhythm,
    on_files: Callable[[list[FileReport]], object],
    on_job: Callable[[Job, str], object],
) -> None:
    """Jobs as they come, folders now and then, until `stop` is set. A file being ingested is finished first, a job is handed back at its
    next step. A database that does not answer is waited for."""
    seen: dict[Path, str] = {}
    next_folders = next_seen = 0
    with signed_on() as name:
        while not stop.is_set():
            now = clock.real_now_ms()
            try:
                for each, state in work_once(book, name, stop=stop.is_set):
                    on_job(each, state)
                if now >= next_folders and not stop.is_set():
                    next_folders = now + rhythm.folders_s * 1000
                    if reports := collect_once(book, actor=actor, seen_before=seen):
                        on_files(reports)
                    pairs.build_missing(book)
                    annexes.build_missing(book)
                    deck_sheets.build_missing(book)
                if now >= next_seen:
                    next_seen = now + rhythm.seen_s * 1000
                    Worker.objects.update_or_create(id=name, defaults={"seen_at": clock.real_now_ms()}, create_defaults=_new(name))
            except (DatabaseError, OSError, duckdb.Error):
                logging.getLogger("tollbook.worker").exception("the worker goes on in a moment")
                connection.close()
                stop.wait(PATIENCE_S)
            stop.wait(rhythm.jobs_s)


def _new(name: str) -> dict[str, object]:
    now = clock.real_now_ms()
    return {"id": name, "started_at": now, "seen_at": now}


def stop_on_signals() -> threading.Event:
    """Set by the first SIGTERM or Ctrl-C; a second one ends the process where it stands, which costs nothing that was published."""
    stop = threading.Event()

    def told(*_: object) -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    return stop


def leave_with(parent: int, stop: threading.Event) -> None:
    """Sets `stop` when the process that started this one is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            if stop.wait(1):
                return
        stop.set()

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()
