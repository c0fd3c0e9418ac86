"""Documents on their way into the book: read once to see that they can be used, sealed, and indexed in one transaction.

Forms write documents too: whatever changes money is a sealed file first and a row second.
"""

from __future__ import annotations

import datetime
import io
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tollbook.core.agreement import Agreement
from tollbook.core.agreement_reader import read_agreement
from tollbook.core.deck import Deck
from tollbook.core.deck_name import same_deck
from tollbook.core.digest import sha256_hex
from tollbook.core.fx import read_fx
from tollbook.core.party import read_party
from tollbook.core.problem import Problem, problem, refuse
from tollbook.core.rights import Actor, Right, require
from tollbook.core.zone_document import read_zone
from tollbook.flow import clock, reference, sources
from tollbook.flow.book import Book
from tollbook.flow.collection import PUBLISHED, REPEATED, FileReport, right_to_seal, seal, seal_stored
from tollbook.flow.command import Command, perform
from tollbook.formats.deck.profile import read_deck_profile
from tollbook.formats.deck.reader import read_deck
from tollbook.store import files
from tollbook.store.crash import crash_point
from tollbook.store.files import Stored
from tollbook.store.models import Agreement as AgreementRow
from tollbook.store.models import Deck as DeckRow
from tollbook.store.models import Partner, Reference, SealedFile


@dataclass(frozen=True, slots=True)
class _Read:
    """What reading a document said: under which name and from when it counts, and what to index besides."""

    name: str
    problems: list[Problem]
    effective_from: int | None = None
    known_from: int | None = None
    content_digest: str = ""
    index: Callable[[SealedFile, int], None] | None = None
    partner: str = ""
    # What is sealed instead of the file, where the file alone does not say everything.
    document: bytes | None = None


def add_document(book: Book, path: Path, kind: str, *, actor: Actor, dry_run: bool = False) -> FileReport:
    """Seals a document and indexes it. The same bytes again are the same document. Refuses where it cannot be used; sealed it stays."""
    right = right_to_seal(kind)
    require(actor, right)
    received = None if dry_run else seal(book, path, kind=kind, actor=actor)
    found = _READERS[kind](book, path)
    digest = _counting_digest(book, path, found, kind, right, actor, received)
    is_new = not Reference.objects.filter(kind=kind, name=found.name, file_id=digest).exists()
    if is_new and not dry_run:
        _publish(kind, path, found, digest, actor, right)
    problems = found.problems if is_new else [problem("DUP_FILE", file=path.name, value=digest)]
    return FileReport(path.name, kind, digest, PUBLISHED if is_new else REPEATED, found.name, found=tuple(problems))


def _counting_digest(book: Book, path: Path, found: _Read, kind: str, right: Right, actor: Actor, received: Stored | None) -> str:
    """The digest of the bytes that count: the file's own, or, where it needs others to be understood, that of the whole of what they say
    together, which is sealed beside it."""
    if found.document is None:
        return received.digest if received else files.digest_of(path)
    if received is None:
        return sha256_hex(found.document)
    name = f"{path.stem}.resolved.json"
    whole = files.put(book.folder, io.BytesIO(found.document), name)
    return seal_stored(whole, name=name, kind=kind, actor=actor, right=right).digest


