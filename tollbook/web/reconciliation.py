"""The difference with a partner: the waterfall by cause, which clicks down by destination, day and trunk to the calls themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Final

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from tollbook.core.money import parse_scaled
from tollbook.core.reconciliation import CAUSES, CLASSES
from tollbook.core.reconciliation_words import CAUSE_LABELS, CAUSE_MEANINGS, CLASS_LABELS
from tollbook.core.rights import Right
from tollbook.flow.pairs import pairs_of
from tollbook.store.models import Document, ExceptionCase, Head, Run
from tollbook.web import book, chart, reference
from tollbook.web.invoice_lines import RECEIVED
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.pair_rows import PairRows, calls_behind, micros
from tollbook.web.table import Column, Kind, MemoryRows, QueryRows, Table
from tollbook.web.words import money

STAGE: Final = "reconciliation"
CAUSE_COLUMNS: Final = (
    Column("label", "Cause"),
    Column("clause", "Clause"),
    Column("calls", "Calls", Kind.COUNT),
    Column("amount", "Theirs less ours", Kind.MONEY, currency="currency"),
)
VIEWS: Final = (("destination", "Destination"), ("day", "Day"), ("trunk", "Trunk"))
_CAUSES: Final = tuple((cause, CAUSE_LABELS.get(cause, cause)) for cause in CAUSES)


def current_run(scope: str) -> Run:
    """The current reconciliation of a scope, partner/leg/period; 404 where there is none."""
    head = Head.objects.select_related("run").filter(stage=STAGE, scope=scope).first()
    if head is None:
        raise Http404
    return head.run


def pair_rows(run: Run, class_: str = "", *, has_money: bool = True) -> PairRows:
    """The calls behind a run's difference, a row for each cause; of one class of pairs where it is named."""
    return PairRows(pairs_of(book.current(), run), class_, has_money=has_money)


def _amount(name: str, label: str) -> Column:
    """A sum of a run's summary, where sums are exact decimal texts."""
    currency = "run__summary__money__currency"
    return Column(name, label, Kind.DECIMAL, field=f"run__summary__money__{name}", sorts=False, currency=currency)


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
    columns: ClassVar[tuple[Column, ...]] = (
        Column("scope", "Partner, leg, period", filter="text", link=lambda row: reverse("waterfall", args=[row["scope"]])),
        Column("finished_at", "Compared (UTC)", Kind.INSTANT, field="run__finished_at"),
        Column("run_key", "Run", Kind.DIGEST, field="run_id", sorts=False),
        Column("result_digest", "Result", Kind.DIGEST, field="run__result_digest", sorts=False, is_optional=True),
    )

    # On the page the amounts stand beside each comparison; the columns above are what programs are given.
    on_page = (
        Column("partner", "Partner", field="run__summary__agreement__name", sorts=False),
        Column("scope", "Compared", Kind.SCOPE, filter="text", link=lambda row: reverse("waterfall", args=[row["scope"]])),
        replace(_amount("ours", "Ours"), is_optional=True),
        replace(_amount("theirs", "Theirs"), is_optional=True),
        _amount("difference", "Theirs less ours"),
        replace(_amount("unexplained", "Unexplained"), is_optional=True),
        Column("finished_at", "When (UTC)", Kind.INSTANT, field="run__finished_at", is_optional=True),
    )

    def shown_columns(self) -> tuple[Column, ...]:
        return self.on_page

    def rows(self) -> QueryRows:
        return QueryRows(Head.objects.filter(stage=STAGE))


def _title(summary: dict[str, Any], scope: str) -> str:
    """A comparison as people call it: the partner's name and the period."""
    partner, _, period = [*scope.split("/"), "", ""][:3]
    return f"{summary.get('agreement', {}).get('name') or partner}, {period}"


class Waterfall(Page):
    """One comparison as a waterfall from our charge to theirs. Everything is in the run's own summary."""

    right, scope = Right.READ_DISPUTES, Scope.OPERATOR
    template = "web/waterfall.html"
    # Of the summary's own order, which is by weight, as many as stand beside the causes.
    part_rows: ClassVar[int] = 12

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Reconciliation", reverse("reconciliation"))]

    def context(self) -> dict[str, Any]:
        scope = self.kwargs["scope"]
        run = current_run(scope)
        partner, leg, period = [*scope.split("/"), "", ""][:3]
        summary = run.summary
        spent, agreement = summary["money"], summary["agreement"]
        pairs = reverse("pairs", args=[scope])
        version = reference.agreement_by_digest(agreement["digest"])
        view = self.request.GET.get("by", "")
        view = view if view in dict(VIEWS) else VIEWS[0][0]
        return {
            "title": _title(summary, scope),
            "partner": agreement["name"] or partner,
            "is_cost": leg == "OUT",
            "run": run,
            "summary": summary,
            "currency": spent["currency"],
            "causes": [{**row, "address": calls_behind(pairs, row["amount"], cause=row["cause"])} for row in spent["causes"]],
            "clauses": agreement["clauses"],
            "agreement_row": version[0] if version else None,
            "picture": _picture(spent, pairs) if spent["causes"] else "",
            "exceptions": ExceptionCase.objects.filter(run=run).order_by("-amount_micros", "id")[:20],
            "views": VIEWS,
            "view": view,
            "tables": {"parts": self._parts(summary, view, pairs), "causes": self._causes(spent)},
            "further_destinations": max(0, summary.get("destination_count", 0) - len(summary["destinations"])),
            "pairs_address": pairs,
            "invoice": self._invoice(partner, period) if leg == "OUT" else None,
        }

    def _invoice(self, partner: str, period: str) -> Document | None:
        """The supplier's invoice this comparison explains, for those who may see it."""
        rows = Document.objects.filter(kind=RECEIVED, partner_id=partner, period=period)
        return rows.order_by("-pk").first() if self.may(Right.READ_DOCUMENTS) else None

    def _causes(self, spent: dict[str, Any]) -> Table:
        """The causes for a file. On the page they stand as a reckoning, in the order in which they add up."""
        rows = [{**row, "place": place, "amount": parse_scaled(row["amount"], 6)} for place, row in enumerate(spent["causes"])]
        rows = [{**row, "currency": spent["currency"]} for row in rows]
        return Table(self.request, MemoryRows(rows, tie=("place",)), CAUSE_COLUMNS, name="c", label="Causes")

    def _parts(self, summary: dict[str, Any], view: str, pairs: str) -> Table:
        """Where the difference lies by one view, with the way down to the calls of each part."""

        def behind(row: Any) -> str:
            return calls_behind(pairs, row["difference"], **{view: row["name"]})

        columns = [
            Column("name", dict(VIEWS)[view], filter="text", link=behind),
            Column("our_calls", "Our calls", Kind.COUNT, is_optional=True),
            Column("their_calls", "Their calls", Kind.COUNT, is_optional=True),
            Column("ours", "Ours", Kind.MONEY, currency="currency", is_roomy=True),
            Column("theirs", "Theirs", Kind.MONEY, currency="currency", is_roomy=True),
            Column("difference", "Theirs less ours", Kind.MONEY, currency="currency"),
        ]
        rows = [_part(place, row, summary["money"]["currency"]) for place, row in enumerate(summary[f"{view}s"])]
        if any(row["guard"] for row in rows):
            columns.append(Column("guard", "Guard", is_optional=True))
        return Table(self.request, MemoryRows(rows, tie=("place",)), columns, name="p", label=f"By {view}", page_rows=self.part_rows)


