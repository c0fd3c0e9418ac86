"""Closes: what was sealed, what is still open in it, its digests, and the verification in plain words."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from tollbook.core.dispute import OPEN_STATES
from tollbook.core.rights import Right
from tollbook.flow import job
from tollbook.plain.verify import verify
from tollbook.store import files
from tollbook.store.models import Dispute, Document, ExceptionCase
from tollbook.web import book, words
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.sealed_close import documents_of, sealed_of
from tollbook.web.table import Column, Kind, MemoryRows, QueryRows, Table

CLOSED = "CLOSE"
# The stages that a close seals, in their order.
STAGES = tuple((name, name.capitalize()) for name in ("mediation", "rating", "matching", "reconciliation"))


class Closes(ListPage):
    """Every sealed close, the newest first. A period closed again after something came in is another one."""

    right, scope = Right.READ_LEDGER, Scope.OPERATOR
    template, title = "web/closes.html", "Closes"
    lead = "A close seals a period: every input, every run, every document, under one digest that anybody can check without this book."
    sort = "-issued_at"
    empty_heading = "No period is closed"
    empty_advice = "A close rates both legs, compares every supplier, raises disputes, issues invoices and seals it all in one file."
    empty_command = "tollbook close PERIOD"
    empty_icon = "shield-check"
    columns = (
        Column("period", "Period", filter="exact", link=lambda row: reverse("close", args=[row["pk"]])),
        Column("number", "No.", Kind.COUNT, is_optional=True),
        Column("complete", "Complete", Kind.BADGE, field="content__complete", sorts=False),
        Column("issued_at", "Sealed (UTC)", Kind.INSTANT),
        Column("result_digest", "Result", Kind.DIGEST, field="content__result_digest", sorts=False, is_roomy=True),
        Column("root", "ROOT", Kind.DIGEST, field="content__root", sorts=False, is_optional=True),
    )

    def rows(self) -> QueryRows:
        return QueryRows(Document.objects.filter(kind=CLOSED), fields=("pk",))

    def context(self) -> dict[str, Any]:
        return {"may_close": self.may(Right.CLOSE)}


def _comparison(run: Any) -> str:
    """Where a run has a page of its own."""
    return reverse("waterfall", args=[run["scope"]]) if run["stage"] == "reconciliation" else ""


class OneClose(Page):
    """One close. Verifying computes everything again from the sealed file, and takes as long as it takes."""

    right, scope = Right.READ_LEDGER, Scope.OPERATOR
    template = "web/close.html"
    # What a small one takes is no longer than a page; a bigger one is verified by a worker, with a bar.
    largest_at_once_bytes = 256 << 10
    document_columns = (
        Column("number", "No.", filter="text", link=lambda row: reverse("document", args=[row["pk"]])),
        Column("kind", "Kind", Kind.WORD, is_roomy=True),
        Column("partner", "Partner", filter="text"),
        Column("total", "Total", Kind.MONEY, currency="currency"),
    )
    run_columns = (
        Column("stage", "Stage", Kind.WORD, filter="choice", options=STAGES),
        Column("about", "Of", filter="text", link=_comparison),
        Column("run_key", "Run", Kind.DIGEST, sorts=False, is_roomy=True),
        Column("result_digest", "Result", Kind.DIGEST, sorts=False, is_roomy=True),
    )

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Closes", reverse("closes"))]

    def _row(self) -> Document:
        return self.one(Document.objects.filter(kind=CLOSED), pk=self.kwargs["pk"])

    def context(self) -> dict[str, Any]:
        row = self._row()
        sealed = sealed_of(row)
        documents = documents_of(row, sealed)
        waiting = ExceptionCase.objects.filter(period=row.period, state="OPEN").count()
        disputes = list(Dispute.objects.filter(period=row.period).select_related("partner").order_by("id")[:50])
        partners = [each.partner for each in documents] + [each.partner for each in disputes]
        names = {each.id: each.name for each in partners if each}
        checks = [
            ("Every partner is closed", bool(row.content.get("complete")), "A partner is parked; the report of the close says why."),
            ("Every exception is decided", not waiting, f"{waiting:,} {'waits' if waiting == 1 else 'wait'} for a decision."),
            (
                "Every dispute is settled",
                not any(each.state in OPEN_STATES for each in disputes),
                "A dispute is open; what is not disputed is paid all the same.",
            ),
        ]
        return {
            "title": f"Close of {row.period}" + (f", no. {row.number}" if row.number > 1 else ""),
            "row": row,
            "names": names,
            "checks": checks,
            "disputes": disputes,
            "tables": {"documents": self._documents(documents), "runs": self._runs(sealed.runs if sealed else (), names)},
        }

    def _documents(self, documents: list[Any]) -> Table:
        rows = [
            {
                "place": place,
                "pk": each.pk,
                "number": each.own_number,
                "kind": each.kind,
                "partner": (each.partner.name or each.partner_id) if each.partner else None,
                "total": each.total_micros,
                "currency": each.currency,
            }
            for place, each in enumerate(documents)
        ]
        return Table(self.request, MemoryRows(rows, tie=("place",)), self.document_columns, name="d", label="Documents in it", page_rows=20)

    def _runs(self, runs: tuple[dict[str, Any], ...], names: dict[str, str]) -> Table:
        rows = [
            {**run, "place": place, "about": words.scope(run["scope"], names.get(run["scope"].partition("/")[0], ""))}
            for place, run in enumerate(runs)
        ]
        return Table(self.request, MemoryRows(rows, tie=("place",)), self.run_columns, name="r", label="Runs in it", page_rows=20)

    def post(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Verifies: reads nothing but the sealed file and changes nothing."""
        path = files.find(book.folder(), self._row().content.get("pack", ""))
        if path is None:
            raise Http404
        if path.stat().st_size > self.largest_at_once_bytes:
            return redirect("job", pk=job.start("VERIFY", {"close": pk}, actor=self.viewer).id)
        return self.show(**self.context(), verification=verify(path))


class Pack(Page):
    """The sealed file of a close."""

    right, scope = Right.READ_LEDGER, Scope.OPERATOR
    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django types it

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        row = self.one(Document.objects.filter(kind=CLOSED), pk=kwargs["pk"])
        path = files.find(book.folder(), row.content.get("pack", ""))
        if path is None:
            raise Http404
        return FileResponse(path.open("rb"), content_type="application/zip", as_attachment=True, filename=f"close-{row.period}.zip")
