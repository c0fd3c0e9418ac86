"""The lines of a supplier's invoice as they were printed, and why each differs from what we expect."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from tollbook.api import fields, listing
from tollbook.api.fields import Exact, Shape
from tollbook.api.listing import Listing
from tollbook.api.operation import page_for, reads
from tollbook.core.rights import Right
from tollbook.web import document_lines as pages
from tollbook.web import invoice_lines
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.table import MemoryRows

router = Router(tags=["documents"])
# Only to have the columns of the comparison, whose calls are another list here.
_ALL_COLUMNS = invoice_lines.line_columns(0, "")


class ReceivedLines(ListPage):
    """The lines of one received invoice; none of any other document."""

    right, scope = pages.Lines.right, pages.Lines.scope
    columns, sort = tuple(each for each in _ALL_COLUMNS if each.name != "codes"), "number"

    def rows(self) -> MemoryRows:
        page = page_for(self.request, pages.Lines, pk=self.kwargs["id"])
        if not invoice_lines.has_lines(page.row):
            return MemoryRows([], tie=("number", "destination"))
        found = page.compared()
        lines = invoice_lines.line_rows(page.row, found[1] if found else None)
        return MemoryRows(lines, tie=("number", "destination"))


listing.add(
    router,
    Listing(
        "/documents/{number:id}/received-lines",
        "received_lines",
        "ReceivedLine",
        ReceivedLines,
        "The lines of a supplier's invoice, each with what its destination differs by.",
        "As the supplier sent them. Destinations that differ and are on no line follow, their number null. Other documents have none.",
        extra=(fields.Field("codes", "all_codes", Shape.TEXT, "The codes the line names, with commas between."),),
        names={"rate_nanos": "rate_nanos_per_minute"},
        fields_about={
            "number": "The line's number, from 1.",
            "rate_nanos_per_minute": "Rate",
            "minutes_ms": "Minutes they bill",
            "amount_micros": "What they bill",
            "difference_micros": "Theirs less ours of the line's whole destination; null where nothing was compared or not for you to see",
            "cause": "The cause that weighs most in it.",
        },
        parameters={"id": "The document's number in this book."},
    ),
)


class CauseOfLine(Schema):
    """What one cause makes of the line's destination."""

    cause: str
    meaning: str
    clause: str = Field(description="Of the agreement, that decides it.")
    calls: int
    amount_micros: Exact = Field(description="Theirs less ours.")


class BilledAsDestination(Schema):
    """Calls of another destination by our deck that stand on this one's line."""

    detail: str
    calls: int
    amount: str = Field(description="Theirs less ours, decimal, exact.")


class ReceivedLineDetail(Schema):
    """Why a line differs. A destination that has several lines is compared as a whole."""

    document: int
    line: int
    destination: str
    codes: list[str]
    rate_nanos_per_minute: Exact
    calls: int
    amount_micros: Exact = Field(description="What they bill on this line.")
    lines_of_destination: list[int] = Field(description="All lines of the same destination, this one too.")
    destination_amount_micros: Exact = Field(description="What they bill on all of them.")
    difference_micros: Exact = Field(description="Theirs less ours of the destination, call by call.")
    expected_micros: Exact = Field(description="What they bill for the destination less the difference.")
    currency: str
    reconciliation: str = Field(description="partner/leg/period: the comparison whose list of pairs has the calls of each cause.")
    agreement_digest: str
    causes: list[CauseOfLine]
    billed_as_destination: list[BilledAsDestination]


@reads(
    router,
    "/documents/{number:id}/received-lines/{number:line}",
    right=Right.READ_DISPUTES,
    scope=Scope.OPERATOR,
    gives=ReceivedLineDetail,
    summary="Why a line of a supplier's invoice differs.",
)
def received_line(request: HttpRequest, id: int, line: int) -> Schema:  # noqa: A002 - as the address calls it
    """Its destination's causes with their clauses. The calls are `pairs` of the reconciliation, filtered by destination and cause."""
    page = page_for(request, pages.Lines, pk=id)
    row = page.row
    stated = invoice_lines.line_of(row, line) if invoice_lines.has_lines(row) else None
    found = page.compared()
    if stated is None or found is None:
        raise Http404
    told = invoice_lines.line_context(row, stated, *found)
    return ReceivedLineDetail(
        document=row.pk,
        line=line,
        destination=stated.destination,
        codes=list(stated.codes),
        rate_nanos_per_minute=str(stated.rate_nanos_per_minute),
        calls=stated.calls,
        amount_micros=str(stated.amount_micros),
        lines_of_destination=sorted([line, *(each.row for each in told["same"])]),
        destination_amount_micros=str(told["billed_micros"]),
        difference_micros=str(told["difference_micros"]),
        expected_micros=str(told["ours_micros"]),
        currency=told["currency"],
        reconciliation=told["scope"],
        agreement_digest=found[1].summary["agreement"]["digest"],
        causes=[
            CauseOfLine(**{name: each[name] for name in ("cause", "meaning", "clause", "calls")}, amount_micros=str(each["amount_micros"]))
            for each in told["causes"]
        ],
        billed_as_destination=[
            BilledAsDestination(**{name: each[name] for name in BilledAsDestination.model_fields}) for each in told["others"]
        ],
    )