def _publish(kind: str, path: Path, found: _Read, digest: str, actor: Actor, right: Right) -> None:
    file = SealedFile.objects.get(digest=digest)

    def work() -> dict[str, Any]:
        known_from = file.received_at if found.known_from is None else found.known_from
        Reference.objects.create(
            kind=kind,
            name=found.name,
            effective_from=reference.BEGINNING if found.effective_from is None else found.effective_from,
            known_from=known_from,
            file=file,
            content_digest=found.content_digest or file.digest,
        )
        if found.index is not None:
            found.index(file, known_from)
        crash_point("reference.after_rows")
        return {"kind": kind, "name": found.name, "digest": file.digest}

    crash_point("reference.before_transaction")
    perform(Command("add document", right, f"{kind} {found.name}", actor, {"digest": file.digest, "file": path.name}), work)
    crash_point("reference.after_commit")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise refuse("FILE_MISSING", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise refuse("FILE_ENCODING", "It is not UTF-8.", file=path.name) from error
    except OSError as error:
        raise refuse("FILE_UNREADABLE", f"{error.strerror}.", file=path.name) from error


def _agreement(book: Book, path: Path) -> _Read:
    agreement, problems = read_agreement(_text(path), path.name)

    def index(file: SealedFile, known_from: int) -> None:
        partner, _ = Partner.objects.get_or_create(id=agreement.partner)
        if agreement.name and partner.name != agreement.name:
            Partner.objects.filter(id=partner.id).update(name=agreement.name)
        AgreementRow.objects.create(
            partner=partner,
            agreement_id=agreement.id,
            version=agreement.version,
            currency=agreement.currency,
            zone=agreement.zone,
            effective_from=agreement.effective_from or reference.BEGINNING,
            known_from=known_from,
            digest=agreement.digest,
            file=file,
        )

    return _Read(agreement.id, problems, agreement.effective_from, agreement.known_from, agreement.digest, index, agreement.partner)


def _claim(book: Book, file_name: str) -> tuple[str, str, str] | None:
    """Deck name, partner and zone of a deck file, from the agreements; None where none names it."""
    for agreement, _ in reference.agreements(book):
        for terms in (agreement.buy, agreement.sell):
            if terms is not None and same_deck(file_name, terms.deck):
                return terms.deck, agreement.partner, agreement.zone
    return None


def is_claimed(book: Book, file_name: str) -> bool:
    """Whether an agreement names a deck that this file is a version of."""
    return _claim(book, file_name) is not None


def _source(book: Book, path: Path) -> _Read:
    profile, document = sources.resolved(path)
    return _Read(profile.name, [], content_digest=profile.digest, document=document)


def _direction(agreement: Agreement, deck_id: str, file_name: str) -> str:
    for word, terms in (("BUY", agreement.buy), ("SELL", agreement.sell)):
        if terms is not None and (terms.deck == deck_id or same_deck(file_name, terms.deck)):
            return word
    return ""


def _deck(book: Book, path: Path) -> _Read:
    with_profile = reference.deck_profile_for(book, path.name)
    profile = with_profile[0] if with_profile else None
    claim = _claim(book, path.name)
    if claim is None and (profile is None or not profile.partner):
        raise refuse("DECK_UNCLAIMED", file=path.name)
    deck_id, partner, zone = claim or ("", "", "UTC")
    if profile is not None:
        deck_id, partner = profile.deck_id or deck_id, profile.partner or partner
    deck, problems = read_deck(path, profile=profile, zone=zone, partner=partner)
    if claim is not None:
        # The agreement that names the deck names its currency.
        problems = [each for each in problems if each.code != "DECK_CURRENCY_UNKNOWN"]

    def index(file: SealedFile, known_from: int) -> None:
        _index_deck(book, deck, deck_id, partner, zone, file, known_from)

    return _Read(deck_id, problems, deck.received_at, deck.received_at, deck.digest, index, partner)


def _index_deck(book: Book, deck: Deck, deck_id: str, partner: str, zone: str, file: SealedFile, known_from: int) -> None:
    party, _ = Partner.objects.get_or_create(id=partner)
    agreed = [agreement for agreement, _ in reference.agreements(book) if agreement.partner == partner]
    received_at = file.received_at if deck.received_at is None else deck.received_at
    row = DeckRow.objects.create(
        partner=party,
        deck_id=deck_id,
        version=deck.version or file.name,
        direction=next((word for each in agreed if (word := _direction(each, deck_id, file.name))), ""),
        mode=deck.mode,
        currency=deck.currency,
        received_at=received_at,
        known_from=known_from,
        rows=deck.rows.num_rows,
        digest=deck.digest,
        file=file,
    )
    reference.keep_read(book, row, deck, zone)


def _deck_profile(book: Book, path: Path) -> _Read:
    profile = read_deck_profile(path)
    return _Read(profile.deck_id or path.stem, [], partner=profile.partner)


def _party(book: Book, path: Path) -> _Read:
    party, problems = read_party(_text(path), path.name)

    def index(file: SealedFile, known_from: int) -> None:
        Partner.objects.update_or_create(id=party.id, defaults={"name": party.name})

    return _Read(party.id, problems, index=index, partner=party.id)


def _zone(book: Book, path: Path) -> _Read:
    _, problems = read_zone(_text(path), path.name)
    # Profiles name the file; the zone inside has its own name and is found by either.
    return _Read(path.name, problems)


def _fx(book: Book, path: Path) -> _Read:
    fixing = read_fx(_text(path), path.name)
    start = datetime.datetime.combine(fixing.day, datetime.time(), datetime.UTC)
    return _Read(fixing.source, [], clock.to_ms(start), fixing.known_from, fixing.digest)


def _invoice(book: Book, path: Path) -> _Read:
    document = tomllib.loads(_text(path), parse_float=Decimal)
    partner, number = str(document.get("partner", "")), str(document.get("number", ""))
    received = document.get("received_at")
    known_from = None
    if isinstance(received, str):
        known_from = clock.parse_instant_ms(received)
    elif isinstance(received, datetime.datetime):
        known_from = clock.to_ms(received if received.tzinfo else received.replace(tzinfo=datetime.UTC))
    return _Read(f"{partner}/{number}", [], known_from=known_from, partner=partner)


def _invoice_lines(book: Book, path: Path) -> _Read:
    return _Read(path.name, [])


_READERS: Final[dict[str, Callable[[Book, Path], _Read]]] = {
    reference.AGREEMENT: _agreement,
    reference.DECK: _deck,
    reference.DECK_PROFILE: _deck_profile,
    reference.FX: _fx,
    reference.INVOICE: _invoice,
    reference.INVOICE_LINES: _invoice_lines,
    reference.PARTY: _party,
    reference.SOURCE: _source,
    reference.ZONE: _zone,
}
