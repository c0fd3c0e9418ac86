"""Call search: by number, Call-ID, ICID, partner and time, over as many of the newest days as one page may read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.urls import reverse

from tollbook.core.cdr import LEGS, SIDES
from tollbook.core.rights import Right
from tollbook.store.models import Segment
from tollbook.web import segments
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, SegmentRows, Table, choices

# A page reads this many records at most: a few million rows of two or three columns take a fraction of a second.
MOST_RECORDS: Final = 2_000_000
LONGEST_TEXT: Final = 200
_RELATION: Final = """
SELECT lower(hex(cdr_id)) AS call, CAST(leg AS VARCHAR) AS leg, leg_no, CAST(side AS VARCHAR) AS side, CAST(source AS VARCHAR) AS source,
       CAST(partner AS VARCHAR) AS partner, CAST(trunk AS VARCHAR) AS trunk, epoch_ms(coalesce(answer_at, setup_at, release_at)) AS at,
       coalesce(a_e164, a_raw) AS a, coalesce(b_e164, b_raw) AS b, duration_ms, sip_code, call_id
FROM {files} WHERE {conditions}
"""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. Days are UTC; an empty text looks for everything."""

    number: str = ""
    call_id: str = ""
    icid: str = ""
    partner: str = ""
    first: date | None = None
    last: date | None = None

    def conditions(self) -> tuple[str, list[Any]]:
        """SQL over bound values."""
        parts, values = ["true"], []
        if self.number:
            parts.append("(suffix(b_e164, ?) OR suffix(a_e164, ?) OR suffix(b_raw, ?) OR suffix(a_raw, ?))")
            values += [self.number] * 4
        for column, text in (("call_id", self.call_id), ("icid", self.icid), ("partner", self.partner)):
            if text:
                parts.append(f"{column} = ?")
                values.append(text)
        return " AND ".join(parts), values


def read_search(given: QueryDict) -> tuple[Search, list[str]]:
    """The search of an address and what is wrong with it, in sentences."""
    wrong = []
    texts = {
        name: given.get(name, "").strip()[:LONGEST_TEXT].replace("\0", "")
        for name in ("number", "call-id", "icid", "partner", "from", "to")
    }
    digits = re.sub(r"[ ()./+-]", "", texts["number"])
    if texts["number"] and not re.fullmatch(r"[0-9*#]{3,20}", digits):
        wrong.append("A number has 3 to 20 digits; it is found by its end, so the country code may be left out.")
        digits = ""
    days: dict[str, date | None] = {}
    for name in ("from", "to"):
        try:
            days[name] = date.fromisoformat(texts[name]) if texts[name] else None
        except ValueError:
            days[name] = None
            wrong.append(f"“{texts[name]}” is no day; write it as 2026-11-22.")
    return Search(digits, texts["call-id"], texts["icid"], texts["partner"], days["from"], days["to"]), wrong


@dataclass(frozen=True, slots=True)
class Reach:
    """The days one page reads, newest first, and the newest day left for the next."""

    first: date | None
    last: date | None
    records: int
    left: date | None


def reach(search: Search) -> tuple[Any, Reach]:
    """Segments of the newest days in the range, up to MOST_RECORDS records; one day is always read."""
    rows = Segment.objects.filter(kind="cdr", day__isnull=False)
    if search.first:
        rows = rows.filter(day__gte=search.first)
    if search.last:
        rows = rows.filter(day__lte=search.last)
    counted: dict[date, int] = {}
    for day, number in rows.values_list("day", "rows").order_by("-day"):
        assert day is not None
        counted[day] = counted.get(day, 0) + number
    chosen: list[date] = []
    total, left = 0, None
    for day, number in counted.items():
        if chosen and total + number > MOST_RECORDS:
            left = day
            break
        chosen.append(day)
        total += number
    if not chosen:
        return rows.none(), Reach(None, None, 0, None)
    return rows.filter(day__gte=chosen[-1], day__lte=chosen[0]), Reach(chosen[-1], chosen[0], total, left)


def found_rows(search: Search, found: Any) -> SegmentRows:
    """The records that a search finds in the segments within its reach."""
    conditions, values = search.conditions()
    query = _RELATION.format(files=segments.files(found), conditions=conditions)
    return SegmentRows(segments.connection(), query, values, fields=("call", "leg", "leg_no"))


def call_address(row: Any) -> str:
    """The call page, with the day, so that it is found at once."""
    return f"{reverse('call', args=[row['call']])}?leg={row['leg']}"


class Calls(Page):
    """The search and what it found."""

    right, scope = Right.READ_CALLS, Scope.OPERATOR
    template, title = "web/calls.html", "Calls"
    columns = (
        Column("at", "When (UTC)", Kind.INSTANT, link=call_address),
        Column("side", "Side", Kind.WORD, filter="choice", options=choices(*SIDES)),
        Column("leg", "Leg", Kind.BADGE, filter="choice", options=choices(*LEGS)),
        Column("partner", "Partner"),
        Column("trunk", "Trunk", is_optional=True),
        Column("a", "From", Kind.CODE),
        Column("b", "To", Kind.CODE),
        Column("duration_ms", "Minutes", Kind.MINUTES),
        Column("sip_code", "SIP", Kind.COUNT, is_optional=True),
        Column("source", "Source", is_optional=True),
        Column("call_id", "Call-ID", Kind.CODE, is_optional=True),
    )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        search, wrong = read_search(request.GET)
        found, range_ = reach(search)
        table = None
        if range_.records:
            table = Table(request, found_rows(search, found), self.columns, sort="-at", label="Calls")
            if (export := table.export()) is not None:
                return export
        status = 422 if wrong else 200
        given = {name.replace("-", "_"): request.GET.get(name, "") for name in ("number", "call-id", "icid", "partner", "from", "to")}
        return self.show(status=status, table=table, reach=range_, given=given, wrong=wrong, earlier=self._earlier(range_))

    def _earlier(self, range_: Reach) -> str:
        if range_.left is None:
            return ""
        given = {name: self.request.GET[name] for name in ("number", "call-id", "icid", "partner", "from") if self.request.GET.get(name)}
        return f"{self.request.path}?{urlencode({**given, 'to': range_.left.isoformat()})}"


def days_near(day: str) -> tuple[date, date]:
    """The UTC days around a source's local day; every day where its text is none."""
    try:
        centre = date.fromisoformat(day)
    except ValueError:
        return date(1970, 1, 1), datetime.max.replace(tzinfo=UTC).date()
    return centre - timedelta(days=2), centre + timedelta(days=2)
