"""The calls behind an invoice's line: the sealed annex, whose sums are compared with the line to the last sixtieth of a nano."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from tollbook.core.money import format_scaled
from tollbook.core.rights import Right
from tollbook.flow import annexes
from tollbook.store.models import Document, Run
from tollbook.web import book, invoice_lines, segments
from tollbook.web.documents import visible
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, MemoryRows, SegmentRows, Table
from tollbook.web.templatetags.tollbook import document_name

_CALLS = "SELECT * EXCLUDE (line, exact_60th_nanos) FROM {file} WHERE line = ?"
_SUMS = """
SELECT count(*), CAST(sum(billed_s) AS VARCHAR), CAST(sum(CAST(exact_60th_nanos AS HUGEINT)) AS VARCHAR),
       CAST(sum(CAST(amount_micros AS HUGEINT)) AS VARCHAR)
FROM {file} WHERE line = ?
"""


EXACT_PLACES: Final = 9
MICRO_PLACES: Final = 6


@dataclass(frozen=True, slots=True)
class Check:
    """One figure of the line beside the sum of its calls."""

    words: str
    line: int
    calls: int
    places: int = 0
    currency: str = ""

    @property
    def holds(self) -> bool:
        return self.line == self.calls

    @property
    def name(self) -> str:
        """What it is for programs, which are given the figures as they are counted."""
        units = {EXACT_PLACES: ", in sixtieths of a nano", MICRO_PLACES: ", in micro-units"}
        return self.words + units.get(self.places, "")

    @property
    def line_said(self) -> str:
        """The line's figure for people, exact."""
        return self._said(self.line)

    @property
    def calls_said(self) -> str:
        """The sum of the calls for people, exact."""
        return self._said(self.calls)

    def _said(self, value: int) -> str:
        if not self.places:
            return f"{value:,}"
        # What a sum of sixtieths of a nano leaves beyond the last digit is said, since nothing may be left out.
        exact, rest = divmod(value, 60) if self.places == EXACT_PLACES else (value, 0)
        shown = format_scaled(exact, self.places, 2)
        return f"{shown} {self.currency}".strip() + (f" and {rest}/60 of the last digit" if rest else "")


def _lines(row: Document) -> list[dict[str, Any]]:
    content = row.content if isinstance(row.content, dict) else {}
    found = content.get("lines")
    return [line for line in found if isinstance(line, dict) and "exact_60th_nanos" in line] if isinstance(found, list) else []


def line_rows(row: Document) -> list[dict[str, Any]]:
    """The lines of a document as rows of a table."""
    return [
        {
            "number": line["number"],
            "destination": line["destination"],
            "codes": ", ".join(line["codes"]),
            "prior_period": line["prior_period"],
            "calls": int(line["calls"]),
            "billed_ms": int(line["billed_s"]) * 1000,
            "rate_nanos": int(line["rate_nanos_per_minute"]),
            "net_micros": int(line["net_micros"]),
            "currency": line["currency"],
        }
        for line in _lines(row)
    ]


def line_columns(document: int) -> tuple[Column, ...]:
    """The columns of that table; a line leads to its calls."""
    return (
        Column("number", "Line", Kind.COUNT, link=lambda row: reverse("document-line", args=[document, row["number"]])),
        Column("destination", "Destination", filter="text"),
        Column("codes", "Codes", filter="text", is_optional=True),
        Column("prior_period", "Of an earlier period", is_optional=True),
        Column("calls", "Calls", Kind.COUNT),
        Column("billed_ms", "Billed minutes", Kind.MINUTES, is_roomy=True),
        Column("rate_nanos", "Rate per minute", Kind.RATE, is_optional=True),
        Column("net_micros", "Net", Kind.MONEY, currency="currency"),
    )


def call_columns(*, leads: bool) -> tuple[Column, ...]:
    """The columns of the calls of a line; a call leads to its page where the viewer may read calls."""
    return (
        Column(
            "at",
            "When (UTC)",
            Kind.INSTANT,
            has_seconds=True,
            link=(lambda row: f"{reverse('call', args=[row['cdr_id']])}?leg=IN") if leads else None,
        ),
        Column("a_number", "From", Kind.CODE, is_optional=True),
        Column("b_number", "To", Kind.CODE, filter="text"),
        Column("code", "Code", Kind.CODE, is_optional=True),
        Column("duration_ms", "Seconds", Kind.LENGTH, is_roomy=True),
        Column("billed_s", "Billed", Kind.SECONDS),
        Column("rate_nanos", "Rate per minute", Kind.RATE, is_optional=True),
        Column("amount_micros", "Amount", Kind.MONEY, currency="currency"),
    )


