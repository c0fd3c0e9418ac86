"""Long work from the pages: started, watched as events in their order, stopped, its result shown; and files that come from a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tollbook.web import close_start, job_stream, jobs, uploads
from tollbook.web.job_stream import MOST_STREAMS, Shot, Stream, events

from . import seed

DATA = Path(__file__).resolve().parent.parent / "data" / "small_book"
KEY = "ab" * 16


def _work() -> list[str]:
    """What a worker would do now; how each job ended."""
    from tollbook.flow.book import read_settings
    from tollbook.web.book import folder
    from tollbook.worker_loop import work_once

    return [state for _, state in work_once(read_settings(folder()), "a test")]


def _without_runs() -> None:
    """The runs of the seeded book are rows without what made them; what computes with runs is not asked to."""
    from tollbook.store.models import Head

    Head.objects.all().delete()


def _shots(*marks: tuple[str, str, int]) -> Callable[[], Shot | None]:
    given: Iterator[Shot] = iter(Shot(f"{state}-{done}", state, words, done, 4, 1_000 * done) for state, words, done in marks)
    return lambda: next(given, None)


def _read(content: Iterator[bytes]) -> list[tuple[str, str, dict[str, Any]]]:
    """The events of a stream: name, id, data."""
    found = []
    for block in b"".join(content).decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in lines:
            found.append((lines["event"], lines["id"], json.loads(lines["data"])))
    return found


def test_events_come_in_order_once_each_and_end() -> None:
    waited: list[float] = []
    read = _shots(
        ("QUEUED", "Waiting", 0), ("RUNNING", "Rating", 1), ("RUNNING", "Rating", 1), ("RUNNING", "Sealing", 3), ("DONE", "Done", 4)
    )
    found = _read(events(read, wait=waited.append))
    assert [(name, mark) for name, mark, _ in found] == [
        ("progress", "QUEUED-0"),
        ("progress", "RUNNING-1"),
        ("progress", "RUNNING-3"),
        ("progress", "DONE-4"),
        ("end", "DONE-4"),
    ]
    assert [data["share"] for name, _, data in found if name == "progress"] == [0, 25, 75, 100]
    assert found[-1][2] == {"state": "DONE"}
    assert len(waited) == 4


def test_a_stream_goes_on_where_the_browser_was() -> None:
    read = _shots(("RUNNING", "Rating", 1), ("RUNNING", "Rating", 2), ("FAILED", "It could not be done", 2))
    found = _read(events(read, "RUNNING-1", wait=lambda seconds: None))
    assert [mark for _, mark, _ in found] == ["RUNNING-2", "FAILED-2", "FAILED-2"]


def test_a_silent_stream_says_that_it_is_there_and_ends_by_itself() -> None:
    still = Shot("RUNNING-1", "RUNNING", "Rating", 1, 4, 0)
    text = b"".join(events(lambda: still, wait=lambda seconds: None, beats=70))
    assert text.startswith(b"retry: 2000\n\n")
    assert text.count(b"event: progress") == 1
    assert text.count(b": still at it") == 2
    assert b"event: end" not in text, "the browser asks again"
    assert b"".join(events(lambda: None, wait=lambda seconds: None)) == b"retry: 2000\n\n"


def test_a_bar_is_full_only_when_it_is_over() -> None:
    assert Shot("", "RUNNING", "", 4, 4, 0).share == 99
    assert Shot("", "DONE", "", 4, 4, 0).share == 100
    assert Shot("", "RUNNING", "", 0, 0, 0).share == 0


def test_there_are_only_so_many_streams(full_book: Path, log_in: Callable[[str], Any]) -> None:
    held = [job_stream.stream(seed.JOB, "") for _ in range(MOST_STREAMS)]
    try:
        assert all(isinstance(each, Stream) for each in held)
        assert job_stream.stream(seed.JOB, "") is None
        answer = log_in("noc").get(f"/jobs/{seed.JOB}/events/")
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    finally:
        for each in held:
            assert each is not None
            each.close()
            each.close()
    again = job_stream.stream(seed.JOB, "")
    assert again is not None
    assert len(_read(again)) == 2, "what is read to its end gives its place back"
    assert all(job_stream._places.acquire(blocking=False) for _ in range(MOST_STREAMS))
    job_stream._places.release(MOST_STREAMS)


def test_the_stream_of_a_page(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("noc")
    answer = client.get(f"/jobs/{seed.JOB}/events/", headers={"Accept-Encoding": "gzip, br"})
    assert answer["Content-Type"].startswith("text/event-stream")
    assert "Content-Encoding" not in answer, "compressed events would be held back"
    assert answer["X-Accel-Buffering"] == "no"
    found = _read(answer.streaming_content)
    answer.close()
    assert [name for name, _, _ in found] == ["progress", "end"]
    assert (found[0][2]["words"], found[0][2]["elapsed_ms"], found[0][2]["share"]) == ("Done", 12_000, 100)
    assert client.get(f"/jobs/{seed.JOB}/events/", headers={"Last-Event-ID": found[-1][1]}).status_code == 204


def test_who_sees_and_starts_what(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Job

    started = log_in("billing").post("/closes/start/", {"period": "2026-11", "key": KEY})
    row = Job.objects.exclude(id=seed.JOB).get()
    assert started["Location"] == f"/jobs/{row.id}/"
    for name, status in (("owner", 200), ("cfo", 200), ("auditor", 200), ("noc", 404), ("routes", 404), ("aurora-user", 403)):
        client = log_in(name)
        assert client.get(f"/jobs/{row.id}/").status_code == status, name
        assert client.get(f"/jobs/{row.id}/events/").status_code == status, name
        if name in ("auditor", "cfo"):
            assert client.post("/closes/start/", {"period": "2026-11"}).status_code == 403
            assert client.post(f"/jobs/{row.id}/", {"step": "cancel"}).status_code == 403
            assert b"Stop it" not in client.get(f"/jobs/{row.id}/").content
        assert client.post("/jobs/", {"kind": "REPAIR"}).status_code == (302 if name == "owner" else 403), name
    row.refresh_from_db()
    assert row.state == "QUEUED"


def test_a_close_that_cannot_be_done_says_why_and_is_started_again(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Agreement, Job, Reference

    Reference.objects.filter(kind="AGREEMENT").delete()
    Agreement.objects.all().delete()
    client = log_in("owner")
    page = client.get("/closes/start/")
    assert b"There are agreements" in page.content
    assert client.post("/closes/start/", {"period": "soon", "key": KEY}).status_code == 409
    address = client.post("/closes/start/", {"period": "2026-11", "key": KEY})["Location"]
    assert client.post("/closes/start/", {"period": "2026-11", "key": KEY})["Location"] == address, "sent twice, started once"
    text = client.get(address).content.decode()
    assert "Waiting for a worker" in text
    assert "tollbook worker --book" in text, "nobody is there to do it, and the page says so"
    assert _work() == ["FAILED"]
    text = client.get(address).content.decode()
    assert "CLOSE_NOTHING" in text
    assert "Start it again" in text
    again = client.post(address, {"step": "again", "key": "cd" * 16})["Location"]
    assert again != address
    assert client.post(again, {"step": "cancel"}).status_code == 302
    assert b"Stopped" in client.get(again).content
    assert client.post(again, {"step": "cancel"}).status_code == 409
    assert client.post(again, {"step": "explode"}).status_code == 404
    assert Job.objects.filter(state="CANCELLED").count() == 1


def test_the_book_is_checked_from_its_page(full_book: Path, log_in: Callable[[str], Any]) -> None:
    _without_runs()
    client = log_in("auditor")
    assert b"Check the book" in client.get("/jobs/").content
    assert b"Check and repair" not in client.get("/jobs/").content
    address = client.post("/jobs/", {"kind": "CHECK"})["Location"]
    assert client.post("/jobs/", {"kind": "CLOSE"}).status_code == 404
    assert _work() == ["DONE"]
    text = client.get(address).content.decode()
    assert "Journal" in text
    assert "Key figures" in text or "Ledger" in text


def test_what_a_close_misses_is_said_before(full_book: Path, log_in: Callable[[str], Any]) -> None:
    text = log_in("owner").get("/closes/start/").content.decode()
    assert "missing for 2026-11" in text
    assert "Their invoice" in text
    assert "It was closed once" in text
    wrong = log_in("owner").get("/closes/start/?period=%3Cscript%3E").content.decode()
    assert "PERIOD_UNKNOWN" in wrong
    assert "<script>" not in wrong.replace("<script src", "")


def test_a_big_close_is_verified_by_a_worker(full_book: Path, log_in: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from tollbook.store.models import Document
    from tollbook.web.close import OneClose

    close = Document.objects.get(kind="CLOSE")
    client = log_in("auditor")
    assert client.post(f"/closes/{close.pk}/").status_code in (200, 409), "a small one at once"
    monkeypatch.setattr(OneClose, "largest_at_once_bytes", 0)
    address = client.post(f"/closes/{close.pk}/")["Location"]
    assert _work() == ["FAILED"]
    assert b"PACK_UNREADABLE" in client.get(address).content


def test_a_verification_is_told_in_words(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Job

    check = {
        "name": "x",
        "status": "ok",
        "words": "Rating of aurora/OUT/2026-11: 7 charge rows come out again.",
        "expected": "",
        "found": "",
    }
    Job.objects.create(
        id="e" * 32,
        kind="VERIFY",
        subject="close of 2026-11",
        parameters={},
        actor="owner",
        role="owner",
        state="DONE",
        created_at=1,
        started_at=1,
        finished_at=2,
        result={"close": 1, "verified": True, "checks": [check]},
    )
    page = log_in("auditor").get(f"/jobs/{'e' * 32}/").content.decode()
    assert "Rating of Aurora Voice, to supplier, 2026-11: 7 charges come out again." in page


def _send(client: Any, *files: tuple[str, bytes], **fields: str) -> Any:
    return client.post("/ingest/", {"files": [SimpleUploadedFile(name, content) for name, content in files], "key": KEY, **fields})


def test_files_are_sealed_as_they_came_and_read_by_the_worker(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store import files
    from tollbook.store.models import Job, SealedFile

    _without_runs()
    content = (DATA / "ours.csv").read_bytes()
    client = log_in("noc")
    answer = _send(client, ("ours.csv", content), source="switch")
    assert answer.status_code == 302
    row = Job.objects.get(state="QUEUED")
    sealed = SealedFile.objects.get(digest=row.parameters["files"][0]["digest"])
    assert (sealed.received_at, sealed.received_by, sealed.suffix) == (seed.NOW_MS, "noc (noc)", ".csv")
    assert files.get(full_book, sealed.digest).read_bytes() == content
    assert not list((full_book / "spool").glob("upload-*")), "nothing is left beside it"
    assert _send(client, ("ours.csv", content), source="switch")["Location"] == answer["Location"]
    assert _work() == ["DONE"]
    text = client.get(answer["Location"]).content.decode()
    assert f"/sources/switch/{sealed.digest}/" in text
    assert "CDR_TIME_UNREADABLE" in text


def test_hostile_names_are_names(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Job

    names = ["../../secret.key", "a/../../b.csv", "C:\\x\\c.csv", "<script>.csv", "x" * 400 + ".csv", ".hidden"]
    before = {path for path in full_book.parent.rglob("*") if path.is_file()}
    secret = (full_book / "secret.key").read_bytes()
    answer = _send(log_in("owner"), *((name, f"not a table {number}\n".encode()) for number, name in enumerate(names)))
    assert answer.status_code == 302
    kept = [each["name"] for each in Job.objects.get(state="QUEUED").parameters["files"]]
    assert all(name == Path(name).name and not name.startswith(".") and len(name) < 200 for name in kept)
    assert _work() == ["DONE"]
    text = log_in("owner").get(answer["Location"]).content.decode()
    assert "<script>." not in text
    assert text.count("FILE_KIND_UNKNOWN") >= 1
    new = {path for path in full_book.parent.rglob("*") if path.is_file()} - before
    assert all((full_book / "sealed") in path.parents or path.name.startswith("book.sqlite3") for path in new), new
    assert (full_book / "secret.key").read_bytes() == secret


def test_too_much_is_refused_and_leaves_nothing(full_book: Path, log_in: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from tollbook.store.models import Job, SealedFile

    client, sealed = log_in("owner"), SealedFile.objects.count()
    monkeypatch.setenv(uploads.LIMIT_VARIABLE, "1")
    assert uploads.limit_bytes() == 1 << 20
    just_over = b"x" * ((1 << 20) + 1)
    for content in (just_over, b"x" * (3 << 20)):
        answer = _send(client, ("big.csv", content))
        assert answer.status_code == 413
        assert b"1 MB" in answer.content
    assert _send(client).status_code == 422
    assert _send(client, *((f"{number}.csv", b"x") for number in range(uploads.MOST_FILES + 1))).status_code == 422
    assert _send(client, ("x.csv", b"x"), source="../etc").status_code == 422
    assert _send(client, ("x.csv", b"x"), kind="weather").status_code == 422
    assert SealedFile.objects.count() == sealed
    assert not Job.objects.filter(state="QUEUED").exists()
    assert not list((full_book / "spool").glob("upload-*"))


def test_nobody_elses_bytes_reach_the_disk(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """Without the right the files are not even taken in; with it, a form of another site is refused."""
    from django.test import Client

    from tollbook.store.models import SealedFile

    before = SealedFile.objects.count()
    for name, status in ((None, 302), ("auditor", 403), ("routes", 403), ("cirrus-user", 403)):
        client = log_in(name) if name else Client()
        assert _send(client, ("x.csv", b"x")).status_code == status
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = log_in("owner").cookies
    assert _send(strict, ("x.csv", b"x")).status_code == 403
    assert SealedFile.objects.count() == before


def test_a_deck_needs_the_right_to_write_decks(full_book: Path, log_in: Callable[[str], Any]) -> None:
    assert _send(log_in("noc"), ("deck.csv", b"Code,Rate\n"), kind="deck").status_code == 403


def test_health_and_metrics_show_the_queue(full_book: Path) -> None:
    from django.test import Client

    from tollbook.flow import clock
    from tollbook.store.models import Job, Worker

    client, now = Client(), clock.real_now_ms()
    assert client.get("/readyz").json()["work"] == {
        "waiting": 0,
        "oldest_waiting_s": 0,
        "running": 0,
        "workers": 0,
        "worker_seen_s_ago": None,
    }
    Job.objects.create(id="a" * 32, kind="CHECK", subject="x", parameters={}, actor="owner", role="owner", created_at=now - 90_000)
    Worker.objects.create(id="w", started_at=now, seen_at=now)
    work = client.get("/readyz").json()["work"]
    assert (work["waiting"], work["workers"]) == (1, 1)
    assert 90 <= work["oldest_waiting_s"] < 120
    text = client.get("/metrics").content.decode()
    assert "tollbook_jobs_waiting 1.0" in text
    assert "tollbook_workers 1.0" in text


def test_pages_of_this_room() -> None:
    assert close_start.StartClose.right is not None
    assert jobs.title_of.__doc__ is None
    assert set(uploads.KIND_LABELS) - {""} <= set(uploads.WORDS)


def test_the_files_of_an_ingest_are_a_table(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("owner")
    export = b"".join(client.get(f"/jobs/{seed.JOB}/?f-export=csv").streaming_content).decode().lstrip("\ufeff").splitlines()
    assert export[0] == 'File,Is,State,"Source, or of whom",Read,Accepted,Duplicates,Problems'
    assert export[1].startswith("boreal_2026-11.csv,")
    assert export[1].endswith(",boreal,2,1,0,1")
    assert "Nothing matches." in client.get(f"/jobs/{seed.JOB}/?f-name=nothing").content.decode()
