"""What partners owe, how old it is, and how it goes with each: the figures of a partner's page."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from tollbook.api import listing
from tollbook.api.listing import Listing
from tollbook.api.operation import page_for, reads
from tollbook.core.rights import Right
from tollbook.flow import clock
from tollbook.store.models import Partner
from tollbook.web import exposure, scorecard
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.table import Column, Kind, MemoryRows

router = Router(tags=["partners"])
_PARTNER = {"partner": "The partner's name in the book."}


class _OfAPartner(ListPage):
    """What the ledger and the running totals say of one partner today, by currency."""

    right, scope = Right.READ_LEDGER, Scope.OPERATOR
    sort = "currency"

    def partner(self) -> str | None:
        """Whose, or None for all of them."""
        return str(self.one(Partner.objects.all(), "id", id=self.kwargs["partner"]).id)

    def found(self) -> list[exposure.Exposure]:
        return exposure.of(self.partner(), dt.datetime.fromtimestamp(clock.now_ms() // 1000, dt.UTC).date())


class Exposures(_OfAPartner):
    """One line per currency."""

    columns = (
        Column("currency", "ISO 4217 code of the line's amounts", filter="exact"),
        Column("unpaid_micros", "Invoices that are not paid", Kind.MONEY, currency="currency"),
        Column("unbilled_micros", "Rated usage of periods without an invoice", Kind.MONEY, currency="currency"),
        Column("held_micros", "Pending postings: what is held back while it is disputed", Kind.MONEY, currency="currency"),
        Column("total_micros", "What we stand to lose if nothing were paid any more", Kind.MONEY, currency="currency"),
        Column("owed_micros", "What we owe", Kind.MONEY, currency="currency"),
    )

    def rows(self) -> MemoryRows:
        names = ("unpaid", "unbilled", "held", "total", "owed")
        lines = [{"currency": each.currency, **{f"{name}_micros": getattr(each, name) for name in names}} for each in self.found()]
        return MemoryRows(lines, tie=("currency",))


class AllExposures(Exposures):
    """The same of all partners together."""

    def partner(self) -> str | None:
        return None


class Ageing(_OfAPartner):
    """One line per currency and bucket."""

    columns = (
        Column("currency", "ISO 4217 code of the line's amounts", filter="exact"),
        Column("bucket", "Days since it was due: current, 1-30, 31-60, 61-90 or 90+", filter="exact"),
        Column("owed_to_us_micros", "Unpaid invoices of that age", Kind.MONEY, currency="currency"),
        Column("owed_by_us_micros", "What we owe of that age", Kind.MONEY, currency="currency"),
    )

    def rows(self) -> MemoryRows:
        lines: list[dict[str, Any]] = []
        for each in self.found():
            for place, (name, to_us, by_us) in enumerate(each.buckets):
                line = {"currency": each.currency, "bucket": name, "owed_to_us_micros": to_us, "owed_by_us_micros": by_us}
                lines.append({**line, "place": place})
        return MemoryRows(lines, tie=("currency", "place"))


listing.add(
    router,
    Listing(
        "/partners/{partner}/exposure",
        "partner_exposure",
        "Exposure",
        Exposures,
        "What a partner owes and is owed, by currency.",
        "From the ledger by document and the running totals; amounts of two currencies are never added.",
        parameters=_PARTNER,
    ),
)
listing.add(
    router,
    Listing(
        "/exposure",
        "exposure",
        "TotalExposure",
        AllExposures,
        "What all partners owe and are owed, by currency.",
        "The sums of every partner's own exposure, which is GET /api/v1/partners/{partner}/exposure.",
    ),
)
listing.add(
    router,
    Listing(
        "/partners/{partner}/ageing",
        "partner_ageing",
        "AgeingLine",
        Ageing,
        "How old it is what a partner owes and is owed.",
        "By the days since the due date of each open document; every bucket of a currency is named, also the empty ones.",
        parameters=_PARTNER,
    ),
)


class Score(Schema):
    """One figure in words, and what it is made of."""

    name: str
    value: str
    note: str


class Scorecard(Schema):
    """How it goes with a partner. Figures without anything behind them are left out."""

    partner: str
    scores: list[Score]


@reads(
    router,
    "/partners/{partner}/scorecard",
    right=Right.READ_REFERENCE,
    scope=Scope.OPERATOR,
    gives=Scorecard,
    summary="How it goes with a partner, in a few figures.",
)
def partner_scorecard(request: HttpRequest, partner: str) -> Schema:
    """Matching, disputes and seven days of traffic, in the words of the partner's page; matching and disputes only for a token with the
    right to read disputes. Programs that compute with figures find them under /reconciliations, /disputes and /traffic."""
    page = page_for(request)
    row = page.one(Partner.objects.all(), "id", id=partner)
    found = scorecard.of(row.id, sees_disputes=page.may(Right.READ_DISPUTES))
    return Scorecard(partner=row.id, scores=[Score(name=each.words, value=each.value, note=each.note) for each in found])
