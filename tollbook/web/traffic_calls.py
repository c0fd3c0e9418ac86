"""The records behind a key figure: one leg, some days, and whatever it was narrowed to; the newest first."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from tollbook.core.rights import Right
from tollbook.engine.kpi import cause_of
from tollbook.store.models import Segment
from tollbook.web import cube, segments
from tollbook.web.cube import Selection
from tollbook.web.page import Page, Scope
from tollbook.web.partner_names import Named
from tollbook.web.table import Column, Kind, SegmentRows, Table
from tollbook.web.traffic_rows import TrafficRows

# A page reads this many records at most, and one day at least; what lies further back is a narrower question.
MOST_RECORDS: Final = 2_000_000
_SEIZED: Final = "coalesce(r.setup_at, r.alert_at, r.answer_at, r.release_at)"
_RELATION: Final = """
SELECT lower(hex(r.cdr_id)) AS call, CAST(r.leg AS VARCHAR) AS leg, r.leg_no, CAST(r.partner AS VARCHAR) AS partner,
       CAST(r.trunk AS VARCHAR) AS trunk, epoch_ms({seized}) AS at, coalesce(r.a_e164, r.a_raw) AS a, coalesce(r.b_e164, r.b_raw) AS b,
       r.duration_ms, {cause} AS cause, r.q850, r.sip_code, CAST(r.source AS VARCHAR) AS source
FROM {files} r{join} WHERE {conditions}
"""


class TrafficCalls(Page):
    """Records as they are sealed: repeats and phantoms are in the list, though they count for no figure."""

    right, scope = Right.READ_CALLS, Scope.OPERATOR
    template, title = "web/traffic_calls.html", "Calls behind a figure"
    columns = (
        Column(
            "at", "When (UTC)", Kind.INSTANT, has_seconds=True, link=lambda row: f"{reverse('call', args=[row['call']])}?leg={row['leg']}"
        ),
        Column("partner", "Partner", is_roomy=True),
        Column("trunk", "Trunk", Kind.LABEL, is_optional=True),
        Column("a", "From", Kind.CODE, is_roomy=True),
        Column("b", "To", Kind.CODE),
        Column("duration_ms", "Minutes", Kind.MINUTES, is_roomy=True),
        Column("cause", "How it ended", Kind.WORD, filter="choice", options=tuple(cube.CAUSE_WORDS.items())),
        Column("q850", "Q.850", Kind.COUNT, is_optional=True),
        Column("sip_code", "SIP", Kind.COUNT, is_optional=True),
        Column("source", "Source", Kind.LABEL, is_optional=True),
    )

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Traffic", reverse("traffic"))]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        newest = cube.newest_day()
        if newest is None:
            return self.show(is_empty=True)
        selection, wrong = cube.read_selection(request.GET, newest, days=1)
        rows, is_cut = within_reach(selection)
        found = TrafficRows(selection, rows, lambda: others(selection, rows))
        if not found.has_segments:
            return self.show(422 if wrong else 200, selection=selection, wrong=wrong, table=None, narrowed=_words(selection))
        table = Table(request, Named(found), self.columns, sort="-at", label="Calls")
        return table.export() or self.show(
            422 if wrong else 200, selection=selection, wrong=wrong, table=table, narrowed=_words(selection), is_cut=is_cut
        )


def _words(selection: Selection) -> list[tuple[str, str]]:
    return [(about, value) for _, about, value in cube.narrowed_words(selection)]


def within_reach(selection: Selection) -> tuple[Any, bool]:
    """The segments of the newest days, up to MOST_RECORDS. A record lies under the day of its
    answer; its seizure may be of the day before."""
    rows = Segment.objects.filter(kind="cdr", side="OURS", batch__isnull=False, day__gte=selection.first)
    counted: dict[Any, int] = {}
    for day, number in rows.filter(day__lte=selection.last + cube.ONE_DAY).values_list("day", "rows").order_by("-day"):
        counted[day] = counted.get(day, 0) + number
    chosen: list[Any] = []
    total = 0
    for day, number in counted.items():
        if chosen and total + number > MOST_RECORDS:
            return rows.filter(day__in=chosen), True
        chosen.append(day)
        total += number
    return rows.filter(day__in=chosen), False


def others(selection: Selection, rows: Any) -> SegmentRows:
    """The same records in any order, for which every one of them is read."""
    query, values = relation(selection, segments.files(rows))
    return SegmentRows(segments.connection(), query, values, fields=("call", "leg", "leg_no"))


def relation(selection: Selection, files: str) -> tuple[str, list[Any]]:
    conditions = [f"CAST({_SEIZED} AS DATE) >= ? AND CAST({_SEIZED} AS DATE) <= ? AND r.leg = ?"]
    values: list[Any] = [selection.first, selection.last, selection.leg]
    join, cause = "", cause_of("r.answer_at", "r.alert_at", "r.q850", "r.sip_code")
    for name, value in selection.narrowed:
        if name == "destination":
            join = _charges(selection)
            conditions.append("c.destination = ?" if join else "? = ''")
        elif name == "hour":
            conditions.append(f"CAST(hour({_SEIZED}) AS VARCHAR) = ?")
        elif name == "country":
            conditions.append("starts_with(r.b_e164, ?)")
        elif name == "cause":
            conditions.append(f"{cause} = ?")
        else:
            conditions.append(f"CAST(r.{name} AS VARCHAR) = ?")
        values.append(value)
    return _RELATION.format(files=files, seized=_SEIZED, cause=cause, join=join, conditions=" AND ".join(conditions)), values


def _charges(selection: Selection) -> str:
    """The join with the current charges, which name the destination of a priced call."""
    near = Segment.objects.filter(kind="charge", run__heads__isnull=False)
    rows = near.filter(day__gte=selection.first - cube.ONE_DAY, day__lte=selection.last + cube.ONE_DAY)
    files = segments.files(rows)
    return f" JOIN {files} c ON c.cdr_id = r.cdr_id AND c.leg = r.leg AND c.leg_no = r.leg_no" if files else ""
