"""Long work through the API: files uploaded for a job, and how far it is as a stream."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from web import seed

from tollbook.api import jobs
from tollbook.web import job_stream

from .conftest import ApiClient

Api = Callable[..., ApiClient]
BYTES = {"Content_Type": "application/octet-stream"}


def test_files_are_uploaded_and_a_job_reads_them(full_book: Path, api: Api) -> None:
    from tollbook.flow import job
    from tollbook.flow.book import read_settings
    from tollbook.store.models import Deck

    client = api("owner")
    deck = seed.DECK.replace("0.1200", "0.1100").encode()
    sent = client.post("uploads?name=aurora_az_v2.csv", deck, Idempotency_Key="u-1", **BYTES)
    assert sent.status_code == 200, sent.content
    assert sent.json()["size"] == len(deck)
    assert Deck.objects.filter(partner_id="aurora").count() == 1, "it is not looked into"
    again = client.post("uploads?name=aurora_az_v2.csv", deck, Idempotency_Key="u-1", **BYTES)
    assert again.headers["Idempotent-Replayed"] == "true"
    files = [{name: sent.json()[name] for name in ("digest", "name")}]
    started = client.post("jobs", {"kind": "INGEST", "parameters": {"files": files}}, Idempotency_Key="u-2")
    assert started.status_code == 202, started.content
    taken = job.take("test")
    assert taken is not None
    assert job.run_taken(read_settings(full_book), taken) == job.DONE
    found = client.get(started.headers["Location"]).json()
    assert [(each["name"], each["kind"], each["status"]) for each in found["result"]["files"]] == [
        ("aurora_az_v2.csv", "DECK", "published")
    ]
    assert Deck.objects.filter(partner_id="aurora").count() == 2
    for wrong in ([], [{"digest": "0" * 64, "name": "x.csv"}], [{"digest": "x", "name": "x.csv"}], [{**files[0], "name": "../x"}]):
        refused = client.post("jobs", {"kind": "INGEST", "parameters": {"files": wrong}}, Idempotency_Key=f"w-{wrong}".replace(" ", ""))
        assert refused.status_code == 422, refused.content
    assert api("auditor").post("uploads?name=x.csv", deck, **BYTES).status_code == 403
    assert not list((full_book / "spool").glob("api-*"))


def test_who_keeps_prices_sends_decks_and_nothing_else(full_book: Path, api: Api) -> None:
    from tollbook.flow import job
    from tollbook.flow.book import read_settings
    from tollbook.store.models import Deck, SealedFile

    client = api("routes")
    deck = seed.DECK.replace("0.1200", "0.1100").encode()
    known = SealedFile.objects.count()
    for kind in ("", "cdr", "agreement"):
        refused = client.post(f"uploads?name=aurora_az_v2.csv&as={kind}", deck, **BYTES)
        assert (refused.status_code, refused.json()["code"]) == (403, "RIGHT_MISSING"), kind
    assert SealedFile.objects.count() == known
    sent = client.post("uploads?name=aurora_az_v2.csv&as=deck", deck, **BYTES)
    assert sent.status_code == 200, sent.content
    wanted = {"files": [{name: sent.json()[name] for name in ("digest", "name")}]}
    assert client.post("jobs", {"kind": "INGEST", "parameters": wanted}, Idempotency_Key="d-1").status_code == 403
    started = client.post("jobs", {"kind": "DECKS", "parameters": wanted}, Idempotency_Key="d-2")
    assert started.status_code == 202, started.content
    taken = job.take("test")
    assert taken is not None
    assert job.run_taken(read_settings(full_book), taken) == job.DONE
    assert Deck.objects.filter(partner_id="aurora").count() == 2
    for who in ("auditor", "cfo"):
        assert api(who).post("uploads?name=x.csv&as=deck", deck, **BYTES).status_code == 403


def test_an_upload_is_as_large_as_the_pages_take_it(full_book: Path, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api("owner")
    two_mib = b"x" * (2 << 20)
    monkeypatch.setenv("TOLLBOOK_UPLOAD_LIMIT_MB", "1")
    refused = client.post("uploads?name=x.csv", two_mib, **BYTES)
    assert (refused.status_code, refused.json()["code"]) == (413, "API_TOO_LARGE")
    assert "1,048,576" in refused.json()["detail"]
    monkeypatch.setenv("TOLLBOOK_UPLOAD_LIMIT_MB", "2")
    assert client.post("uploads?name=x.csv", two_mib, **BYTES).json()["size"] == len(two_mib)


def test_a_job_says_where_it_is(full_book: Path, api: Api) -> None:
    from tollbook.flow import clock, job
    from tollbook.store.models import JobProgress, Worker

    def told(number: int) -> dict[str, Any]:
        found = client.get(places[number]).json()
        return {name: found[name] for name in ("state", "words", "share", "before_it", "cancel_wanted_by", "is_stuck")}

    client = api("owner")
    wanted = [("CHECK", {}), ("VERIFY", {"close": int(client.items("closes")[0]["id"])})]
    places = []
    for number, (kind, parameters) in enumerate(wanted):
        started = client.post("jobs", {"kind": kind, "parameters": parameters}, Idempotency_Key=f"s-{number}")
        assert started.status_code == 202, started.content
        places.append(started.headers["Location"])
    rest: dict[str, Any] = {"share": 0, "cancel_wanted_by": None}
    assert told(0) == {"state": "QUEUED", "words": "Waiting for a worker", "before_it": 0, "is_stuck": True, **rest}
    assert told(1) == {"state": "QUEUED", "words": "Waiting, 1 before it", "before_it": 1, "is_stuck": True, **rest}
    Worker.objects.create(id="w", started_at=0, seen_at=clock.real_now_ms())
    taken = job.take("w")
    assert taken is not None
    JobProgress.objects.filter(job=taken.job).update(stage="checking", detail="", done=1, total=4)
    running = told(0)
    assert (running["state"], running["share"], running["before_it"], running["is_stuck"]) == ("RUNNING", 25, None, False)
    mark = client.get(places[0]).headers["ETag"]
    assert client.get(places[0], If_None_Match=mark).status_code == 304, "time alone makes no other answer"
    assert told(1)["is_stuck"] is False
    stopped = client.post(f"{places[0]}/cancellation").json()
    assert stopped["cancel_wanted_by"] == client.get("me").json()["token"]
    assert stopped["words"] == f"Stopping after this: {running['words']}"
    over = client.post(f"{places[1]}/cancellation").json()
    assert (over["state"], over["words"], over["before_it"], over["share"]) == ("CANCELLED", "Stopped", None, 0)
    done = client.get(f"jobs/{seed.JOB}").json()
    assert (done["state"], done["words"], done["share"], done["is_stuck"]) == ("DONE", "Done", 100, False)


def test_progress_is_streamed_to_who_may_see_the_job(full_book: Path, api: Api) -> None:
    client, path = api("noc"), f"jobs/{seed.JOB}/events"
    response = client.get(path)
    assert response.headers["Content-Type"].startswith(jobs.EVENTS)
    text = b"".join(response.streaming_content).decode()
    assert [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")] == ["progress", "end"]
    assert '"state": "DONE"' in text
    last = [line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: ")][-1]
    assert client.get(path, Last_Event_ID=last).status_code == 204
    assert client.get("jobs/" + "0" * 32 + "/events").status_code == 404
    assert client.get(path, Accept="application/json").status_code == 406
    assert api("partner", partner="aurora").get(path).status_code == 403


def test_there_are_only_so_many_streams(full_book: Path, api: Api) -> None:
    held: list[Any] = list(iter(lambda: job_stream.stream(seed.JOB, ""), None))
    assert 0 < len(held) <= job_stream.MOST_STREAMS
    try:
        full = api("owner").get(f"jobs/{seed.JOB}/events")
        assert (full.status_code, full.json()["code"], full.headers["Retry-After"]) == (503, "API_STREAMS", "5")
    finally:
        for each in held:
            each.close()
    head = api("owner")("HEAD", f"jobs/{seed.JOB}/events")
    assert head.status_code == 200
    free = list(iter(lambda: job_stream.stream(seed.JOB, ""), None))
    assert len(free) >= len(held), "whoever asks for the headers alone holds no place"
    for one in free:
        one.close()


def test_a_stream_that_nobody_closes_gives_its_place_back(full_book: Path) -> None:
    held: list[Any] = list(iter(lambda: job_stream.stream(seed.JOB, ""), None))
    places = len(held)
    held.clear()
    gc.collect()
    again: list[Any] = list(iter(lambda: job_stream.stream(seed.JOB, ""), None))
    assert len(again) >= places > 0
