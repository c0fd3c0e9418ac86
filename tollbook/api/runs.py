"""Runs, running usage and the ledger."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Exists, OuterRef, Value, When
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from tollbook.api import fields, listing
from tollbook.api.fields import Instant, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import Digest, instant
from tollbook.api.operation import page_for, reads
from tollbook.core.ledger import CHART
from tollbook.core.rights import Right
from tollbook.store.models import Head, Posting, Run, UsageTotal
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.table import Column, Kind, QueryRows, choices

router = Router(tags=["runs"])


class Runs(ListPage):
    """Every run of every stage."""

    right, scope = Right.READ_BOOK, Scope.OPERATOR
    sort = "-finished_at"
    columns = (
        Column("run_key", "Names the run by its inputs", Kind.DIGEST, sorts=False),
        Column("stage", "mediation, rating, matching or reconciliation", filter="exact"),
        Column("scope", "What it is of: partner, leg and period", filter="text"),
        Column("is_current", "Whether it is the current run of its scope", sorts=False),
        Column("semantics_version", "Of the stage's rules", Kind.COUNT),
        Column("known_at", "Documents known later are left out; null means all", Kind.INSTANT),
        Column("result_digest", "TD1 of its results", Kind.DIGEST, sorts=False),
        Column("package_version", "Of the software"),
        Column("started_at", "Started", Kind.INSTANT),
        Column("finished_at", "Finished", Kind.INSTANT),
    )

    def rows(self) -> QueryRows:
        return QueryRows(Run.objects.annotate(is_current=Exists(Head.objects.filter(run=OuterRef("pk")))), tie="run_key")


class Usage(ListPage):
    """Running usage by partner, leg, currency and day."""

    right, scope = Right.READ_MARGIN, Scope.OPERATOR
    sort = "-day"
    columns = (
        Column("origin", "COLLECTION: records as they came, by UTC day, without amounts; else the rating run's scope", filter="exact"),
        Column("partner", "The partner; empty where no trunk names one", filter="exact"),
        Column("leg", "IN or OUT", filter="choice", options=choices("IN", "OUT")),
        Column("currency", "ISO 4217 code; empty where nothing is rated", filter="exact"),
        Column("day", "UTC day, or the contract's local day where it is rated", Kind.DAY, filter="exact"),
        Column("records", "Records", Kind.COUNT),
        Column("answered", "Answered", Kind.COUNT),
        Column("duration_ms", "Duration", Kind.MINUTES),
        Column("amount_micros", "What it comes to", Kind.MONEY),
    )

    def rows(self) -> QueryRows:
        return QueryRows(UsageTotal.objects.all(), fields=("pk",))


class Postings(ListPage):
    """The ledger, line by line."""

    right, scope = Right.READ_LEDGER, Scope.OPERATOR
    sort = "booked_at"
    columns = (
        Column("document", "The document that posted it", Kind.COUNT, field="document_id", filter="exact"),
        Column("entry_no", "The entry of the document; its lines balance", Kind.COUNT),
        Column("line_no", "The line of the entry", Kind.COUNT),
        Column("account", "The account of the chart", filter="exact"),
        Column("partner", "The partner", field="partner_id", filter="exact"),
        Column("currency", "ISO 4217 code", filter="exact"),
        Column("debit_micros", "Debit", Kind.MONEY, currency="currency"),
        Column("credit_micros", "Credit", Kind.MONEY, currency="currency"),
        Column("state", "PENDING or POSTED", filter="choice", options=choices("PENDING", "POSTED")),
        Column("booked_at", "Booked", Kind.INSTANT),
        Column("value_on", "Value date", Kind.DAY),
        Column("reason", "Why"),
    )

    def rows(self) -> QueryRows:
        names = [When(account=each.number, then=Value(each.name)) for each in CHART.values()]
        named = Posting.objects.annotate(account_name=Case(*names, default=Value("")))
        return QueryRows(named, fields=("pk", "account_name"))


listing.add(
    router,
    Listing(
        "/runs",
        "runs",
        "Run",
        Runs,
        "Every execution of every stage.",
        "A run is a function of pinned inputs: the same inputs are the same run.",
        shapes={"is_current": Shape.FLAG},
    ),
)
listing.add(
    router,
    Listing("/usage", "usage", "Usage", Usage, "Running usage by partner, leg, currency and day.", "Sums that can be dropped and rebuilt."),
)
listing.add(
    router,
    Listing(
        "/postings",
        "postings",
        "Posting",
        Postings,
        "The ledger, line by line.",
        "Posted by documents, never by a call. Debits equal credits in every entry and currency.",
        extra=(fields.Field("account_name", "account_name", Shape.TEXT, "The account's name in the chart."),),
    ),
)


class RunDetail(Schema):
    """One run with what it was made from and what it found."""

    run_key: str
    stage: str
    scope: str
    is_current: bool
    semantics_version: int
    inputs: list[str] = Field(description="Digests of everything it read.")
    parameters: dict[str, Any]
    known_at: Instant | None
    result_digest: str
    results: dict[str, Any] = Field(description="By kind of table: TD1 digest and number of rows.")
    summary: dict[str, Any] = Field(description="Counts and totals for people.")
    package_version: str
    started_at: Instant
    finished_at: Instant


@reads(router, "/runs/{run_key}", right=Right.READ_BOOK, scope=Scope.OPERATOR, gives=RunDetail, summary="One run.")
def run(request: HttpRequest, run_key: Digest) -> Schema:
    """Its inputs by digest, its parameters and its results. The summary of a comparison needs its own address and right."""
    page = page_for(request)
    row = page.one(Run.objects.all(), "scope", run_key=run_key)
    tells_money = row.stage in ("rating", "reconciliation")
    return RunDetail(
        run_key=row.run_key,
        stage=row.stage,
        scope=row.scope,
        is_current=row.heads.exists(),
        semantics_version=row.semantics_version,
        inputs=row.inputs,
        parameters=row.parameters,
        known_at=instant(row.known_at),
        result_digest=row.result_digest,
        results=row.results,
        summary={} if tells_money and not page.may(Right.READ_MARGIN) else row.summary,
        package_version=row.package_version,
        started_at=instant(row.started_at) or "",
        finished_at=instant(row.finished_at) or "",
    )
