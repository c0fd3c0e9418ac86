"""What partners owe and what is owed to them: the ledger by document, rated usage that is on no invoice yet, and how old it is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Sum

from tollbook.core.ageing import BUCKETS, aged
from tollbook.core.ledger import PAYABLE, PENDING, RECEIVABLE
from tollbook.store.manifest import COLLECTION_ORIGIN
from tollbook.store.models import Document, Posting, UsageTotal
from tollbook.web.figures import Amount


@dataclass(slots=True)
class Exposure:
    """One currency of one partner, in micro-units: unpaid invoices, usage not billed yet, and pending postings that are held back."""

    currency: str
    unpaid: int = 0
    unbilled: int = 0
    held: int = 0
    owed: int = 0
    ageing: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUCKETS, 0))
    owed_ageing: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BUCKETS, 0))

    @property
    def total(self) -> int:
        """What we stand to lose if the partner paid nothing any more."""
        return self.unpaid + self.unbilled + self.held

    @property
    def buckets(self) -> list[tuple[str, int, int]]:
        """Bucket, owed to us, owed by us."""
        return [(name, self.ageing[name], self.owed_ageing[name]) for name in BUCKETS]


def _open_items(partner: str | None) -> list[dict[str, Any]]:
    """Balance per document, account and state; a document that is settled has none."""
    rows = Posting.objects.filter(account__in=(RECEIVABLE, PAYABLE))
    rows = rows.filter(partner=partner) if partner else rows
    grouped = rows.values("document_id", "account", "state", "currency", due=F("document__due_on"))
    summed = grouped.annotate(debit=Sum("debit_micros"), credit=Sum("credit_micros")).order_by("document_id", "account", "state")
    return [dict(row) for row in summed]


def _unbilled(partner: str | None) -> list[dict[str, Any]]:
    """Rated usage of customers in periods that have no invoice."""
    rows = UsageTotal.objects.exclude(origin=COLLECTION_ORIGIN).filter(leg="IN").exclude(currency="")
    rows = rows.filter(partner=partner) if partner else rows
    invoices = Document.objects.filter(kind="INVOICE").exclude(partner=None)
    billed = {f"{who}/IN/{period}" for who, period in invoices.values_list("partner_id", "period")}
    found = rows.values("origin", "currency").annotate(amount=Sum("amount_micros")).order_by("origin", "currency")
    return [dict(row) for row in found if row["origin"] not in billed]


def of(partner: str | None, today: dt.date) -> list[Exposure]:
    """By currency, for one partner or all of them; amounts are never added across currencies."""
    found: dict[str, Exposure] = {}
    items: dict[tuple[str, str], list[tuple[dt.date | None, int]]] = {}
    for row in _open_items(partner):
        line = found.setdefault(row["currency"], Exposure(row["currency"]))
        balance = row["debit"] - row["credit"]
        if row["account"] == PAYABLE:
            line.owed -= balance
            items.setdefault((row["currency"], PAYABLE), []).append((row["due"], -balance))
        elif row["state"] == PENDING:
            line.held += balance
        else:
            line.unpaid += balance
            items.setdefault((row["currency"], RECEIVABLE), []).append((row["due"], balance))
    for row in _unbilled(partner):
        found.setdefault(row["currency"], Exposure(row["currency"])).unbilled += row["amount"] or 0
    for currency, line in found.items():
        line.ageing = aged(items.get((currency, RECEIVABLE), []), today)
        line.owed_ageing = aged(items.get((currency, PAYABLE), []), today)
    return [found[currency] for currency in sorted(found)]


def by_currency(today: dt.date | None = None) -> list[Amount]:
    """The exposure to all partners together."""
    lines = of(None, today or dt.date(1970, 1, 1))
    return [Amount(line.currency, 1, line.total) for line in lines if line.total]
