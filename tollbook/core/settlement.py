"""Settlement: what a closed period makes due, when, and the statement of account of a partner.

See docs/rules/settlement.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from tollbook.core.agreement import Agreement
from tollbook.core.dispute import window_end
from tollbook.core.period import due_on, roll_day

RECEIVABLE = 1
PAYABLE = -1


@dataclass(frozen=True, slots=True)
class Dates:
    """The days of a document: issued, due, and the last day on which it can be disputed."""

    issued_on: date
    due_on: date
    dispute_until: date


def dates(
    agreement: Agreement, issued_on: date, *, received_on: date | None = None, roll: str = "NONE", holidays: Collection[date] = ()
) -> Dates:
    """The days of an invoice under its agreement: due on the invoice date plus the terms, 2025-04-30 plus 30 is 2025-05-30."""
    due = roll_day(due_on(issued_on, agreement.period.terms_days), roll, frozenset(holidays))
    return Dates(issued_on, due, window_end(agreement.dispute, issued_on, received_on, holidays=holidays))


@dataclass(frozen=True, slots=True)
class Item:
    """A document of the account: `sign` +1 where the partner owes us, -1 where we owe; amounts are positive micro-units, gross of tax."""

    document: str
    kind: str
    sign: int
    currency: str
    issued_on: date
    due_on: date | None
    gross_micros: int
    disputed_micros: int = 0
    paid_micros: int = 0

    @property
    def open_micros(self) -> int:
        """What is still to be paid without dispute, with its sign."""
        return self.sign * (self.gross_micros - self.disputed_micros - self.paid_micros)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the statement: the item, and the balance after it, in the sign of receivables."""

    item: Item
    balance_micros: int


@dataclass(frozen=True, slots=True)
class Statement:
    """The account of one partner in one currency on a day."""

    partner: str
    currency: str
    on: date
    opening_micros: int
    rows: tuple[Row, ...]
    balance_micros: int
    disputed_micros: int
    due_micros: int
    overdue_micros: int


def statement(partner: str, currency: str, on: date, items: Iterable[Item], opening_micros: int = 0) -> Statement:
    """The items of a currency by issue date and number, with a running balance.

    `due` is what is undisputed and due by that day, receivable less payable; `overdue` is the partner's part of it that is late.
    Netting the two is a clause of its own, so the statement never nets by itself.
    """
    chosen = sorted((item for item in items if item.currency == currency and item.issued_on <= on), key=lambda i: (i.issued_on, i.document))
    balance, rows = opening_micros, []
    for item in chosen:
        balance += item.sign * (item.gross_micros - item.paid_micros)
        rows.append(Row(item, balance))
    due = [item for item in chosen if item.due_on is not None and item.due_on <= on]
    return Statement(
        partner,
        currency,
        on,
        opening_micros,
        tuple(rows),
        balance,
        sum(item.sign * item.disputed_micros for item in chosen),
        sum(item.open_micros for item in due),
        sum(item.open_micros for item in due if item.sign == RECEIVABLE and item.due_on is not None and item.due_on < on),
    )
