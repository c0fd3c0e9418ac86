"""The overview: a month of revenue, cost and margin by day, what it comes from, and what is at risk, as the page adds it up."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from tollbook.api.fields import Day, Exact
from tollbook.api.models import Amount, LeftOut, amounts, left_out
from tollbook.api.operation import page_for, reads
from tollbook.api.problem import wrong
from tollbook.core.rights import Right
from tollbook.web.overview import Overview
from tollbook.web.page import Scope

router = Router(tags=["overview"])


class Sums(Schema):
    """Sums in the overview's currency."""

    revenue_micros: Exact = Field(description="What customers owe for their calls.")
    cost_micros: Exact = Field(description="What we owe suppliers.")
    margin_micros: Exact = Field(description="Revenue less cost.")
    records: int = Field(description="Rated legs: a call that came in and went out counts twice.")
    duration_ms: int = Field(description="Conversation of the calls that came in.")


class DaySums(Sums):
    """One day, by its end in UTC."""

    day: Day


class PartnerSums(Schema):
    """One partner's side of the month."""

    partner: str
    leg: str = Field(description="IN: its calls are our revenue. OUT: its calls are our cost.")
    amount_micros: Exact = Field(description="In the overview's currency, without what is left out.")
    duration_ms: int
    left_out: list[LeftOut] = Field(description="What of it no rate is known for, by currency.")


class AtRisk(Schema):
    """How many are open, and their sum in the management currency by today's rates."""

    number: int
    amount_micros: Exact = Field(description="Without what is left out.")
    left_out: list[Amount] = Field(description="Those of currencies that no rate is known for.")


class OverviewDetail(Schema):
    """The newest 31 days that have rated traffic. Exceptions and disputes are null for a token without the right to read them."""

    currency: str = Field(description="Of all sums: the book's own (the management currency), or the one that was asked for.")
    currencies: list[str] = Field(description="Those that traffic was rated in; each may be asked for.")
    rates: str = Field(description="By which exchange rates, in words; empty where nothing had to be converted.")
    left_out: list[LeftOut]
    total: Sums
    days: list[DaySums]
    partners: list[PartnerSums] = Field(description="The twelve largest.")
    exceptions: AtRisk | None = Field(description="Open exceptions, in the management currency.")
    disputes: AtRisk | None = Field(description="Open disputes, in the management currency.")


class Asked(Schema):
    """In which currency."""

    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] | None = Field(
        None, description="Only what was rated in this currency, as it is. Where it is left out: everything in the management currency."
    )


@reads(
    router,
    "/overview",
    right=Overview.right,
    scope=Scope.OPERATOR,
    gives=OverviewDetail,
    summary="Revenue, cost and margin by day.",
)
def overview(request: HttpRequest, query: Query[Asked]) -> Schema:
    """Every day is converted by the fixing of that day. What no rate is known for is named in `left_out` and is in no sum. The single
    running totals, in the currencies they were rated in, are GET /api/v1/usage."""
    page = page_for(request, Overview)
    found = page.context()
    if query.currency and query.currency != found["chosen"]:
        raise wrong("query", "currency", "Nothing was rated in this currency.")
    converter = found["converter"]
    return OverviewDetail(
        currency=found["currency"],
        currencies=found["currencies"],
        rates=converter.sentence,
        left_out=left_out(converter.left_out),
        total=Sums(**_sums(found["total"])),
        days=[DaySums(day=each["day"].isoformat(), **_sums(each)) for each in found["days"]],
        partners=[
            PartnerSums(
                partner=each["partner"],
                leg=each["leg"],
                amount_micros=str(each["amount"]),
                duration_ms=each["ms"],
                left_out=left_out(each["left"]),
            )
            for each in found["partners"]
        ],
        exceptions=_at_risk(found["at_risk"]) if page.may(Right.READ_DISPUTES) else None,
        disputes=_at_risk(found["disputed"]) if page.may(Right.READ_DISPUTES) else None,
    )


def _sums(found: dict[str, Any]) -> dict[str, Any]:
    money = {f"{name}_micros": str(found[name]) for name in ("revenue", "cost", "margin")}
    return {**money, "records": found["records"], "duration_ms": found["duration_ms"]}


def _at_risk(found: dict[str, Any]) -> AtRisk:
    return AtRisk(number=found["number"], amount_micros=str(found["amount_micros"]), left_out=amounts(found["left"]))
