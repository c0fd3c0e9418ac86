"""The overview: traffic, revenue, cost and margin by day, what they come from, and what is at risk. From running totals alone."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from typing import Any, Final

from django.db.models import Max, Sum
from django.urls import reverse

from tollbook.core.kpi import ratio
from tollbook.core.rights import Right
from tollbook.store.manifest import COLLECTION_ORIGIN
from tollbook.store.models import UsageTotal
from tollbook.web import chart, figures
from tollbook.web.exploration import LINE, Exploration, Row
from tollbook.web.management import Management, management
from tollbook.web.page import Page, Scope
from tollbook.web.partner_names import names_of
from tollbook.web.table import Column, Kind, MemoryRows, Table, choices
from tollbook.web.words import minutes, money

DAYS = 31
TABLE_ROWS: Final = 12
PARTNER_COLUMNS: Final = (
    Column("partner", "Partner", filter="text", link=lambda row: row["address"]),
    Column("leg", "Leg", Kind.BADGE, filter="choice", options=choices("IN", "OUT")),
    Column("ms", "Minutes", Kind.MINUTES, is_optional=True),
    Column("amount", "Amount", Kind.MONEY, currency="currency"),
    Column("part", "Of the leg", Kind.SHARE, is_optional=True),
)
DAY_COLUMNS: Final = (
    Column("day", "Day", Kind.DAY),
    Column("revenue", "Revenue", Kind.MONEY, currency="currency"),
    Column("cost", "Cost", Kind.MONEY, currency="currency"),
    Column("margin", "Margin", Kind.MONEY, currency="currency"),
    Column("duration_ms", "Minutes", Kind.MINUTES, is_optional=True),
)


class Overview(Page):
    """In the management currency by the rates of each day, or one currency as it is. What has no rate is named, and in no sum."""

    right, scope = Right.READ_MARGIN, Scope.OPERATOR
    template, title = "web/overview.html", "Overview"

    def context(self) -> dict[str, Any]:
        rated = UsageTotal.objects.exclude(origin=COLLECTION_ORIGIN).exclude(currency="")
        currencies = list(rated.order_by("currency").values_list("currency", flat=True).distinct())
        wanted = self.request.GET.get("currency", "")
        chosen = wanted if wanted in currencies else ""
        last = rated.aggregate(last=Max("day"))["last"]
        first = last - dt.timedelta(days=DAYS - 1) if last else None
        converter = management(first)
        # One currency as it is, or all of them in the management currency, every day by its own fixing.
        shown = rated.filter(day__gte=first) if first else rated.none()
        sums = _Sums(converter, shown.filter(currency=chosen) if chosen else shown, chosen)
        days = sums.days()
        sees_disputes = self.may(Right.READ_DISPUTES)
        exceptions = figures.by_currency(figures.open_exceptions(), "amount_micros") if sees_disputes else []
        disputes = figures.by_currency(figures.open_disputes(), "disputed_micros") if sees_disputes else []
        return {
            "currencies": currencies,
            "chosen": chosen,
            "currency": sums.currency,
            "own": converter.currency,
            "converter": converter,
            "days": days,
            "total": {name: sum(day[name] for day in days) for name in ("revenue", "cost", "margin", "records", "duration_ms")},
            "picture": _picture(days, sums.currency) if days else "",
            "exploration": _exploration(days, sums.currency) if days else None,
            "partners": (partners := sums.partners()),
            "tables": {"partners": self._partner_table(partners, sums.currency), "days": self._day_table(days, sums.currency)},
            "at_risk": _one_sum(exceptions, converter),
            "disputed": _one_sum(disputes, converter),
            "waiting": self._waiting(exceptions, disputes),
            "has_traffic": bool(days) or UsageTotal.objects.exists(),
        }

    def _partner_table(self, lines: list[dict[str, Any]], currency: str) -> Table:
        rows = MemoryRows(_partner_rows(lines, currency), tie=("place",))
        return Table(self.request, rows, PARTNER_COLUMNS, name="p", label="By partner", page_rows=TABLE_ROWS)

    def _day_table(self, days: list[dict[str, Any]], currency: str) -> Table:
        rows = MemoryRows([{**day, "currency": currency} for day in days], tie=("day",))
        return Table(self.request, rows, DAY_COLUMNS, sort="-day", name="d", label="By day", page_rows=TABLE_ROWS)

    def _waiting(self, exceptions: list[figures.Amount], disputes: list[figures.Amount]) -> list[tuple[str, int, str]]:
        """What somebody has to do: words, how many, where."""
        waiting = [
            ("Exceptions to decide", sum(each.number for each in exceptions), "exceptions"),
            ("Disputes open", sum(each.number for each in disputes), "disputes"),
        ]
        return [entry for entry in waiting if entry[1]]


def _one_sum(amounts: list[figures.Amount], converter: Management) -> dict[str, Any]:
    """A count and a sum in the management currency as of today."""
    total = converter.total((each.currency, each.amount_micros) for each in amounts)
    left = [each for each in amounts if converter.is_missing(each.currency)]
    return {"number": sum(each.number for each in amounts), "amount_micros": total, "left": left}


class _Sums:
    """Running totals by day and by partner, in one currency."""

    def __init__(self, converter: Management, rows: Any, chosen: str) -> None:
        self._converter, self._rows = converter, rows
        self.currency = chosen or converter.currency
        self._chosen = chosen

    def _amount(self, row: dict[str, Any]) -> dict[str, int]:
        """The amount in the currency of the page; what has no rate is left as it is, in no sum."""
        amount: int = row["amount"] or 0
        converted = amount if self._chosen else self._converter.convert(amount, row["currency"], row["day"])
        return {"amount": converted or 0, "left": amount if converted is None else 0}

    @cached_property
    def _lines(self) -> list[dict[str, Any]]:
        grouped = self._rows.values("day", "partner", "leg", "currency")
        summed = grouped.annotate(amount=Sum("amount_micros"), number=Sum("records"), ms=Sum("duration_ms"))
        found = [dict(row) for row in summed.order_by("day", "partner", "leg", "currency")]
        return [{**row, **self._amount(row)} for row in found]

    def days(self) -> list[dict[str, Any]]:
        days: dict[Any, dict[str, Any]] = {}
        for row in self._lines:
            day = days.setdefault(row["day"], {"day": row["day"], "revenue": 0, "cost": 0, "records": 0, "duration_ms": 0})
            day["revenue" if row["leg"] == "IN" else "cost"] += row["amount"]
            day["records"] += row["number"] or 0
            day["duration_ms"] += (row["ms"] or 0) if row["leg"] == "IN" else 0
        for day in days.values():
            day["margin"] = day["revenue"] - day["cost"]
        return sorted(days.values(), key=lambda each: each["day"])

    def partners(self) -> list[dict[str, Any]]:
        """A line for each partner and leg, the largest first; `left` is what has no rate of exchange, by currency."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self._lines:
            new = {"partner": row["partner"], "leg": row["leg"], "amount": 0, "ms": 0, "left": {}}
            line = found.setdefault((row["partner"], row["leg"]), new)
            if row["left"]:
                line["left"][row["currency"]] = line["left"].get(row["currency"], 0) + row["left"]
            line["amount"] += row["amount"]
            line["ms"] += row["ms"] or 0
        lines = [{**line, "left": sorted(line["left"].items())} for line in found.values()]
        return sorted(lines, key=lambda line: (-abs(line["amount"]), line["partner"], line["leg"]))


