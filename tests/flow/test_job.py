"""Long work: started once, taken by one worker, told while it runs, ended or handed back, taken over from the dead; on both databases."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Right, Role
from tollbook.flow import job, job_kinds, progress
from tollbook.flow.book import Book
from tollbook.flow.collection import seal
from tollbook.flow.job_kinds import KINDS, Finding, Kind, Task, kind_of, safe_name
from tollbook.flow.job_pulse import Pulse, StoppedError
from tollbook.store import lease
from tollbook.store.models import Batch, Document, Job, JobProgress, Journal, Lease, User, Worker
from tollbook.worker_loop import signed_on, work_once

from . import closing
from .small_book import DATA, OWNER

LATER_MS = 10**9


@pytest.fixture
def people(book: Book) -> Book:
    """A user of each role that may start something, and one that may not."""
    for name, role in (("ines", "owner"), ("bill", "billing"), ("nora", "noc"), ("adam", "auditor")):
        User.objects.create(name=name, kind="PERSON", role=role, is_active=True, created_at=0)
    return book


@pytest.fixture
def odd_kinds(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Kinds whose work the test decides: `do` is called with the task."""
    holder: dict[str, Any] = {"do": lambda task: Finding({})}

    def checked(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
        return dict(parameters), "odd"

    for name, is_shared in (("ODD", True), ("ODD_EACH", False)):
        kind = Kind(name, Right.CLOSE, Right.READ_LEDGER, checked, lambda task: holder["do"](task), is_shared)
        monkeypatch.setitem(KINDS, name, kind)
    return holder


def _code(refusal: pytest.ExceptionInfo[Refusal]) -> str:
    return refusal.value.problems[0].code


def test_a_job_is_started_once_and_says_so_in_the_journal(people: Book, odd_kinds: dict[str, Any]) -> None:
    first = job.start("ODD", {"a": 1}, actor=OWNER, idempotency_key="k1")
    assert (first.state, first.actor, first.role, first.subject) == ("QUEUED", "ines", "owner", "odd")
    assert job.start("ODD", {"a": 1}, actor=OWNER, idempotency_key="k1").id == first.id
    with pytest.raises(Refusal) as refusal:
        job.start("ODD", {"a": 2}, actor=OWNER, idempotency_key="k1")
    assert _code(refusal) == "IDEMPOTENCY_CONFLICT"
    assert job.start("ODD", {"a": 1}, actor=OWNER).id == first.id, "the same work waits already"
    assert job.start("ODD", {"a": 2}, actor=OWNER).id != first.id
    each = [job.start("ODD_EACH", {}, actor=OWNER).id for _ in range(2)]
    assert len(set(each)) == 2
    assert Journal.objects.filter(action="start odd").count() == 3


def test_what_cannot_be_started_is_refused(people: Book) -> None:
    wanted = [
        ("WEATHER", {}, "JOB_UNKNOWN"),
        ("CLOSE", {"period": "soon"}, "PERIOD_UNKNOWN"),
        ("CLOSE", {"period": 11}, "JOB_PARAMETERS"),
        ("CLOSE", {"period": "2026-11", "colour": "red"}, "JOB_PARAMETERS"),
        ("CLOSE", {"period": "2026-11", "known_at": "yesterday"}, "INSTANT_INVALID"),
        ("VERIFY", {"close": 7}, "JOB_PARAMETERS"),
        ("VERIFY", {"close": "1 OR 1"}, "JOB_PARAMETERS"),
        ("INGEST", {"files": []}, "UPLOAD_EMPTY"),
        ("INGEST", {"files": [{"digest": "0" * 64, "name": "x"}]}, "JOB_PARAMETERS"),
        ("INGEST", {"files": [{}], "as": "weather"}, "JOB_PARAMETERS"),
        ("CHECK", {"repair": True}, "JOB_PARAMETERS"),
    ]
    for kind, parameters, code in wanted:
        with pytest.raises(Refusal) as refusal:
            job.start(kind, parameters, actor=OWNER)
        assert _code(refusal) == code, (kind, parameters)
    assert not Job.objects.exists()


@pytest.mark.parametrize("role", list(Role))
def test_who_may_start_and_see_what(people: Book, role: Role) -> None:
    partner = "aurora" if role is Role.PARTNER else None
    actor = Actor("somebody", role, partner)
    may = {
        Role.OWNER: {"INGEST", "DECKS", "CLOSE", "VERIFY", "CHECK", "REPAIR"},
        Role.BILLING: {"INGEST", "DECKS", "CLOSE", "VERIFY", "CHECK"},
        Role.NOC: {"INGEST", "CHECK"},
        Role.ROUTES: {"DECKS", "CHECK"},
        Role.CFO: {"VERIFY", "CHECK"},
        Role.AUDITOR: {"VERIFY", "CHECK"},
        Role.PARTNER: set(),
    }[role]
    assert set(job.startable(actor)) == may
    for kind in set(KINDS) - may:
        with pytest.raises(Refusal) as refusal:
            job.start(kind, {}, actor=actor)
        assert _code(refusal) == "RIGHT_MISSING"
    Job.objects.create(id="c" * 32, kind="CLOSE", subject="x", parameters={}, actor="ines", role="owner", created_at=1)
    Job.objects.create(id="i" * 32, kind="INGEST", subject="x", parameters={}, actor="ines", role="owner", created_at=2)
    seen = set(job.visible(actor).values_list("kind", flat=True))
    reads_ledger = role in (Role.OWNER, Role.BILLING, Role.CFO, Role.AUDITOR)
    assert seen == (set() if role is Role.PARTNER else {"INGEST"} | ({"CLOSE"} if reads_ledger else set()))


def test_two_workers_take_one_job_once(people: Book, odd_kinds: dict[str, Any]) -> None:
    row = job.start("ODD", {}, actor=OWNER)
    taken = job.take("first")
    assert taken is not None
    assert (taken.job.id, taken.job.state, taken.job.worker) == (row.id, "RUNNING", "first")
    assert job.take("second") is None
    assert job.run_taken(people, taken) == "DONE"
    assert job.take("second") is None
    assert Job.objects.get().attempts == 1


def test_a_running_job_tells_how_far_it_is(people: Book, odd_kinds: dict[str, Any]) -> None:
    shown: list[tuple[str, str, int, int]] = []

    def work(task: Task) -> Finding:
        for step in ((progress.report, ("rating", 0, 5, "aurora")), (progress.note, ("7 calls",)), (progress.advance, ("reconciliation",))):
            step[0](*step[1])
            pulse[0].once()
            row = JobProgress.objects.get()
            shown.append((row.stage, row.detail, row.done, row.total))
        return Finding({"figure": 1})

    pulse: list[Pulse] = []
    original = Pulse.__enter__

    def entered(self: Pulse) -> Pulse:
        pulse.append(self)
        return original(self)

    odd_kinds["do"] = work
    job.start("ODD", {}, actor=OWNER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pulse, "__enter__", entered)
        taken = job.take("w")
        assert taken is not None
        assert job.run_taken(people, taken) == "DONE"
    assert shown == [("rating", "aurora", 0, 5), ("rating", "7 calls", 0, 5), ("reconciliation", "7 calls", 0, 5)]
    last = JobProgress.objects.get()
    assert (last.done, last.total) == (5, 5)
    assert Job.objects.get().result == {"figure": 1}


def test_a_part_of_several_steps_ends_before_the_next_part() -> None:
    told: list[tuple[str, int]] = []
    with progress.watched(lambda step: told.append((step.stage, step.done))):
        progress.report("rating", 0, 8, "a", steps=4)
        for stage in ("b", "c", "d", "e", "f"):
            progress.advance(stage)
        progress.report("rating", 4, 8, "b", steps=4)
    progress.report("nobody watches")
    assert told == [("rating", 0), ("b", 1), ("c", 2), ("d", 3), ("e", 3), ("f", 3), ("rating", 4)]


def test_the_work_goes_on_where_progress_cannot_be_written(people: Book, odd_kinds: dict[str, Any]) -> None:
    """The work holds the only write lock there is while the pulse beats: nothing is told, nothing fails."""
    from django.db import transaction

    def work(task: Task) -> Finding:
        with transaction.atomic():
            Lease.objects.create(name="held by the work", owner="x", token=1, expires_at=0)
            progress.report("rating", 1, 2)
            pulse[0]._end.wait(0.8)
        return Finding({})

    pulse: list[Pulse] = []
    odd_kinds["do"] = work
    job.start("ODD", {}, actor=OWNER)
    taken = job.take("w")
    assert taken is not None
    original = Pulse.__enter__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pulse, "__enter__", lambda self: pulse.append(self) or original(self))  # type: ignore[func-returns-value]
        assert job.run_taken(people, taken) == "DONE"


