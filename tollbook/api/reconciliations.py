"""Comparisons with their waterfall, down to the calls behind a difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Value
from django.db.models.functions import Left, StrIndex
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from tollbook.api import fields, listing
from tollbook.api.fields import Instant, Shape, Wide
from tollbook.api.listing import Listing
from tollbook.api.models import Word, instant
from tollbook.api.operation import reads
from tollbook.core.money import parse_scaled
from tollbook.core.reconciliation import CLASSES
from tollbook.core.rights import Right
from tollbook.store.models import Head
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.reconciliation import STAGE, Reconciliations, current_run, pair_rows
from tollbook.web.reconciliation import Pairs as PairsPage
from tollbook.web.table import Column, Kind, QueryRows
from tollbook.web.table.columns import Row

router = Router(tags=["reconciliations"])
_MONEY: Final = "run__summary__money__"
SUMS: Final = ("ours_60th_nanos", "theirs_60th_nanos", "difference_60th_nanos")
_60TH: Final = "in 1/60 of 10^-9 of the currency, as a string of digits"


class Comparisons(Reconciliations):
    """Every comparison with its sums; the scope of each is its partner, its leg and its period."""

    columns = (
        Column("partner", "The partner", filter="exact"),
        *Reconciliations.columns,
        Column("currency", "ISO 4217 code of the sums", field=f"{_MONEY}currency", filter="exact", sorts=False),
        Column(
            "is_unexplained_zero",
            "Whether nothing of the difference is left without a cause",
            field=f"{_MONEY}unexplained_zero",
            sorts=False,
        ),
    )

    def shown_columns(self) -> tuple[Column, ...]:
        return self.columns

    def rows(self) -> QueryRows:
        found = Head.objects.filter(stage=STAGE).annotate(partner=Left("scope", StrIndex("scope", Value("/")) - 1))
        return ComparisonRows(found, fields=[f"{_MONEY}{name}" for name in (*SUMS, "unexplained")])


class ComparisonRows(QueryRows):
    """Rows of comparisons with what is left without a cause in micro-units, which a summary has as a decimal of six places."""

    def after(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, place: Sequence[Any] | None, limit: int
    ) -> list[Row]:
        rows = super().after(columns, filters, sort, place, limit)
        return [{**row, "unexplained_micros": parse_scaled(str(row[f"{_MONEY}unexplained"]), 6)} for row in rows]


class Pairs(ListPage):
    """The calls behind a comparison's difference."""

    right, scope = PairsPage.right, PairsPage.scope
    columns, sort = (
        (
            Column("at", "When, by our clock: as it was answered, or tried", Kind.INSTANT, sorts=False),
            Column("called", "The number that was called", sorts=False),
            *PairsPage.columns,
        ),
        "-amount_micros",
    )

    def rows(self) -> Any:
        class_ = self.request.GET.get("class", "")
        run = current_run("/".join(self.kwargs[name] for name in ("partner", "leg", "period")))
        return pair_rows(run, class_, has_money=self.may(Right.READ_MARGIN))


