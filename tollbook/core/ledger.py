"""The double-entry ledger: the chart of accounts as data, and what each document posts.

A posting debits or credits one account in one currency. PENDING and POSTED are two ledgers side by side: a disputed amount is
pending until it is settled, then reversed there and posted here. Each is balanced per document and currency. Nothing is changed
or deleted; a reversal repeats the original lines the other way round. See docs/rules/settlement.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

PENDING: Final = "PENDING"
POSTED: Final = "POSTED"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the chart; `normal` is the side on which it grows."""

    number: str
    name: str
    normal: str


CHART: Final = {
    each.number: each
    for each in (
        Account("1200", "Receivables from partners", "DEBIT"),
        Account("1270", "Input tax", "DEBIT"),
        Account("2100", "Payables to partners", "CREDIT"),
        Account("2150", "Accrued termination cost", "CREDIT"),
        Account("2270", "Output tax", "CREDIT"),
        Account("4000", "Termination revenue", "CREDIT"),
        Account("5000", "Termination cost", "DEBIT"),
        Account("5900", "Settlement tolerance", "DEBIT"),
    )
}
RECEIVABLE, INPUT_TAX, PAYABLE, ACCRUED_COST, OUTPUT_TAX, REVENUE, COST, TOLERANCE = CHART


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of the ledger. Exactly one of debit and credit is positive, the other is 0; both in micro-units of the currency."""

    document: str
    account: str
    partner: str
    currency: str
    debit_micros: int
    credit_micros: int
    status: str = POSTED


@dataclass(frozen=True, slots=True)
class _Entry:
    """Collects the postings of one document; a negative amount changes sides, zero leaves no line."""

    document: str
    partner: str
    currency: str

    def debit(self, account: str, amount_micros: int, status: str = POSTED) -> list[Posting]:
        if amount_micros == 0:
            return []
        debit, credit = (amount_micros, 0) if amount_micros > 0 else (0, -amount_micros)
        return [Posting(self.document, account, self.partner, self.currency, debit, credit, status)]

    def credit(self, account: str, amount_micros: int, status: str = POSTED) -> list[Posting]:
        return self.debit(account, -amount_micros, status)


def sales_invoice(document: str, partner: str, currency: str, net_micros: int, tax_micros: int) -> list[Posting]:
    """We bill: the partner owes net and tax."""
    entry = _Entry(document, partner, currency)
    return balanced(
        entry.debit(RECEIVABLE, net_micros + tax_micros) + entry.credit(REVENUE, net_micros) + entry.credit(OUTPUT_TAX, tax_micros)
    )


def supplier_invoice(
    document: str,
    partner: str,
    currency: str,
    *,
    net_micros: int,
    tax_micros: int,
    disputed_net_micros: int = 0,
    disputed_tax_micros: int = 0,
    tolerance_micros: int = 0,
) -> list[Posting]:
    """They bill: what is undisputed is posted and payable, what is disputed is pending.

    `tolerance_micros` is the difference to our own figure that the error budget accepted; their figure stands, and it is shown by itself.
    """
    entry = _Entry(document, partner, currency)
    undisputed_net, undisputed_tax = net_micros - disputed_net_micros, tax_micros - disputed_tax_micros
    return balanced(
        entry.debit(COST, undisputed_net - tolerance_micros)
        + entry.debit(TOLERANCE, tolerance_micros)
        + entry.debit(INPUT_TAX, undisputed_tax)
        + entry.credit(PAYABLE, undisputed_net + undisputed_tax)
        + entry.debit(COST, disputed_net_micros, PENDING)
        + entry.debit(INPUT_TAX, disputed_tax_micros, PENDING)
        + entry.credit(PAYABLE, disputed_net_micros + disputed_tax_micros, PENDING)
    )


def settled_dispute(
    document: str,
    partner: str,
    currency: str,
    *,
    disputed_net_micros: int,
    disputed_tax_micros: int,
    payable_net_micros: int,
    payable_tax_micros: int,
) -> list[Posting]:
    """The end of a dispute about their invoice: all of it leaves pending, and the part that we owe after all is posted."""
    entry = _Entry(document, partner, currency)
    return balanced(
        entry.credit(COST, disputed_net_micros, PENDING)
        + entry.credit(INPUT_TAX, disputed_tax_micros, PENDING)
        + entry.debit(PAYABLE, disputed_net_micros + disputed_tax_micros, PENDING)
        + entry.debit(COST, payable_net_micros)
        + entry.debit(INPUT_TAX, payable_tax_micros)
        + entry.credit(PAYABLE, payable_net_micros + payable_tax_micros)
    )


def accrued_cost(document: str, partner: str, currency: str, amount_micros: int) -> list[Posting]:
    """Cost of traffic that nobody has billed yet, and the part of it that a partner's invoice left out. Reversed by what bills it."""
    entry = _Entry(document, partner, currency)
    return balanced(entry.debit(COST, amount_micros) + entry.credit(ACCRUED_COST, amount_micros))


def reversal(document: str, postings: Iterable[Posting]) -> list[Posting]:
    """The same lines under a new document with debit and credit exchanged."""
    return balanced([replace(p, document=document, debit_micros=p.credit_micros, credit_micros=p.debit_micros) for p in postings])


def imbalances(postings: Iterable[Posting]) -> dict[tuple[str, str, str], int]:
    """Debit minus credit per (document, currency, status), only where it is not zero."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for each in postings:
        sums[each.document, each.currency, each.status] += each.debit_micros - each.credit_micros
    return {key: value for key, value in sums.items() if value}


def balanced(postings: list[Posting]) -> list[Posting]:
    """The postings as they are; ValueError where they do not balance or a line has no single side, which would be our own defect."""
    one_sided = all((p.debit_micros > 0) != (p.credit_micros > 0) and min(p.debit_micros, p.credit_micros) == 0 for p in postings)
    if not one_sided or imbalances(postings) or not all(p.account in CHART and p.status in (PENDING, POSTED) for p in postings):
        raise ValueError(f"the postings do not balance: {imbalances(postings)}")
    return postings


def balances(postings: Iterable[Posting]) -> dict[tuple[str, str, str, str], int]:
    """Per (account, partner, currency, status): the sum on the account's normal side, in micro-units."""
    sums: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for each in postings:
        side = 1 if CHART[each.account].normal == "DEBIT" else -1
        sums[each.account, each.partner, each.currency, each.status] += side * (each.debit_micros - each.credit_micros)
    return dict(sums)