class Lines(Page):
    """The lines of a document as a table."""

    right, scope = Right.READ_DOCUMENTS, Scope.OWN
    template = "web/document_lines.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Documents", reverse("documents")), (document_name(self.row), reverse("document", args=[self.row.pk]))]

    @property
    def row(self) -> Document:
        if not hasattr(self, "_row"):
            self._row = self.one(visible(self).select_related("partner"), pk=self.kwargs["pk"])
        row: Document = self._row
        return row

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if invoice_lines.has_lines(self.row):
            return self.received(request)
        rows, columns = line_rows(self.row), line_columns(self.row.pk)
        name = f"Lines of {document_name(self.row)}"
        table = Table(request, MemoryRows(rows, tie=("number",)), columns, sort="number", label=name)
        return table.export() or self.show(title=name, table=table, row=self.row)

    def compared(self) -> tuple[str, Run] | None:
        """The comparison that explains a supplier's invoice, for those who may see one."""
        if self.viewer.partner is not None or not self.may(Right.READ_DISPUTES):
            return None
        return invoice_lines.comparison_of(self.row)

    def received(self, request: HttpRequest) -> HttpResponseBase:
        """The lines of a supplier's invoice, what differs most first where it was compared."""
        name, found = f"Lines of {document_name(self.row)}", self.compared()
        rows = invoice_lines.line_rows(self.row, found[1] if found else None)
        columns = invoice_lines.line_columns(
            self.row.pk, reverse("pairs", args=[found[0]]) if found else None, billed="You bill" if self.viewer.partner else "They bill"
        )
        sort = "-difference_micros" if found else "number"
        table = Table(request, MemoryRows(rows, tie=("number", "destination")), columns, sort=sort, label=name)
        return table.export() or self.show(title=name, table=table, row=self.row, is_compared=found is not None)


class Calls(Lines):
    """The calls of one line, paged and exported, and the check that they add up to it."""

    template = "web/document_line.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [*super().crumbs(), ("Lines", reverse("document-lines", args=[self.row.pk]))]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        number = kwargs["line"]
        if invoice_lines.has_lines(self.row):
            return self.why(number)
        line, file = self.found(number)
        title = f"Line {number} of {document_name(self.row)}"
        columns = call_columns(leads=self.may(Right.READ_CALLS))
        table = Table(request, call_rows(file, number), columns, sort="at", label=title)
        return table.export() or self.show(
            title=title, table=table, row=self.row, line=line, checks=checks_of(file, number, line), net_micros=int(line["net_micros"])
        )

    def why(self, number: int) -> HttpResponseBase:
        """Why a line of a supplier's invoice differs."""
        line, found = invoice_lines.line_of(self.row, number), self.compared()
        if line is None or found is None:
            raise Http404
        context = invoice_lines.line_context(self.row, line, *found)
        context["rates"] = invoice_lines.rates_of(line, found[1], self.viewer) if self.may(Right.READ_MARGIN) else []
        rows = [{**each, "place": place, "currency": context["currency"]} for place, each in enumerate(context["causes"])]
        causes = Table(self.request, MemoryRows(rows, tie=("place",)), invoice_lines.CAUSE_COLUMNS, name="c", label="Why it differs")
        context["tables"] = {"causes": causes}
        if (file := self.file(context)) is not None:
            return file
        title = f"Line {number}, {line.destination}"
        shown = {"title": title, "crumbs": self.crumbs(), "page": self, "row": self.row, **context}
        return render(self.request, "web/received_line.html", shown)

    def found(self, number: int) -> tuple[dict[str, Any], str]:
        """A line by its number and its annex as SQL; 404 where there is none."""
        line = next((each for each in _lines(self.row) if each["number"] == number), None)
        if line is None:
            raise Http404
        return line, annexes.relation(book.current(), str(self.row.content.get("annex_sha256", "")))


def call_rows(file: str, number: int) -> SegmentRows:
    """The calls of a line, from the annex."""
    return SegmentRows(segments.connection(), _CALLS.format(file=file), [number], fields=("cdr_id",))


def checks_of(file: str, number: int, line: dict[str, Any]) -> list[Check]:
    """The figures of a line beside the sums of its calls."""
    sums = segments.connection().execute(_SUMS.format(file=file), [number]).fetchone()
    calls, billed, exact, amount = (int(each or 0) for each in sums) if sums else (0, 0, 0, 0)
    return [
        Check("Calls", int(line["calls"]), calls),
        Check("Billed seconds", int(line["billed_s"]), billed),
        Check("Charge before any rounding", int(line["exact_60th_nanos"]), exact, EXACT_PLACES, str(line["currency"])),
        Check("Charge, each call rounded as agreed", int(line["amount_micros"]), amount, MICRO_PLACES, str(line["currency"])),
    ]
