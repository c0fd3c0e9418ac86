"""Closes with their packs and their verification, and what is there and what is missing before one."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponseBase
from ninja import Query, Router, Schema
from pydantic import Field

from tollbook.api import fields, files, listing
from tollbook.api.fields import Instant, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import PlainProblem, Word, instant
from tollbook.api.operation import page_for, reads
from tollbook.core.rights import Right
from tollbook.flow.readiness import Item, readiness
from tollbook.plain.verification import Verification
from tollbook.plain.verify import verify
from tollbook.store import files as stored
from tollbook.store.models import Document
from tollbook.web import book
from tollbook.web.close import CLOSED, Closes
from tollbook.web.close_start import chosen_period
from tollbook.web.page import Scope

router = Router(tags=["closes"])

listing.add(
    router,
    Listing(
        "/closes",
        "closes",
        "Close",
        Closes,
        "Every sealed close, the newest first.",
        "A close seals a period: every input, run and document, under one digest that anybody can check without this book.",
        extra=(fields.Field("id", "pk", Shape.NUMBER, "The close's number in this book."),),
        shapes={"complete": Shape.FLAG},
    ),
)


class CloseDetail(Schema):
    """One close."""

    id: int
    period: str
    number: int
    sealed_at: Instant
    complete: bool = Field(description="Whether every partner is in it; one that could not be closed is parked.")
    result_digest: str = Field(description="Of what was found, wherever and by whomever it is derived again.")
    root: str = Field(description="Of the pack's manifest.")
    pack_sha256: str


class Checked(Schema):
    """One check of a verification."""

    name: str = Field(description="For programs.")
    status: str = Field(description="ok, failed, or not repeated: made by rules of another version, so that only its digests were checked.")
    words: str = Field(description="What was looked at.")
    expected: str = Field(description="What is sealed, where it differs; else empty.")
    found: str = Field(description="What came out, where it differs; else empty.")


class Verified(Schema):
    """What a verification found. Nothing is changed by it."""

    is_verified: bool = Field(description="Whether every check held; what was not repeated does not count against it.")
    checks: list[Checked]
    problems: list[PlainProblem] = Field(description="What kept it from looking further: a file that is missing or cannot be read.")


class VerificationDetail(Verified):
    """What the verification of a close found. Nothing is changed by it."""

    close: int


@reads(router, "/closes/{number:id}", right=Right.READ_LEDGER, scope=Scope.OPERATOR, gives=CloseDetail, summary="One close.")
def close(request: HttpRequest, id: int) -> Schema:  # noqa: A002 - as the address calls it
    """Its digests. The pack is a file of its own."""
    row = page_for(request).one(Document.objects.filter(kind=CLOSED), pk=id)
    return CloseDetail(
        id=row.pk,
        period=row.period,
        number=row.number,
        sealed_at=instant(row.issued_at) or "",
        complete=bool(row.content.get("complete")),
        result_digest=row.content.get("result_digest", ""),
        root=row.content.get("root", ""),
        pack_sha256=row.content.get("pack", ""),
    )


@reads(
    router,
    "/closes/{number:id}/pack",
    right=Right.READ_LEDGER,
    scope=Scope.OPERATOR,
    media=(files.ZIP,),
    content=files.content(files.ZIP),
    summary="The sealed file of a close.",
)
def close_pack(request: HttpRequest, id: int) -> HttpResponseBase:  # noqa: A002 - as the address calls it
    """Everything that is needed to derive the period again, without this book: tollbook verify PACK."""
    row = page_for(request).one(Document.objects.filter(kind=CLOSED), pk=id)
    return files.sealed(request, row.content.get("pack"), f"close-{row.period}.zip", files.ZIP)


@reads(
    router,
    "/closes/{number:id}/verification",
    right=Right.READ_LEDGER,
    scope=Scope.OPERATOR,
    gives=VerificationDetail,
    summary="Derive a close again and say whether it holds.",
)
def close_verification(request: HttpRequest, id: int) -> Schema:  # noqa: A002 - as the address calls it
    """Everything computed again from the sealed file alone. It takes as long as it takes: for a large month start a VERIFY job instead."""
    row = page_for(request).one(Document.objects.filter(kind=CLOSED), pk=id)
    path = stored.find(book.folder(), row.content.get("pack", ""))
    if path is None:
        raise Http404
    return VerificationDetail(close=row.pk, **verified(verify(path)).dict())


def verified(found: Verification) -> Verified:
    """A verification as an answer."""
    checks, problems = ([each.as_dict() for each in part] for part in (found.checks, found.problems))
    return Verified(
        is_verified=found.is_verified, checks=[Checked(**each) for each in checks], problems=[PlainProblem(**each) for each in problems]
    )


class Wanted(Schema):
    """One thing that a close wants."""

    words: str
    holds: bool = Field(description="Whether it is there.")
    otherwise: str = Field(description="What follows where it is not there.")


class PartnerReadiness(Schema):
    """One partner's part of a close."""

    partner: str
    name: str
    is_ready: bool = Field(description="Whether nothing of it is missing.")
    items: list[Wanted]


class Month(Schema):
    """A month with records of ours."""

    period: str
    is_closed: bool = Field(description="Whether it was closed at least once.")


class ReadinessDetail(Schema):
    """What is there and what is missing for a close. Nothing of it stops one: a period is closed again when more has come."""

    period: str | None = Field(description="The period that was looked at; null where none was asked for and no record is there.")
    missing: int = Field(description="How many things are missing, of the whole book and of the partners.")
    quiet: int = Field(description="Partners with an agreement and without any traffic in the period.")
    items: list[Wanted] = Field(description="What concerns the whole book.")
    partners: list[PartnerReadiness] = Field(description="Those with traffic in the period, those that miss something first.")
    months: list[Month] = Field(description="The newest two years of months in which records of ours lie, the newest first.")


class PeriodAsked(Schema):
    """For which period."""

    period: Word | None = Field(
        None, description="As 2026-11, 2026-11-A or 2026-W46; the oldest month that was never closed where it is left out."
    )


@reads(
    router,
    "/closes/readiness",
    right=Right.CLOSE,
    scope=Scope.OPERATOR,
    gives=ReadinessDetail,
    summary="What is there and what is missing for the close of a period.",
)
def close_readiness(request: HttpRequest, query: Query[PeriodAsked]) -> Schema:
    """The list to look at before a job of the kind CLOSE: agreements, decks, records of both sides, invoices, partner by partner."""
    period, months = chosen_period(query.period or "")
    found = readiness(book.current(), period) if period else None
    partners = found.in_order if found else []
    return ReadinessDetail(
        period=period or None,
        missing=found.missing if found else 0,
        quiet=found.quiet if found else 0,
        items=[_wanted(each) for each in found.items] if found else [],
        partners=[
            PartnerReadiness(partner=each.partner, name=each.name, is_ready=each.is_ready, items=[_wanted(item) for item in each.items])
            for each in partners
        ],
        months=[Month(period=month, is_closed=is_closed) for month, is_closed in months],
    )


def _wanted(item: Item) -> Wanted:
    return Wanted(words=item.words, holds=item.holds, otherwise="" if item.holds else item.otherwise)
