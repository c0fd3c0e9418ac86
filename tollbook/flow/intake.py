"""What a file is, by its content, and where it goes: documents are indexed, CDR files are read for their source.

Documents come first, whatever the order of the files: a CDR file needs its source profile, a deck its agreement.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from tollbook.core.problem import Refusal, refuse
from tollbook.core.rights import Actor
from tollbook.flow import documents, reference, sources
from tollbook.flow import progress as steps
from tollbook.flow.book import Book
from tollbook.flow.collection import FileReport, ingest_cdrs, refused, seal
from tollbook.formats.cdr.header import peek_head
from tollbook.formats.deck.reader import WORKBOOK_MARKS

CDR: Final = "CDR"
UNKNOWN: Final = "UNKNOWN"
KINDS: Final = (*reference.DOCUMENT_KINDS, CDR)
# The word of the command line for each kind.
WORDS: Final = {
    "agreement": reference.AGREEMENT,
    "cdr": CDR,
    "deck": reference.DECK,
    "deck-profile": reference.DECK_PROFILE,
    "fx": reference.FX,
    "invoice": reference.INVOICE,
    "invoice-lines": reference.INVOICE_LINES,
    "party": reference.PARTY,
    "source": reference.SOURCE,
    "zone": reference.ZONE,
}
_FORMATS: Final = {
    "tollbook-agreement": reference.AGREEMENT,
    "tollbook-deck-profile": reference.DECK_PROFILE,
    "tollbook-fx": reference.FX,
    "tollbook-invoice-in": reference.INVOICE,
    "tollbook-party": reference.PARTY,
    "tollbook-source": reference.SOURCE,
}
# Names a folder may hold beside what is ingested; a hidden or unfinished file is never taken.
UNFINISHED: Final = (".part", ".tmp", ".filepart", ".crdownload")


@dataclass(frozen=True, slots=True)
class Recognised:
    """A file and what it is."""

    path: Path
    kind: str


def files_in(paths: Iterable[Path]) -> list[Path]:
    """Files as given, and every finished file below the folders, each once, in the order of their names."""
    found: dict[Path, None] = {}
    for path in paths:
        inside = sorted(each for each in path.rglob("*") if each.is_file() and is_finished(each)) if path.is_dir() else [path]
        found.update(dict.fromkeys(inside))
    return list(found)


def is_finished(path: Path) -> bool:
    """Whether a file's name says that its sender is done with it."""
    return not path.name.startswith(".") and not path.name.lower().endswith(UNFINISHED)


def recognise(book: Book, path: Path, *, companions: Iterable[Path] = ()) -> str:
    """What a file is. FILE_KIND_UNKNOWN where its content does not say; `companions` are files that come with it."""
    try:
        with path.open("rb") as stream:
            head = stream.read(65_536)
    except FileNotFoundError as error:
        raise refuse("FILE_MISSING", file=str(path)) from error
    except OSError as error:
        raise refuse("FILE_UNREADABLE", f"{error.strerror}.", file=path.name) from error
    if path.suffix == ".toml":
        return _toml_kind(path)
    if path.suffix == ".zi" or head.lstrip().startswith((b"Zone ", b"Zone\t", b"Z ")):
        return reference.ZONE
    if head.startswith(WORKBOOK_MARKS):
        return reference.DECK
    if path.name in _invoice_lines(companions):
        return reference.INVOICE_LINES
    if reference.deck_profile_for(book, path.name) or documents.is_claimed(book, path.name):
        return reference.DECK
    return _table_kind(book, path)


def _toml_kind(path: Path) -> str:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise refuse("FILE_KIND_UNKNOWN", f"It is no TOML: {error}.", file=path.name) from error
    name = str(document.get("format", "")).partition("/")[0]
    if name not in _FORMATS:
        raise refuse("FILE_KIND_UNKNOWN", f"Its format is {name or 'not named'}.", file=path.name, column="format", value=name)
    return _FORMATS[name]


