"""What we owe suppliers: their invoice checked and received, its undisputed part payable, the rest in dispute; and cost nobody has billed.

See docs/rules/settlement.md, "Undisputed release" and "The ledger".
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from tollbook.core import budget, ledger, settlement
from tollbook.core.agreement import Agreement
from tollbook.core.digest import json_digest
from tollbook.core.dispute import Release, undisputed_release
from tollbook.core.invoice import to_minor_unit
from tollbook.core.money import SIXTIETHS_PER_MICRO, format_micros, minor_unit_places
from tollbook.core.problem import Problem, problem
from tollbook.core.rights import Actor
from tollbook.flow import reference
from tollbook.flow.book import Book
from tollbook.flow.issue import Draft, Finished, Issued, as_issued, issue, postings_of
from tollbook.flow.rating import total_micros
from tollbook.flow.reconciliation import Reconciliation, to_micros
from tollbook.flow.run import Run
from tollbook.formats.invoice.incoming import IncomingInvoice, read_head, read_incoming
from tollbook.store.models import Document as DocumentRow

RECEIVED: Final = "RECEIVED_INVOICE"
ACCRUED: Final = "ACCRUAL"
ACCRUAL_REVERSED: Final = "ACCRUAL_REVERSAL"
SERIES_RECEIVED: Final = "RECEIVED"
SERIES_ACCRUED: Final = "ACCRUAL"


@dataclass(frozen=True, slots=True)
class Payable:
    """A supplier's invoice as it was received into the book, and what of it is paid when. Amounts in micro-units."""

    invoice: IncomingInvoice
    issued: Issued
    release: Release
    disputed_micros: int
    tolerance_micros: int
    due_on: dt.date
    dispute_until: dt.date
    problems: tuple[Problem, ...] = ()


def supplier_invoices(
    book: Book, partner: str, first: dt.date, last: dt.date, *, known_at: int | None = None
) -> list[tuple[IncomingInvoice, list[Problem]]]:
    """The invoices of a supplier over traffic that begins in a span of days, each with what does not add up in it."""
    heads = reference.all_as_of(book, reference.INVOICE, known_at=known_at)
    lines = {each.file_name: each for each in reference.versions(book, reference.INVOICE_LINES, known_at=known_at)}
    found = []
    for document in heads:
        if not document.name.startswith(f"{partner}/"):
            continue
        head = document.path.read_bytes()
        values = read_head(head, document.file_name)
        if values["partner"] != partner or not first <= values["period_from"] <= last:
            continue
        sealed = lines.get(values["lines"])
        content = sealed.path.read_bytes() if sealed is not None else b""
        found.append(read_incoming(head, content, document.file_name, values["lines"]))
    return sorted(found, key=lambda each: each[0].number)


def receive(
    book: Book,
    invoice: IncomingInvoice,
    problems: list[Problem],
    found: Reconciliation | None,
    agreement: Agreement,
    period: str,
    *,
    actor: Actor,
) -> Payable:
    """Takes a supplier's invoice into the ledger: what is undisputed as payable, what is disputed as pending.

    Without records of theirs there is nothing to compare yet, and all of it is pending until there is. An invoice whose figures do not
    add up is pending as a whole.
    """
    earlier = DocumentRow.objects.filter(kind=RECEIVED, partner_id=invoice.partner, content__number=invoice.number).first()
    if earlier is not None:
        return _received_before(earlier, invoice, problems)
    net, tax = invoice.net_micros, invoice.tax_micros
    disputed, tolerance = _in_dispute(invoice, problems, found)
    release = undisputed_release(net, tax, disputed, 10 ** (6 - minor_unit_places(invoice.currency)))
    days = settlement.dates(agreement, invoice.issued_on, received_on=invoice.received_on)
    name = f"{invoice.partner} {invoice.number}"
    content = {
        **_stated(invoice),
        "due_on": days.due_on.isoformat(),
        "dispute_until": days.dispute_until.isoformat(),
        "disputed_net_micros": str(disputed),
        "disputed_tax_micros": str(release.withheld_tax),
        "tolerance_micros": str(tolerance),
        "payable_micros": str(release.payable_gross),
        "agreement": agreement.digest,
        "files": list(invoice.digests),
        "reconciliation": found.run.result_digest if found else "",
    }
    draft = Draft(
        key=f"receive {name}",
        series=SERIES_RECEIVED,
        kind=RECEIVED,
        partner=invoice.partner,
        currency=invoice.currency,
        total_micros=invoice.total_micros,
        tax_micros=tax,
        period=period,
        issued_on=invoice.issued_on,
        due_on=days.due_on,
        agreement_digest=agreement.digest,
        runs=(found.run.run_key,) if found else (),
        results_digest=json_digest(content),
    )
    postings = ledger.supplier_invoice(
        name,
        invoice.partner,
        invoice.currency,
        net_micros=net,
        tax_micros=tax,
        disputed_net_micros=disputed,
        disputed_tax_micros=release.withheld_tax,
        tolerance_micros=tolerance,
    )
    issued = issue(book, draft, lambda number: Finished(content, postings), actor=actor)
    return Payable(invoice, issued, release, disputed, tolerance, days.due_on, days.dispute_until, tuple(problems))


def _stated(invoice: IncomingInvoice) -> dict[str, Any]:
    """What the supplier's document itself says."""
    return {
        "format": "tollbook-received-invoice/1",
        "partner": invoice.partner,
        "number": invoice.number,
        "issued_on": invoice.issued_on.isoformat(),
        "received_on": invoice.received_on.isoformat(),
        "period_from": invoice.period_from.isoformat(),
        "period_until": invoice.period_until.isoformat(),
        "currency": invoice.currency,
        "net_micros": str(invoice.net_micros),
        "tax_micros": str(invoice.tax_micros),
    }


