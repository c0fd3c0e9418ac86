"""Calls: searched as the page searches them, and one with everything known of it: raw line, record, match, price step by step."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from tollbook.api import fields, listing
from tollbook.api.fields import Day, Exact, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import Word
from tollbook.api.operation import page_for, reads
from tollbook.api.problem import ApiError
from tollbook.core.cdr import LEGS
from tollbook.core.explanation import shown_record
from tollbook.core.rights import Right
from tollbook.web.call import Call as CallPage
from tollbook.web.call_rows import Search
from tollbook.web.calls import Calls as CallsPage
from tollbook.web.calls import found_rows, reach, read_search
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope

router = Router(tags=["calls"])
CallId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


class Calls(ListPage):
    """The records a search finds, window after window of days."""

    right, scope = CallsPage.right, CallsPage.scope
    columns, sort = CallsPage.columns, "-at"

    def windows(self, since: str) -> tuple[Any, str]:
        """The rows of the newest days from `since` back that one answer may look into, and the day the next one begins at."""
        search, errors = read_search(self.request.GET)
        if errors:
            raise ApiError(422, "API_PARAMETER", " ".join(errors))
        if since:
            search = replace(search, last=date.fromisoformat(since))
        found, range_ = reach(search)
        return (found_rows(search, found) if range_.records else None), (range_.left.isoformat() if range_.left else "")


listing.add(
    router,
    Listing(
        "/calls",
        "calls",
        "Call",
        Calls,
        "Records of calls, ours and the partners'.",
        "One page looks into so many days as one answer may; `next_cursor` goes on to earlier days, so a page can be short or even empty "
        "while there is more. Follow it until it is null.",
        extra=(
            fields.Field("call", "call", Shape.TEXT, "The record's id, 32 hexadecimal digits."),
            fields.Field("leg_no", "leg_no", Shape.NUMBER, "Tells legs of one direction apart."),
        ),
        fields_about={
            "at": "Answer, else setup, else release.",
            "leg": "IN: the partner sent it to us. OUT: we sent it to the partner.",
            "side": "OURS or THEIRS: whose record it is.",
            "a": "Calling number in E.164, as received where it is none.",
            "b": "Called number in E.164, as received where it is none.",
            "duration_ms": "Duration",
        },
        query={
            "number": (Word, "A calling or called number, with the country code or just its end."),
            "call-id": (Word, "Exactly this SIP Call-ID."),
            "icid": (Word, "Exactly this IMS charging id."),
            "partner": (Word, "Only this partner's legs."),
            "from": (Word, "First UTC day, as 2026-11-01."),
            "to": (Word, "Last UTC day."),
        },
    ),
)


class ReachDetail(Schema):
    """How far one page of the search looks."""

    records: int = Field(description="How many records it looks through.")
    first_day: Day | None = Field(description="The earliest UTC day it looks into; null where there is no record at all.")
    last_day: Day | None = Field(description="The latest.")
    left_day: Day | None = Field(description="The newest day that is left for the next page; null where nothing is left.")


class Days(Schema):
    """Between which days is searched."""

    from_: date | None = Field(None, alias="from", description="First UTC day, as 2026-11-01.")
    to: date | None = Field(None, description="Last UTC day; the newest with records where it is left out.")


@reads(router, "/calls/reach", right=Right.READ_CALLS, scope=Scope.OPERATOR, gives=ReachDetail, summary="How far a search for calls looks.")
def calls_reach(request: HttpRequest, query: Query[Days]) -> Schema:
    """What the first page of GET /api/v1/calls looks through between these days, whatever it is that is looked for. The days before
    `left_day` are looked into where its `next_cursor` is followed."""
    _, found = reach(Search(first=query.from_, last=query.to))
    days = {"first_day": found.first, "last_day": found.last, "left_day": found.left}
    return ReachDetail(records=found.records, **{name: day.isoformat() if day else None for name, day in days.items()})


class Step(Schema):
    """One step of a price: what it is, the formula with its numbers, and what comes of it."""

    label: str
    formula: str
    value: str


class LegPrice(Schema):
    """The price of one leg and the steps that lead to it."""

    leg: str
    partner: str
    status: str
    amount: str = Field(description="The exact amount as text; empty where there is none.")
    currency: str
    agreement: str
    clause: str
    clause_text: str
    deck_digest: str
    deck_row: int | None
    code: str | None = Field(description="The code of the row that prices it. This and the next four are null where it is not rated.")
    destination: str | None
    rate_nanos_per_minute: Exact | None = Field(description="10^-9 of the currency per minute.")
    billed_s: int | None = Field(description="Seconds that are billed, after minimum and increments.")
    amount_micros: Exact | None = Field(description="10^-6 of the currency, rounded as the agreement says.")
    steps: list[Step]
    run_key: str = Field(description="The rating run that holds the charge; empty where none does.")
    note: str


class Difference(Schema):
    """What one cause is worth on this call."""

    cause: str
    label: str
    meaning: str
    exact_60th_nanos: Exact = Field(description="Theirs less ours in 1/60 of 10^-9 of the currency: the unrounded amount.")
    minutes_ms: int
    currency: str | None
    destination: str | None = Field(description="As our deck names it; null where no row covers the call.")
    clause: str = Field(description="The number of the clause it stands under; empty where the book does not have the agreement.")
    clause_title: str = Field(description="Empty where the agreement has no text of that clause.")


class MatchDetail(Schema):
    """The pair the record is in, or that it is alone."""

    our_call: str | None
    their_call: str | None
    leg: str
    rule: str | None = Field(description="The rule of the ladder that joined them.")
    rule_title: str
    difference_class: str = Field(description="What kind of difference the pair is.")
    answer_delta_ms: int | None
    duration_delta_ms: int | None
    offset_ms: int | None = Field(description="The clock offset that was taken out.")


class CallDetail(Schema):
    """Everything known of one record. Prices and differences are null for a token without the right to see margins."""

    call: str
    raw: str = Field(description="The record as it stood in its file; empty where it cannot be shown.")
    records: list[dict[str, Any]] = Field(
        description="The canonical record, one for each leg, without what is null (docs/reference/tables.md)."
    )
    match: MatchDetail | None
    prices: list[LegPrice] | None
    differences: list[Difference] | None


class Leg(Schema):
    """Which leg's match is wanted, where a record has both."""

    leg: Annotated[str, StringConstraints(pattern=f"^({'|'.join(LEGS)})$")] | None = None


