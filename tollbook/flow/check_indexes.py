"""Checks of the indexes of segments: each says what its segment says. They are derived, so whatever is wrong is simply made again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tollbook.core.problem import Problem, problem
from tollbook.flow.book import Book
from tollbook.store import segment_index
from tollbook.store.models import Segment
from tollbook.store.segment_index import FOLDER, IDS


def _indexed(book: Book) -> Iterator[tuple[str, Path, str]]:
    """Digest, file and kind of every segment that has an index and whose own file is there."""
    rows = Segment.objects.filter(kind__in=IDS).order_by("path").values_list("digest", "path", "kind")
    for digest, path, kind in rows:
        if book.path(path).is_file():
            yield digest, book.path(path), kind


def broken(book: Book) -> Iterator[Problem]:
    """Indexes that are missing, or say something else than their segment."""
    for digest, path, kind in _indexed(book):
        if not segment_index.is_whole(book.folder, digest, path, kind):
            place = str(segment_index.path_of(book.folder, digest, ".keys").relative_to(book.folder))
            yield problem("CHECK_INDEX", f"The index of a segment of kind {kind} is missing or does not fit it.", file=place, value=digest)


def repair(book: Book) -> int:
    """Makes missing and wrong indexes again, and removes those of segments the book does not have; how many there were."""
    count = 0
    for path in strangers(book):
        path.unlink(missing_ok=True)
        count += 1
    for digest, path, kind in _indexed(book):
        if not segment_index.is_whole(book.folder, digest, path, kind):
            segment_index.build(book.folder, digest, path, kind)
            count += 1
    return count


def build_missing(book: Book) -> int:
    """Makes the indexes that are not there or of an earlier layout; what the others say is not looked into."""
    count = 0
    for digest, path, kind in _indexed(book):
        if not segment_index.is_there(book.folder, digest, kind):
            segment_index.build(book.folder, digest, path, kind)
            count += 1
    return count


def strangers(book: Book) -> list[Path]:
    """Index files of segments the book does not have."""
    known = set(Segment.objects.filter(kind__in=IDS).values_list("digest", flat=True))
    return [path for path in sorted((book.folder / FOLDER).rglob("*")) if path.is_file() and path.stem not in known]
