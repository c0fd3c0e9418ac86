"""What is there and what is missing for the close of a period, before anybody closes it: few queries, over sums and indexes only.

Nothing here stops a close; a close may run again whenever something more came in.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from django.db.models import Max, Min, Sum

from tollbook.core.agreement import Agreement
from tollbook.core.period import days_of
from tollbook.core.problem import Refusal
from tollbook.flow import clock, reference
from tollbook.flow.book import Book
from tollbook.formats.invoice.incoming import read_head
from tollbook.store.manifest import COLLECTION_ORIGIN
from tollbook.store.models import Batch, Deck, Document, Segment, UsageTotal

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a close wants: what it is, whether it is there, and what follows where it is not."""

    words: str
    holds: bool
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class PartnerReadiness:
    """One partner's part of the list."""

    partner: str
    name: str
    items: tuple[Item, ...]

    @property
    def is_ready(self) -> bool:
        return all(each.holds for each in self.items)


@dataclass(slots=True)
class Readiness:
    """The list of a period: what concerns the whole book, then each partner that has traffic in it."""

    period: str
    items: list[Item] = field(default_factory=list)
    partners: list[PartnerReadiness] = field(default_factory=list)
    quiet: int = 0  # partners with an agreement and without any traffic in the period

    @property
    def missing(self) -> int:
        """How many things are not there."""
        return sum(not each.holds for each in self.items) + sum(not item.holds for each in self.partners for item in each.items)

    @property
    def in_order(self) -> list[PartnerReadiness]:
        """The partners, those that miss something first: they are what one can still do something about."""
        return sorted(self.partners, key=lambda each: (each.is_ready, each.partner))


def months_with_traffic(limit: int = 24) -> list[str]:
    """The months in which our records lie, the newest first, with the gaps between them; at most `limit`."""
    span = Segment.objects.filter(kind="cdr", side="OURS", batch__isnull=False).aggregate(first=Min("day"), last=Max("day"))
    first, last = span["first"], span["last"]
    if first is None or last is None:
        return []
    found: list[str] = []
    year, month = last.year, last.month
    while (year, month) >= (first.year, first.month) and len(found) < limit:
        found.append(f"{year:04d}-{month:02d}")
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return found


def readiness(book: Book, period: str) -> Readiness:
    """The list for a period by its name; PERIOD_UNKNOWN where it is none. Days are taken in UTC: hours at the edges do not matter here."""
    _, first, last = days_of(period)
    found = Readiness(period)
    agreements = [agreement for agreement, document in reference.agreement_versions(book) if document.effective_from <= _ms(last) + DAY_MS]
    usage = {
        (row["partner"], row["leg"]): row["number"]
        for row in UsageTotal.objects.filter(origin=COLLECTION_ORIGIN, day__gte=first, day__lte=last)
        .values("partner", "leg")
        .annotate(number=Sum("records"))
        .order_by("partner", "leg")
    }
    in_period = Segment.objects.filter(kind="cdr", day__gte=first, day__lte=last, batch__isnull=False)
    theirs = set(in_period.filter(side="THEIRS").values_list("batch__source", flat=True).distinct())
    problems = Batch.objects.filter(segments__in=in_period).distinct().aggregate(number=Sum("problems"))["number"] or 0
    closed = Document.objects.filter(kind="CLOSE", period=period).count()
    found.items = [
        Item(
            "The period is over", clock.now_ms() >= _ms(last) + DAY_MS, f"It ends on {last}; calls that come later go on the next invoice."
        ),
        Item("There are agreements", bool(agreements), "Without an agreement there is nothing to settle."),
        Item("Our records are in", bool(usage), "No record of ours lies in this period."),
        Item("Every record was read", not problems, f"{problems:,} records of files of this period could not be read; see Sources."),
        Item(
            "It was not closed before",
            not closed,
            f"It was closed {'once' if closed == 1 else f'{closed} times'}; an issued invoice is not changed by another close.",
        ),
    ]
    decks = set(Deck.objects.values_list("partner_id", "direction").distinct())
    invoices = _invoices(book, first, last)
    latest = {agreement.partner: agreement for agreement in agreements}
    for partner, agreement in sorted(latest.items()):
        if not (usage.get((partner, "IN")) or usage.get((partner, "OUT")) or partner in theirs or partner in invoices):
            found.quiet += 1
            continue
        items = _items(agreement, usage, decks, theirs, invoices.get(partner, []))
        found.partners.append(PartnerReadiness(partner, agreement.name or partner, tuple(items)))
    without = sorted({partner for partner, _ in usage if partner and partner not in latest})
    if without:
        names = ", ".join(without[:5]) + (f" and {len(without) - 5} more" if len(without) > 5 else "")
        found.items.append(Item("Every partner with traffic has an agreement", False, f"Not {names}: their calls get no price."))
    return found


def _ms(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days * DAY_MS


def _items(
    agreement: Agreement, usage: dict[tuple[str, str], int], decks: set[tuple[str, str]], theirs: set[str], invoices: list[str]
) -> list[Item]:
    partner = agreement.partner
    items: list[Item] = []
    if agreement.sell is not None and usage.get((partner, "IN")):
        items.append(
            Item("The deck we sell", (partner, "SELL") in decks, f"{agreement.sell.deck} is not in the book: nothing can be billed.")
        )
    if agreement.buy is None or not (usage.get((partner, "OUT")) or partner in theirs or invoices):
        return items
    return [
        *items,
        Item("The deck we buy", (partner, "BUY") in decks, f"{agreement.buy.deck} is not in the book: what it costs cannot be said."),
        Item("Our records of calls to them", bool(usage.get((partner, "OUT"))), "They bill or send records, and we have none."),
        Item("Their records", partner in theirs, f"None came under the source {partner}: their invoice cannot be compared call by call."),
        Item(f"Their invoice{': ' if invoices else ''}{', '.join(invoices[:3])}", bool(invoices), "The cost is accrued until it comes."),
    ]


def _invoices(book: Book, first: dt.date, last: dt.date) -> dict[str, list[str]]:
    """The numbers of suppliers' invoices over traffic that begins in a span of days, by supplier."""
    found: dict[str, list[str]] = {}
    for document in reference.all_as_of(book, reference.INVOICE):
        try:
            head = read_head(document.path.read_bytes(), document.file_name)
        except (Refusal, OSError):
            continue  # the close itself names what it cannot read
        if first <= head["period_from"] <= last:
            found.setdefault(head["partner"], []).append(head["number"])
    return found
