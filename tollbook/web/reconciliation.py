"""The difference with a partner: the waterfall by cause, which clicks down by destination, day and trunk to the calls themselves."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from tollbook.core.money import HALF_EVEN, SIXTIETHS_PER_MICRO, divide_rounded
from tollbook.core.reconciliation import CAUSES
from tollbook.core.reconciliation_words import CAUSE_LABELS, CAUSE_MEANINGS
from tollbook.core.rights import Right
from tollbook.store.models import ExceptionCase, Head, Run, Segment
from tollbook.web import chart, segments
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, QueryRows, SegmentRows, Table
from tollbook.web.words import human, money

STAGE: Final = "reconciliation"
VIEWS: Final = (("destination", "Destination"), ("day", "Day"), ("trunk", "Trunk"))
_PAIRS: Final = """
SELECT lower(hex(coalesce(our_cdr_id, their_cdr_id))) AS call, our_cdr_id IS NULL AS is_theirs_alone, their_cdr_id IS NULL AS is_ours_alone,
       CAST(cause AS VARCHAR) AS cause, CAST(leg AS VARCHAR) AS leg, CAST(destination AS VARCHAR) AS destination,
       CAST(exact_60th_nanos // 60000 AS BIGINT) AS amount_micros, minutes_ms, CAST(currency AS VARCHAR) AS currency
FROM {files}
"""


def micros(exact_60th_nanos: int) -> int:
    """An exact sum for the eye."""
    return divide_rounded(int(exact_60th_nanos), SIXTIETHS_PER_MICRO, HALF_EVEN)


def current_run(scope: str) -> Run:
    """The current reconciliation of a scope, partner/leg/period; 404 where there is none."""
    head = Head.objects.select_related("run").filter(stage=STAGE, scope=scope).first()
    if head is None:
        raise Http404
    return head.run


def variances(run: Run) -> Any:
    return Segment.objects.filter(run=run, kind="variance")


class Reconciliations(ListPage):
    """Every partner's leg and period that was compared."""

    right, scope = Right.READ_DISPUTES, Scope.OPERATOR
    title = "Reconciliation"
    lead = "Our records and charges against the partner's, call by call. What differs is split by cause until nothing is left over."
    sort = "-finished_at"
    empty_heading = "Nothing is compared yet"
    empty_advice = "Ingest our records and the partner's of the same period, then close it: every cent of difference gets a cause."
    empty_command = "tollbook close PERIOD"
    empty_icon = "arrows-diff"
    columns = (
        Column("scope", "Partner, leg, period", filter="text", link=lambda row: reverse("waterfall", args=[row["scope"]])),
        Column("finished_at", "Compared (UTC)", Kind.INSTANT, field="run__finished_at"),
        Column("run_key", "Run", Kind.DIGEST, field="run_id", sorts=False),
        Column("result_digest", "Result", Kind.DIGEST, field="run__result_digest", sorts=False, is_optional=True),
    )

    def rows(self) -> QueryRows:
        return QueryRows(Head.objects.filter(stage=STAGE))


class Waterfall(Page):
    """One comparison as a waterfall from our charge to theirs."""

    right, scope = Right.READ_DISPUTES, Scope.OPERATOR
    template = "web/waterfall.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Reconciliation", reverse("reconciliation"))]

    def context(self) -> dict[str, Any]:
        scope = self.kwargs["scope"]
        run = current_run(scope)
        rows = causes(run)
        currency = next((row["currency"] for row in rows if row["currency"]), "")
        ours = our_total(run, scope)
        difference = sum(row["value"] for row in rows)
        partner, _, period = (scope.split("/") + ["", ""])[:3]
        pairs = reverse("pairs", args=[scope])
        return {
            "title": " ".join(human(part) if part.isupper() else part for part in scope.split("/")),
            "run": run,
            "partner": partner,
            "currency": currency,
            "causes": [
                {
                    **row,
                    "label": CAUSE_LABELS.get(row["cause"], human(row["cause"])),
                    "meaning": CAUSE_MEANINGS.get(row["cause"], ""),
                    "micros": micros(row["value"]),
                    "address": f"{pairs}?{urlencode({'t-cause': row['cause']})}",
                }
                for row in rows
            ],
            "ours": micros(ours) if ours is not None else None,
            "difference": micros(difference),
            "theirs": micros(ours + difference) if ours is not None else None,
            "unexplained": micros(sum(row["value"] for row in rows if row["cause"] == "UNEXPLAINED")),
            "picture": _picture(rows, ours, difference, currency, pairs) if rows else "",
            "exceptions": ExceptionCase.objects.filter(partner_id=partner, period=period).order_by("-amount_micros", "id")[:20],
            "destinations": self._by_destination(run, pairs, currency),
            "pairs_address": pairs,
        }

    def _by_destination(self, run: Run, pairs: str, currency: str) -> list[dict[str, Any]]:
        source = segments.files(variances(run))
        if not source:
            return []
        found = segments.dicts(
            f"""SELECT CAST(destination AS VARCHAR) AS destination, count(*) AS number, sum(exact_60th_nanos)::HUGEINT::VARCHAR AS value
                FROM {source} WHERE exact_60th_nanos <> 0 GROUP BY 1 ORDER BY abs(sum(exact_60th_nanos)) DESC, 1 LIMIT 12"""  # noqa: S608
        )
        return [
            {**row, "micros": micros(row["value"]), "address": f"{pairs}?{urlencode({'t-destination': row['destination'] or ''})}"}
            for row in found
        ]


