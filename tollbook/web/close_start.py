"""Starting a close: which period, and what is there and what is missing for it, before anybody presses the button."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from tollbook.core.problem import Refusal
from tollbook.core.rights import Right
from tollbook.flow import job
from tollbook.flow.readiness import months_with_traffic, readiness
from tollbook.store.models import Document
from tollbook.web import book
from tollbook.web.jobs import key_of, new_key
from tollbook.web.page import Page, Scope

SHOWN_PARTNERS = 60


class StartClose(Page):
    """The months that hold traffic, the oldest that was never closed first; any other period by its name."""

    right, scope = Right.CLOSE, Scope.OPERATOR
    template, title = "web/close_start.html", "Close a period"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Closes", reverse("closes"))]

    def context(self) -> dict[str, Any]:
        wanted, months = chosen_period(self.request.GET.get("period", ""))
        context: dict[str, Any] = {"months": months, "period": wanted, "key": new_key()}
        if not wanted:
            return context
        try:
            found = readiness(book.current(), wanted)
        except Refusal as refusal:
            return {**context, "problems": refusal.problems}
        partners = found.in_order
        return {**context, "found": found, "partners": partners[:SHOWN_PARTNERS], "more": max(0, len(partners) - SHOWN_PARTNERS)}

    def post(self, request: HttpRequest) -> HttpResponseBase:
        started = job.start("CLOSE", {"period": request.POST.get("period", "")}, actor=self.viewer, idempotency_key=key_of(request))
        return redirect("job", pk=started.id)


def chosen_period(given: str) -> tuple[str, list[tuple[str, bool]]]:
    """The period that was asked for, else the oldest month that was never closed, else the newest; and the months with traffic, each with
    whether it was closed. Empty where nothing was asked for and no record is there."""
    months = months_with_traffic()
    closed = set(Document.objects.filter(kind="CLOSE").values_list("period", flat=True).distinct())
    waiting = [month for month in months if month not in closed]
    wanted = given.strip()[:20] or (waiting[-1] if waiting else "") or (months[0] if months else "")
    return wanted, [(month, month in closed) for month in months]