def test_a_failing_job_says_its_problem(people: Book, odd_kinds: dict[str, Any]) -> None:
    row = job.start("CLOSE", {"period": "2026-11"}, actor=OWNER)
    assert [(each.id, state) for each, state in work_once(people, "w")] == [(row.id, "FAILED")]
    row.refresh_from_db()
    assert [each["code"] for each in row.problems] == ["CLOSE_NOTHING"]
    assert row.finished_at is not None

    def broken(task: Task) -> Finding:
        raise ValueError("a slip")

    odd_kinds["do"] = broken
    again = job.start("ODD", {}, actor=OWNER)
    work_once(people, "w")
    again.refresh_from_db()
    assert (again.state, again.problems[0]["code"]) == ("FAILED", "DEFECT")
    assert "a slip" in again.problems[0]["reason"]


def test_rights_are_asked_again_when_it_runs(people: Book, odd_kinds: dict[str, Any]) -> None:
    bill = Actor("bill", Role.BILLING)
    for change, code in (({"role": "noc"}, "RIGHT_MISSING"), ({"role": "billing", "is_active": False}, "USER_UNKNOWN")):
        User.objects.filter(name="bill").update(role="billing", is_active=True)
        row = job.start("ODD", {"n": code}, actor=bill)
        User.objects.filter(name="bill").update(**change)
        work_once(people, "w")
        row.refresh_from_db()
        assert (row.state, row.problems[0]["code"]) == ("FAILED", code)


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_at_its_next_step(people: Book, odd_kinds: dict[str, Any]) -> None:
    waiting = job.start("ODD", {"n": 1}, actor=OWNER)
    with pytest.raises(Refusal) as refusal:
        job.cancel(waiting.id, actor=Actor("nora", Role.NOC))
    assert _code(refusal) == "RIGHT_MISSING"
    assert job.cancel(waiting.id, actor=Actor("bill", Role.BILLING)).state == "CANCELLED"
    assert job.take("w") is None
    steps: list[int] = []

    def work(task: Task) -> Finding:
        steps.append(1)
        job.cancel(task.id, actor=OWNER)
        pulse[0].once()
        progress.report("rating", 1, 3)
        steps.append(2)
        return Finding({})

    pulse: list[Pulse] = []
    original = Pulse.__enter__
    odd_kinds["do"] = work
    row = job.start("ODD", {"n": 2}, actor=OWNER)
    taken = job.take("w")
    assert taken is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pulse, "__enter__", lambda self: pulse.append(self) or original(self))  # type: ignore[func-returns-value]
        assert job.run_taken(people, taken) == "CANCELLED"
    assert steps == [1]
    with pytest.raises(Refusal) as refusal:
        job.cancel(row.id, actor=OWNER)
    assert _code(refusal) == "JOB_OVER"


