"""The watched folders of a worker: it looks into the book's drop folders and ingests what is new.

A file is new when its name, size and time are not those of the last look that ingested it. A file that is still growing is taken when two
looks saw it alike; `--once` takes it as it is, and if the rest comes later, its records are exact repeats and are counted as such.
"""

from __future__ import annotations

from pathlib import Path

from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor
from tollbook.flow import collection, intake, kpi
from tollbook.flow.book import Book, Drop
from tollbook.flow.collection import FileReport
from tollbook.store.models import Cursor


def collect_once(book: Book, *, actor: Actor, seen_before: dict[Path, str] | None = None) -> list[FileReport]:
    """One look: reports of the files that were new. With `seen_before`, a file is taken only if it is as it was then; it is updated."""
    reports: list[FileReport] = []
    for drop in book.drops:
        new = {path: mark for path, mark in _marks(drop).items() if _position(drop, path) != mark}
        if seen_before is not None:
            settled = {path: mark for path, mark in new.items() if seen_before.get(path) == mark}
            seen_before.update(new)
            new = settled
        reports += _ingest(book, drop, new, actor)
    return reports


def _ingest(book: Book, drop: Drop, new: dict[Path, str], actor: Actor) -> list[FileReport]:
    try:
        found = intake.ingest(book, list(new), actor=actor, source=drop.source, kind=intake.WORDS.get(drop.kind, ""))
    except Refusal as refusal:
        # Somebody else writes for this source now; the next look tries again.
        return [collection.refused(drop.folder, "", refusal, drop.source)]
    for path, mark in new.items():
        Cursor.objects.update_or_create(name=_name(drop, path), defaults={"position": mark})
    if any(each.accepted for each in found):
        kpi.refresh(book, actor=actor)
    return found


def _marks(drop: Drop) -> dict[Path, str]:
    """Every finished file below the folder with its size and time."""
    if not drop.folder.is_dir():
        return {}
    found = {}
    for path in intake.files_in([drop.folder]):
        try:
            state = path.stat()
        except FileNotFoundError:
            continue  # taken away between two calls
        found[path] = f"{state.st_size}:{state.st_mtime_ns}"
    return found


def _name(drop: Drop, path: Path) -> str:
    return f"drop {drop.folder.name}: {path.relative_to(drop.folder)}"


def _position(drop: Drop, path: Path) -> str | None:
    return Cursor.objects.filter(name=_name(drop, path)).values_list("position", flat=True).first()
