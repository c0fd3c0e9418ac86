"""The pages of a real small month that was closed: their tables hold all that the run and the sealed file hold, and their files too."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flow import closing

from tollbook.flow.clock import parse_instant_ms

from . import conftest

DIFFERENCE = "/reconciliation/aurora/OUT/2026-11/"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return conftest.closed_month(tmp_path_factory.mktemp("closed"))


@pytest.fixture
def month(closed: Path, tmp_path: Path) -> Iterator[Path]:
    yield from conftest._copied(closed, tmp_path / "book", parse_instant_ms(closing.NOW))


def rows_of(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode().lstrip("\ufeff"))))


@pytest.mark.parametrize("view", ["destination", "day", "trunk"])
def test_where_a_difference_lies(month: Path, log_in: Callable[[str], Any], view: str) -> None:
    """Every part of the run's summary, with its way down to the calls; the parts add up to the whole."""
    from tollbook.store.models import Head

    summary = Head.objects.get(stage="reconciliation", scope="aurora/OUT/2026-11").run.summary
    client = log_in("owner")
    rows = rows_of(client.get(f"{DIFFERENCE}?by={view}&p-export=csv"))
    assert [row[view.capitalize()] for row in rows] == [part["name"] for part in summary[f"{view}s"]]
    cents = sum(round(float(row["Theirs less ours"]) * 100) for row in rows)
    assert abs(cents - round(float(summary["money"]["difference"]) * 100)) <= len(rows), "each is rounded to the cent by itself"
    assert {row["Currency"] for row in rows} == {"USD"}
    page = client.get(f"{DIFFERENCE}?by={view}").content.decode()
    assert f"?t-{view}=" in page
    none = client.get(f"{DIFFERENCE}?by={view}&p-name=nowhere%20at%20all").content.decode()
    assert "Nothing matches." in none


def test_what_a_close_sealed(month: Path, log_in: Callable[[str], Any]) -> None:
    """Its documents and its runs, all of them: against the manifest in the file."""
    from tollbook.store import files
    from tollbook.store.models import Document

    row = Document.objects.get(kind="CLOSE")
    path = files.find(month, row.content["pack"])
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    client = log_in("owner")
    runs = rows_of(client.get(f"/closes/{row.pk}/?r-export=csv"))
    assert sorted(each["Run"] for each in runs) == sorted(each["run_key"] for each in manifest["runs"])
    documents = rows_of(client.get(f"/closes/{row.pk}/?d-export=csv"))
    assert {each["number"] for each in manifest["evidence"]["document"]} <= {each["No."] for each in documents}
    page = client.get(f"/closes/{row.pk}/").content.decode()
    assert f'href="{DIFFERENCE}"' in page, "a comparison has its page"
    assert 'href=""' not in page, "what has none is no link"


def test_a_hostile_address_of_a_table_on_a_page(month: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("owner")
    for address in (
        f"{DIFFERENCE}?by=x&p-page=9999999999&p-sort=%27",
        f"{DIFFERENCE}?p-export=exe",
        "/overview/?d-sort=drop&p-leg=SIDEWAYS",
    ):
        assert client.get(address).status_code == 200


def test_a_reckoning_has_its_file(month: Path, log_in: Callable[[str], Any]) -> None:
    """Causes, what makes up a dispute and postings: in their order, and their sums are what they stand for."""
    from tollbook.store.models import Dispute, Document, Head, Posting

    client = log_in("owner")
    summary = Head.objects.get(stage="reconciliation", scope="aurora/OUT/2026-11").run.summary
    causes = rows_of(client.get(f"{DIFFERENCE}?c-export=csv"))
    assert [each["Cause"] for each in causes] == [each["label"] for each in summary["money"]["causes"]]
    assert sum(Decimal(each["Theirs less ours"]) for each in causes) == Decimal(summary["money"]["difference"])
    dispute = Dispute.objects.get()
    parts = rows_of(client.get(f"/disputes/{dispute.pk}/?m-export=csv"))
    assert sum(Decimal(each["Theirs less ours"]) for each in parts) * 1_000_000 == dispute.disputed_micros
    invoice = Document.objects.filter(kind="RECEIVED_INVOICE").get()
    postings = rows_of(client.get(f"/documents/{invoice.pk}/?p-export=csv"))
    assert len(postings) == Posting.objects.filter(document=invoice).count() > 0
    assert sum(Decimal(each["Debit"]) for each in postings) == sum(Decimal(each["Credit"]) for each in postings) > 0


def test_the_calls_behind_a_part_begin_with_the_heaviest(month: Path, log_in: Callable[[str], Any]) -> None:
    """Where they bill less than we expect the heaviest is the smallest amount, and stands first."""
    from tollbook.store.models import ExceptionCase, Head

    client = log_in("owner")
    causes = Head.objects.get(stage="reconciliation", scope="aurora/OUT/2026-11").run.summary["money"]["causes"]
    page = client.get(DIFFERENCE).content.decode()
    signs = set()
    for cause in causes:
        (address,) = set(re.findall(rf'href="([^"]*t-cause={cause["cause"]}[^"]*)"', page))
        amounts = [Decimal(row["Theirs less ours"]) for row in rows_of(client.get(html.unescape(address) + "&t-export=csv"))]
        signs.add(Decimal(cause["amount"]) < 0)
        assert abs(amounts[0]) == max(map(abs, amounts)), cause["cause"]
    assert signs == {True, False}, "the month has causes in the favour of either"
    for row in ExceptionCase.objects.all():
        shown = client.get(f"/exceptions/{row.pk}/").content.decode()
        assert f"/calls/{row.examples[0]}/" in shown, row.cause
