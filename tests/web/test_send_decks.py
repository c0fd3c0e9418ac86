"""Decks sent from their page by whoever keeps prices: by right, read by the worker, and what is wrong said by place, reason and remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tollbook.web.uploads import SendDecks

from . import seed
from .test_jobs import DATA, KEY, _work

ADDRESS = "/decks/send/"


def _send(client: Any, *files: tuple[str, bytes]) -> Any:
    return client.post(ADDRESS, {"files": [SimpleUploadedFile(name, content) for name, content in files], "key": KEY})


def _known_sheet(book: Path) -> tuple[str, bytes]:
    """A sheet of the book with one price changed, under a later name."""
    from tollbook.store import files
    from tollbook.store.models import Deck

    file = Deck.objects.select_related("file").get(partner_id="aurora").file
    return file.name, files.get(book, file.digest).read_bytes()


def test_the_routes_desk_sends_a_deck_and_nothing_else(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Deck, Job, SealedFile

    client = log_in("routes")
    assert f'href="{ADDRESS}"' in client.get("/decks/").content.decode()
    assert f'href="{ADDRESS}"' in client.get("/sources/").content.decode()
    assert client.get("/ingest/").status_code == 403
    name, content = _known_sheet(full_book)
    answer = _send(client, (name, content + b"\n"))
    assert answer.status_code == 302
    row = Job.objects.get(state="QUEUED")
    assert (row.kind, set(row.parameters)) == ("DECKS", {"files", "source", "as"})
    sealed = SealedFile.objects.get(digest=row.parameters["files"][0]["digest"])
    assert (sealed.kind, sealed.received_at) == ("DECK", seed.NOW_MS)
    assert _send(client, (name, content + b"\n"))["Location"] == answer["Location"], "sent twice, it starts once"
    before = Deck.objects.count()
    assert _work() == ["DONE"]
    assert Deck.objects.count() >= before
    page = client.get(answer["Location"]).content.decode()
    assert "What came of each file" in page
    assert sealed.name in page


def test_what_is_wrong_in_a_sheet_is_said(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("routes")
    name, _ = _known_sheet(full_book)
    answer = _send(
        client, (name, b"Code,Destination,Rate,Increment,Effective\n49,Germany,minus one,60/1,2026-11-01\n"), ("x.toml", b"= no")
    )
    assert _work() == ["DONE"]
    page = client.get(answer["Location"]).content.decode()
    assert ">refused<" in page
    assert "What was found on the way" in page
    assert "column" in page
    assert name in page


def test_records_and_agreements_do_not_come_in_this_way(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Agreement, Batch

    agreements, batches = Agreement.objects.count(), Batch.objects.count()
    records = (DATA / "ours.csv").read_bytes()
    answer = _send(log_in("routes"), ("ours.csv", records), ("terms.toml", b'format = "tollbook-agreement/1"\n'))
    assert answer.status_code == 302
    assert _work() == ["DONE"]
    assert (Agreement.objects.count(), Batch.objects.count()) == (agreements, batches)


@pytest.mark.parametrize("person", ["noc", "cfo", "auditor", "cirrus-user"])
def test_without_the_right_nothing_is_taken_in(full_book: Path, log_in: Callable[[str], Any], person: str) -> None:
    from tollbook.store.models import SealedFile

    before = SealedFile.objects.count()
    client = log_in(person)
    assert _send(client, ("deck.csv", b"Code,Rate\n")).status_code == 403
    assert SealedFile.objects.count() == before
    if person in ("cfo", "auditor"):
        assert ADDRESS not in client.get("/decks/").content.decode()


def test_hostile_names_and_nothing_at_all(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("billing")
    assert _send(client).status_code == 422
    outside = {path for path in full_book.parent.rglob("*") if full_book not in path.parents}
    names = ("../../secret.key", "<script>alert(1)</script>.csv", "x" * 400 + ".toml", ".hidden")
    answer = _send(client, *((name, f"not a deck {number}\n".encode()) for number, name in enumerate(names)))
    assert answer.status_code == 302
    assert _work() == ["DONE"]
    page = client.get(answer["Location"]).content.decode()
    assert "<script>alert" not in page
    assert {path for path in full_book.parent.rglob("*") if full_book not in path.parents} == outside
    assert SendDecks.right is not None
