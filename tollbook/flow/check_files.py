"""Checks of files: every row's file is there and holds the bytes its digest says; every file has its row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tollbook.core.problem import Problem, problem
from tollbook.flow import clock
from tollbook.flow.book import FOLDERS, Book
from tollbook.store import files
from tollbook.store.models import KnownIds, SealedFile, Segment

# A file younger than this may belong to a command that is still working, and is left alone.
YOUNGEST_ORPHAN_MS: Final = 15 * 60_000


@dataclass(frozen=True, slots=True)
class Expected:
    """A file the rows rely on."""

    path: Path
    digest: str
    what: str
    is_derived: bool = False


def expected_files(book: Book) -> Iterator[Expected]:
    """Every file a row names, in a fixed order."""
    for digest, suffix, name in SealedFile.objects.order_by("digest").values_list("digest", "suffix", "name"):
        yield Expected(files.sealed_path(book.folder, digest, suffix), digest, f"sealed file {name}")
    for digest, path, kind in Segment.objects.order_by("path").values_list("digest", "path", "kind"):
        yield Expected(book.path(path), digest, f"segment of kind {kind}")
    for digest, path, source, day in KnownIds.objects.order_by("path").values_list("digest", "path", "source", "day"):
        yield Expected(book.path(path), digest, f"known ids of {source} on {day}", is_derived=True)


def damaged(book: Book, *, derived_too: bool = True) -> Iterator[Problem]:
    """Files that are missing or whose bytes changed; known ids are derived, everything else is what the rest is derived from."""
    for each in expected_files(book):
        if not derived_too and each.is_derived:
            continue
        relative = str(each.path.relative_to(book.folder))
        if not each.path.is_file():
            yield problem("CHECK_FILE", f"The {each.what} is missing.", file=relative, value=each.digest)
        elif files.digest_of(each.path) != each.digest:
            yield problem("CHECK_FILE", f"The {each.what} does not hold the bytes it was sealed with.", file=relative, value=each.digest)


def orphans(book: Book, *, youngest_ms: int = YOUNGEST_ORPHAN_MS) -> list[Path]:
    """Files no row names: what a command that was interrupted between writing and committing leaves behind."""
    named = {each.path for each in expected_files(book)}
    latest = clock.real_now_ms() - youngest_ms
    found = []
    for folder in FOLDERS:
        for path in sorted((book.folder / folder).rglob("*")):
            if path.is_file() and path not in named and path.stat().st_mtime_ns // 1_000_000 <= latest:
                found.append(path)
    return found


def sweep(book: Book, *, youngest_ms: int = YOUNGEST_ORPHAN_MS) -> int:
    """Removes orphans and the folders they leave empty; how many there were."""
    found = orphans(book, youngest_ms=youngest_ms)
    for path in found:
        path.unlink(missing_ok=True)
        folder = path.parent
        while folder.parent != book.folder and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent
    return len(found)
