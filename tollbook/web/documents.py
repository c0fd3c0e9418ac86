"""Documents: invoices and whatever else was issued or received, frozen with what they were made from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from django.db.models import Case, CharField, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Concat, LPad, NullIf
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from tollbook.core.ledger import CHART
from tollbook.core.money import SIXTIETHS_PER_MICRO
from tollbook.core.rights import Right, Role
from tollbook.store import files
from tollbook.store.models import Document, Head, Posting, Run
from tollbook.web import book, invoice_lines, reference
from tollbook.web.dispute import visible as disputes_of
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, MemoryRows, QueryRows, Table
from tollbook.web.templatetags.tollbook import document_name
from tollbook.web.words import document_kind

KINDS = ("INVOICE", "RECEIVED_INVOICE", "CREDIT_NOTE", "DISPUTE", "STATEMENT", "PAYMENT", "ACCRUAL")
KIND_OPTIONS = tuple((kind, kind.replace("_", " ").capitalize()) for kind in KINDS)
# A PDF is drawn by the browser's own viewer, which must be allowed to style itself; it can reach nothing.
PDF_POLICY = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; frame-ancestors 'self'"


# What a partner's user sees: what went to the partner or came from it; accruals and settlements are our own books.
OF_A_PARTNER = ("INVOICE", "RECEIVED_INVOICE", "CREDIT_NOTE", "STATEMENT", "PAYMENT")


def visible(page: Page) -> Any:
    """The documents a viewer may see; a close is a page of its own."""
    rows = page.own(Document.objects.exclude(kind="CLOSE"))
    return rows.filter(kind__in=OF_A_PARTNER) if page.viewer.role is Role.PARTNER else rows


# Four digits at least, as `document_name` writes it; what has more of them keeps all.
_DIGITS = Cast("number", CharField())
_PADDED = Case(When(number__gte=1_000, then=_DIGITS), default=LPad(_DIGITS, 4, Value("0")))
_OF_ITS_SERIES = Concat("series", Value("-"), _PADDED)


def numbered(rows: Any) -> Any:
    """The documents with the number people know each by: its own, else series and number. It sorts, and is found by a part of it."""
    own = Coalesce(NullIf(Cast(KT("content__number"), CharField()), Value("")), _OF_ITS_SERIES)
    # SQLite has the word null as the text of a null.
    return rows.annotate(own_number=Case(When(content__number=None, then=_OF_ITS_SERIES), default=own))


class Documents(ListPage):
    """All documents the viewer may see."""

    right, scope = Right.READ_DOCUMENTS, Scope.OWN
    title = "Documents"
    lead = "Issued and received documents. What is issued is never changed; another document corrects it."
    sort = "-issued_at"
    empty_heading = "No document yet"
    empty_advice = "A close issues the invoices of its period; a partner's invoice arrives by ingest."
    empty_for_partner = "Our invoices to you stand here once they are issued, and yours once they are booked."
    empty_command = "tollbook close PERIOD"
    empty_icon = "file-invoice"
    columns = (
        Column("own_number", "No.", Kind.LABEL, filter="text", link=lambda row: reverse("document", args=[row["pk"]])),
        Column("series", "Series", filter="exact", is_optional=True),
        Column("kind", "Kind", Kind.WORD, filter="choice", options=KIND_OPTIONS, is_optional=True),
        Column("partner", "Partner", field="partner_id", filter="exact"),
        Column("period", "Period", Kind.LABEL, filter="exact", is_optional=True),
        Column("issued_at", "Issued (UTC)", Kind.INSTANT, is_optional=True),
        Column("due_on", "Due", Kind.DAY, is_optional=True),
        Column("total_micros", "Total", Kind.MONEY, currency="currency"),
    )

    def rows(self) -> QueryRows:
        return QueryRows(numbered(visible(self)), fields=("pk",))

    def shown_columns(self) -> tuple[Column, ...]:
        """A number of ours begins with its series, so that people need no column of it; kinds are called as who looks calls them."""
        columns = tuple(each for each in super().shown_columns() if each.name != "series")
        if self.viewer.role is not Role.PARTNER:
            return columns
        options = tuple((kind, document_kind(kind, to_partner=True)) for kind in OF_A_PARTNER)
        return tuple(replace(each, options=options) if each.name == "kind" else each for each in columns)


POSTING_COLUMNS: Final = (
    Column("account", "Account"),
    Column("name", "Name"),
    Column("state", "State", Kind.WORD),
    Column("debit_micros", "Debit", Kind.MONEY, currency="currency"),
    Column("credit_micros", "Credit", Kind.MONEY, currency="currency"),
)


class OneDocument(Page):
    """One document: the pages as they went out, the facts, what it was made from, what it posted."""

    right, scope = Right.READ_DOCUMENTS, Scope.OWN
    template = "web/one_document.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Documents", reverse("documents"))]

    def context(self) -> dict[str, Any]:
        row = self.one(visible(self).select_related("partner", "file", "corrects"), pk=self.kwargs["pk"])
        is_operator = self.viewer.partner is None
        context: dict[str, Any] = {
            "title": document_name(row),
            "row": row,
            "lines": row.content.get("lines", []) if isinstance(row.content, dict) else [],
            "has_lines": (isinstance(row.content, dict) and bool(row.content.get("annex_sha256"))) or invoice_lines.has_lines(row),
            "disputes": disputes_of(self).filter(document=row).order_by("id"),
            "has_pdf": row.file is not None and row.file.suffix == ".pdf",
            "is_operator": is_operator,
            "comparison": self._comparison(row)
            if row.kind == "RECEIVED_INVOICE" and self.may(Right.READ_DISPUTES) and is_operator
            else None,
        }
        if is_operator and self.may(Right.READ_LEDGER):
            context["postings"] = [
                (each, CHART[each.account].name if each.account in CHART else "")
                for each in Posting.objects.filter(document=row).order_by("entry_no", "line_no")
            ]
            context["tables"] = {"postings": self._postings(context["postings"])}
        if is_operator:
            context["runs"] = Run.objects.filter(run_key__in=row.runs if isinstance(row.runs, list) else []).order_by("stage", "scope")
            context["agreement"] = reference.agreement_by_digest(row.agreement_digest) if row.agreement_digest else None
        return context

    def _postings(self, found: list[tuple[Posting, str]]) -> Table:
        """The postings for a file; on the page they stand as they were booked."""
        names = ("account", "debit_micros", "credit_micros", "state", "currency")
        rows = [{**{key: getattr(each, key) for key in names}, "name": name, "place": place} for place, (each, name) in enumerate(found)]
        return Table(self.request, MemoryRows(rows, tie=("place",)), POSTING_COLUMNS, name="p", label="Postings")

    def _comparison(self, row: Document) -> dict[str, Any] | None:
        """The comparison that explains a partner's invoice: where it is, and what it says in a sentence."""
        scope = f"{row.partner_id}/OUT/{row.period}"
        head = Head.objects.select_related("run").filter(stage="reconciliation", scope=scope).first()
        if head is None:
            return None
        found: dict[str, Any] = {"scope": scope, "summary": head.run.summary}
        net = row.content.get("net_micros") if isinstance(row.content, dict) else None
        if net is not None:
            # Lines are rounded as they are printed, calls one by one: what lies between is named, so that the sum is the invoice's.
            found["beyond_60th_nanos"] = int(net) * SIXTIETHS_PER_MICRO - int(head.run.summary["money"]["theirs_60th_nanos"])
            found["net_micros"] = int(net)
        return found


class File(Page):
    """The file of a document, as it was sealed."""

    right, scope = Right.READ_DOCUMENTS, Scope.OWN
    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django types it

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        row = self.one(visible(self).select_related("file"), pk=kwargs["pk"])
        path = files.find(book.folder(), row.file.digest) if row.file else None
        if path is None or row.file is None:
            raise Http404
        is_pdf = row.file.suffix == ".pdf"
        response = FileResponse(
            path.open("rb"),
            content_type="application/pdf" if is_pdf else "application/octet-stream",
            as_attachment=not is_pdf or "download" in request.GET,
            filename=row.file.name,
        )
        response.headers["Content-Security-Policy"] = PDF_POLICY
        return response
