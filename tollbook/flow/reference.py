"""Documents that decide money: sealed, indexed, and looked up by valid time and known time.

A run that pins the known time sees the documents that were known then, so November run again in June gives November.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.db.models import Max

from tollbook.core.agreement import Agreement, DeckTerms
from tollbook.core.agreement_reader import read_agreement
from tollbook.core.deck import Deck
from tollbook.core.deck_name import same_deck
from tollbook.core.deck_profile import DeckProfile
from tollbook.core.problem import refuse
from tollbook.flow.book import Book
from tollbook.formats.deck.profile import read_deck_profile
from tollbook.formats.deck.reader import read_deck
from tollbook.store import files
from tollbook.store.models import Agreement as AgreementRow
from tollbook.store.models import Deck as DeckRow
from tollbook.store.models import Reference

AGREEMENT: Final = "AGREEMENT"
DECK: Final = "DECK"
DECK_PROFILE: Final = "DECK_PROFILE"
FX: Final = "FX"
INVOICE: Final = "INVOICE"
INVOICE_LINES: Final = "INVOICE_LINES"
PARTY: Final = "PARTY"
SOURCE: Final = "SOURCE"
ZONE: Final = "ZONE"
DOCUMENT_KINDS: Final = (ZONE, SOURCE, PARTY, FX, AGREEMENT, DECK_PROFILE, DECK, INVOICE, INVOICE_LINES)
# A document that names no beginning has always been in force.
BEGINNING: Final = 0


@dataclass(frozen=True, slots=True)
class Document:
    """One sealed document as the index has it. Instants are milliseconds UTC; `content_digest` names what it says."""

    kind: str
    name: str
    effective_from: int
    known_from: int
    digest: str
    content_digest: str
    file_name: str
    path: Path


def _document(book: Book, row: Reference) -> Document:
    file = row.file
    path = files.sealed_path(book.folder, file.digest, file.suffix)
    return Document(row.kind, row.name, row.effective_from, row.known_from, file.digest, row.content_digest, file.name, path)


def newest() -> tuple[int, int]:
    """The last documents that came: while it stays the same, what was looked up stands."""
    found = [model.objects.aggregate(last=Max("pk"))["last"] or 0 for model in (Reference, DeckRow)]
    return found[0], found[1]


def versions(book: Book, kind: str, name: str | None = None, *, valid_at: int | None = None, known_at: int | None = None) -> list[Document]:
    """Every document of a kind (and name) that was known and had begun, the one that counts last: by effective time, then known time.

    Two documents of the same times are told apart by their digest, so the answer never depends on the order of arrival.
    """
    rows = Reference.objects.filter(kind=kind).select_related("file")
    if name is not None:
        rows = rows.filter(name=name)
    if known_at is not None:
        rows = rows.filter(known_from__lte=known_at)
    if valid_at is not None:
        rows = rows.filter(effective_from__lte=valid_at)
    return [_document(book, row) for row in rows.order_by("name", "effective_from", "known_from", "file_id")]


def as_of(book: Book, kind: str, name: str, *, valid_at: int | None = None, known_at: int | None = None) -> Document | None:
    """The document in force at an instant, as it was known at another; None where there was none."""
    found = versions(book, kind, name, valid_at=valid_at, known_at=known_at)
    return found[-1] if found else None


def all_as_of(book: Book, kind: str, *, valid_at: int | None = None, known_at: int | None = None) -> list[Document]:
    """For every name of a kind the document in force."""
    return list({each.name: each for each in versions(book, kind, valid_at=valid_at, known_at=known_at)}.values())


def text_of(document: Document) -> str:
    """The text of a sealed document, after its digest was checked."""
    _check(document)
    return document.path.read_text(encoding="utf-8")


def _check(document: Document) -> None:
    if not files.verify(document.path, document.digest):
        raise refuse("SEALED_FILE_MISSING", "It is missing or altered.", file=document.file_name, value=document.digest)


def agreements(book: Book, *, valid_at: int | None = None, known_at: int | None = None) -> list[tuple[Agreement, Document]]:
    """The agreement in force with each partner (by agreement id), with its document."""
    found = all_as_of(book, AGREEMENT, valid_at=valid_at, known_at=known_at)
    return [(_agreement(each), each) for each in found]


def _agreement(document: Document) -> Agreement:
    _check(document)
    return _read_sealed_agreement(document.path, document.file_name)


@lru_cache(maxsize=1024)
def _read_sealed_agreement(path: Path, file_name: str) -> Agreement:
    return read_agreement(path.read_text(encoding="utf-8"), file_name)[0]


def agreement_versions(book: Book, *, known_at: int | None = None) -> list[tuple[Agreement, Document]]:
    """Every known version of every agreement, by id and effective time; of two that begin together the one known last."""
    found = {(each.name, each.effective_from): each for each in versions(book, AGREEMENT, known_at=known_at)}
    return [(_agreement(each), each) for each in found.values()]


def agreement_with(book: Book, partner: str, *, valid_at: int | None = None, known_at: int | None = None) -> tuple[Agreement, Document]:
    """The agreement in force with one partner; REFERENCE_MISSING where there is none."""
    found = [pair for pair in agreements(book, valid_at=valid_at, known_at=known_at) if pair[0].partner == partner]
    if not found:
        raise refuse("REFERENCE_MISSING", f"There is no agreement with {partner}.", value=partner)
    return max(found, key=lambda pair: (pair[1].effective_from, pair[1].known_from, pair[1].digest))


def agreement_by_digest(book: Book, digest: str) -> Agreement | None:
    """The agreement that a run or a document names by the digest of its text; None where the book does not have it."""
    row = AgreementRow.objects.select_related("file").filter(digest=digest).order_by("pk").first()
    return _read_sealed_agreement(files.sealed_path(book.folder, row.file_id, row.file.suffix), row.file.name) if row else None


def deck_profile_for(book: Book, file_name: str, *, known_at: int | None = None) -> tuple[DeckProfile, Document] | None:
    """The profile whose deck a file is a version of; the longest deck id where several fit."""
    found = [each for each in all_as_of(book, DECK_PROFILE, known_at=known_at) if same_deck(file_name, each.name)]
    if not found:
        return None
    document = max(found, key=lambda each: len(each.name))
    _check(document)
    return read_deck_profile(document.path), document


@dataclass(frozen=True)
class DeckVersion:
    """One version of a deck, with the digests of everything that decides how it is read. Its rows are read when they are asked for."""

    document: Document
    inputs: tuple[str, ...]
    partner: str
    version: str
    currency: str
    zone: str
    profile_path: Path | None

    @property
    def deck(self) -> Deck:
        """The version with its rows."""
        found = self.document
        return _read_sealed_deck(found.path, self.profile_path, self.zone, found.effective_from, self.partner, self.version)

    @property
    def identity(self) -> list[Any]:
        """What tells this version, read in this way, from every other."""
        return [*self.inputs, self.zone, self.document.effective_from, self.partner, self.version]


def deck_versions(book: Book, agreement: Agreement, terms: DeckTerms, *, known_at: int | None = None) -> list[DeckVersion]:
    """Every known version of the deck an agreement names, oldest first; DECK_AWAITED where the book has none."""
    rows = DeckRow.objects.filter(partner_id=agreement.partner).select_related("file")
    if known_at is not None:
        rows = rows.filter(known_from__lte=known_at)
    chosen = [
        row
        for row in rows.order_by("received_at", "version", "file_id")
        if row.deck_id == terms.deck or same_deck(row.file.name, terms.deck)
    ]
    if not chosen:
        raise refuse("DECK_AWAITED", f"The agreement {agreement.id} names the deck {terms.deck}.", value=terms.deck)
    return [_deck_version(book, row, agreement) for row in chosen]


def _deck_version(book: Book, row: DeckRow, agreement: Agreement) -> DeckVersion:
    file = row.file
    path = files.sealed_path(book.folder, file.digest, file.suffix)
    document = Document(DECK, row.deck_id, row.received_at, row.known_from, file.digest, row.digest, file.name, path)
    _check(document)
    with_profile = deck_profile_for(book, file.name)
    return DeckVersion(
        document=document,
        inputs=(file.digest, *((with_profile[1].digest,) if with_profile else ())),
        partner=row.partner_id,
        version=row.version,
        currency=row.currency,
        zone=agreement.zone,
        profile_path=with_profile[1].path if with_profile else None,
    )


# Sealed files never change, so what was read from one is kept for the life of the process.
_decks: OrderedDict[tuple[Path, Path | None, str, int, str, str], Deck] = OrderedDict()
DECKS_KEPT: Final = 256


def _read_sealed_deck(path: Path, profile_path: Path | None, zone: str, received_at: int, partner: str, version: str) -> Deck:
    key = (path, profile_path, zone, received_at, partner, version)
    deck = _decks.get(key)
    if deck is None:
        profile = read_deck_profile(profile_path) if profile_path else None
        deck, _ = read_deck(path, profile=profile, zone=zone, received_at=received_at, partner=partner, version=version)
        _keep(key, deck)
    return deck


def _keep(key: tuple[Path, Path | None, str, int, str, str], deck: Deck) -> None:
    _decks[key] = deck
    while len(_decks) > DECKS_KEPT:
        _decks.popitem(last=False)


def keep_read(book: Book, row: DeckRow, deck: Deck, zone: str) -> None:
    """Spares this process the second reading of a deck that it has just sealed, if its receipt decides none of its rows: each has a date
    of its own."""
    if deck.rows.column("effective_from").null_count:
        return
    path = files.sealed_path(book.folder, row.file.digest, row.file.suffix)
    with_profile = deck_profile_for(book, row.file.name)
    key = (path, with_profile[1].path if with_profile else None, zone, row.received_at, row.partner_id, row.version)
    _keep(key, replace(deck, received_at=row.received_at, version=row.version, file=path.name))


def content_digests(documents: Iterable[Document]) -> list[str]:
    """What a run pins of documents."""
    return sorted({each.content_digest for each in documents})


def as_json(document: Document) -> dict[str, Any]:
    """A document for lists and JSON."""
    return {
        name: getattr(document, name) for name in ("kind", "name", "effective_from", "known_from", "digest", "content_digest", "file_name")
    }
