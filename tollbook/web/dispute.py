"""Disputes: what was raised, by which clause, where it stands, and the pack with the evidence."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from tollbook.core.dispute import STATES, TRANSITIONS
from tollbook.core.money import parse_scaled
from tollbook.core.rights import Right, Role
from tollbook.flow import clock
from tollbook.flow.dispute import advance
from tollbook.store import files
from tollbook.store.models import Dispute, ExceptionCase, Journal
from tollbook.web import book, reference
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, QueryRows, choices
from tollbook.web.words import human

EVENTS = {
    "submit": "Submit to the partner",
    "withdraw": "Withdraw",
    "acknowledge": "Partner acknowledged it",
    "review": "Partner reviews it",
    "ask": "Partner asks for more",
    "answer": "More was sent",
    "accept": "Partner accepted",
    "accept_part": "Partner accepted a part",
    "reject": "Partner rejected",
    "settle": "Settle",
    "escalate": "Escalate",
    "close": "Close",
    "expire": "Window has passed",
}


def visible(page: Page) -> Any:
    """The disputes a viewer may see; a draft is ours until it is submitted."""
    rows = page.own(Dispute.objects.all())
    return rows.exclude(state="DRAFT") if page.viewer.role is Role.PARTNER else rows


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
        Column("period", "Period", filter="exact", is_optional=True),
        Column("cause", "Cause", Kind.CLASS, is_optional=True),
        Column("clause", "Clause", is_optional=True),
        Column("state", "State", Kind.BADGE, filter="choice", options=choices(*STATES)),
        Column("answer_by_at", "Answer by (UTC)", Kind.INSTANT, is_optional=True),
        Column("disputed_micros", "Disputed", Kind.MONEY, currency="currency"),
        Column("accepted_micros", "Accepted", Kind.MONEY, currency="currency", is_optional=True),
    )

    def rows(self) -> QueryRows:
        return QueryRows(visible(self))


class OneDispute(Page):
    """One dispute: money, clause, clocks, history, the exceptions it was made of and its pack."""

    right, scope = Right.READ_DISPUTES, Scope.OWN
    template = "web/dispute.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Disputes", reverse("disputes"))]

    def context(self) -> dict[str, Any]:
        row = self.one(visible(self).select_related("partner", "document", "pack"), pk=self.kwargs["pk"])
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
            "steps": self._steps(row),
        }

    def _steps(self, row: Dispute) -> list[tuple[str, str, bool]]:
        """The steps open from here to whom may take them: event, words, whether it says what is credited."""
        if not self.may(Right.WORK_DISPUTES):
            return []
        now = clock.now_ms()
        in_window = row.window_ends_at is None or now <= row.window_ends_at
        facts = {"": True, "in_window": in_window, "window_missed": not in_window, "credit_note": True}
        found = {each.event: each for each in TRANSITIONS if each.state == row.state and facts.get(each.guard, False)}
        return [(each.event, EVENTS.get(each.event, human(each.event)), each.next == "SETTLED") for each in found.values()]

    def post(self, request: HttpRequest, pk: str) -> HttpResponseBase:
        """One step on. What cannot be done is said by the core, and nothing is changed then."""
        row = self.one(visible(self), pk=pk)
        event = request.POST.get("event", "")
        steps = {name: settles for name, _, settles in self._steps(row)}
        if event not in steps:
            return self.show(status=403 if not steps else 422, **self.context(), wrong="This step is not open to you from here.")
        credit = parse_scaled(request.POST.get("credit", "").strip(), 6) if steps[event] else None
        if steps[event] and (credit is None or credit < 0):
            return self.show(
                status=422, **self.context(), wrong="Say what the partner credits, as a plain amount such as 12.50; 0 where nothing."
            )
        reason = request.POST.get("reason", "").strip()[:1000]
        advance(book.current(), row.id, event, actor=self.viewer, reason=reason, credit_micros=credit)
        messages.success(request, f"{row.id}: {EVENTS.get(event, human(event)).lower()}.")
        return redirect("dispute", pk=row.id)


class Pack(Page):
    """The evidence, as a file that verifies offline."""

    right, scope = Right.READ_DISPUTES, Scope.OWN
    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django types it

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        row = self.one(visible(self).select_related("pack"), pk=kwargs["pk"])
        path = files.find(book.folder(), row.pack.digest) if row.pack else None
        if path is None or row.pack is None:
            raise Http404
        return FileResponse(path.open("rb"), content_type="application/zip", as_attachment=True, filename=row.pack.name)
