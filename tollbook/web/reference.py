"""Agreements and decks as pages read them: from their sealed files, parsed once per process, since sealed files never change."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tollbook.core.agreement import Agreement
from tollbook.core.agreement_reader import read_agreement
from tollbook.core.deck import Deck
from tollbook.core.deck_name import same_deck
from tollbook.core.problem import refuse
from tollbook.flow import deck_sheets, reference
from tollbook.flow.reference import DeckVersion
from tollbook.store import files
from tollbook.store.models import Agreement as AgreementRow
from tollbook.store.models import Deck as DeckRow
from tollbook.web import book


@lru_cache(maxsize=512)
def agreement_at(path: Path, name: str) -> Agreement:
    """A parsed agreement."""
    return read_agreement(path.read_text(encoding="utf-8"), name)[0]


def agreement_of(row: AgreementRow) -> Agreement:
    """The agreement of its row (with `file` read)."""
    return agreement_at(files.sealed_path(book.folder(), row.file.digest, row.file.suffix), row.file.name)


def agreement_by_digest(digest: str) -> tuple[AgreementRow, Agreement] | None:
    """The agreement a run or a document names by the digest of its text; None where the book does not have it."""
    row = AgreementRow.objects.select_related("file", "partner").filter(digest=digest).order_by("pk").first()
    return (row, agreement_of(row)) if row else None


def deck_of(row: DeckRow) -> Deck:
    """The deck of its row, as every run reads it."""
    return deck_sheets.deck_of(book.current(), version_of(row))


def version_of(row: DeckRow) -> DeckVersion:
    """The version of its row, with everything that decides how its sheet is read."""
    agreed = AgreementRow.objects.select_related("file").filter(partner_id=row.partner_id).order_by("-effective_from", "-known_from", "pk")
    for each in agreed:
        agreement = agreement_of(each)
        for terms in filter(None, (agreement.buy, agreement.sell)):
            if row.deck_id == terms.deck or same_deck(row.file.name, terms.deck):
                found = reference.deck_versions(book.current(), agreement, terms)
                chosen = next((version for version in found if version.document.digest == row.file_id), None)
                if chosen is not None:
                    return chosen
    raise refuse("DECK_UNCLAIMED", file=row.file.name)


def notice_days_of(row: DeckRow) -> int:
    """The days of notice that the newest agreement which names this deck asks for an increase."""
    agreed = AgreementRow.objects.select_related("file").filter(partner_id=row.partner_id).order_by("-effective_from", "-known_from", "pk")
    for each in agreed:
        agreement = agreement_of(each)
        for terms in filter(None, (agreement.buy, agreement.sell)):
            if row.deck_id == terms.deck or same_deck(row.file.name, terms.deck):
                return terms.notice_days
    raise refuse("DECK_UNCLAIMED", file=row.file.name)
