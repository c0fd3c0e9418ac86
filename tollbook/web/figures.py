"""Figures several pages show: what waits, what is at risk, how sources are. Few queries, all over rows that are already sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, Max, Q, Sum

from tollbook.core.dispute import OPEN_STATES
from tollbook.core.exception import SUPERSEDED
from tollbook.store.models import Batch, Dispute, Document, ExceptionCase
from tollbook.web import words

MS_PER_HOUR: Final = 3_600_000
MS_PER_DAY: Final = 24 * MS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Amount:
    """A count and an amount of one currency."""

    currency: str
    number: int
    amount_micros: int


def by_currency(rows: Any, amount: str) -> list[Amount]:
    """Amounts are never added across currencies; the largest first."""
    found = rows.values("currency").annotate(number=Count("pk"), total=Sum(amount)).order_by("currency")
    sums = [Amount(row["currency"], row["number"], row["total"] or 0) for row in found]
    return sorted(sums, key=lambda each: -abs(each.amount_micros))


def found_exceptions() -> Any:
    """Every difference that was found above its budget, decided or not. What a later run of its period replaced is not found twice."""
    return ExceptionCase.objects.exclude(state=SUPERSEDED)


def open_exceptions(rows: Any = None) -> Any:
    return (ExceptionCase.objects.all() if rows is None else rows).filter(state="OPEN")


def open_disputes(rows: Any = None) -> Any:
    return (Dispute.objects.all() if rows is None else rows).filter(state__in=OPEN_STATES)


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How one source is, in figures and in a sentence."""

    source: str
    files: int
    read: int
    accepted: int
    duplicates: int
    problems: int
    last_at: int
    state: str  # HEALTHY, WARNING, QUIET
    sentence: str


def sources(now_ms: int, source: str | None = None) -> list[SourceHealth]:
    """Every source, the one that needs a look first."""
    rows = Batch.objects.all() if source is None else Batch.objects.filter(source=source)
    found = (
        rows.values("source")
        .annotate(
            files=Count("file", distinct=True),
            total_read=Sum("read"),
            total_accepted=Sum("accepted"),
            total_duplicates=Sum("duplicates"),
            total_problems=Sum("problems"),
            last_at=Max("published_at"),
            unfinished=Count("file", distinct=True, filter=Q(is_last=False)),
        )
        .order_by("source")
    )
    healths = [_health(dict(row), now_ms) for row in found]
    order = {"WARNING": 0, "QUIET": 1, "HEALTHY": 2}
    return sorted(healths, key=lambda each: (order[each.state], each.source))


def _health(row: dict[str, Any], now_ms: int) -> SourceHealth:
    problems, read = row["total_problems"] or 0, row["total_read"] or 0
    since = words.ago(row["last_at"], now_ms)
    share = words.percent(problems, read)
    if problems * 100 > read:
        state, sentence = (
            "WARNING",
            f"{share} of its records could not be read; look at the problems and mend the profile or ask the sender.",
        )
    elif now_ms - row["last_at"] > 2 * MS_PER_DAY:
        state, sentence = "QUIET", f"No file for {since}. That is healthy where files come seldom; else ask who sends them."
    elif problems:
        state, sentence = "HEALTHY", f"Last file {since} ago; {problems:,} of {read:,} records are problems ({share})."
    else:
        state, sentence = "HEALTHY", f"Last file {since} ago; every record was read."
    return SourceHealth(
        row["source"],
        row["files"],
        read,
        row["total_accepted"] or 0,
        row["total_duplicates"] or 0,
        problems,
        row["last_at"],
        state,
        sentence,
    )


def documents_due(today: Any, rows: Any = None) -> Any:
    """Documents that are due within a week or overdue. Payments against them are the ledger's."""
    return (
        (Document.objects.all() if rows is None else rows)
        .filter(kind__in=("INVOICE", "RECEIVED_INVOICE"), due_on__isnull=False)
        .order_by("due_on")
    )
