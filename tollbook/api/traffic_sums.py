"""Traffic as a whole, and by two of its dimensions at once: the figures above the page's table, and those of its heat map."""

from __future__ import annotations

from typing import Any, Final, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field, create_model

from tollbook.api import fields, listing
from tollbook.api.fields import Day, Exact, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import LeftOut, left_out
from tollbook.api.operation import page_for, reads
from tollbook.api.problem import wrong
from tollbook.api.traffic import CAUSE, FIGURE_NAMES, FIGURES_ABOUT, SELECTED, plain, selection_of, whole
from tollbook.core.kpi import Sums
from tollbook.core.rights import Right
from tollbook.web import cube
from tollbook.web.cube import DIMENSIONS, MOST_LINES, Selection
from tollbook.web.listing import ListPage
from tollbook.web.management import management
from tollbook.web.page import Page
from tollbook.web.table import Column, MemoryRows
from tollbook.web.traffic import Traffic as TrafficPage
from tollbook.web.traffic import columns_of, figures_of, whole_money
from tollbook.web.traffic_heat import HEAT_COLUMNS, HEAT_ROWS

router = Router(tags=["traffic"])
NO_LINE: Final = cube.Line((), Sums(), (), 0)


class TrafficTotals(Schema):
    """The key figures of a selection as a whole. What is about money is null for a token without the right to see margins."""

    first_day: Day | None = Field(description="First UTC day of the sums; null where there are no figures yet.")
    last_day: Day | None = Field(description="Last UTC day of the sums.")
    seizures: int = Field(description=FIGURES_ABOUT["seizures"])
    answers: int = Field(description=FIGURES_ABOUT["answers"])
    asr_ppm: int | None = Field(description=f"{FIGURES_ABOUT['asr_ppm']}: parts per million.")
    ner_ppm: int | None = Field(description=f"{FIGURES_ABOUT['ner_ppm']}: parts per million.")
    acd_ms: int | None = Field(description=f"{FIGURES_ABOUT['acd_ms']}: milliseconds.")
    conversation_ms: int = Field(description=f"{FIGURES_ABOUT['conversation_ms']}: milliseconds.")
    pdd_median_ms: int | None = Field(description=f"{FIGURES_ABOUT['pdd_median_ms']}: milliseconds.")
    sdr_ppm: int | None = Field(description=f"{FIGURES_ABOUT['sdr_ppm']}: parts per million.")
    marks: str = Field(description=FIGURES_ABOUT["marks"])
    currency: str | None = Field(description="ISO 4217 code of the management currency.")
    revenue_micros: Exact | None = Field(description="What customers owe for it; null where a part has no rate of exchange.")
    cost_micros: Exact | None = Field(description="What we owe suppliers for it; null where a part has no rate of exchange.")
    margin_micros: Exact | None = Field(description="Revenue less cost.")
    margin_ppm: int | None = Field(description="Margin as a share of the revenue: parts per million.")
    unpriced: int | None = Field(description="Answered calls of this leg without a price: the money is without them.")
    rates: str | None = Field(description="By which exchange rates, in words; empty where nothing had to be converted.")
    left_out: list[LeftOut] | None = Field(description="Amounts that no rate of exchange was known for.")


_GIVEN: Final[dict[str, Any]] = {
    f"{name}_": (kind | None, Field(None, alias=name, description=about)) for name, (kind, about) in {**SELECTED, **CAUSE}.items()
}
_Selected: Any = create_model("TrafficSelection", __base__=Schema, **_GIVEN)


@reads(
    router,
    "/traffic/totals",
    right=TrafficPage.right,
    scope=TrafficPage.scope,
    gives=TrafficTotals,
    summary="Key figures of a part of the traffic as a whole.",
)
def traffic_totals(request: HttpRequest, query: Query[_Selected]) -> Schema:
    """What GET /api/v1/traffic gives by lines, in one: the same days, leg and filters. The ratios are of the sums, and not averages of the
    lines' ratios."""
    page = page_for(request, TrafficPage)
    selection = selection_of(page, 7)
    line = next(iter(cube.lines(selection)), NO_LINE) if selection else NO_LINE
    figures = plain(figures_of(line))
    return TrafficTotals(
        first_day=selection.first.isoformat() if selection else None,
        last_day=selection.last.isoformat() if selection else None,
        **{FIGURE_NAMES.get(name, name): value for name, value in figures.items()},
        **_money(page, selection, line),
    )


def _money(page: Page, selection: Selection | None, line: cube.Line) -> dict[str, Any]:
    names = ("currency", "revenue_micros", "cost_micros", "margin_micros", "margin_ppm", "unpriced", "rates", "left_out")
    if not page.may(Right.READ_MARGIN):
        return dict.fromkeys(names)
    converter = management(selection.first if selection else None)
    earned = whole_money(selection, converter) if selection else cube.Money()
    sums = {f"{name}_micros": getattr(earned, name) for name in ("revenue", "cost", "margin")}
    return {
        "currency": converter.currency,
        **{name: None if value is None else str(value) for name, value in sums.items()},
        "margin_ppm": whole(earned.share, 1_000_000),
        "unpriced": line.unpriced,
        "rates": converter.sentence,
        "left_out": left_out(converter.left_out),
    }


class Crossings(ListPage):
    """The cells of the page's heat map, all of them, each with every figure."""

    right, scope = TrafficPage.right, TrafficPage.scope
    columns = (
        *columns_of("Its name for people", has_money=False),
        Column("across_name", "The other value's name for people", filter="text"),
    )
    sort = "-seizures"

    def rows(self) -> MemoryRows:
        by, across = self.request.GET.get("by", "destination"), self.request.GET.get("across", "hour")
        if by == across:
            raise wrong("query", "across", "It is what the lines are by already.")
        selection = selection_of(self, 7)
        found = cube.lines(selection, by, across) if selection else []
        said = cube.naming(by, across)
        rows = [{"name": said(by, line.key[0]), "across_name": said(across, line.key[1]), **self._row(line)} for line in found]
        return MemoryRows(rows, tie=("key", "across_key"))

    def _row(self, line: cube.Line) -> dict[str, Any]:
        key, across_key = line.key
        return {"key": key, "across_key": across_key, **plain(figures_of(line))}


listing.add(
    router,
    Listing(
        "/traffic/crossings",
        "traffic_crossings",
        "TrafficCrossing",
        Crossings,
        "Key figures of traffic by two dimensions at once.",
        "A line for every pair of values that has traffic, as the heat map has them: destination by hour where none is named. Days, leg "
        f"and filters are those of GET /api/v1/traffic; at most the {MOST_LINES:,} busiest lines.",
        extra=(
            fields.Field("key", "key", Shape.TEXT, "The value itself, as the parameter of its dimension takes it; empty for none."),
            fields.Field("across_key", "across_key", Shape.TEXT, "The other value itself; empty for none."),
        ),
        names=FIGURE_NAMES,
        fields_about=FIGURES_ABOUT,
        query={
            "by": (Literal[HEAT_ROWS], f"What a line is of: {', '.join(DIMENSIONS[name].lower() for name in HEAT_ROWS)}."),
            "across": (Literal[HEAT_COLUMNS], f"And of what else: {', '.join(DIMENSIONS[name].lower() for name in HEAT_COLUMNS)}."),
            **SELECTED,
            **CAUSE,
        },
    ),
)
