"""Checks of what pages look things up in: each says what the segment or the document says that it was made from. It is derived, so
whatever is wrong is simply made again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tollbook.core.problem import Problem, problem
from tollbook.flow import annexes, deck_sheets, kpi_sums, pairs
from tollbook.flow.book import Book
from tollbook.store import segment_index
from tollbook.store.models import Run, Segment
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
    for path in _wrong(book):
        yield problem("CHECK_INDEX", "It does not fit what it was made from, or nothing of the book is.", file=_below(book, path))


def _below(book: Book, path: Path) -> str:
    return str(path.relative_to(book.folder))


def _wrong(book: Book) -> Iterator[Path]:
    """What pages make when they first need it, and what says something else than it should or belongs to nothing."""
    yield from _wrong_foldings(book)
    yield from annexes.wrong(book)
    yield from deck_sheets.wrong(book)
    runs = set(Run.objects.filter(stage="reconciliation").values_list("run_key", flat=True))
    for path in _files(book, pairs.FOLDER):
        if path.name.partition("-")[0] not in runs:
            yield path


def _wrong_foldings(book: Book) -> Iterator[Path]:
    cubes = dict(Segment.objects.filter(kind="kpi").values_list("digest", "path"))
    for path in _files(book, kpi_sums.FOLDER):
        digest, fold = path.name.partition("-")[0], path.suffix[1:]
        is_ours = digest in cubes and fold in kpi_sums.FOLDS and path == kpi_sums.path_of(book.folder, digest, fold)
        # A cube that is missing is named by the check of files.
        if not is_ours or (book.path(cubes[digest]).is_file() and not kpi_sums.is_whole(book.folder, digest, cubes[digest], fold)):
            yield path


def _files(book: Book, folder: Path) -> list[Path]:
    place = book.folder / folder
    return sorted(place.iterdir()) if place.is_dir() else []


def repair(book: Book) -> int:
    """Makes missing and wrong indexes again, and removes what belongs to nothing, and what pages make again when they need it; how many
    there were."""
    count = 0
    for path in (*strangers(book), *_wrong(book)):
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
