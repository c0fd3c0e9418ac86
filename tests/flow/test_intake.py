"""Files find their place by their content; documents are looked up by valid time and known time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Role
from tollbook.flow import clock, documents, intake, reference, sources
from tollbook.flow.book import Book
from tollbook.store.models import Agreement, Deck, Journal, Partner, SealedFile

from .small_book import DATA, OWNER, codes, terms

DAY_MS = 86_400_000
OCTOBER, NOVEMBER, DECEMBER = (clock.parse_instant_ms(f"2026-{month}-01T00:00:00Z") for month in (10, 11, 12))
SOURCE = """format = "tollbook-source/1"
extends = "canonical"
name = "boreal"
source = "boreal-switch"
[time]
zone_file = "lab.zi"
"""


def _inbox(folder: Path) -> Path:
    """Everything at once, in names that sort the wrong way round."""
    folder.mkdir()
    (folder / "a_calls.csv").write_bytes((DATA / "ours.csv").read_bytes())
    (folder / "aurora_az_v1.csv").write_bytes((DATA / "aurora-az_v1.csv").read_bytes())
    (folder / "z_terms.toml").write_bytes((DATA / "aurora.toml").read_bytes())
    (folder / "sources").mkdir()
    (folder / "sources" / "boreal.toml").write_text(SOURCE, encoding="utf-8")
    (folder / "sources" / "lab.zi").write_text("Zone Lab 0:00 - UTC\n", encoding="utf-8")
    (folder / "notes.txt").write_text("call me\n", encoding="utf-8")
    (folder / "upload.csv.part").write_text("half", encoding="utf-8")
    return folder


def test_a_folder_of_everything(book: Book, tmp_path: Path) -> None:
    reports = intake.ingest(book, [_inbox(tmp_path / "inbox")], actor=OWNER)
    assert {each.name: (each.kind, each.status, each.source) for each in reports} == {
        "a_calls.csv": ("CDR", "published", "boreal-switch"),
        "aurora_az_v1.csv": ("DECK", "published", "aurora-az"),
        "z_terms.toml": ("AGREEMENT", "published", "AV-BC-2026"),
        "boreal.toml": ("SOURCE", "published", "boreal"),
        "lab.zi": ("ZONE", "published", "lab.zi"),
        "notes.txt": ("", "refused", ""),
    }
    assert codes(next(each for each in reports if each.name == "notes.txt")) == ["FILE_KIND_UNKNOWN"]
    assert SealedFile.objects.get(name="notes.txt").kind == "UNKNOWN", "what nothing could be made of was received all the same"
    assert Partner.objects.get(id="aurora").name == "Aurora Voice"
    assert Deck.objects.get().direction == "BUY"
    (source,) = sources.profiles(book)
    assert source.zone is not None, "the sealed profile stands alone, its zone is in it"
    assert source.zone.name == "Lab"
    assert {each.status for each in intake.ingest(book, [tmp_path / "inbox"], actor=OWNER)} == {"repeated", "refused"}


def test_a_rehearsal_of_a_folder_says_the_same_and_leaves_nothing(book: Book, tmp_path: Path) -> None:
    reports = intake.ingest(book, [DATA / "aurora.toml"], actor=OWNER, dry_run=True)
    assert [each.status for each in reports] == ["published"]
    assert (SealedFile.objects.count(), Agreement.objects.count(), Journal.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.toml", "format = ", "FILE_KIND_UNKNOWN"),
        ("a.toml", 'format = "tollbook-weather/1"', "FILE_KIND_UNKNOWN"),
        ("a.toml", 'format = "tollbook-agreement/1"\nid = "x"\n', "AGREEMENT"),
        ("a.zi", "Zone", "ZONE"),
        ("prices.csv", "Code,Destination,Rate\n44,UK,0.1\n", "DECK_UNCLAIMED"),
        ("empty.csv", "", "FILE_EMPTY"),
        ("x.xlsx", "PK\x03\x04 cut off", "DECK_UNCLAIMED"),
    ],
)
def test_what_cannot_be_used_is_refused_and_stops_nothing(book: Book, tmp_path: Path, name: str, content: str, code: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    reports = intake.ingest(book, [tmp_path / name, DATA / "aurora.toml"], actor=OWNER)
    assert reports[0].status == "refused"
    assert codes(reports[0])[0].startswith(code), codes(reports[0])
    assert reports[1].status == "published"


def test_a_missing_file_is_refused(book: Book, tmp_path: Path) -> None:
    (report,) = intake.ingest(book, [tmp_path / "absent.csv"], actor=OWNER)
    assert codes(report) == ["FILE_MISSING"]


def test_a_source_is_found_by_columns_name_or_folder(book: Book, tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_bytes((DATA / "ours.csv").read_bytes())
    assert sources.source_for(book, calls).label == "canonical"
    assert sources.source_for(book, calls, "switch-2").label == "switch-2"
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(SOURCE.replace('"boreal"', f'"{name}"').replace("boreal-switch", name), encoding="utf-8")
        (tmp_path / "lab.zi").write_text("Zone Lab 0:00 - UTC\n", encoding="utf-8")
        assert documents.add_document(book, tmp_path / f"{name}.toml", reference.SOURCE, actor=OWNER).status == "published"
    with pytest.raises(Refusal) as refusal:
        sources.source_for(book, calls)
    assert refusal.value.problems[0].code == "SOURCE_UNKNOWN"
    assert sources.source_for(book, calls, "two").label == "two"
    (tmp_path / "one").mkdir()
    assert sources.source_for(book, calls.rename(tmp_path / "one" / "calls.csv")).label == "one"


def _version(folder: Path, version: str, effective_from: str) -> Path:
    text = (DATA / "aurora.toml").read_text(encoding="utf-8")
    text = text.replace('version = "1"', f'version = "{version}"').replace(
        'effective_from = "2026-01-01"', f'effective_from = "{effective_from}"'
    )
    path = folder / f"aurora_{version}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_agreements_are_looked_up_by_valid_and_by_known_time(book: Book, tmp_path: Path) -> None:
    for received, version, effective_from in (
        (OCTOBER, "1", "2026-01-01"),
        (NOVEMBER, "2", "2026-11-15"),
        # A correction of version 2, which came in December and says what held from the same day.
        (DECEMBER, "2-corrected", "2026-11-15"),
    ):
        with clock.pinned(received):
            documents.add_document(book, _version(tmp_path, version, effective_from), reference.AGREEMENT, actor=OWNER)

    def known(valid_at: int, known_at: int | None) -> str:
        return reference.agreement_with(book, "aurora", valid_at=valid_at, known_at=known_at)[0].version

    late_november = NOVEMBER + 20 * DAY_MS
    assert known(NOVEMBER, None) == "1"
    assert known(late_november, OCTOBER) == "1"
    assert known(late_november, late_november) == "2"
    assert known(late_november, None) == "2-corrected"
    with pytest.raises(Refusal) as refusal:
        known(OCTOBER, OCTOBER - 1)
    assert refusal.value.problems[0].code == "REFERENCE_MISSING"


@pytest.mark.parametrize(
    ("role", "may"), [(Role.NOC, False), (Role.ROUTES, False), (Role.BILLING, True), (Role.AUDITOR, False), (Role.CFO, False)]
)
def test_who_may_bring_in_an_agreement(book: Book, role: Role, may: bool) -> None:
    if may:
        assert intake.ingest(book, [DATA / "aurora.toml"], actor=Actor("x", role))[0].status == "published"
        return
    with pytest.raises(Refusal) as refusal:
        intake.ingest(book, [DATA / "aurora.toml"], actor=Actor("x", role))
    assert refusal.value.problems[0].code == "RIGHT_MISSING"
    assert SealedFile.objects.count() == 0


def test_routes_may_bring_in_decks(book: Book) -> None:
    intake.ingest(book, [DATA / "aurora.toml"], actor=OWNER)
    assert intake.ingest(book, [DATA / "aurora-az_v1.csv"], actor=Actor("r", Role.ROUTES))[0].status == "published"


def test_a_deck_kept_from_its_ingest_is_the_one_that_is_read_again(book: Book) -> None:
    """A process that sealed a deck does not read it a second time; every other process does, and must see the same."""
    reference._decks.clear()
    terms(book)
    ((key, kept),) = reference._decks.items()
    reference._decks.clear()
    again = reference._read_sealed_deck(*key)
    assert replace(kept, rows=again.rows, file=again.file) == again
    assert (kept.digest, kept.rows.equals(again.rows)) == (again.digest, True)
