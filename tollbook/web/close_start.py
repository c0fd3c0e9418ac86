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
        months = months_with_traffic()
        closed = set(Document.objects.filter(kind="CLOSE").values_list("period", flat=True).distinct())
        waiting = [month for month in months if month not in closed]
        wanted = self.request.GET.get("period", "").strip()[:20] or (waiting[-1] if waiting else "") or (months[0] if months else "")
        context: dict[str, Any] = {"months": [(month, month in closed) for month in months], "period": wanted, "key": new_key()}
        if not wanted:
            return context
        try:
            found = readiness(book.current(), wanted)
        except Refusal as refusal:
            return {**context, "problems": refusal.problems}
        # Those that miss something first: they are what one can still do something about.
        partners = sorted(found.partners, key=lambda each: (each.is_ready, each.partner))
        return {**context, "found": found, "partners": partners[:SHOWN_PARTNERS], "more": max(0, len(partners) - SHOWN_PARTNERS)}

    def post(self, request: HttpRequest) -> HttpResponseBase:
        started = job.start("CLOSE", {"period": request.POST.get("period", "")}, actor=self.viewer, idempotency_key=key_of(request))
        return redirect("job", pk=started.id)