@reads(
    router, "/calls/{call}", right=Right.READ_CALLS, scope=Scope.OPERATOR, gives=CallDetail, summary="One record and how it got its price."
)
def call(request: HttpRequest, call: CallId, query: Query[Leg]) -> Schema:
    """The raw line, the canonical record, the pair and its rule, every step of the price of each leg, and what each cause is worth."""
    page = page_for(request, CallPage, cdr_id=call)
    found = page.context()
    sees_money = page.may(Right.READ_MARGIN)
    return CallDetail(
        call=call,
        raw=found["raw"].encode("utf-8", "replace").decode(),
        records=[shown_record(each) for each in found["records"]],
        match=_match(found["match"], found["rule"]),
        prices=[LegPrice(**each["price"].as_dict()) for each in found["prices"]] if sees_money else None,
        differences=[_difference(each) for each in found["variances"]] if sees_money else None,
    )


def _match(row: dict[str, Any] | None, title: str) -> MatchDetail | None:
    if row is None:
        return None
    return MatchDetail(
        our_call=row["our_cdr_id"].hex() if row["our_cdr_id"] else None,
        their_call=row["their_cdr_id"].hex() if row["their_cdr_id"] else None,
        leg=row["leg"],
        rule=row["rule"],
        rule_title=title,
        answer_delta_ms=row["answer_delta_ms"],
        duration_delta_ms=row["duration_delta_ms"],
        offset_ms=row["offset_ms"],
        difference_class=row["class"],
    )


def _difference(row: dict[str, Any]) -> Difference:
    return Difference(
        cause=row["cause"],
        label=row["label"],
        meaning=row["meaning"],
        exact_60th_nanos=str(row["exact_60th_nanos"]),
        minutes_ms=row["minutes_ms"],
        currency=row["currency"],
        destination=row["destination"] or None,
        clause=row["clause"],
        clause_title=row["clause_title"],
    )
