"""The close of a period: every partner rated, reconciled, disputed and invoiced, and all of it sealed in one file that verifies alone.

A partner that cannot be closed is parked with its reason while the others close; the close then says that it is not complete. Everything
is idempotent: a close that was interrupted is run again and ends with the same results.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tollbook.core.agreement import Agreement
from tollbook.core.period import days_of, period_of_day
from tollbook.core.problem import Problem, Refusal, Severity, problem
from tollbook.core.rights import Actor, Right, require
from tollbook.core.zone import find_zone
from tollbook.flow import clock, inputs, kpi, progress
from tollbook.flow.book import Book
from tollbook.flow.dispute import Raised, raise_dispute
from tollbook.flow.issue import Issued
from tollbook.flow.payables import Payable, accrue, difference_to_records, receive, supplier_invoices
from tollbook.flow.rating import agreement_of, partners_with_terms, rate_ahead, rate_leg
from tollbook.flow.reconciliation import Reconciliation, reconcile_leg
from tollbook.flow.run import Run
from tollbook.flow.settlement import SalesInvoice, invoice_sales

STAGES: Final = ("mediation", "rating", "matching", "reconciliation")
# What is told of a partner's progress: rating, reconciliation, what suppliers bill, what we bill.
STEPS: Final = 4


@dataclass(slots=True)
class PartnerClose:
    """What the close did with one partner. `parked` says why it could not be closed."""

    partner: str
    agreement: Agreement | None = None
    periods: list[str] = field(default_factory=list)
    rated: list[Run] = field(default_factory=list)
    invoices: list[SalesInvoice] = field(default_factory=list)
    reconciliations: list[Reconciliation] = field(default_factory=list)
    payables: list[Payable] = field(default_factory=list)
    disputes: list[Raised] = field(default_factory=list)
    accruals: list[Issued] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    parked: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class Close:
    """A closed period: its partners, the sealed file and its digests."""

    period: str
    known_at: int | None
    partners: list[PartnerClose] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    result_digest: str = ""
    root: str = ""
    pack: Path = Path()
    report: Path = Path()
    closed_at: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every partner was closed."""
        return not any(each.parked for each in self.partners)

    @property
    def all_problems(self) -> list[Problem]:
        return [*self.problems, *(found for each in self.partners for found in (*each.parked, *each.problems))]


def close_period(book: Book, period: str, *, actor: Actor, known_at: int | None = None) -> Close:
    """Closes a period and seals it. Refuses with PERIOD_UNKNOWN, RIGHT_MISSING, or CLOSE_NOTHING where the book has no agreement at all."""
    from tollbook.flow.seal import seal_close

    require(actor, Right.CLOSE)
    close = run_close(book, period, actor=actor, known_at=known_at)
    sealed = seal_close(book, close, actor=actor)
    # After the seal, because no money depends on them.
    progress.advance("counting")
    _, first, last = days_of(period)
    kpi.refresh(book, actor=actor, first=first - dt.timedelta(days=1), last=last + dt.timedelta(days=1))
    return sealed


def run_close(book: Book, period: str, *, actor: Actor, known_at: int | None = None) -> Close:
    """All stages of the close but the seal."""
    _, _, last = days_of(period)
    partners = partners_with_terms(book, known_at)
    if not partners:
        raise Refusal([problem("CLOSE_NOTHING", value=period)])
    close = Close(period, known_at, closed_at=clock.now_ms())
    if clock.now_ms() < (last - dt.date(1970, 1, 1)).days * 86_400_000:
        close.problems.append(problem("CLOSE_EARLY", f"It ends on {last}.", value=period))
    rate_ahead(book, _legs(book, partners, period, known_at), actor=actor, known_at=known_at)
    for number, partner in enumerate(partners):
        progress.report("rating", STEPS * number, STEPS * len(partners) + 1, partner, steps=STEPS)
        close.partners.append(_close_partner(book, partner, period, actor, known_at))
    progress.report("sealing", STEPS * len(partners), STEPS * len(partners) + 1)
    return close


def _legs(book: Book, partners: list[str], period: str, known_at: int | None) -> Iterator[tuple[str, str, str]]:
    """Every leg the close will rate, as (partner, leg, period)."""
    for partner in partners:
        try:
            agreement, _ = agreement_of(book, partner, period, known_at=known_at)
        except Refusal:
            continue  # the partner is parked with the reason when its turn comes
        for own in due_periods(agreement, period):
            for leg, terms in (("OUT", agreement.buy), ("IN", agreement.sell)):
                if terms is not None and _has_traffic(book, agreement, own):
                    yield partner, leg, own


