"""The rows of every version of a deck as pages read them: read once from the sealed sheet, saved beside the book and memory-mapped.

Derived: named by everything that decides how a sheet is read, and made again wherever they are missing. Runs never ask here: they read the
sealed sheet itself, so no money depends on what lies here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa

from tollbook import __version__
from tollbook.core.deck import Deck
from tollbook.core.digest import json_digest
from tollbook.core.problem import Refusal
from tollbook.core.zone import Zone
from tollbook.flow import reference
from tollbook.flow.book import Book
from tollbook.flow.reference import DeckVersion
from tollbook.store import column_file, files

FOLDER: Final = Path("derived", "sheets")
FORMAT: Final = "tollbook-sheet/1"
_KEPT: Final = ("partner", "deck_id", "version", "currency", "zone", "mode", "received_at", "file", "file_digest")
_META: Final = b"tollbook"


def deck_of(book: Book, version: DeckVersion) -> Deck:
    """A version with its rows."""
    return _of_process(book.folder, version)


@lru_cache(maxsize=256)
def _of_process(folder: Path, version: DeckVersion) -> Deck:
    """Sealed files never change, so neither does what is read from them."""
    path = folder / FOLDER / f"{name_of(version)}.arrow"
    with suppress(OSError, ValueError, KeyError, pa.ArrowInvalid):
        return _read(path)
    deck = version.deck
    with suppress(OSError):  # a book on a medium that cannot be written is read all the same
        _write(folder, path, deck)
    return deck


def name_of(version: DeckVersion) -> str:
    """The name of a version's rows. Another release may read a sheet better, so it reads it again."""
    return json_digest({"format": FORMAT, "release": __version__, "identity": version.identity})


def _read(path: Path) -> Deck:
    rows = pa.ipc.open_file(files.mapped(path)).read_all()
    meta = json.loads(rows.schema.metadata[_META])
    zone = meta["rules"]
    rules = Zone(zone["name"], tuple(zone["changes_ms"]), tuple(zone["offsets_s"])) if zone else None
    return Deck(rows=rows.replace_schema_metadata(None), rules=rules, **{name: meta[name] for name in _KEPT})


def _write(folder: Path, path: Path, deck: Deck) -> None:
    spool = folder / files.SPOOL_FOLDER
    files.make_folder(spool)
    written = spool / f"{uuid4().hex}.arrow"
    rules = deck.rules
    zone = {"name": rules.name, "changes_ms": rules.changes_ms, "offsets_s": rules.offsets_s} if rules else None
    meta: dict[str, Any] = {name: getattr(deck, name) for name in _KEPT} | {"rules": zone}
    table = deck.rows.combine_chunks().unify_dictionaries().replace_schema_metadata({_META: json.dumps(meta).encode()})
    try:
        with pa.OSFile(str(written), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        column_file.place(written, path)
    finally:
        written.unlink(missing_ok=True)


def versions(book: Book) -> Iterator[DeckVersion]:
    """Every version of every deck that a version of an agreement names."""
    for agreement, _ in reference.agreement_versions(book):
        for terms in filter(None, (agreement.buy, agreement.sell)):
            try:
                yield from reference.deck_versions(book, agreement, terms)
            except Refusal as refusal:
                if any(each.code != "DECK_AWAITED" for each in refusal.problems):
                    raise


def build_missing(book: Book) -> int:
    """Reads the sheets nobody has read yet, before somebody asks for them; how many there were."""
    with suppress(Refusal):  # a document is damaged or missing, which the check of files names
        missing = {name_of(each): each for each in versions(book)}
        missing = {name: each for name, each in missing.items() if not (book.folder / FOLDER / f"{name}.arrow").is_file()}
        for version in missing.values():
            deck_of(book, version)
        return len(missing)
    return 0


def wrong(book: Book) -> Iterator[Path]:
    """Rows that are not those of their sheet, or belong to no version."""
    try:
        known = {f"{name_of(each)}.arrow": each for each in versions(book)}
    except Refusal:
        return  # a document is damaged or missing, which the check of files names
    folder = book.folder / FOLDER
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            is_same = path.name in known and _is_same(_read(path), known[path.name].deck)
        except Refusal:
            continue  # the sheet is damaged or missing, which the check of files names
        except (OSError, ValueError, KeyError, pa.ArrowInvalid):
            is_same = False
        if not is_same:
            yield path


def _is_same(found: Deck, wanted: Deck) -> bool:
    told = all(getattr(found, name) == getattr(wanted, name) for name in (*_KEPT, "rules"))
    plain = pa.schema([(field.name, _plain(field.type)) for field in wanted.rows.schema])
    return told and found.rows.column_names == wanted.rows.column_names and found.rows.cast(plain).equals(wanted.rows.cast(plain))


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
