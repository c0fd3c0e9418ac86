"""The small book of the flow tests: one agreement, one deck, a handful of calls worked out by hand."""

from __future__ import annotations

from pathlib import Path

from tollbook.core.rights import Actor, Role
from tollbook.flow import intake, sources
from tollbook.flow.book import Book
from tollbook.flow.collection import Cut, FileReport, ingest_cdrs

DATA = Path(__file__).resolve().parent.parent / "data" / "small_book"
OWNER = Actor("ines", Role.OWNER)
PERIOD = "2026-11"


def terms(book: Book) -> None:
    """The agreement with Aurora and its deck."""
    for report in intake.ingest(book, [DATA / "aurora.toml", DATA / "aurora-az_v1.csv"], actor=OWNER):
        assert (report.status, report.found) == ("published", ())


def cdrs(
    book: Book, path: Path, label: str = "switch", *, actor: Actor = OWNER, cut: Cut | None = None, dry_run: bool = False
) -> FileReport:
    """One CDR file into the book."""
    source = sources.source_for(book, path, label)
    return ingest_cdrs(book, path, source=source.label, profile=source.profile, actor=actor, cut=cut, dry_run=dry_run)


def lines(name: str) -> tuple[str, list[str]]:
    """Header and records of a data file."""
    header, *records = (DATA / name).read_text(encoding="utf-8").splitlines()
    return header, records


def write(path: Path, header: str, records: list[str]) -> Path:
    path.write_text("\n".join([header, *records]) + "\n", encoding="utf-8")
    return path


def counts(report: FileReport) -> tuple[int, int, int, int]:
    return report.read, report.accepted, report.duplicates, report.problems


def codes(report: FileReport) -> list[str]:
    return [each.code for each in report.found]
