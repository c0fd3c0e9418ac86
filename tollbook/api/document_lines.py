"""The lines of an invoice, and the calls behind each, from the annex that was sealed with it."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema

from tollbook.api import fields, listing
from tollbook.api.fields import Shape
from tollbook.api.listing import Listing
from tollbook.api.operation import page_for, reads
from tollbook.core.rights import Right
from tollbook.web import document_lines as pages
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.table import MemoryRows, SegmentRows

router = Router(tags=["documents"])
_PARAMETERS = {"id": "The document's number in this book.", "line": "The line's number on the document."}


class Lines(ListPage):
    """The lines of one document."""

    right, scope = pages.Lines.right, pages.Lines.scope
    columns, sort = pages.line_columns(0), "number"

    def rows(self) -> MemoryRows:
        page = page_for(self.request, pages.Lines, pk=self.kwargs["id"])
        return MemoryRows(pages.line_rows(page.row), tie=("number",))


class Calls(ListPage):
    """The calls of one line."""

    right, scope = pages.Calls.right, pages.Calls.scope
    columns, sort = pages.call_columns(leads=False), "at"

    def rows(self) -> SegmentRows:
        page = page_for(self.request, pages.Calls, pk=self.kwargs["id"])
        _, file = page.found(self.kwargs["line"])
        return pages.call_rows(file, self.kwargs["line"])


listing.add(
    router,
    Listing(
        "/documents/{number:id}/lines",
        "document_lines",
        "DocumentLine",
        Lines,
        "The lines of a document.",
        "As they were frozen. Documents that were not made from calls have none.",
        names={"rate_nanos": "rate_nanos_per_minute"},
        fields_about={
            "number": "The line's number, from 1.",
            "codes": "The codes of the deck in it, with commas between.",
            "prior_period": "The period its calls belong to, where it is an earlier one.",
            "billed_ms": "Billed duration",
            "net_micros": "Net amount",
        },
        parameters={"id": _PARAMETERS["id"]},
    ),
)
listing.add(
    router,
    Listing(
        "/documents/{number:id}/lines/{number:line}/calls",
        "document_line_calls",
        "BilledCall",
        Calls,
        "The calls behind a line of a document.",
        "From the sealed annex; calling numbers as they stand there, without their end. The line's detail says whether they add up to it.",
        extra=(fields.Field("call", "cdr_id", Shape.TEXT, "Our record's id, 32 hexadecimal digits."),),
        names={"rate_nanos": "rate_nanos_per_minute"},
        fields_about={
            "at": "Answer, else setup.",
            "a_number": "Calling number.",
            "b_number": "Called number.",
            "code": "The code that priced it.",
            "duration_ms": "Conversation",
            "billed_s": "Billed duration",
            "amount_micros": "Charge",
        },
        parameters=_PARAMETERS,
    ),
)


class Checked(Schema):
    """One figure of a line beside the sum of its calls, both as strings of digits."""

    name: str
    line: str
    calls: str
    holds: bool


class LineDetail(Schema):
    """Whether a line is the sum of its calls, to the last sixtieth of a nano of the currency."""

    document: int
    line: int
    holds: bool
    checks: list[Checked]


@reads(
    router,
    "/documents/{number:id}/lines/{number:line}",
    right=Right.READ_DOCUMENTS,
    scope=Scope.OWN,
    gives=LineDetail,
    summary="Whether a line of a document is the sum of its calls.",
)
def document_line(request: HttpRequest, id: int, line: int) -> Schema:  # noqa: A002 - as the address calls it
    """Counted and added up now from the sealed annex, and compared with what the line says."""
    page = page_for(request, pages.Calls, pk=id)
    found, file = page.found(line)
    checks = pages.checks_of(file, line, found)
    return LineDetail(
        document=page.row.pk,
        line=line,
        holds=all(each.holds for each in checks),
        checks=[Checked(name=each.name, line=str(each.line), calls=str(each.calls), holds=each.holds) for each in checks],
    )