def test_a_worker_that_ends_hands_its_job_back(people: Book, odd_kinds: dict[str, Any]) -> None:
    odd_kinds["do"] = lambda task: progress.report("rating", 1, 3) or Finding({})  # type: ignore[func-returns-value]
    row = job.start("ODD", {}, actor=OWNER)
    taken = job.take("w")
    assert taken is not None
    assert job.run_taken(people, taken, stop=lambda: True) == "QUEUED"
    row.refresh_from_db()
    assert (row.state, row.attempts, row.finished_at) == ("QUEUED", 0, None)
    assert [state for _, state in work_once(people, "other")] == ["DONE"]


def test_a_killed_workers_job_is_taken_over_and_its_own_word_refused(people: Book, odd_kinds: dict[str, Any]) -> None:
    """The first worker is another process, killed in the middle. Then one that only was slow: its token is refused at the end."""
    row = job.start("CHECK", {}, actor=OWNER)
    script = (
        "import os, sys; from pathlib import Path; from tollbook.flow.book import open_book;"
        "book = open_book(Path(sys.argv[1])); from tollbook.flow import job; taken = job.take('killed');"
        "print(taken.job.id, taken.held.token, flush=True);"
        "os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(people.folder)], capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert killed.stdout.split() == [row.id, "1"]
    assert job.take("second") is None, "it was heard of a moment ago"
    JobProgress.objects.update(seen_at=0)
    slow = job.take("second")
    assert slow is not None
    assert (slow.held.token, slow.job.attempts) == (2, 2)
    Lease.objects.update(expires_at=0)
    JobProgress.objects.update(seen_at=0)
    quick = job.take("third")
    assert quick is not None
    assert quick.held.token == 3
    assert job.run_taken(people, slow) == "RUNNING", "whose lease is lost says nothing"
    row.refresh_from_db()
    assert (row.state, row.worker) == ("RUNNING", "third")
    assert job.run_taken(people, quick) == "DONE"
    row.refresh_from_db()
    assert row.result["is_whole"] is True


def test_a_job_that_ends_its_worker_again_and_again_is_given_up(people: Book, odd_kinds: dict[str, Any]) -> None:
    row = job.start("ODD", {}, actor=OWNER)
    for attempt in range(1, job.MOST_ATTEMPTS + 1):
        taken = job.take("w")
        assert taken is not None
        assert taken.job.attempts == attempt
        Lease.objects.update(expires_at=0)
        JobProgress.objects.update(seen_at=0)
    assert job.take("w") is None
    row.refresh_from_db()
    assert (row.state, row.problems[0]["code"]) == ("FAILED", "JOB_ABANDONED")


def test_a_lost_lease_ends_the_work_at_its_next_step(people: Book, odd_kinds: dict[str, Any]) -> None:
    row = job.start("ODD", {}, actor=OWNER)
    taken = job.take("w")
    assert taken is not None
    pulse = Pulse(row.id, lease.Held(taken.held.name, "x", taken.held.token + 1), lambda: False)
    pulse.once()
    with pytest.raises(Refusal) as refusal:
        pulse.tell(progress.Step("rating"))
    assert _code(refusal) == "LEASE_LOST"
    Job.objects.update(cancel_wanted_by="ines")
    other = Pulse(row.id, taken.held, lambda: False)
    other.once()
    with pytest.raises(StoppedError):
        other.tell(progress.Step("rating"))


def test_files_are_ingested_from_their_sealed_bytes(people: Book, tmp_path: Path) -> None:
    given = []
    for name in ("aurora.toml", "aurora-az_v1.csv", "ours.csv"):
        stored = seal(people, DATA / name, kind="UNKNOWN", actor=OWNER)
        given.append({"digest": stored.digest, "name": name})
    row = job.start("INGEST", {"files": given[:2]}, actor=OWNER)
    records = job.start("INGEST", {"files": given[2:], "source": "switch"}, actor=OWNER)
    assert (row.subject, records.subject) == ("2 files", "ours.csv")
    assert [state for _, state in work_once(people, "w")] == ["DONE", "DONE"]
    row.refresh_from_db()
    records.refresh_from_db()
    assert [each["status"] for each in row.result["files"]] == ["published", "published"]
    line = records.result["files"][0]
    assert (line["source"], line["read"], line["accepted"], line["problems"]) == ("switch", 8, 7, 1)
    assert records.problems[0]["code"] == "CDR_TIME_UNREADABLE"
    assert Batch.objects.get().file.received_by == "ines (owner)"
    assert not list((people.folder / "spool").glob("job-*"))


def test_what_a_role_may_not_bring_in_ends_its_job(people: Book) -> None:
    nora = Actor("nora", Role.NOC)
    stored = seal(people, DATA / "aurora.toml", kind="UNKNOWN", actor=nora)
    row = job.start("INGEST", {"files": [{"digest": stored.digest, "name": "aurora.toml"}]}, actor=nora)
    work_once(people, "w")
    row.refresh_from_db()
    assert (row.state, row.problems[0]["code"]) == ("FAILED", "RIGHT_MISSING")


def test_names_of_other_machines_become_names_of_ours() -> None:
    assert safe_name("../../etc/passwd") == "passwd"
    assert safe_name("C:\\switch\\cdr 1.csv") == "cdr 1.csv"
    assert safe_name(".hidden.csv") == "hidden.csv"
    assert safe_name("-rf.csv") == "rf.csv"
    assert safe_name("a\x1b[2Jb\u202e.csv") == "a_[2Jb_.csv"
    assert safe_name("..") == safe_name("") == safe_name("/") == "file"
    long = safe_name("é" * 300 + ".csv.gz")
    assert len(long.encode()) <= 180
    assert long.endswith(".gz")


@pytest.mark.parametrize("kind", ["CLOSE", "VERIFY"])
def test_a_close_and_its_verification(people: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    if kind == "VERIFY":
        pack = seal(people, _not_a_pack(tmp_path), kind="PACK", actor=OWNER)
        row = Document.objects.create(
            series="CLOSE-2026-11", number=1, kind="CLOSE", period="2026-11", issued_at=0, content={"pack": pack.digest}, content_digest="0"
        )
        started = job.start("VERIFY", {"close": row.pk}, actor=Actor("adam", Role.AUDITOR))
        work_once(people, "w")
        started.refresh_from_db()
        assert started.state == "FAILED"
        assert started.problems[0]["code"] == "PACK_UNREADABLE"
        return
    monkeypatch.setenv("TOLLBOOK_NOW", closing.NOW)
    closing.fill(people, tmp_path / "files")
    started = job.start("CLOSE", {"period": closing.PERIOD}, actor=OWNER)
    seen: list[str] = []
    original = Pulse.tell
    monkeypatch.setattr(Pulse, "tell", lambda self, step: (seen.append(step.stage), original(self, step)))
    work_once(people, "w")
    started.refresh_from_db()
    assert started.state == "DONE", started.problems
    document = Document.objects.get(kind="CLOSE")
    assert (started.result["close"], started.result["is_complete"]) == (document.pk, True)
    assert started.result["result_digest"] == document.content["result_digest"]
    assert list(dict.fromkeys(seen)) == ["rating", "reconciliation", "payables", "invoicing", "sealing", "counting"]
    again = job.start("CLOSE", {"period": closing.PERIOD}, actor=Actor("bill", Role.BILLING))
    work_once(people, "w")
    again.refresh_from_db()
    assert again.state == "DONE", again.problems
    assert again.result["result_digest"] == started.result["result_digest"], "closed again by somebody else, it is the same close"
    verified = job.start("VERIFY", {"close": document.pk}, actor=Actor("adam", Role.AUDITOR))
    work_once(people, "w")
    verified.refresh_from_db()
    assert verified.result["verified"] is True


def _not_a_pack(folder: Path) -> Path:
    return Path(shutil.copy(DATA / "ours.csv", folder / "close.zip"))


def test_a_worker_signs_on_and_off(people: Book) -> None:
    Worker.objects.create(id="long gone", started_at=0, seen_at=0)
    with signed_on() as name:
        assert list(Worker.objects.values_list("id", flat=True)) == [name]
    assert not Worker.objects.exists()


def test_kinds_are_a_closed_table() -> None:
    assert set(KINDS) == {"INGEST", "DECKS", "CLOSE", "VERIFY", "CHECK", "REPAIR"}
    assert kind_of("CLOSE").right is Right.CLOSE
    assert job_kinds.MOST_FILES == 50
