"""Call search: by number, Call-ID, ICID, partner and time, over as many of the newest days as one page may look into."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.urls import reverse

from tollbook.core.cdr import LEGS, SIDES
from tollbook.core.rights import Right
from tollbook.store.models import Segment
from tollbook.web.call_rows import CallRows, Search
from tollbook.web.page import Page, Scope
from tollbook.web.partner_names import Named
from tollbook.web.table import Column, Kind, Table, choices

# A page looks into this many segments at most, and into one day at least: a look costs some ten microseconds.
MOST_SEGMENTS: Final = 3_000
LONGEST_TEXT: Final = 200


def read_search(given: QueryDict) -> tuple[Search, list[str]]:
    """The search of an address and what is wrong with it, in sentences."""
    wrong = []
    texts = {
        name: given.get(name, "").strip()[:LONGEST_TEXT].replace("\0", "")
        for name in ("number", "call-id", "icid", "partner", "from", "to")
    }
    digits = re.sub(r"[ ()./+-]", "", texts["number"])
    digits = digits.removeprefix("00") if texts["number"].startswith("00") and len(digits) > 5 else digits
    if texts["number"] and not re.fullmatch(r"[0-9]{3,20}", digits):
        wrong.append("A number has 3 to 20 digits. Its beginning with the country code is enough, or its end.")
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
    """Segments of the newest days in the range, up to MOST_SEGMENTS; one day is always read."""
    rows = Segment.objects.filter(kind="cdr", day__isnull=False)
    if search.first:
        rows = rows.filter(day__gte=search.first)
    if search.last:
        rows = rows.filter(day__lte=search.last)
    chosen: list[date] = []
    total, files, left = 0, 0, None
    for day, records, number in (
        rows.values("day").annotate(records=Sum("rows"), number=Count("pk")).order_by("-day").values_list("day", "records", "number")
    ):
        assert day is not None
        if chosen and files + number > MOST_SEGMENTS:
            left = day
            break
        chosen.append(day)
        total, files = total + records, files + number
    if not chosen:
        return rows.none(), Reach(None, None, 0, None)
    return rows.filter(day__gte=chosen[-1], day__lte=chosen[0]), Reach(chosen[-1], chosen[0], total, left)


def found_rows(search: Search, found: Any) -> CallRows:
    """The records that a search finds in the segments within its reach."""
    return CallRows(search, found)


def call_address(row: Any) -> str:
    """The call page, with the day, so that it is found at once."""
    return f"{reverse('call', args=[row['call']])}?leg={row['leg']}"


class Calls(Page):
    """The search and what it found."""

    right, scope = Right.READ_CALLS, Scope.OPERATOR
    template, title = "web/calls.html", "Calls"
    # Sorted by time alone: any other order would have to read every record.
    columns = (
        Column("at", "When (UTC)", Kind.INSTANT, link=call_address),
        Column("side", "Side", Kind.WORD, filter="choice", options=choices(*SIDES), sorts=False, is_optional=True),
        Column("leg", "Leg", Kind.BADGE, filter="choice", options=choices(*LEGS), sorts=False, is_optional=True),
        Column("partner", "Partner", sorts=False, is_roomy=True),
        Column("trunk", "Trunk", Kind.LABEL, is_optional=True, sorts=False),
        Column("a", "From", Kind.CODE, sorts=False),
        Column("b", "To", Kind.CODE, sorts=False),
        Column("duration_ms", "Minutes", Kind.MINUTES, sorts=False, is_roomy=True),
        Column("sip_code", "SIP", Kind.COUNT, is_optional=True, sorts=False),
        Column("source", "Source", Kind.LABEL, is_optional=True, sorts=False),
        Column("call_id", "Call-ID", Kind.CODE, is_optional=True, sorts=False),
    )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        search, wrong = read_search(request.GET)
        found, range_ = reach(search)
        table = None
        if range_.records:
            table = Table(request, Named(found_rows(search, found)), self.columns, sort="-at", label="Calls")
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
