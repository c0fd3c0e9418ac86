"""Exceptions: the queue of differences above the error budget, and one of them with its clause and its calls."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from tollbook.core.exception import KIND_OF_CLASS, KINDS
from tollbook.core.reconciliation_words import CLASS_LABELS
from tollbook.core.rights import Right
from tollbook.store.models import ExceptionCase, Head, Journal
from tollbook.web import reference
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, QueryRows, choices

CLASS_OPTIONS = tuple((name, CLASS_LABELS.get(name, name)) for name in KIND_OF_CLASS)


class Exceptions(ListPage):
    """The queue, the largest amount first."""

    right, scope = Right.READ_DISPUTES, Scope.OPERATOR
    title = "Exceptions"
    lead = "Differences above the error budget. Each has one class, one desk, one clause and one amount."
    sort = "-amount_micros"
    empty_heading = "No exception"
    empty_advice = "A reconciliation opens one for every class of difference that its error budget does not cover."
    empty_command = "tollbook close PERIOD"
    empty_icon = "list-check"
    columns = (
        Column(
            "cause",
            "Difference",
            Kind.CLASS,
            filter="choice",
            options=CLASS_OPTIONS,
            link=lambda row: reverse("exception", args=[row["id"]]),
        ),
        Column("exception_class", "Class", Kind.BADGE, filter="choice", options=choices(*KINDS), is_optional=True),
        Column("partner", "Partner", field="partner_id", filter="exact", link=lambda row: reverse("partner", args=[row["partner_id"]])),
        Column("period", "Period", filter="exact", is_optional=True),
        Column("clause", "Clause", is_optional=True),
        Column("owner", "Desk", is_optional=True),
        Column("state", "State", Kind.BADGE, filter="choice", options=choices("OPEN", "SUPERSEDED"), is_optional=True),
        Column("records", "Calls", Kind.COUNT, is_optional=True),
        Column("minutes_ms", "Minutes", Kind.MINUTES, is_optional=True),
        Column("amount_micros", "At risk", Kind.MONEY, currency="currency"),
    )

    def rows(self) -> QueryRows:
        return QueryRows(self.own(ExceptionCase.objects.all()), fields=("id",))


class OneException(Page):
    """One exception: why, by which clause, with which calls, and what was decided."""

    right, scope = Right.READ_DISPUTES, Scope.OPERATOR
    template = "web/exception.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Exceptions", reverse("exceptions"))]

    def context(self) -> dict[str, Any]:
        row = self.one(ExceptionCase.objects.select_related("partner", "run", "dispute"), pk=self.kwargs["pk"])
        found = reference.agreement_by_digest(row.agreement_digest)
        return {
            "title": CLASS_LABELS.get(row.cause, row.cause),
            "calls_address": self._calls(row),
            "row": row,
            "clause": found[1].clauses.get(row.clause) if found else None,
            "agreement_row": found[0] if found else None,
            "calls": row.examples if isinstance(row.examples, list) and self.may(Right.READ_CALLS) else [],
            "history": Journal.objects.filter(subject__contains=row.id).order_by("seq").defer("result")[:50],
        }

    def _calls(self, row: ExceptionCase) -> str:
        """The calls of its class, where its run is the current one of the scope."""
        is_current = Head.objects.filter(run_id=row.run_id).exists()
        if not is_current or not self.may(Right.READ_CALLS):
            return ""
        return f"{reverse('pairs', args=[row.run.scope])}?{urlencode({'class': row.cause})}"
