"""Partners, agreements with their clauses, and trunks."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from ninja import Router, Schema
from pydantic import Field

from tollbook.api import fields, files, listing
from tollbook.api.fields import Instant, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import Amount, Clause, amounts, clauses, instant
from tollbook.api.operation import page_for, reads
from tollbook.core.rights import Right
from tollbook.store.models import Agreement, Dispute, ExceptionCase, Partner, Trunk
from tollbook.web import figures, reference
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.partners import Partners, terms_of
from tollbook.web.table import Column, Kind, QueryRows

router = Router(tags=["partners"])
TOML = "application/toml"


class PartnerList(Partners):
    """Everybody the book settles with, each by the name the book has for it."""

    def shown_columns(self) -> tuple[Column, ...]:
        return self.columns


class Agreements(ListPage):
    """Every version of every agreement."""

    right, scope = Right.READ_REFERENCE, Scope.OPERATOR
    sort = "partner"
    columns = (
        Column("agreement_id", "What both parties call it", filter="exact"),
        Column("version", "Its version", filter="exact"),
        Column("partner", "The partner", field="partner_id", filter="exact"),
        Column("currency", "Currency of its amounts", filter="exact"),
        Column("zone", "The zone its days and periods live in"),
        Column("effective_from", "In force from", Kind.INSTANT),
        Column("known_from", "Known to the book from", Kind.INSTANT),
        Column("digest", "SHA-256 of its canonical text, by which runs and documents name it", Kind.DIGEST, filter="exact", sorts=False),
    )

    def rows(self) -> QueryRows:
        return QueryRows(Agreement.objects.all(), fields=("pk",))


class Trunks(ListPage):
    """The partner behind every trunk, from the trunk maps."""

    right, scope = Right.READ_REFERENCE, Scope.OPERATOR
    sort = "name"
    columns = (
        Column("source", "The source that writes the label", filter="exact"),
        Column("name", "The label", filter="text"),
        Column("partner", "The partner behind it", field="partner_id", filter="exact"),
        Column("effective_from", "From", Kind.INSTANT),
        Column("known_from", "Known to the book from", Kind.INSTANT),
        Column("document_digest", "The trunk map that says so", Kind.DIGEST, sorts=False),
    )

    def rows(self) -> QueryRows:
        return QueryRows(Trunk.objects.all(), fields=("pk",))


listing.add(
    router,
    Listing(
        "/partners",
        "partners",
        "Partner",
        PartnerList,
        "Everybody the book settles with.",
        "Each with how many versions of agreements and decks the book has, and what is open with it.",
        fields_about={"id": "What agreements call the partner."},
    ),
)
listing.add(
    router,
    Listing(
        "/agreements",
        "agreements",
        "Agreement",
        Agreements,
        "Every version of every agreement.",
        "A version is never changed; a later one takes over from the day it names.",
        extra=(fields.Field("id", "pk", Shape.NUMBER, "The version's number in this book."),),
    ),
)
listing.add(
    router,
    Listing(
        "/trunks", "trunks", "Trunk", Trunks, "The partner behind every trunk.", "As the trunk maps say it, with from when and since when."
    ),
)


class PartnerDetail(Schema):
    """A partner, and what is open with it. Sums are null for a token without the right to read disputes."""

    id: str
    name: str
    at_risk: list[Amount] | None = Field(description="Open exceptions by currency.")
    disputed: list[Amount] | None = Field(description="Open disputes by currency.")


class Term(Schema):
    """One term in words."""

    name: str
    value: str


class TermGroup(Schema):
    """The terms of one heading, and the clause they stand on."""

    heading: str
    clause: str
    terms: list[Term]


class AgreementDetail(Schema):
    """One version of an agreement: its terms in words and its clauses in full. The document itself is beside it."""

    id: int
    agreement_id: str
    version: str
    partner: str
    currency: str
    zone: str
    effective_from: Instant
    known_from: Instant
    digest: str
    document_sha256: str = Field(description="Of the sealed document.")
    file_name: str = Field(description="What the document was called when it came.")
    terms: list[TermGroup]
    clauses: list[Clause]


@reads(
    router,
    "/partners/{partner}",
    right=Right.READ_REFERENCE,
    scope=Scope.OPERATOR,
    gives=PartnerDetail,
    summary="One partner and what is open with it.",
)
def partner(request: HttpRequest, partner: str) -> Schema:
    """Its agreements, decks, trunks, disputes and documents are lists that take `partner` as a filter."""
    page = page_for(request)
    row = page.one(Partner.objects.all(), "id", id=partner)
    risk = dispute = None
    if page.may(Right.READ_DISPUTES):
        risk = amounts(figures.by_currency(figures.open_exceptions(ExceptionCase.objects.filter(partner=row)), "amount_micros"))
        dispute = amounts(figures.by_currency(figures.open_disputes(Dispute.objects.filter(partner=row)), "disputed_micros"))
    return PartnerDetail(id=row.id, name=row.name, at_risk=risk, disputed=dispute)


@reads(
    router,
    "/agreements/{number:id}",
    right=Right.READ_REFERENCE,
    scope=Scope.OPERATOR,
    gives=AgreementDetail,
    summary="One version of an agreement.",
)
def agreement(request: HttpRequest, id: int) -> Schema:  # noqa: A002 - as the address calls it
    """Every term with the clause it stands on, and the clauses as both parties signed them."""
    row = page_for(request).one(Agreement.objects.select_related("file"), pk=id)
    found = reference.agreement_of(row)
    groups = [
        TermGroup(heading=heading, clause=clause, terms=[Term(name=name, value=value) for name, value in terms])
        for heading, clause, terms in terms_of(found)
    ]
    return AgreementDetail(
        id=row.pk,
        agreement_id=row.agreement_id,
        version=row.version,
        partner=row.partner_id,
        currency=row.currency,
        zone=row.zone,
        effective_from=instant(row.effective_from) or "",
        known_from=instant(row.known_from) or "",
        digest=row.digest,
        document_sha256=row.file_id,
        file_name=row.file.name,
        terms=groups,
        clauses=clauses(found.clauses),
    )


@reads(
    router,
    "/agreements/{number:id}/document",
    right=Right.READ_REFERENCE,
    scope=Scope.OPERATOR,
    media=(TOML,),
    content=files.content(TOML),
    summary="The agreement as it was sealed.",
)
def agreement_document(request: HttpRequest, id: int) -> HttpResponseBase:  # noqa: A002 - as the address calls it
    """The TOML document, byte by byte."""
    row = page_for(request).one(Agreement.objects.select_related("file"), pk=id)
    return files.sealed(request, row.file_id, row.file.name, TOML)
