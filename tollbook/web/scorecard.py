"""How it goes with a partner: matching, disputes and traffic in a few figures, each from sums that are there already."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from tollbook.store.models import Dispute, Document, Head
from tollbook.web import cube
from tollbook.web.words import percent, share

MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Score:
    """One figure in words, and what it is made of."""

    words: str
    value: str
    note: str


def of(partner: str, *, sees_disputes: bool) -> list[Score]:
    """The figures of one partner; those without anything behind them are left out."""
    scores = [*_matching(partner), *_disputes(partner)] if sees_disputes else []
    return [*scores, *_traffic(partner)]


def _matching(partner: str) -> list[Score]:
    rows = Head.objects.filter(stage="reconciliation", scope__startswith=f"{partner}/").values_list("run__summary__matching", flat=True)
    found = [row for row in rows if isinstance(row, dict)]
    pairs, possible = (sum(int(row.get(name, 0)) for row in found) for name in ("pairs", "possible"))
    return [Score("Matched", percent(pairs, possible), f"{pairs:,} of {possible:,} possible pairs")] if possible else []


def _disputes(partner: str) -> list[Score]:
    """Shares of money are per currency: amounts of two are never added."""
    rows = list(Dispute.objects.filter(partner=partner).values("currency", "disputed_micros", "accepted_micros", "raised_at", "closed_at"))
    billed: dict[str, int] = {
        row["currency"]: row["total"] or 0
        for row in Document.objects.filter(partner=partner, kind="RECEIVED_INVOICE").values("currency").annotate(total=Sum("total_micros"))
    }
    scores = []
    for currency in sorted({row["currency"] for row in rows}):
        own = [row for row in rows if row["currency"] == currency]
        disputed = sum(row["disputed_micros"] for row in own)
        if billed.get(currency):
            scores.append(Score("Disputed", percent(disputed, billed[currency]), f"of what they billed in {currency}"))
        closed = [row for row in own if row["closed_at"] is not None]
        if closed:
            won = percent(sum(row["accepted_micros"] for row in closed), sum(row["disputed_micros"] for row in closed))
            scores.append(Score("Won", won, f"of {len(closed)} dispute{'s' if len(closed) != 1 else ''} closed in {currency}"))
    times = [row["closed_at"] - row["raised_at"] for row in rows if row["closed_at"] is not None and row["raised_at"] is not None]
    if times:
        scores.append(Score("Until closed", f"{sum(times) // len(times) // MS_PER_DAY} days", "on average, from raising to closing"))
    return scores


def _traffic(partner: str) -> list[Score]:
    newest = cube.newest_day()
    if newest is None:
        return []
    scores = []
    for leg, words in (("OUT", "to them"), ("IN", "from them")):
        selection = cube.Selection(newest - dt.timedelta(days=6), newest, leg, (("partner", partner),))
        for line in cube.lines(selection):
            if not line.sums.seizures:
                continue
            note = f"{line.sums.seizures:,} seizures {words} in seven days"
            scores.append(Score(f"ASR {words}", _percent(line.sums.asr), note))
            scores.append(Score(f"NER {words}", _percent(line.sums.ner), "delivered to the far end"))
    return scores


def _percent(value: Any) -> str:
    return "–" if value is None else f"{share(value)} %"
