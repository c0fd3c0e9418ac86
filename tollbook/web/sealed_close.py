"""What a sealed close holds: its documents and runs, from the manifest in the file itself, whatever the book says today."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tollbook.store import files
from tollbook.store.models import Document
from tollbook.web import book
from tollbook.web.documents import numbered


@dataclass(frozen=True, slots=True)
class Sealed:
    """Of a close: the numbers of its documents, the periods they are of (a partner's may be its own), and its runs as they stand in the
    manifest."""

    numbers: frozenset[str]
    periods: frozenset[str]
    runs: tuple[dict[str, Any], ...]


@lru_cache(maxsize=16)
def _read(path: Path) -> Sealed | None:
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("manifest.json"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        return None
    results = manifest["results"]
    issued = {each["number"] for each in manifest["evidence"].get("document", [])}
    received = {each["number"] for each in results["received"]}
    periods = {each["period"] for each in results["invoices"]} | {manifest["period"]}
    runs = sorted(manifest["runs"], key=lambda run: (run["stage"], run["scope"]))
    return Sealed(frozenset(issued | received), frozenset(periods), tuple(runs))


def sealed_of(row: Document) -> Sealed | None:
    """What is in a close's file; None where that is gone or damaged, which `tollbook check` names. It never changes, so it is read once."""
    path = files.find(book.folder(), str(row.content.get("pack", "")))
    return _read(path) if path else None


def documents_of(row: Document, sealed: Sealed | None) -> list[Document]:
    """The documents that the close sealed, those of a partner's own shorter period too, and its accruals."""
    periods = sealed.periods if sealed else {row.period}
    of_periods = numbered(Document.objects.filter(period__in=periods).exclude(kind=row.kind))
    found = of_periods.select_related("partner").defer("content").order_by("kind", "series", "number")
    if sealed is None:
        return list(found)
    return [each for each in found if each.own_number in sealed.numbers or (each.kind == "ACCRUAL" and each.period == row.period)]