def _invoice_lines(companions: Iterable[Path]) -> set[str]:
    """The line files that invoice heads among the companions name."""
    names = set()
    for path in companions:
        if path.suffix == ".toml":
            try:
                document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
            except (OSError, ValueError):
                continue  # reported when its own turn comes
            if str(document.get("format", "")).startswith("tollbook-invoice-in/"):
                names.add(str(document.get("lines", "")))
    return names


def _table_kind(book: Book, path: Path) -> str:
    """A table of records or of rates: by its columns."""
    try:
        sources.source_for(book, path)
    except Refusal as refusal:
        if refusal.problems[0].code not in ("SOURCE_UNKNOWN", "FILE_FORMAT_UNKNOWN"):
            raise
    else:
        return CDR
    words = {name.strip().lower() for name in peek_head(path).columns}
    if any("rate" in word or "price" in word for word in words) and any("code" in word or "prefix" in word for word in words):
        return reference.DECK
    raise refuse("FILE_KIND_UNKNOWN", f"Its columns are {', '.join(sorted(words)[:12])}.", file=path.name)


def ingest(
    book: Book,
    paths: Iterable[Path],
    *,
    actor: Actor,
    source: str = "",
    kind: str = "",
    dry_run: bool = False,
    progress: Callable[[Path, int], None] | None = None,
) -> list[FileReport]:
    """Everything in these files and folders into the book, documents first. A file nothing can be done with is reported as refused and
    stops no other; whoever lacks the right, or a source that another process writes, ends the whole."""
    found = files_in(paths)
    reports: dict[Path, FileReport] = {}
    told = [path for path in found if kind or source or _says_itself(path)]
    # Tables are told apart by the profiles and agreements that came with them, so those go in before a table is looked at.
    for group in (told, [path for path in found if path not in set(told)]):
        known = _recognised(book, group, found, source, kind, reports)
        if not dry_run:
            _seal_unknown(book, [path for path in group if path in reports], actor)
        for each in sorted(known, key=lambda each: (KINDS.index(each.kind), str(each.path))):
            steps.report("reading", len(reports), len(found), each.path.name)
            reports[each.path] = _one(book, each, source, actor, dry_run, progress)
    return [reports[path] for path in found]


def _says_itself(path: Path) -> bool:
    return path.suffix in (".toml", ".zi")


def _recognised(
    book: Book, paths: list[Path], companions: list[Path], source: str, kind: str, reports: dict[Path, FileReport]
) -> list[Recognised]:
    known = []
    for path in paths:
        try:
            known.append(Recognised(path, kind or (CDR if source else recognise(book, path, companions=companions))))
        except Refusal as refusal:
            reports[path] = refused(path, "", refusal)
    return known


def _seal_unknown(book: Book, paths: list[Path], actor: Actor) -> None:
    """What nothing could be made of was received all the same; whoever asks for it later finds its bytes and its time."""
    for path in paths:
        if path.is_file():
            seal(book, path, kind=UNKNOWN, actor=actor)


def _one(
    book: Book, file: Recognised, source: str, actor: Actor, dry_run: bool, progress: Callable[[Path, int], None] | None
) -> FileReport:
    def report_progress(records: int) -> None:
        if progress is not None:
            progress(file.path, records)

    try:
        if file.kind != CDR:
            return documents.add_document(book, file.path, file.kind, actor=actor, dry_run=dry_run)
        if not dry_run:
            # Before anything looks for its source: what cannot be read was received all the same.
            seal(book, file.path, kind=CDR, actor=actor)
        chosen = sources.source_for(book, file.path, source)
        return ingest_cdrs(
            book, file.path, source=chosen.label, profile=chosen.profile, actor=actor, dry_run=dry_run, progress=report_progress
        )
    except Refusal as refusal:
        if refusal.problems[0].code in ("RIGHT_MISSING", "LEASE_HELD", "LEASE_LOST"):
            raise
        return refused(file.path, file.kind, refusal, source)
