"""Sources: how each is, what every file brought, and the problems with their lines."""

from __future__ import annotations

from typing import Any

from django.db.models import Max, Min, Sum
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from tollbook.core.problem import CATALOGUE
from tollbook.core.rights import Right
from tollbook.flow import clock
from tollbook.store.models import Batch, SealedFile, Segment
from tollbook.web import figures, segments
from tollbook.web.downloads import may_have_records
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, QueryRows, SegmentRows, Table

PROBLEM_RELATION = 'SELECT code, severity, record_no, "column" AS column_name, value, reason, remedy FROM {files}'


def problem_rows(parts: Any) -> SegmentRows:
    """The problems of a file's parts."""
    found = Segment.objects.filter(batch__in=parts, kind="problem")
    fields = ("record_no", "code", "column_name", "value", "reason")
    return SegmentRows(segments.connection(), segments.relation(PROBLEM_RELATION, found, "problem"), fields=fields)


def span_of(parts: Any) -> dict[str, int | None]:
    """The first and the last call of a file's parts, in milliseconds; None where no record was accepted."""
    return Segment.objects.filter(batch__in=parts, kind="cdr").aggregate(first=Min("min_anchor_at"), last=Max("max_anchor_at"))


class Sources(Page):
    """Every source with its state in a sentence."""

    right, scope = Right.READ_BOOK, Scope.OPERATOR
    template, title = "web/sources.html", "Sources"

    def context(self) -> dict[str, Any]:
        return {"sources": figures.sources(clock.now_ms()), "may_ingest": self.may(Right.INGEST), "may_send": self.may(Right.WRITE_DECKS)}


class Source(ListPage):
    """One source: every file, records read = accepted + duplicates + problems."""

    right, scope = Right.READ_BOOK, Scope.OPERATOR
    template = "web/source.html"
    sort = "-received_at"
    columns = (
        Column(
            "name", "File", field="file__name", filter="text", link=lambda row: reverse("source-file", args=[row["source"], row["file_id"]])
        ),
        Column("received_at", "Received (UTC)", Kind.INSTANT, field="file__received_at", is_optional=True),
        Column("read", "Read", Kind.COUNT, field="total_read"),
        Column("accepted", "Accepted", Kind.COUNT, field="total_accepted", is_roomy=True),
        Column("duplicates", "Duplicates", Kind.COUNT, field="total_duplicates", is_optional=True),
        Column("problems", "Problems", Kind.COUNT, field="total_problems"),
        Column("digest", "SHA-256", Kind.DIGEST, field="file_id", sorts=False, is_optional=True),
    )

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Sources", reverse("sources"))]

    def rows(self) -> QueryRows:
        rows = (
            Batch.objects.filter(source=self.kwargs["source"])
            .values("source", "file_id", "file__name", "file__received_at")
            .annotate(
                total_read=Sum("read"), total_accepted=Sum("accepted"), total_duplicates=Sum("duplicates"), total_problems=Sum("problems")
            )
        )
        return QueryRows(rows, fields=("source", "file_id"), tie="file_id")

    def context(self) -> dict[str, Any]:
        found = figures.sources(clock.now_ms(), self.kwargs["source"])
        if not found:
            raise Http404
        return {"title": self.kwargs["source"], "health": found[0]}


class File(Page):
    """One file of a source: where it came from, its parts, and every problem with its record, value, reason and remedy."""

    right, scope = Right.READ_BOOK, Scope.OPERATOR
    template = "web/source_file.html"
    columns = (
        Column("record_no", "Record", Kind.COUNT),
        Column("code", "Problem", Kind.CODE, filter="exact"),
        Column("severity", "Severity", Kind.BADGE, is_optional=True),
        Column("column_name", "Column", is_optional=True),
        Column("value", "Value", Kind.CODE, is_optional=True),
        Column("reason", "Why"),
    )

    def crumbs(self) -> list[tuple[str, str]]:
        source = self.kwargs["source"]
        return [("Sources", reverse("sources")), (source, reverse("source", args=[source]))]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        file = SealedFile.objects.filter(digest=kwargs["digest"]).first()
        parts = list(Batch.objects.filter(source=kwargs["source"], file_id=kwargs["digest"]).order_by("part_no"))
        if file is None or not parts:
            raise Http404
        table = Table(request, problem_rows(parts), self.columns, sort="record_no", label="Problems")
        totals = {name: sum(getattr(part, name) for part in parts) for name in ("read", "accepted", "duplicates", "problems")}
        remedies = {code: kind.remedy for code, kind in CATALOGUE.items()}
        shown: dict[str, Any] = {"title": file.name, "file": file, "parts": parts, "totals": totals, "days": span_of(parts), "table": table}
        shown |= {"source": kwargs["source"], "may_download": may_have_records(self, file.digest)}
        return table.export() or self.show(**shown, remedies=self._remedies(table, remedies))

    def _remedies(self, table: Table, remedies: dict[str, str]) -> list[tuple[str, str]]:
        """The codes on this page of the table with what to do about each."""
        codes = {row["code"] for row in table.rows}
        return sorted((code, remedies[code]) for code in codes if code in remedies)