listing.add(
    router,
    Listing(
        "/reconciliations",
        "reconciliations",
        "Reconciliation",
        Comparisons,
        "Every partner's leg and period that was compared.",
        "The current comparison of each; its scope is partner/leg/period, which is the rest of its address.",
        extra=(
            fields.Field("ours_60th_nanos", f"{_MONEY}ours_60th_nanos", Shape.WIDE, f"What we expect, {_60TH}."),
            fields.Field("theirs_60th_nanos", f"{_MONEY}theirs_60th_nanos", Shape.WIDE, f"What they bill, {_60TH}."),
            fields.Field("difference_60th_nanos", f"{_MONEY}difference_60th_nanos", Shape.WIDE, f"Theirs less ours, {_60TH}."),
            fields.Field(
                "unexplained_micros",
                "unexplained_micros",
                Shape.EXACT,
                "What is left without a cause: micro-units (10^-6) of the currency, half up, as a string of digits.",
            ),
        ),
        shapes={"is_unexplained_zero": Shape.FLAG},
    ),
)
listing.add(
    router,
    Listing(
        "/reconciliations/{partner}/{leg}/{period}/pairs",
        "pairs",
        "Pair",
        Pairs,
        "The calls behind a difference, a row for each cause.",
        "The heaviest first. A call that only one side has is a row with one id. Amounts are null without the right to see margins.",
        extra=(
            fields.Field("call", "call", Shape.TEXT, "Our record's id, else theirs."),
            fields.Field("our_call", "our_call", Shape.TEXT, "Our record's id; null where only they have it."),
            fields.Field("their_call", "their_call", Shape.TEXT, "Their record's id; null where only we have it."),
            fields.Field("leg", "leg", Shape.TEXT, "IN or OUT."),
        ),
        parameters={"partner": "The partner.", "leg": "IN or OUT.", "period": "The period, as 2026-11."},
        query={"class": (Word, f"Only pairs of this class: {', '.join(CLASSES)}.")},
    ),
)


class CauseDetail(Schema):
    """A part of a cause that has a reason of its own."""

    detail: str = Field(description="The reason in words.")
    calls: int = Field(description="Calls that have it.")
    exact_60th_nanos: Wide = Field(description="Theirs less ours in 1/60 of 10^-9 of the currency.")


class Cause(Schema):
    """One cause of a difference."""

    cause: str
    label: str
    meaning: str
    calls: int
    exact_60th_nanos: Wide = Field(description="Theirs less ours in 1/60 of 10^-9 of the currency.")
    clause: str
    details: list[CauseDetail] = Field(description="The parts of it that have a reason of their own; empty where none has.")


class ReconciliationDetail(Schema):
    """One comparison as a waterfall: our charge and the causes add up to theirs, exactly."""

    scope: str
    run_key: str
    result_digest: str
    finished_at: Instant
    sentence: str
    agreement_digest: str
    currency: str
    ours_60th_nanos: Wide
    theirs_60th_nanos: Wide
    is_unexplained_zero: bool
    causes: list[Cause]
    totals: dict[str, Any]
    budget: dict[str, Any]
    matching: dict[str, Any]
    destinations: list[dict[str, Any]]
    days: list[dict[str, Any]]
    trunks: list[dict[str, Any]]


@reads(
    router,
    "/reconciliations/{partner}/{leg}/{period}",
    right=Right.READ_DISPUTES,
    scope=Scope.OPERATOR,
    gives=ReconciliationDetail,
    summary="The difference with a partner, by cause, destination, day and trunk.",
)
def reconciliation(request: HttpRequest, partner: str, leg: str, period: str) -> Schema:
    """Everything is in the run's own summary; the calls behind it are the list of pairs."""
    found = current_run(f"{partner}/{leg}/{period}")
    summary = found.summary
    spent = summary["money"]
    return ReconciliationDetail(
        scope=found.scope,
        run_key=found.run_key,
        result_digest=found.result_digest,
        finished_at=instant(found.finished_at) or "",
        sentence=summary["sentence"],
        agreement_digest=summary["agreement"]["digest"],
        currency=spent["currency"],
        ours_60th_nanos=spent["ours_60th_nanos"],
        theirs_60th_nanos=spent["theirs_60th_nanos"],
        is_unexplained_zero=spent["unexplained_zero"],
        causes=[_cause(row) for row in spent["causes"]],
        totals=summary["totals"],
        budget=summary["budget"],
        matching=summary["matching"],
        destinations=summary["destinations"],
        days=summary["days"],
        trunks=summary["trunks"],
    )


def _cause(row: dict[str, Any]) -> Cause:
    details = [CauseDetail(**{name: each[name] for name in CauseDetail.model_fields}) for each in row["details"]]
    return Cause(details=details, **{name: row[name] for name in Cause.model_fields if name != "details"})
