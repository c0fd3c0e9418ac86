"""Long work through the API: files uploaded for a job, and how far it is as a stream."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from web import seed

from tollbook.api import jobs, uploads
from tollbook.web import job_stream

from .conftest import ApiClient

Api = Callable[..., ApiClient]
BYTES = {"Content_Type": "application/octet-stream"}


def test_files_are_uploaded_and_a_job_reads_them(full_book: Path, api: Api) -> None:
    from tollbook.flow import job
    from tollbook.flow.book import read_settings
    from tollbook.store.models import Deck

    assert uploads.LARGEST_UPLOAD_BYTES > 0
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
