"""Disputes: what was raised, by which clause, where it stands, and the pack with the evidence."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from tollbook.core.dispute import STATES
from tollbook.core.rights import Right
from tollbook.flow import clock
from tollbook.store import files
from tollbook.store.models import Dispute, ExceptionCase, Journal
from tollbook.web import book, reference
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, QueryRows, choices


class Disputes(ListPage):
    """All disputes the viewer may see, what must be answered first at the top."""

    right, scope = Right.READ_DISPUTES, Scope.OWN
    title = "Disputes"
    lead = "What is disputed waits, what is not is paid. Each dispute names its clause and carries its evidence."
    sort = "answer_by_at"
    empty_heading = "Nothing is disputed"
    empty_advice = "A close raises a dispute where a difference with a partner's invoice is above the error budget."
    empty_command = "tollbook close PERIOD"
    empty_icon = "gavel"
    columns = (
        Column("id", "Dispute", filter="text", link=lambda row: reverse("dispute", args=[row["id"]])),
        Column("partner", "Partner", field="partner_id", filter="exact"),
        Column("period", "Period", filter="exact"),
        Column("cause", "Cause", Kind.WORD, filter="exact"),
        Column("clause", "Clause", is_optional=True),
        Column("state", "State", Kind.BADGE, filter="choice", options=choices(*STATES)),
        Column("answer_by_at", "Answer by (UTC)", Kind.INSTANT, is_optional=True),
        Column("disputed_micros", "Disputed", Kind.MONEY, currency="currency"),
        Column("accepted_micros", "Accepted", Kind.MONEY, currency="currency", is_optional=True),
    )

    def rows(self) -> QueryRows:
        return QueryRows(self.own(Dispute.objects.all()))


class OneDispute(Page):
    """One dispute: money, clause, clocks, history, the exceptions it was made of and its pack."""

    right, scope = Right.READ_DISPUTES, Scope.OWN
    template = "web/dispute.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Disputes", reverse("disputes"))]

    def context(self) -> dict[str, Any]:
        row = self.one(Dispute.objects.select_related("partner", "document", "pack"), pk=self.kwargs["pk"])
        found = reference.agreement_by_digest(row.agreement_digest)
        agreement = found[1] if found else None
        now = clock.now_ms()
        clocks = [
            ("Window ends", row.window_ends_at),
            ("Acknowledge by", row.acknowledge_by_at),
            ("Answer by", row.answer_by_at),
        ]
        is_operator = self.viewer.partner is None
        return {
            "title": row.id,
            "row": row,
            "clause": agreement.clauses.get(row.clause) if agreement else None,
            "agreement_row": found[0] if found and is_operator else None,
            "clocks": [(name, at, at is not None and at < now) for name, at in clocks],
            "exceptions": ExceptionCase.objects.filter(dispute=row).order_by("-amount_micros", "id") if is_operator else [],
            "history": Journal.objects.filter(subject__contains=row.id).order_by("seq").defer("result")[:50] if is_operator else [],
            "is_operator": is_operator,
        }


class Pack(Page):
    """The evidence, as a file that verifies offline."""

    right, scope = Right.READ_DISPUTES, Scope.OWN
    http_method_names = ("get", "head")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        row = self.one(Dispute.objects.select_related("pack"), pk=kwargs["pk"])
        path = files.find(book.folder(), row.pack.digest) if row.pack else None
        if path is None or row.pack is None:
            raise Http404
        return FileResponse(path.open("rb"), content_type="application/zip", as_attachment=True, filename=row.pack.name)