def _partner_rows(lines: list[dict[str, Any]], currency: str) -> list[dict[str, Any]]:
    """The lines as rows of a table: what has no rate stands in a row of its own currency, and is in nobody's share."""
    names = names_of(line["partner"] for line in lines)
    whole = {leg: sum(line["amount"] for line in lines if line["leg"] == leg) for leg in ("IN", "OUT")}
    rows = []
    for line in lines:
        partner = line["partner"]
        address = reverse("partner", args=[partner]) if partner in names else ""
        row = {**line, "partner": names.get(partner) or partner or "unknown", "address": address}
        if line["amount"] or not line["left"]:
            rows.append({**row, "currency": currency, "part": ratio(line["amount"], whole[line["leg"]])})
        rows += [{**row, "ms": None, "amount": amount, "currency": other, "part": None} for other, amount in line["left"]]
    return [{**row, "place": place} for place, row in enumerate(rows)]


# What is drawn of a day: its name, its field and its colour.
_DRAWN: Final = (("Revenue", "revenue", 1), ("Cost", "cost", 3), ("Margin", "margin", 2))


def _picture(days: list[dict[str, Any]], currency: str) -> Any:
    series = [
        chart.Series(name, [day[key] for day in days], [money(day[key], currency) for day in days], f"s{style}")
        for name, key, style in _DRAWN
    ]
    names, label = [f"{day['day']:%m-%d}" for day in days], f"Revenue, cost and margin by day in {currency}"

    def drawn(width: int) -> Any:
        return chart.days(names, series, label, width=width, axis=lambda value: f"{money(value, currency)} {currency}")

    return chart.by_width(drawn(chart.WIDTH), drawn(chart.NARROW_WIDTH))


def _exploration(days: list[dict[str, Any]], currency: str) -> Exploration:
    """The same days to take apart, with the minutes and the calls that the money came from, which have an axis of their own."""
    rows = [
        Row(name, [day[key] / 1_000_000 for day in days], [f"{money(day[key], currency)} {currency}" for day in days], style)
        for name, key, style in _DRAWN
    ]
    durations = [day["duration_ms"] for day in days]
    said = [f"{minutes(each)} minutes" for each in durations]
    rows.append(Row("Minutes", [each / 60_000 for each in durations], said, 4, kind=LINE, axis=1, is_shown=False))
    label = f"Revenue, cost, margin and minutes by day in {currency}"
    return Exploration("explore-days", label, "Days", [day["day"].isoformat() for day in days], rows, (currency, "Minutes"))
