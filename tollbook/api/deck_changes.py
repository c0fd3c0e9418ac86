"""What a version of a deck changes, and every row of one deck that a number meets."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from tollbook.api import listing
from tollbook.api.fields import Exact, Instant
from tollbook.api.listing import Listing
from tollbook.api.models import Instants, instant
from tollbook.api.operation import page_for, reads
from tollbook.api.problem import wrong
from tollbook.core.rights import Right
from tollbook.engine.deck_difference import CHANGES
from tollbook.flow import clock
from tollbook.store.models import Deck
from tollbook.web.deck_changes import Changes, Lookup, differences, segments_count
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.table import MemoryRows, SegmentRows

router = Router(tags=["decks"])


Against = Annotated[int, Field(ge=0, le=2**62)]
_AGAINST: Final = "The number of another version of the same deck."


class DeckChanges(ListPage):
    """The codes that a version changes against another."""

    right, scope = Changes.right, Changes.scope
    columns, sort = Changes.columns, "code"

    def rows(self) -> SegmentRows | MemoryRows:
        row, against = _versions(self.request, self.kwargs["id"])
        if against is None:
            return MemoryRows([], tie=("code",))
        connection, query, *_ = differences(row, against)
        return SegmentRows(connection, query, fields=("code",))


def _versions(request: HttpRequest, number: int) -> tuple[Deck, Deck | None]:
    """A version, and the one it is compared with: None for the first, where no other was asked for."""
    page = page_for(request, Changes, pk=number)
    wanted = request.GET.get("against", "")
    against, _ = page.against(wanted)
    if against is None and wanted:
        raise Http404
    return page.row, against


listing.add(
    router,
    Listing(
        "/decks/{number:id}/changes",
        "deck_changes",
        "DeckChange",
        DeckChanges,
        "What a version of a deck changes.",
        "Against the version received before it, or `against`; empty for the first version. The notice is the agreement's: an "
        "increase that comes too short is deferred until its notice has passed.",
        names={
            "old_rate": "old_rate_nanos_per_minute",
            "new_rate": "new_rate_nanos_per_minute",
            "difference": "difference_nanos_per_minute",
            "from_ms": "claimed_from",
        },
        fields_about={
            "code": "The code, or the beginning of numbers.",
            "change": "What happened to it.",
            "claimed_from": "From when the version says that it holds.",
            "notice": "Whether the notice of an increase was kept; empty where none is needed.",
            "old_increments": "First and further seconds before, as 60/60.",
            "new_increments": "First and further seconds now.",
        },
        parameters={"id": "The version's number in this book."},
        query={"against": (Against, _AGAINST)},
    ),
)


class ChangeCount(Schema):
    """How many codes changed in one way."""

    change: str = Field(description=f"One of {', '.join(CHANGES)}.")
    codes: int
    too_short: int = Field(description="Those of them whose notice is too short: they are deferred.")


class ChangesSummary(Schema):
    """What a version changes, counted, and the notice an increase needs."""

    against: int | None = Field(description="The version it is compared with: GET /api/v1/decks/{id}. Null for the first version.")
    against_version: str | None = Field(description="What that version is called.")
    notice_days: int | None = Field(description="Days of notice that the agreement asks for an increase.")
    earliest_increase_at: Instant | None = Field(description="From when an increase of this version may hold at the earliest.")
    counts: list[ChangeCount] = Field(description="The most frequent change first; a change that does not occur is left out.")


class Compared(Schema):
    """With which version."""

    against: Against | None = Field(None, description=f"{_AGAINST} The one received before it where it is left out.")


@reads(
    router,
    "/decks/{number:id}/changes/summary",
    right=Right.READ_REFERENCE,
    scope=Scope.OPERATOR,
    gives=ChangesSummary,
    summary="How much a version of a deck changes.",
)
def deck_changes_summary(request: HttpRequest, id: int, query: Query[Compared]) -> Schema:  # noqa: A002 - as the address calls it
    """The codes of GET /api/v1/decks/{id}/changes, counted by what happened to them."""
    row, against = _versions(request, id)
    if against is None:
        return ChangesSummary(against=None, against_version=None, notice_days=None, earliest_increase_at=None, counts=[])
    connection, relation, earliest, notice = differences(row, against)
    counted = segments_count(connection, relation)
    return ChangesSummary(
        against=against.pk,
        against_version=against.version,
        notice_days=notice.increase_days,
        earliest_increase_at=instant(earliest),
        counts=[ChangeCount(change=change, codes=codes, too_short=too_short) for change, codes, too_short in counted],
    )


class Candidate(Schema):
    """A row of a version whose code the number begins with."""

    prices_it: bool = Field(description="Whether this row prices the number at that instant, as known then. At most one does.")
    code: str
    destination: str
    rate_nanos_per_minute: Exact | None = Field(description="Null where the code is blocked.")
    minimum_s: int | None
    step_s: int | None
    status: str
    claimed_from: Instant | None
    deck: int = Field(description="The version: GET /api/v1/decks/{id}.")
    version: str
    deck_row: int = Field(description="Row of the received file, from 1.")


class CandidateList(Schema):
    """All of them, the longest code first."""

    number: str
    at: Instant
    known_at: Instant
    currency: str
    candidates: list[Candidate]


class LookUp(Instants):
    """What is looked up."""

    number: Annotated[str, StringConstraints(pattern="^[+]?[0-9 ().-]{1,40}$")] = Field(description="In E.164, with or without +.")


@reads(
    router,
    "/decks/{number:id}/look-up",
    right=Right.READ_REFERENCE,
    scope=Scope.OPERATOR,
    gives=CandidateList,
    summary="Every row of a deck that a number meets, and which one prices it.",
)
def deck_look_up(request: HttpRequest, id: int, query: Query[LookUp]) -> Schema:  # noqa: A002 - as the address calls it
    """In all versions of the deck that were known at `known_at`, at the instant `at`. The longest code in force wins; a withdrawn one
    leaves the number to the next shorter. Without a row the call is unrated, never free."""
    page = page_for(request, Lookup, pk=id)
    number = re.sub("[ ()+.-]", "", query.number)
    if not re.fullmatch("[0-9]{1,15}", number):
        raise wrong("query", "number", "A number has up to 15 digits, with the country code first.")
    currency, now = page.row.currency, clock.now_ms()
    at, known_at = query.instants(now)
    found = page.found(number, at, known_at)
    return CandidateList(
        number=number,
        at=clock.show_instant(at),
        known_at=clock.show_instant(known_at),
        currency=currency,
        candidates=[_candidate(each) for each in found["candidates"]],
    )


def _candidate(found: dict[str, Any]) -> Candidate:
    is_blocked = found["status"] == "BLOCKED"
    return Candidate(
        prices_it=found["wins"],
        rate_nanos_per_minute=None if is_blocked or found["rate_nanos"] is None else str(found["rate_nanos"]),
        claimed_from=instant(found["from_ms"]),
        deck=found["pk"],
        deck_row=found["row"],
        **{name: found[name] for name in ("code", "destination", "minimum_s", "step_s", "status", "version")},
    )
