"""Traffic: the key figures of the page by any of its dimensions, and the records behind a figure."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final, Literal

from django.db.models import Min
from ninja import Router

from tollbook.api import fields, listing
from tollbook.api.fields import Shape
from tollbook.api.listing import Listing
from tollbook.api.models import Word
from tollbook.api.operation import page_for
from tollbook.api.problem import ApiError
from tollbook.core.money import HALF_UP, divide_rounded
from tollbook.core.rights import Right
from tollbook.web import cube, segments, traffic_calls
from tollbook.web.cube import DIMENSIONS, MOST_DAYS, MOST_LINES, ONE_DAY, Selection
from tollbook.web.listing import ListPage
from tollbook.web.management import management
from tollbook.web.page import Page
from tollbook.web.table import MemoryRows, SegmentRows
from tollbook.web.traffic import VIEWS, columns_of
from tollbook.web.traffic import Traffic as TrafficPage

router = Router(tags=["traffic"])
SHARES: Final = ("asr", "ner", "sdr", "margin_share")
SELECTED: Final[dict[str, tuple[Any, str]]] = {
    "leg": (Literal[cube.LEGS], "OUT, what we sent to suppliers (as where it is left out), or IN, what customers sent to us."),
    "from": (dt.date, "First UTC day, as 2026-11-01."),
    "to": (dt.date, "Last UTC day; the newest that has figures where it is left out."),
    "trunk": (Word, "Only this trunk."),
    "destination": (Word, "Only this destination, as the decks name it."),
    "partner": (Word, "Only this partner."),
    "country": (Word, "Only this calling code, as 63."),
    "source": (Word, "Only records of this source."),
    "hour": (Word, "Only this hour of the day (UTC), 0 to 23."),
}
CAUSE: Final[dict[str, tuple[Any, str]]] = {"cause": (Literal[tuple(cube.CAUSE_WORDS)], "Only attempts that ended so.")}
FIGURE_NAMES: Final = {"asr": "asr_ppm", "ner": "ner_ppm", "sdr": "sdr_ppm", "pdd": "pdd_median_ms"}
FIGURES_ABOUT: Final = {
    "seizures": "Attempts that took a circuit or sent an INVITE.",
    "answers": "How many of them were answered.",
    "asr_ppm": "Answer-seizure ratio (ITU-T E.425)",
    "ner_ppm": "Network effectiveness ratio (ITU-T E.425): delivered to the far end, whoever answered",
    "acd_ms": "Average conversation of an answered call",
    "conversation_ms": "All conversation together",
    "pdd_median_ms": "Half of the calls that rang did so within this long",
    "sdr_ppm": "Share of the answered calls that lasted six seconds at most",
    "marks": "What is out of the ordinary, with the bound that it passed; empty where nothing is.",
}


def selection_of(page: Page, days: int) -> Selection | None:
    """What is asked for; None where there are no figures yet."""
    newest = cube.newest_day()
    if newest is None:
        return None
    selection, errors = cube.read_selection(page.request.GET, newest, days=days)
    if errors:
        raise ApiError(422, "API_PARAMETER", " ".join(errors))
    return selection


def whole(value: Fraction | None, scale: int) -> int | None:
    """A fraction in the unit of its field, rounded half up."""
    return None if value is None else divide_rounded(value.numerator * scale, value.denominator, HALF_UP)


class TrafficLines(ListPage):
    """The lines of the page of traffic, with money for who may see it."""

    right, scope = TrafficPage.right, TrafficPage.scope
    columns, sort = columns_of("Its name for people", has_money=True), "-seizures"

    def shown_columns(self) -> Any:
        return columns_of("", has_money=self.may(Right.READ_MARGIN))

    def rows(self) -> MemoryRows:
        selection = selection_of(self, 7)
        if selection is None:
            return MemoryRows([], tie=("key",))
        view = self.request.GET.get("by", VIEWS[0])
        converter = management(selection.first) if self.may(Right.READ_MARGIN) else None
        page = page_for(self.request, TrafficPage)
        found = page.rows_of(selection, view, cube.lines(selection, view), converter)
        return MemoryRows([plain(row) for row in found], tie=("key",))


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row with whole numbers for exact fractions, which no form of an answer has."""
    shares: dict[str, Any] = {name: whole(row[name], 1_000_000) for name in SHARES if name in row}
    lengths: dict[str, Any] = {name: whole(None if row[name] is None else Fraction(row[name]), 1) for name in ("acd_ms", "pdd")}
    return {**row, **shares, **lengths, "marks": row["marks"].replace("\u00a0", " ")}


