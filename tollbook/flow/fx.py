"""The exchange rates of a book: what was known of them at an instant."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from pathlib import Path

from tollbook.core.fx import Fixing, Fixings, read_fx
from tollbook.flow import reference
from tollbook.flow.book import Book
from tollbook.store import files
from tollbook.store.models import Reference

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def fixings(book: Book, *, first: dt.date | None = None, last: dt.date | None = None, known_at: int | None = None) -> Fixings:
    """Every fixing published for these days (all without any) and known by `known_at`. Call it with the days before that may count."""
    rows = Reference.objects.filter(kind=reference.FX).select_related("file")
    if first is not None:
        rows = rows.filter(effective_from__gte=_ms(first))
    if last is not None:
        rows = rows.filter(effective_from__lte=_ms(last))
    if known_at is not None:
        rows = rows.filter(known_from__lte=known_at)
    found = rows.order_by("effective_from", "known_from", "file_id")
    return Fixings.of(
        _sealed(files.sealed_path(book.folder, row.file.digest, row.file.suffix), row.file.digest, row.known_from) for row in found
    )


def _ms(day: dt.date) -> int:
    return (dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) - EPOCH) // dt.timedelta(milliseconds=1)


@lru_cache(maxsize=4096)
def _sealed(path: Path, digest: str, known_from: int) -> Fixing:
    """Sealed files never change, so what was read from one is kept for the life of the process."""
    read = read_fx(path.read_text(encoding="utf-8"), path.name)
    return Fixing(read.source, read.base, read.day, read.rates, digest, known_from)
