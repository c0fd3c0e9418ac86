"""Documents with their pages and annex."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from ninja import Router, Schema
from pydantic import Field

from tollbook.api import fields, files, listing
from tollbook.api.fields import Day, Exact, Instant, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import instant
from tollbook.api.operation import page_for, reads
from tollbook.core.rights import Right
from tollbook.store.models import Document, SealedFile
from tollbook.web.documents import Documents, visible
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column
from tollbook.web.templatetags.tollbook import document_name

router = Router(tags=["documents"])


class DocumentList(Documents):
    """All documents the token may see, with the series that a number of ours begins with."""

    def shown_columns(self) -> tuple[Column, ...]:
        return self.columns


listing.add(
    router,
    Listing(
        "/documents",
        "documents",
        "Document",
        DocumentList,
        "Issued and received documents.",
        "What is issued is never changed; another document corrects it. A partner's token sees what went to the partner or came from it.",
        extra=(fields.Field("id", "pk", Shape.NUMBER, "The document's number in this book."),),
        names={"own_number": "number"},
        fields_about={"number": "As it stands on the document; one without a number of its own is called by its series"},
    ),
)


class DocumentDetail(Schema):
    """One document, frozen with everything it was made from."""

    id: int
    number: str = Field(description="As it stands on the document; one without a number of its own is called by its series.")
    series: str
    kind: str
    partner: str | None
    period: str
    start_at: Instant | None = Field(description="When the period begins, by the days of the contract's zone; null where it has none.")
    end_at: Instant | None = Field(description="When it ends: the first instant that is not in it; null where it has none.")
    issued_at: Instant
    due_on: Day | None
    currency: str
    total_micros: Exact
    tax_micros: Exact
    agreement_digest: str
    runs: list[str] | None = Field(description="The runs it was made from; null for a partner's token.")
    content: dict[str, Any] = Field(description="The document itself; amounts in it are micro-units as strings of digits.")
    content_digest: str
    file_sha256: str | None
    annex_sha256: str | None
    corrects: int | None


@reads(router, "/documents/{number:id}", right=Right.READ_DOCUMENTS, scope=Scope.OWN, gives=DocumentDetail, summary="One document.")
def document(request: HttpRequest, id: int) -> Schema:  # noqa: A002 - as the address calls it
    """Its lines and sums as they were frozen, and the digests of its pages and its annex."""
    page = page_for(request)
    row = page.one(visible(page), pk=id)
    content = row.content if isinstance(row.content, dict) else {}
    return DocumentDetail(
        id=row.pk,
        number=document_name(row),
        series=row.series,
        kind=row.kind,
        partner=row.partner_id,
        period=row.period,
        start_at=instant(row.start_at),
        end_at=instant(row.end_at),
        issued_at=instant(row.issued_at) or "",
        due_on=row.due_on.isoformat() if row.due_on else None,
        currency=row.currency,
        total_micros=str(row.total_micros),
        tax_micros=str(row.tax_micros),
        agreement_digest=row.agreement_digest,
        runs=list(row.runs) if page.viewer.partner is None and isinstance(row.runs, list) else None,
        content=content,
        content_digest=row.content_digest,
        file_sha256=row.file_id,
        annex_sha256=_annex(row),
        corrects=row.corrects_id,
    )


def _annex(row: Document) -> str | None:
    found = row.content.get("annex_sha256") if isinstance(row.content, dict) else None
    return str(found) if found else None


def _one(request: HttpRequest, number: int) -> Document:
    page: Page = page_for(request)
    found: Document = page.one(visible(page).select_related("file"), pk=number)
    return found


@reads(
    router,
    "/documents/{number:id}/file",
    right=Right.READ_DOCUMENTS,
    scope=Scope.OWN,
    media=(files.PDF, files.BYTES),
    content={**files.content(files.PDF), **files.content(files.BYTES)},
    summary="The pages of a document.",
)
def document_file(request: HttpRequest, id: int) -> HttpResponseBase:  # noqa: A002 - as the address calls it
    """The PDF as it went out, or the file as it came."""
    row = _one(request, id)
    if row.file is None:
        raise Http404
    return files.sealed(request, row.file_id, row.file.name, files.PDF if row.file.suffix == ".pdf" else files.BYTES)


@reads(
    router,
    "/documents/{number:id}/annex",
    right=Right.READ_DOCUMENTS,
    scope=Scope.OWN,
    media=("text/csv",),
    content=files.content("text/csv"),
    summary="The calls behind an invoice.",
)
def document_annex(request: HttpRequest, id: int) -> HttpResponseBase:  # noqa: A002 - as the address calls it
    """Every call with its price, as it was sealed with the invoice."""
    digest = _annex(_one(request, id))
    row = SealedFile.objects.filter(digest=digest).first() if digest else None
    if row is None:
        raise Http404
    return files.sealed(request, row.digest, row.name, "text/csv")
