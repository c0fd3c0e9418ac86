"""Traffic: key figures by trunk, destination, hour and cause, and the way down to the calls. From the kpi cube alone."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from tollbook.core import kpi
from tollbook.core.money import HALF_UP, divide_rounded
from tollbook.core.rights import Right
from tollbook.store.models import Segment
from tollbook.web import cube, words
from tollbook.web.cube import DIMENSIONS, Line, Money, Selection
from tollbook.web.management import Management, management
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, MemoryRows, Table
from tollbook.web.traffic_heat import HeatMap

VIEWS: Final = ("trunk", "destination", "partner", "country", "hour", "day", "cause", "source")
_OF_MIXED_ENDINGS: Final = ("answers", "asr", "ner", "sdr", "marks")
_MARKS: Final = {"ner": "NER", "sdr": "short\u00a0calls", "fas_index": "false-answer index"}


@dataclass(frozen=True, slots=True)
class Alarm:
    """A figure out of the ordinary: what it is and which bound it passed; and the bound alone, for where the figure stands."""

    words: str
    passed: str
    is_red: bool


def columns_of(name: str, *, has_money: bool, has_part: bool = False) -> tuple[Column, ...]:
    """The columns of a table of key figures: whose they are, the figures, and money where the viewer may see it. `has_part` adds which
    part of all seizures a line is."""
    return (
        Column("name", name, filter="text", link=lambda row: row["address"]),
        Column("seizures", "Seizures", Kind.COUNT),
        *((Column("part", "Of all seizures", Kind.SHARE),) if has_part else ()),
        Column("answers", "Answers", Kind.COUNT, is_optional=True),
        Column("asr", "ASR", Kind.SHARE),
        Column("ner", "NER", Kind.SHARE, is_roomy=True),
        Column("acd_ms", "ACD", Kind.LENGTH, is_roomy=True),
        Column("conversation_ms", "Minutes", Kind.MINUTES, is_roomy=True),
        Column("pdd", "PDD, half within", Kind.LENGTH, is_optional=True),
        Column("sdr", "Up to 6 s", Kind.SHARE, is_optional=True),
        Column("marks", "Marked", is_optional=True),
        *(_MONEY if has_money else ()),
    )


_MONEY: Final = (
    Column("revenue", "Revenue", Kind.MONEY, currency="currency", is_optional=True),
    Column("cost", "Cost", Kind.MONEY, currency="currency", is_optional=True),
    Column("margin", "Margin", Kind.MONEY, currency="currency"),
    Column("margin_share", "Margin %", Kind.SHARE, is_optional=True),
)


class Traffic(Page):
    """Who may see the book sees traffic; revenue, cost and margin only who may see those."""

    right, scope = Right.READ_BOOK, Scope.OPERATOR
    template, title = "web/traffic.html", "Traffic"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        newest = cube.newest_day()
        if newest is None:
            has_records = Segment.objects.filter(kind="cdr", side="OURS").exists()
            return self.show(is_empty=True, has_records=has_records)
        selection, wrong = cube.read_selection(request.GET, newest)
        view = self._choice("by", VIEWS, VIEWS[0])
        converter = management(selection.first) if self.may(Right.READ_MARGIN) else None
        found = cube.lines(selection, view)
        table = self._table(selection, view, found, converter)
        heat = HeatMap(self.request, selection, self._calls).context()
        if (file := table.export() or self.file(heat)) is not None:
            return file
        total = cube.lines(selection)
        # The whole is converted beside its lines, not on top of them: what has no rate is left out of it once.
        whole = converter.anew() if converter else None
        return self.show(
            422 if wrong else 200,
            selection=selection,
            wrong=wrong,
            table=table,
            is_cut=len(found) == cube.MOST_LINES,
            total=total[0] if total else None,
            total_money=whole_money(selection, whole) if whole else None,
            currency=whole.currency if whole else "",
            converter=whole,
            unpriced=sum(line.unpriced for line in total),
            legs=[(leg, words_, self._address(leg=leg)) for leg, words_ in (("OUT", "To suppliers"), ("IN", "From customers"))],
            views=[(name, DIMENSIONS[name], self._address(by=name)) for name in VIEWS],
            view=view,
            narrowed=[(about, value, self._address(**{name: None})) for name, about, value in cube.narrowed_words(selection)],
            kept=[(key, value) for key, value in request.GET.items() if key not in ("from", "to", "leg") and not key.startswith("t-")],
            **heat,
        )

    def _choice(self, name: str, options: Any, default: str) -> str:
        text = self.request.GET.get(name, "")
        return text if text in options else default

    def _address(self, **changes: str | None) -> str:
        """This page with changed parameters; None takes one away. The table starts at its first page."""
        given = self.request.GET.copy()
        for key in [key for key in given if key.startswith("t-") and key != "t-sort"]:
            del given[key]
        for key, value in changes.items():
            given.pop(key, None)
            if value is not None:
                given[key] = value
        return f"{self.request.path}?{given.urlencode()}"

    def _table(self, selection: Selection, view: str, found: list[Line], converter: Management | None) -> Table:
        rows = self.rows_of(selection, view, found, converter)
        columns = columns_of(DIMENSIONS[view], has_money=converter is not None, has_part=view == "cause")
        if view == "cause":
            # Attempts of one ending have no answer ratio worth the name: each is answered, or none is.
            columns = tuple(each for each in columns if each.name not in _OF_MIXED_ENDINGS)
            whole = sum(line.sums.seizures for line in found)
            rows = [{**row, "part": kpi.ratio(row["seizures"], whole)} for row in rows]
        sort = "name" if view in ("hour", "day") else "-seizures"
        return Table(self.request, MemoryRows(rows, tie=("key",)), columns, sort=sort, label=f"Traffic by {DIMENSIONS[view]}", name="t")

    def rows_of(self, selection: Selection, view: str, found: list[Line], converter: Management | None) -> list[dict[str, Any]]:
        """The lines as rows of a table, with money where there is somebody to see it."""
        earned = cube.money(selection, view, converter) if converter else {}
        said = cube.naming(view)
        return [{"name": said(view, line.key[0]), **self._row(selection, view, line, earned.get(line.key[0]), converter)} for line in found]

    def _row(self, selection: Selection, view: str, line: Line, earned: Money | None, converter: Management | None) -> dict[str, Any]:
        key = line.key[0]
        row: dict[str, Any] = {"key": key, "address": self._down(selection, view, key), **figures_of(line)}
        if converter:
            money = earned or Money()
            row |= {"revenue": money.revenue, "cost": money.cost, "margin": money.margin, "margin_share": money.share}
            row["currency"] = converter.currency
        return row

    def _down(self, selection: Selection, view: str, key: str) -> str:
        """From a trunk to its destinations, from anything else to the calls; where there is nothing to narrow by, to the calls as well."""
        if view == "trunk" and key:
            return f"{reverse('traffic')}?{selection.query(trunk=key)}&by=destination"
        return self._calls(selection, **{view: key})

    def _calls(self, selection: Selection, **more: str) -> str:
        if not self.may(Right.READ_CALLS):
            return ""
        return f"{reverse('traffic-calls')}?{selection.query(**{name: value for name, value in more.items() if value})}"


def figures_of(line: Line) -> dict[str, Any]:
    """The key figures of a line without money, by the names of their columns."""
    sums = line.sums
    return {
        "seizures": sums.seizures,
        "answers": sums.answers,
        "asr": sums.asr,
        "ner": sums.ner,
        "acd_ms": sums.acd_ms,
        "conversation_ms": sums.conversation_ms,
        "pdd": line.pdd_median_ms,
        "sdr": sums.sdr,
        "marks": marks(sums),
    }


def whole_money(selection: Selection, converter: Management) -> Money:
    """Revenue and cost of all of a selection."""
    whole = Money()
    for line in cube.money(selection, "leg", converter).values():
        whole.add("revenue", line.revenue)
        whole.add("cost", line.cost)
    return whole


def marks(sums: kpi.Sums) -> str:
    """What is out of the ordinary, in words beside the figures themselves; empty where nothing is."""
    return ", ".join(each.passed for each in alarms(sums))


def alarms(sums: kpi.Sums) -> list[Alarm]:
    """The figures out of the ordinary, each with its value and the bound it passed; the red ones first."""
    found = []
    for name, word in _MARKS.items():
        if not (mark := kpi.alarm(name, sums)):
            continue
        side, bound = kpi.alarm_bound(name, mark)
        value = getattr(sums, name)
        if name == "fas_index":
            now, edge = _hundredths(value), _hundredths(bound)
        else:
            now, edge = f"{words.share(value)}\u00a0%", f"{words.share(bound).removesuffix('.0')}\u00a0%"
        found.append(Alarm(f"{word} {now}, {side} {edge}", f"{word} {side} {edge}", is_red=mark == "red"))
    return sorted(found, key=lambda each: not each.is_red)


def _hundredths(value: Fraction) -> str:
    """An index, which may be above one: 3/2 is 1.50."""
    hundredths = divide_rounded(100 * value.numerator, value.denominator, HALF_UP)
    return f"{hundredths // 100}.{hundredths % 100:02d}"
