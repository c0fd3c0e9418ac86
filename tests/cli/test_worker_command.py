"""`tollbook worker` as a process, and the one that `serve` keeps beside itself: started again where it dies, ended with its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tollbook.cli import progress as cli_progress
from tollbook.cli.app import run
from tollbook.cli.beside import WorkerBeside
from tollbook.cli.worker import PARENT_VARIABLE
from tollbook.core.rights import Actor, Role
from tollbook.flow import job
from tollbook.flow.book import Book
from tollbook.store.models import Job, User, Worker

OWNER = Actor("ines", Role.OWNER)


@pytest.fixture
def sqlite_book(tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Book]:
    from django.db import connections

    from tollbook.flow.book import init_book

    for name in ("TOLLBOOK_DATABASE_URL", "TOLLBOOK_BOOK", "TOLLBOOK_NOW"):
        monkeypatch.setenv(name, "")
    folder = tmp_path / "book"
    folder.mkdir()
    (folder / "book.sqlite3").write_bytes(tables.read_bytes())
    book = init_book(folder)
    User.objects.create(name="ines", kind="PERSON", role="owner", is_active=True, created_at=0)
    yield book
    connections.close_all()


def _until(holds: Callable[[], Any], patience: int = 400) -> Any:
    pause = threading.Event()
    for _ in range(patience):
        if found := holds():
            return found
        pause.wait(0.1)
    raise AssertionError("it did not happen")


def test_once_does_what_waits(sqlite_book: Book, capsys: pytest.CaptureFixture[str]) -> None:
    job.start("CHECK", {}, actor=OWNER)
    assert run(["worker", "--once", "--book", str(sqlite_book.folder), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(each["kind"], each["state"]) for each in shown["jobs"]] == [("CHECK", "DONE")]
    assert shown["files"] == []
    job.start("CLOSE", {"period": "2026-11"}, actor=OWNER)
    assert run(["worker", "--once", "--book", str(sqlite_book.folder)]) == 1
    assert "close of 2026-11" in capsys.readouterr().err


@pytest.mark.slow
def test_for_ever_until_it_is_told(sqlite_book: Book) -> None:
    command = [sys.executable, "-m", "tollbook", "worker", "--book", str(sqlite_book.folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as worker:
        _until(lambda: Worker.objects.exists() or worker.poll() is not None)
        started = job.start("CHECK", {}, actor=OWNER)
        _until(lambda: Job.objects.get(id=started.id).state == "DONE")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=30) == 0
        assert worker.stderr is not None
        assert "check of the whole book" in worker.stderr.read()
    assert not Worker.objects.exists(), "it signed off"


@pytest.mark.slow
def test_a_worker_leaves_with_its_parent(sqlite_book: Book) -> None:
    """The parent is a process that starts the worker and is killed."""
    script = (
        "import os, subprocess, sys, time; subprocess.Popen([sys.executable, '-m', 'tollbook', 'worker', '--book', sys.argv[1]],"
        f"env={{**os.environ, {PARENT_VARIABLE!r}: str(os.getpid())}}); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(sqlite_book.folder)], stdin=subprocess.PIPE) as parent:
        row = _until(lambda: Worker.objects.first())
        parent.kill()
    number = int(row.id.split(":")[1])
    _until(lambda: not Worker.objects.exists())
    assert number != os.getpid()


def test_beside_a_server_a_worker_is_started_again_and_ended(tmp_path: Path) -> None:
    short = (sys.executable, "-c", "import sys; sys.exit(3)")
    with WorkerBeside(tmp_path, short) as beside:
        _until(lambda: beside.starts == 2)
    long = (sys.executable, "-c", "import sys; sys.stdin.read(); import signal; signal.pause()")
    with WorkerBeside(tmp_path, long) as beside:
        process = _until(lambda: beside._process)
    assert process.poll() == -signal.SIGTERM
    assert beside.starts == 1


def test_progress_shows_nothing_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    from tollbook.flow import progress

    with cli_progress.shown():
        progress.report("rating", 1, 2, "aurora")
    assert capsys.readouterr().err == ""
    assert progress.in_words("rating", "aurora") == "Rating the calls: aurora"
    assert progress.in_words("", "") == "Starting"


def test_the_words_name_every_stage_that_is_told() -> None:
    import re

    from tollbook.flow.progress import WORDS

    flow = Path(__file__).resolve().parents[2] / "tollbook" / "flow"
    told = {
        word
        for path in flow.glob("*.py")
        for word in re.findall(r'(?:progress|steps)\.(?:report|advance)\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert told | {""} == set(WORDS)