def causes(run: Run) -> list[dict[str, Any]]:
    """The exact sums by cause, in the order of the waterfall. Sums are 128 bits wide, so they come as text."""
    source = segments.files(variances(run))
    if not source:
        return []
    found = segments.dicts(
        f"""SELECT CAST(cause AS VARCHAR) AS cause, max(CAST(currency AS VARCHAR)) AS currency, count(*) AS number,
                   sum(minutes_ms)::BIGINT AS minutes_ms, sum(exact_60th_nanos)::HUGEINT::VARCHAR AS value
            FROM {source} GROUP BY 1"""  # noqa: S608
    )
    rows = [{**row, "value": int(row["value"])} for row in found]
    return sorted(rows, key=lambda row: CAUSES.index(row["cause"]) if row["cause"] in CAUSES else len(CAUSES))


def our_total(run: Run, scope: str) -> int | None:
    """Our exact charge of the scope, from the current rating run; None where it is not rated."""
    source = segments.files(Segment.objects.filter(kind="charge", run__in=Head.objects.filter(stage="rating", scope=scope).values("run")))
    if not source:
        return None
    found = segments.dicts(
        f"SELECT coalesce(sum(exact_60th_nanos), 0)::HUGEINT::VARCHAR AS value FROM {source} WHERE status = 'RATED'"  # noqa: S608
    )
    return int(found[0]["value"])


def _picture(rows: list[dict[str, Any]], ours: int | None, difference: int, currency: str, pairs: str) -> Any:
    start = ours or 0
    bars = [chart.Bar("Our charge" if ours is not None else "Agreed", start, money(micros(start), currency), is_total=True)]
    for row in rows:
        if row["value"]:
            shown = ("+" if row["value"] > 0 else "") + money(micros(row["value"]), currency)
            bars.append(
                chart.Bar(
                    CAUSE_LABELS.get(row["cause"], row["cause"]), row["value"], shown, f"{pairs}?{urlencode({'t-cause': row['cause']})}"
                )
            )
    bars.append(chart.Bar("Their charge", start + difference, money(micros(start + difference), currency), is_total=True))
    return chart.waterfall(bars, "From our charge to theirs, by cause")


class Pairs(Page):
    """The calls behind a cause or a destination, the heaviest first."""

    right, scope = Right.READ_CALLS, Scope.OPERATOR
    template, title = "web/pairs.html", "Calls behind the difference"
    columns = (
        Column("call", "Call", Kind.CODE, link=lambda row: f"{reverse('call', args=[row['call']])}?leg={row['leg']}"),
        Column("cause", "Cause", Kind.WORD, filter="choice", options=tuple((cause, CAUSE_LABELS.get(cause, cause)) for cause in CAUSES)),
        Column("destination", "Destination", filter="exact"),
        Column("minutes_ms", "Minutes apart", Kind.MINUTES),
        Column("amount_micros", "Theirs less ours", Kind.MONEY, currency="currency"),
    )

    def crumbs(self) -> list[tuple[str, str]]:
        scope = self.kwargs["scope"]
        return [("Reconciliation", reverse("reconciliation")), (scope, reverse("waterfall", args=[scope]))]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        run = current_run(kwargs["scope"])
        query = (
            segments.relation(_PAIRS, variances(run))
            if not segments.files(variances(run))
            else _PAIRS.format(files=segments.files(variances(run)))
        )
        table = Table(
            request, SegmentRows(segments.connection(), query, fields=("call", "leg")), self.columns, sort="-amount_micros", label="Calls"
        )
        return table.export() or self.show(table=table, scope=kwargs["scope"])
