"""Partners: what was agreed with each, clause by clause and version by version, and everything of theirs in the book."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, F, Q, Value
from django.db.models.functions import Coalesce, NullIf
from django.urls import reverse

from tollbook.core.dispute import OPEN_STATES
from tollbook.core.rights import Right
from tollbook.flow import clock
from tollbook.store.models import Agreement, Deck, Dispute, Document, ExceptionCase, Partner, Trunk
from tollbook.web import exposure, figures, reference, scorecard
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, QueryRows
from tollbook.web.words import money

SHOWN = 12


class Partners(ListPage):
    """Everybody we settle with."""

    right, scope = Right.READ_REFERENCE, Scope.OPERATOR
    title = "Partners"
    lead = "Everybody the book settles with: what is agreed, and what is open between the two."
    sort = "id"
    empty_heading = "No partner yet"
    empty_advice = "A partner appears with its agreement: a text file of terms and clauses. docs/reference/agreement.md has every key."
    empty_command = "tollbook ingest agreements"
    empty_icon = "users"
    columns = (
        Column("id", "Short name", filter="text", is_optional=True),
        Column("name", "Name", filter="text"),
        Column("agreements_in_book", "Agreement versions", Kind.COUNT, is_optional=True),
        Column("decks_in_book", "Deck versions", Kind.COUNT, is_optional=True),
        Column("exceptions_open", "Exceptions open", Kind.COUNT),
        Column("disputes_open", "Disputes open", Kind.COUNT),
    )

    def shown_columns(self) -> tuple[Column, ...]:
        """A person looks for a name; the columns above are what programs are given."""
        name = Column("shown_name", "Partner", filter="text", link=lambda row: reverse("partner", args=[row["id"]]))
        return (name, *(each for each in self.columns if each.name != "name"))

    def rows(self) -> QueryRows:
        counted = Partner.objects.annotate(
            shown_name=Coalesce(NullIf(F("name"), Value("")), F("id")),
            agreements_in_book=Count("agreements", distinct=True),
            decks_in_book=Count("decks", distinct=True),
            exceptions_open=Count("exceptions", distinct=True, filter=Q(exceptions__state="OPEN")),
            disputes_open=Count("disputes", distinct=True, filter=Q(disputes__state__in=OPEN_STATES)),
        )
        return QueryRows(counted)


class OnePartner(Page):
    """One partner: agreement with its clauses, decks, trunks, exceptions, disputes, documents."""

    right, scope = Right.READ_REFERENCE, Scope.OPERATOR
    template = "web/partner.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Partners", reverse("partners"))]

    def context(self) -> dict[str, Any]:
        row = self.one(Partner.objects.all(), "id", id=self.kwargs["pk"])
        versions = list(Agreement.objects.select_related("file").filter(partner=row).order_by("-effective_from", "-known_from", "-pk"))
        context: dict[str, Any] = {
            "title": row.name or row.id,
            "partner": row,
            "versions": versions,
            "agreement": reference.agreement_of(versions[0]) if versions else None,
            "decks": Deck.objects.filter(partner=row).order_by("deck_id", "-received_at", "pk")[:SHOWN],
            "trunks": Trunk.objects.filter(partner=row).order_by("source", "name", "-effective_from")[:SHOWN],
        }
        if self.may(Right.READ_DISPUTES):
            context["exceptions"] = ExceptionCase.objects.filter(partner=row, state="OPEN").order_by("-amount_micros", "id")[:SHOWN]
            context["disputes"] = Dispute.objects.filter(partner=row).order_by("-raised_at", "id")[:SHOWN]
            context["at_risk"] = figures.by_currency(figures.open_exceptions(ExceptionCase.objects.filter(partner=row)), "amount_micros")
            context["disputed"] = figures.by_currency(figures.open_disputes(Dispute.objects.filter(partner=row)), "disputed_micros")
        context["scores"] = scorecard.of(row.id, sees_disputes=self.may(Right.READ_DISPUTES))
        if self.may(Right.READ_LEDGER):
            today = dt.datetime.fromtimestamp(clock.now_ms() // 1000, dt.UTC).date()
            context["exposures"] = exposure.of(row.id, today)
        if self.may(Right.READ_DOCUMENTS):
            context["documents"] = Document.objects.filter(partner=row).order_by("-issued_at", "-pk")[:SHOWN]
        return context


class OneAgreement(Page):
    """One version of an agreement: its terms with the clause of each, and the clauses as both parties signed them."""

    right, scope = Right.READ_REFERENCE, Scope.OPERATOR
    template = "web/agreement.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [
            ("Partners", reverse("partners")),
            (self.row.partner.name or self.row.partner_id, reverse("partner", args=[self.row.partner_id])),
        ]

    @property
    def row(self) -> Agreement:
        if not hasattr(self, "_row"):
            self._row = self.one(Agreement.objects.select_related("file", "partner"), pk=self.kwargs["pk"])
        return self._row

    def context(self) -> dict[str, Any]:
        agreement = reference.agreement_of(self.row)
        return {
            "title": f"{agreement.id}, version {agreement.version}",
            "row": self.row,
            "agreement": agreement,
            "terms": terms_of(agreement),
        }


def terms_of(agreement: Any) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """The terms in groups: heading, clause number, and what it says in words."""
    rounding = agreement.rating.rounding.lower().replace("_", " ")
    rating, period, tolerance, dispute = agreement.rating, agreement.period, agreement.tolerance, agreement.dispute
    groups = [
        (
            "Rating",
            rating.clause,
            [
                ("The rate in force at", rating.price_anchor.lower()),
                ("Seconds", f"{rating.duration_mode.lower().replace('_', ' ')}, {rating.duration_basis.lower()} by the switch"),
                (
                    "Rounded",
                    f"{rounding}, per {rating.round_at.point.lower()}, to {rating.round_at.places} decimals",
                ),
                ("Calls of no length", "billed" if rating.zero_duration_billable else "not billed"),
            ],
        )
    ]
    for heading, deck in (("Deck they bill us by", agreement.buy), ("Deck we bill them by", agreement.sell)):
        if deck is not None:
            groups.append((heading, deck.clause, [("Deck", deck.deck), ("Notice of an increase", f"{deck.notice_days} days")]))
    groups += [
        (
            "Invoices",
            period.clause,
            [("Cycle", period.cycle.lower()), ("Payment", f"{period.terms_days} days"), ("A call counts at", period.anchor.lower())],
        ),
        (
            "Tolerance",
            tolerance.clause,
            [
                ("Minutes", f"{_percent(tolerance.minutes_pct)} %"),
                ("Value", f"{_percent(tolerance.value_pct)} %"),
                ("Both or either", "both" if tolerance.logic == "ALL" else "either"),
                ("Per destination", f"{_percent(tolerance.line_pct)} % and {money(tolerance.line_amount_micros, agreement.currency)}"),
            ],
        ),
        ("Disputes", dispute.clause, [("Window", f"{dispute.window_days} days from {dispute.window_from.lower().replace('_', ' ')}")]),
    ]
    return groups


def _percent(share: Any) -> str:
    """An exact fraction as a decimal, up to four places: 3/10 is 0.3."""
    tenthousandths = share * 10_000
    if tenthousandths.denominator != 1:
        return str(share)
    whole, rest = divmod(int(tenthousandths), 10_000)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".")
