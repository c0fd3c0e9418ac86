"""Decks: every version, its rows, and the row that prices a number at an instant, as it was known at another."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pyarrow as pa
from django.http import HttpRequest, HttpResponseBase
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from tollbook.api import fields, files, listing
from tollbook.api.fields import Exact, Instant, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import Word, instant
from tollbook.api.operation import page_for, reads
from tollbook.core.problem import Refusal, refuse
from tollbook.core.rights import Right
from tollbook.flow import clock, compiled_decks
from tollbook.flow import reference as documents
from tollbook.store.models import Deck
from tollbook.web import book, reference
from tollbook.web.decks import Decks, OneDeck, deck_rows
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.table import SegmentRows

router = Router(tags=["decks"])


class DeckRows(ListPage):
    """The rows of one version."""

    right, scope = OneDeck.right, OneDeck.scope
    columns, sort = OneDeck.columns, "code"

    def rows(self) -> SegmentRows:
        row = self.one(Deck.objects.select_related("partner", "file"), pk=self.kwargs["id"])
        return deck_rows(reference.deck_of(row).rows)


listing.add(
    router,
    Listing(
        "/decks",
        "decks",
        "Deck",
        Decks,
        "Every version of every rate deck.",
        "BUY decks price what a partner charges us, SELL decks what we charge it. A version is never changed.",
        extra=(fields.Field("id", "pk", Shape.NUMBER, "The version's number in this book."),),
        fields_about={"rows": "How many rows it has.", "digest": "Of what the deck says, however the file is laid out."},
    ),
)
listing.add(
    router,
    Listing(
        "/decks/{number:id}/rows",
        "deck_rows",
        "DeckRow",
        DeckRows,
        "The rows of one version of a deck.",
        "As they were received: which of them is in force at an instant, among all versions, is what the look-up answers.",
        names={
            "rate_nanos": "rate_nanos_per_minute",
            "from_ms": "effective_from",
            "until_ms": "effective_until",
        },
        fields_about={
            "minimum_s": "The first increment",
            "step_s": "Every further increment",
            "row": "The row of the received file, from 1.",
            "code": "The dialled digits the row is for; the longest that fits wins.",
        },
        parameters={"id": "The version's number in this book."},
    ),
)


class DeckDetail(Schema):
    """One version of a deck."""

    id: int
    deck_id: str
    version: str
    partner: str
    direction: str = Field(description="BUY, SELL, or empty while no agreement names it.")
    mode: str = Field(description="FULL replaces what was before, PARTIAL changes some codes.")
    currency: str
    zone: str | None = Field(description="The zone its dates are read in, as the agreement has it; null while no agreement names the deck.")
    received_at: Instant
    known_from: Instant
    rows: int
    digest: str
    file_name: str
    file_sha256: str


class LookedUp(Schema):
    """The row that prices a number, or why there is none."""

    number: str
    at: Instant = Field(description="The instant the price is asked for.")
    known_at: Instant | None = Field(description="Decks that became known later are left out; null means all of them.")
    partner: str
    direction: str
    agreement_digest: str
    found: bool = Field(description="Whether a row covers the number at that instant.")
    blocked: bool = Field(description="The row says that the code must not be called: there is no rate.")
    code: str | None
    destination: str | None
    rate_nanos_per_minute: Exact | None = Field(description="10^-9 of the currency per minute.")
    rate_text: str | None = Field(description="The rate as the deck writes it.")
    minimum_s: int | None
    step_s: int | None
    currency: str
    deck_digest: str | None
    deck_row: int | None = Field(description="Row of the received file, from 1.")
    effective_from: Instant | None
    effective_until: Instant | None


class LookUp(Schema):
    """What is looked up."""

    partner: Word = Field(description="Whose deck.")
    direction: Literal["BUY", "SELL"] = Field(description="BUY: they bill us by it. SELL: we bill them.")
    number: Annotated[str, StringConstraints(pattern="^[+]?[0-9 ().-]{1,40}$")] = Field(description="In E.164, with or without +.")
    at: str | None = Field(None, max_length=40, description="RFC 3339 instant; now where it is left out.")
    known_at: str | None = Field(None, max_length=40, description="RFC 3339 instant: as it was known then.")


@reads(
    router,
    "/decks/look-up",
    right=Right.READ_REFERENCE,
    scope=Scope.OPERATOR,
    gives=LookedUp,
    summary="Which row of a deck prices a number.",
)
def look_up(request: HttpRequest, query: Query[LookUp]) -> Schema:
    """At any instant, and as it was known at any other: the same timeline that rates calls. The longest code that fits wins."""
    own = book.current()
    at = clock.parse_instant_ms(query.at) if query.at else clock.now_ms()
    known_at = clock.parse_instant_ms(query.known_at) if query.known_at else None
    agreement, document = documents.agreement_with(own, query.partner, valid_at=at, known_at=known_at)
    terms = agreement.buy if query.direction == "BUY" else agreement.sell
    if terms is None:
        raise refuse("REFERENCE_MISSING", f"The agreement with {query.partner} names no {query.direction} deck.", value=query.partner)
    deck = compiled_decks.compiled(own, documents.deck_versions(own, agreement, terms, known_at=known_at), terms)
    rows, _ = deck.find_text(pa.array([query.number]), at, cosmetic=True)
    place = int(rows[0])
    values: dict[str, Any] = dict.fromkeys(
        ("code", "destination", "rate_nanos_per_minute", "rate_text", "minimum_s", "step_s", "deck_digest", "deck_row")
    ) | dict.fromkeys(("effective_from", "effective_until"))
    blocked = False
    if place >= 0:
        row, price = deck.priced_by(place), deck.terms_of(place)
        blocked = row.blocked
        values = {
            "code": row.code,
            "destination": row.destination,
            "rate_nanos_per_minute": None if blocked else str(price.rate_nanos),
            "rate_text": row.rate_text,
            "minimum_s": price.minimum_s,
            "step_s": price.step_s,
            "deck_digest": row.deck_digest,
            "deck_row": row.row,
            "effective_from": instant(row.effective_from),
            "effective_until": instant(row.effective_until),
        }
    return LookedUp(
        number=query.number,
        at=clock.show_instant(at),
        known_at=instant(known_at),
        partner=query.partner,
        direction=query.direction,
        agreement_digest=document.content_digest,
        found=place >= 0,
        blocked=blocked,
        currency=deck.currency,
        **values,
    )


@reads(router, "/decks/{number:id}", right=Right.READ_REFERENCE, scope=Scope.OPERATOR, gives=DeckDetail, summary="One version of a deck.")
def deck(request: HttpRequest, id: int) -> Schema:  # noqa: A002 - as the address calls it
    """What it is and where it came from; its rows are a list of their own."""
    row = page_for(request).one(Deck.objects.select_related("file"), pk=id)
    return DeckDetail(
        id=row.pk,
        deck_id=row.deck_id,
        version=row.version,
        partner=row.partner_id,
        direction=row.direction,
        mode=row.mode,
        currency=row.currency,
        zone=_zone(row),
        received_at=instant(row.received_at) or "",
        known_from=instant(row.known_from) or "",
        rows=row.rows,
        digest=row.digest,
        file_name=row.file.name,
        file_sha256=row.file_id,
    )


def _zone(row: Deck) -> str | None:
    try:
        return reference.deck_of(row).zone
    except Refusal:
        return None


@reads(
    router,
    "/decks/{number:id}/document",
    right=Right.READ_REFERENCE,
    scope=Scope.OPERATOR,
    media=(files.BYTES,),
    content=files.content(files.BYTES),
    summary="The rate sheet as it was received.",
)
def deck_document(request: HttpRequest, id: int) -> HttpResponseBase:  # noqa: A002 - as the address calls it
    """The sealed file, byte by byte."""
    row = page_for(request).one(Deck.objects.select_related("file"), pk=id)
    return files.sealed(request, row.file_id, row.file.name, files.BYTES)