def _close_partner(book: Book, partner: str, period: str, actor: Actor, known_at: int | None) -> PartnerClose:
    """One partner; what it refuses parks it and stops no other."""
    result = PartnerClose(partner)
    try:
        result.agreement, _ = agreement_of(book, partner, period, known_at=known_at)
        result.periods = due_periods(result.agreement, period)
        if result.agreement.buy is not None:
            for each in result.periods:
                _close_cost(book, result, result.agreement, each, actor, known_at)
        if result.agreement.sell is not None:
            for each in result.periods:
                _close_revenue(book, result, each, actor, known_at)
    except Refusal as refusal:
        if any(each.code == "RIGHT_MISSING" for each in refusal.problems):
            raise
        words = "; ".join(str(each) for each in refusal.problems)
        result.parked.append(problem("CLOSE_PARKED", f"{partner}: {words}", value=partner))
    return result


def due_periods(agreement: Agreement, period: str) -> list[str]:
    """The partner's own periods that end in the one that is closed: the month itself, the weeks that end in the month; none of a longer
    cycle that still runs."""
    cycle, first, last = days_of(period)
    if cycle == agreement.period.cycle:
        return [period]
    zone, day, found = find_zone(agreement.zone), first, []
    while day <= last:
        own = period_of_day(day, agreement.period.cycle, zone)
        if own.last_day <= last and own.name not in found and own.last_day >= first:
            found.append(own.name)
        day = own.last_day + dt.timedelta(days=1)
    return found


def _close_cost(book: Book, result: PartnerClose, agreement: Agreement, period: str, actor: Actor, known_at: int | None) -> None:
    """What the partner charges us: rated, compared with their records, their invoice received and disputed, the rest accrued."""
    if not _has_traffic(book, agreement, period):
        return
    rating = rate_leg(book, result.partner, "OUT", period, actor=actor, known_at=known_at)
    if rating is None:
        return
    result.rated.append(rating)
    result.problems += without_price(rating)
    progress.advance("reconciliation")
    found = reconcile_leg(book, result.partner, "OUT", period, actor=actor, known_at=known_at)
    if found is not None:
        result.reconciliations.append(found)
    progress.advance("payables")
    _, first, last = days_of(period)
    billed = 0
    for invoice, problems in supplier_invoices(book, result.partner, first, last, known_at=known_at):
        payable = receive(book, invoice, problems, found, agreement, period, actor=actor)
        result.payables.append(payable)
        result.problems += problems
        billed += invoice.net_micros - payable.disputed_micros
        if found is None:
            continue
        if without := difference_to_records(invoice, found):
            result.problems.append(without)
        if payable.disputed_micros:
            result.disputes.append(raise_dispute(book, found, payable, actor=actor))
    if found is not None:
        found.close()
    accrued = accrue(book, rating, agreement, period, last, billed, actor=actor)
    if accrued is not None:
        result.accruals.append(accrued)


def _close_revenue(book: Book, result: PartnerClose, period: str, actor: Actor, known_at: int | None) -> None:
    """What we charge the partner."""
    assert result.agreement is not None
    if not _has_traffic(book, result.agreement, period):
        return
    rating = rate_leg(book, result.partner, "IN", period, actor=actor, known_at=known_at)
    if rating is not None:
        result.rated.append(rating)
        result.problems += without_price(rating)
    progress.advance("invoicing")
    sales = invoice_sales(book, result.partner, period, actor=actor, known_at=known_at, rated=rating)
    if sales is None:
        return
    result.invoices.append(sales)
    if sales.late:
        reason = f"{sales.document.number}: {sales.late:,} calls of {period} came after it was issued; they go on the next invoice."
        result.problems.append(problem("INVOICE_LATE_CALLS", reason, value=sales.document.number))


def without_price(rating: Run) -> list[Problem]:
    """The calls of a leg that got no price, by why: they are on no invoice, and nobody may take that for nothing being owed."""
    counted: dict[str, int] = {}
    for name, line in rating.summary.items():
        status = name.partition(" ")[0]
        counted[status] = counted.get(status, 0) + int(line["records"])
    partner, leg, period = rating.scope.split("/")
    words = f"Calls of the {leg} leg with {partner} in {period} without a price"
    return [
        problem(status, f"{words}: {counted[status]:,}.", value=rating.scope)
        for status in ("UNRATED", "BLOCKED", "HELD")
        if counted.get(status)
    ]


def _has_traffic(book: Book, agreement: Agreement, period: str) -> bool:
    """Whether the book has any record of ours in the period, of whomever: most short periods of a closed month are empty."""
    window = inputs.period_of_agreement(agreement, period)
    return bool(inputs.cdr_segments(book, "OURS", window.from_ms, window.until_ms).digests)


def critical(close: Close) -> list[Problem]:
    """The problems that keep something out of the money."""
    return [each for each in close.all_problems if each.severity in (Severity.ERROR, Severity.FATAL)]
