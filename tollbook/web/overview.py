"""The overview: traffic, revenue, cost and margin by day, what they come from, and what is at risk. From running totals alone."""

from __future__ import annotations

from typing import Any

from django.db.models import Max, Sum

from tollbook.core.rights import Right
from tollbook.store.manifest import COLLECTION_ORIGIN
from tollbook.store.models import UsageTotal
from tollbook.web import book, chart, figures
from tollbook.web.page import Page, Scope
from tollbook.web.words import money

DAYS = 31


class Overview(Page):
    """One currency at a time: amounts are never added across currencies."""

    right, scope = Right.READ_MARGIN, Scope.OPERATOR
    template, title = "web/overview.html", "Overview"

    def context(self) -> dict[str, Any]:
        rated = UsageTotal.objects.exclude(origin=COLLECTION_ORIGIN).exclude(currency="")
        currencies = list(rated.order_by("currency").values_list("currency", flat=True).distinct())
        wanted = self.request.GET.get("currency", "")
        own = book.current().currency
        currency = next((each for each in (wanted, own, *currencies) if each in currencies), "")
        days = self._days(rated.filter(currency=currency)) if currency else []
        sees_disputes = self.may(Right.READ_DISPUTES)
        return {
            "currencies": currencies,
            "currency": currency,
            "days": days,
            "total": {name: sum(day[name] for day in days) for name in ("revenue", "cost", "margin", "records", "duration_ms")},
            "picture": _picture(days, currency) if days else "",
            "partners": self._partners(rated.filter(currency=currency), days) if days else [],
            "exception_sums": figures.by_currency(figures.open_exceptions(), "amount_micros") if sees_disputes else [],
            "dispute_sums": figures.by_currency(figures.open_disputes(), "disputed_micros") if sees_disputes else [],
            "has_traffic": bool(days) or UsageTotal.objects.exists(),
        }

    def _days(self, rated: Any) -> list[dict[str, Any]]:
        """The last month of days that have figures."""
        last = rated.aggregate(last=Max("day"))["last"]
        if last is None:
            return []
        rows = (
            rated.values("day", "leg")
            .annotate(amount=Sum("amount_micros"), number=Sum("records"), ms=Sum("duration_ms"))
            .order_by("-day", "leg")
        )
        days: dict[Any, dict[str, Any]] = {}
        for row in rows[: DAYS * 2]:
            day = days.setdefault(row["day"], {"day": row["day"], "revenue": 0, "cost": 0, "records": 0, "duration_ms": 0})
            day["revenue" if row["leg"] == "IN" else "cost"] += row["amount"] or 0
            day["records"] += row["number"] or 0
            day["duration_ms"] += (row["ms"] or 0) if row["leg"] == "IN" else 0
        for day in days.values():
            day["margin"] = day["revenue"] - day["cost"]
        return sorted(days.values(), key=lambda each: each["day"])[-DAYS:]

    def _partners(self, rated: Any, days: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows = rated.filter(day__gte=days[0]["day"]).values("partner", "leg").annotate(amount=Sum("amount_micros"), ms=Sum("duration_ms"))
        found = [{**row, "amount": row["amount"] or 0} for row in rows.order_by("partner", "leg")]
        largest = max((abs(row["amount"]) for row in found), default=1)
        return sorted(({**row, "bar": chart.share(row["amount"], largest)} for row in found), key=lambda row: -abs(row["amount"]))[:12]


def _picture(days: list[dict[str, Any]], currency: str) -> Any:
    series = [
        chart.Series(name, [day[key] for day in days], [money(day[key], currency) for day in days], style)
        for name, key, style in (("Revenue", "revenue", "s1"), ("Cost", "cost", "s3"), ("Margin", "margin", "s2"))
    ]
    return chart.days([f"{day['day']:%m-%d}" for day in days], series, f"Revenue, cost and margin by day in {currency}")