class TrafficCalls(ListPage):
    """The records behind a figure, some days after the other."""

    right, scope = traffic_calls.TrafficCalls.right, traffic_calls.TrafficCalls.scope
    columns, sort = traffic_calls.TrafficCalls.columns, "-at"

    def windows(self, since: str) -> tuple[SegmentRows | None, str]:
        """The records of the newest days from `since` back that one answer may read, and the day the next one begins at."""
        selection = selection_of(self, 1)
        if selection is None:
            return None, ""
        # A record lies under the day of its answer, which may be the day after its seizure.
        near = replace(selection, last=dt.date.fromisoformat(since) - ONE_DAY) if since else selection
        kept, is_cut = traffic_calls.within_reach(near)
        first = kept.aggregate(first=Min("day"))["first"]
        files = segments.files(kept)
        if not files:
            return None, ""
        query, values = traffic_calls.relation(selection, files)
        rows = SegmentRows(segments.connection(), query, values, fields=("call", "leg", "leg_no"))
        return rows, (first - ONE_DAY).isoformat() if is_cut else ""


listing.add(
    router,
    Listing(
        "/traffic",
        "traffic",
        "TrafficLine",
        TrafficLines,
        "Key figures of traffic by trunk, destination, partner, calling code, hour, day, cause or source.",
        f"Sums of whole UTC days of one leg, {MOST_DAYS} days at most and the newest seven where none are named. At most the "
        f"{MOST_LINES:,} busiest lines: narrow it to see others. A figure without a base (the ACD of no answer) is null. "
        "Revenue, cost and margin are in the management currency by the rates of each day; they are null for a token without the "
        "right to see margins, and where a part has no rate.",
        extra=(fields.Field("key", "key", Shape.TEXT, "The value itself, as the parameter of its dimension takes it; empty for none."),),
        names={
            **FIGURE_NAMES,
            "revenue": "revenue_micros",
            "cost": "cost_micros",
            "margin": "margin_micros",
            "margin_share": "margin_ppm",
        },
        fields_about={
            **FIGURES_ABOUT,
            "revenue_micros": "What customers owe for it",
            "cost_micros": "What we owe suppliers for it",
            "margin_micros": "Revenue less cost",
            "margin_ppm": "Margin as a share of the revenue",
        },
        query={
            "by": (Literal[VIEWS], f"What a line is: {', '.join(DIMENSIONS[name].lower() for name in VIEWS)}. By trunk where left out."),
            **SELECTED,
            **CAUSE,
        },
    ),
)
listing.add(
    router,
    Listing(
        "/traffic/calls",
        "traffic_calls",
        "TrafficCall",
        TrafficCalls,
        "The records behind a key figure.",
        "One leg and some UTC days of seizure (the newest day where none are named), narrowed as the figures are. Repeats of a record are "
        "in the list, though they count for no figure. One page reads so many days as one answer may and is sorted within them; "
        "`next_cursor` goes on to earlier days, so follow it until it is null.",
        extra=(
            fields.Field("call", "call", Shape.TEXT, "The record's id, 32 hexadecimal digits: GET /api/v1/calls/{call}."),
            fields.Field("leg", "leg", Shape.TEXT, "OUT or IN."),
            fields.Field("leg_no", "leg_no", Shape.NUMBER, "Tells legs of one direction apart."),
        ),
        fields_about={
            "at": "When it was seized: setup, else ringing, else answer, else release.",
            "a": "Calling number in E.164, as received where it is none.",
            "b": "Called number in E.164, as received where it is none.",
            "duration_ms": "Conversation",
            "cause": "How it ended.",
            "q850": "Cause of ITU-T Q.850.",
            "sip_code": "Final SIP status.",
        },
        query=SELECTED,
    ),
)