def _received_before(row: DocumentRow, invoice: IncomingInvoice, problems: list[Problem]) -> Payable:
    """The invoice as it stands in the ledger: what came to light since is settled with the dispute, not by changing a document."""
    content = row.content
    disputed, withheld_tax = int(content["disputed_net_micros"]), int(content["disputed_tax_micros"])
    release = Release(int(content["net_micros"]) - disputed, int(content["tax_micros"]) - withheld_tax, disputed, withheld_tax)
    days = dt.date.fromisoformat(content["due_on"]), dt.date.fromisoformat(content["dispute_until"])
    return Payable(invoice, as_issued(row), release, disputed, int(content["tolerance_micros"]), *days, tuple(problems))


def _in_dispute(invoice: IncomingInvoice, problems: list[Problem], found: Reconciliation | None) -> tuple[int, int]:
    """How much of the net amount is disputed, and how much of the rest is a difference the error budget accepted."""
    net = invoice.net_micros
    if problems or found is None or found.summary["money"] is None:
        return net, 0
    ours = to_micros(int(found.summary["money"]["ours_60th_nanos"]))
    claimed = max(0, to_minor_unit(to_micros(found.disputed_60th_nanos), invoice.currency))
    # What the invoice bills beyond the records behind it is disputed whatever the budget says: nobody can check it.
    unproven = max(0, net - to_micros(int(found.summary["money"]["theirs_60th_nanos"])))
    unproven = unproven if unproven > _rounding_of(invoice) else 0
    disputed = min(net, claimed + to_minor_unit(unproven, invoice.currency))
    tolerance = net - disputed - ours if found.outcome in (budget.ACCEPT, budget.LINES) else 0
    return disputed, tolerance


def _rounding_of(invoice: IncomingInvoice) -> int:
    """How far rounding alone can move the total: half a minor unit per line."""
    unit: int = 10 ** (6 - minor_unit_places(invoice.currency))
    return len(invoice.lines) * unit // 2


def accrue(
    book: Book, run: Run, agreement: Agreement, period: str, last_day: dt.date, billed_micros: int, *, actor: Actor
) -> Issued | None:
    """Accrues the cost of a period that no invoice has billed: our own figure less what was billed. None where nothing is left.

    An accrual over another amount, made before an invoice came, is reversed first.
    """
    exact = total_micros(run, agreement.currency)
    amount = max(0, to_minor_unit(exact.numerator // exact.denominator, agreement.currency) - billed_micros)
    standing = _standing_accrual(agreement.partner, period)
    if standing is not None and standing.total_micros == amount:
        return as_issued(standing)
    if standing is not None:
        _reverse_accrual(book, standing, agreement, last_day, actor)
    if amount == 0:
        return None
    name = f"{agreement.partner} {period}"
    number = DocumentRow.objects.filter(kind=ACCRUED, partner_id=agreement.partner, period=period).count() + 1
    content: dict[str, Any] = {
        "format": "tollbook-accrual/1",
        "partner": agreement.partner,
        "period": period,
        "currency": agreement.currency,
        "amount_micros": str(amount),
        "rating": run.result_digest,
        "agreement": agreement.digest,
    }
    draft = _accrual_draft(f"accrue {name} {number}", ACCRUED, agreement, period, amount, last_day, content, (run.run_key,))
    postings = ledger.accrued_cost(f"ACCRUAL {name}", agreement.partner, agreement.currency, amount)
    return issue(book, draft, lambda _: Finished(content, postings), actor=actor)


def _standing_accrual(partner: str, period: str) -> DocumentRow | None:
    """The accrual of a period that was not reversed."""
    rows = DocumentRow.objects.filter(partner_id=partner, period=period)
    reversed_keys = {row.content["reverses"] for row in rows.filter(kind=ACCRUAL_REVERSED)}
    return next((row for row in rows.filter(kind=ACCRUED).order_by("-number") if row.number not in reversed_keys), None)


def _reverse_accrual(book: Book, standing: DocumentRow, agreement: Agreement, last_day: dt.date, actor: Actor) -> None:
    content = {
        "format": "tollbook-accrual-reversal/1",
        "partner": agreement.partner,
        "period": standing.period,
        "reverses": standing.number,
    }
    draft = _accrual_draft(
        f"reverse accrual {standing.number}", ACCRUAL_REVERSED, agreement, standing.period, standing.total_micros, last_day, content, ()
    )
    postings = ledger.reversal(draft.key, postings_of(standing))
    issue(book, draft, lambda _: Finished(content, postings), actor=actor)


def _accrual_draft(
    key: str, kind: str, agreement: Agreement, period: str, amount: int, day: dt.date, content: dict[str, Any], runs: tuple[str, ...]
) -> Draft:
    return Draft(
        key=key,
        series=SERIES_ACCRUED,
        kind=kind,
        partner=agreement.partner,
        currency=agreement.currency,
        total_micros=amount,
        tax_micros=0,
        period=period,
        issued_on=day,
        agreement_digest=agreement.digest,
        runs=runs,
        results_digest=json_digest(content),
    )


def difference_to_records(invoice: IncomingInvoice, found: Reconciliation) -> Problem | None:
    """INVOICE_WITHOUT_RECORDS where the invoice bills more than the records sent with it, beyond rounding."""
    theirs = int(found.summary["money"]["theirs_60th_nanos"]) // SIXTIETHS_PER_MICRO
    beyond = invoice.net_micros - theirs
    if beyond <= _rounding_of(invoice):
        return None
    reason = f"It bills {format_micros(invoice.net_micros, invoice.currency)}, the records sent with it come to {format_micros(theirs)}."
    return problem("INVOICE_WITHOUT_RECORDS", reason, file=invoice.number, value=format_micros(beyond, invoice.currency))
