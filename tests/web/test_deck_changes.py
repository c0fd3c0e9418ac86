"""What a version of a deck changes, and which row prices a number when."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tollbook.engine.deck_difference import CHANGES
from tollbook.store.models import Deck
from tollbook.web.deck_changes import Changes

SECOND = """Code,Destination,Rate,Billing Increment,Effective Date
63,Philippines,0.1100,60/60,2026-11-25
639,Philippines mobile,0.1600,60/60,2026-11-23
6391,Philippines mobile new,0.2000,60/60,2026-11-25
"""


def _second_version(book: Path) -> tuple[int, int]:
    """Received 2026-11-22T12:00Z; increases need 7 days."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow import clock
    from tollbook.flow.book import read_settings
    from tollbook.flow.documents import add_document

    from .seed import NOW_MS

    path = book.parent / "aurora_az_v2.csv"
    path.write_text(SECOND)
    first = Deck.objects.get(partner_id="aurora").pk
    with clock.pinned(NOW_MS + 1000):
        add_document(read_settings(book), path, "DECK", actor=Actor("seed", Role.OWNER))
    return first, Deck.objects.filter(partner_id="aurora").exclude(pk=first).get().pk


def test_changes_are_named_with_their_notice(full_book: Path, log_in: Callable[[str], Any]) -> None:
    first, second = _second_version(full_book)
    Deck.objects.filter(pk=second).update(currency="USD")
    client = log_in("routes")
    text = b"".join(client.get(f"/decks/{second}/changes/?t-export=csv").streaming_content).decode().lstrip("\ufeff")
    found = {row["Code"]: (row["Change"], row["Notice"]) for row in csv.DictReader(io.StringIO(text))}
    assert found == {"63": ("Decrease", ""), "639": ("Increase", "too short, so deferred"), "6391": ("New", "")}
    assert {"Rate before (USD)", "Rate now (USD)", "Rate changes by (USD)"} <= set(csv.DictReader(io.StringIO(text)).fieldnames or ())
    assert {column.name for column in Changes.columns} >= {"change", "notice"}
    assert {change.upper() for change, _ in found.values()} <= set(CHANGES)
    page = client.get(f"/decks/{second}/changes/?t-code=63").content.decode()
    assert "−0." in page, "a fall has the minus sign of every other amount"
    nothing = client.get(f"/decks/{second}/changes/?t-code=99999").content.decode()
    assert "Nothing matches." in nothing
    assert "None" not in nothing
    assert b"The first version" in client.get(f"/decks/{first}/changes/").content
    assert client.get(f"/decks/{first}/changes/?against={second}").status_code == 200
    for wrong in ("0", "x", "%27", str(first)):
        assert client.get(f"/decks/{first}/changes/?against={wrong}").status_code == 404


def test_a_number_has_the_row_that_was_in_force_and_known(full_book: Path, log_in: Callable[[str], Any]) -> None:
    _, second = _second_version(full_book)
    client, address = log_in("routes"), f"/decks/{second}/lookup/"
    early = client.get(address, {"number": "+63 917 1234567", "at": "2026-11-24T00:00", "known": "2026-12-01T00:00"}).content.decode()
    assert "0.1450" in early
    assert early.count("prices it") == 1
    # The increase of the 23rd is deferred to the 29th; the longer code of the 25th is new and needs no notice.
    new = client.get(address, {"number": "639171234567", "at": "2026-11-26T00:00", "known": "2026-12-01T00:00"}).content.decode()
    assert '<span class="kpi-value">6391</span>' in new
    before = client.get(address, {"number": "639171234567", "at": "2026-11-26T00:00", "known": "2026-11-22T12:00"}).content.decode()
    assert '<span class="kpi-value">639</span>' in before
    asked = {"number": "639171234567", "at": "2026-11-26T00:00", "known": "2026-12-01T00:00", "m-export": "csv"}
    met = b"".join(client.get(address, asked).streaming_content).decode().splitlines()
    assert [row.endswith(",prices it") for row in met[1:]].count(True) == 1
    assert "Nothing matches." in client.get(address, {**asked, "m-export": "", "m-destination": "nowhere"}).content.decode()
    assert "No row prices this number" in client.get(address, {"number": "4911"}).content.decode()


def test_hostile_questions(full_book: Path, log_in: Callable[[str], Any]) -> None:
    _, second = _second_version(full_book)
    client, address = log_in("routes"), f"/decks/{second}/lookup/"
    for given in ({"number": "<script>"}, {"number": "9" * 40}, {"at": "yesterday"}, {"known": "2026-99-01T00:00"}):
        response = client.get(address, {"number": "63", **given})
        assert response.status_code == 422, given
        assert b"<script>" not in response.content.replace(b"<script src", b"")
    for given in ({"at": "0001-01-01T00:00"}, {"at": "9999-12-31T23:59"}, {"known": "0001-01-01T00:00"}):
        assert client.get(address, {"number": "63", **given}).status_code == 200, given