def _part(place: int, row: dict[str, Any], currency: str) -> dict[str, Any]:
    """A part of the difference as a row of a table, whose amounts in the summary are decimal texts."""
    amounts = {name: parse_scaled(str(row.get(name, "")), 6) for name in ("ours", "theirs", "difference")}
    guard = "beyond its guard" if row.get("failed") else ""
    return {**row, **amounts, "place": place, "currency": currency, "guard": guard}


def _picture(spent: dict[str, Any], pairs: str) -> Any:
    currency = spent["currency"]
    ours, theirs = int(spent["ours_60th_nanos"]), int(spent["theirs_60th_nanos"])
    bars = [chart.Bar("Our charge", ours, money(micros(ours), currency), is_total=True)]
    for row in spent["causes"]:
        value = int(row["exact_60th_nanos"])
        if value:
            shown = ("+" if value > 0 else "") + money(micros(value), currency)
            bars.append(chart.Bar(row["label"], value, shown, calls_behind(pairs, value, cause=row["cause"])))
    bars.append(chart.Bar("Their charge", theirs, money(micros(theirs), currency), is_total=True))
    label = "From our charge to theirs, by cause"
    return chart.by_width(chart.waterfall(bars, label), chart.waterfall_narrow(bars, label))


def _call_address(row: Any) -> str:
    return f"{reverse('call', args=[row['call']])}?leg={row['leg']}"


class Pairs(Page):
    """The calls behind a cause, destination, day or trunk, the heaviest first."""

    right, scope = Right.READ_CALLS, Scope.OPERATOR
    template, title = "web/pairs.html", "Calls behind the difference"
    columns = (
        Column("call", "Call", Kind.CODE, sorts=False, link=_call_address),
        Column("cause", "Cause", Kind.WORD, sorts=False, filter="choice", options=_CAUSES),
        Column("destination", "Destination", sorts=False, filter="exact", is_optional=True),
        Column("day", "Day", Kind.DAY, sorts=False, filter="exact", is_optional=True),
        Column("trunk", "Trunk", Kind.LABEL, sorts=False, filter="exact", is_optional=True),
        Column("minutes_ms", "Minutes apart", Kind.MINUTES, sorts=False, is_optional=True),
        Column("amount_micros", "Theirs less ours", Kind.MONEY, currency="currency"),
    )

    # What a person knows a call by stands first; the columns above are what programs are given.
    shown_columns = (
        Column("at", "When (UTC)", Kind.INSTANT, has_seconds=True, sorts=False, link=_call_address),
        Column("called", "Called", Kind.CODE, sorts=False),
        Column("cause", "Cause", Kind.CLASS, sorts=False, filter="choice", options=_CAUSES),
        *columns[2:],
        Column("call", "Call", Kind.DIGEST, sorts=False, link=_call_address, is_optional=True),
    )

    def crumbs(self) -> list[tuple[str, str]]:
        scope = self.kwargs["scope"]
        return [("Reconciliation", reverse("reconciliation")), (_title(self.run.summary, scope), reverse("waterfall", args=[scope]))]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.run = run = current_run(kwargs["scope"])
        class_ = request.GET.get("class", "")
        class_ = class_ if class_ in CLASSES else ""
        rows = pair_rows(run, class_, has_money=self.may(Right.READ_MARGIN))
        # What a difference is worth is a price: the calls stay, the amounts go, for who may not see any.
        columns = tuple(each for each in self.shown_columns if self.may(Right.READ_MARGIN) or each.kind is not Kind.MONEY)
        table = Table(request, rows, columns, sort="-amount_micros", label="Calls")
        cause = table.filters.get("cause", "")
        return table.export() or self.show(
            table=table, run=run, about=CLASS_LABELS.get(class_, "") or CAUSE_LABELS.get(cause, ""), meaning=CAUSE_MEANINGS.get(cause, "")
        )
