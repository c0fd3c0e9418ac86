"""The ledger: every document balances in each column, disputes wait in pending, and a reversal leaves nothing."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tollbook.core import ledger
from tollbook.core.ledger import PENDING, POSTED, balances, imbalances

MONEY = st.integers(-(10**15), 10**15)
UNIT = 10**6


def test_a_sales_invoice() -> None:
    found = balances(ledger.sales_invoice("INV-1", "nordtel", "EUR", 100 * UNIT, 20 * UNIT))
    assert found == {
        (ledger.RECEIVABLE, "nordtel", "EUR", POSTED): 120 * UNIT,
        (ledger.REVENUE, "nordtel", "EUR", POSTED): 100 * UNIT,
        (ledger.OUTPUT_TAX, "nordtel", "EUR", POSTED): 20 * UNIT,
    }


def test_a_supplier_invoice_with_a_dispute_and_an_accepted_difference() -> None:
    """Net 118,000.00 with 20 % tax; 7,350.00 disputed with 1,470.00 of tax; 5.00 of the rest is more than our figure and accepted."""
    posted = ledger.supplier_invoice(
        "B-1",
        "aurora",
        "EUR",
        net_micros=118_000 * UNIT,
        tax_micros=23_600 * UNIT,
        disputed_net_micros=7_350 * UNIT,
        disputed_tax_micros=1_470 * UNIT,
        tolerance_micros=5 * UNIT,
    )
    found = balances(posted)
    assert found[ledger.PAYABLE, "aurora", "EUR", POSTED] == 132_780 * UNIT
    assert found[ledger.PAYABLE, "aurora", "EUR", PENDING] == 8_820 * UNIT
    assert found[ledger.COST, "aurora", "EUR", POSTED] == 110_645 * UNIT
    assert found[ledger.TOLERANCE, "aurora", "EUR", POSTED] == 5 * UNIT
    assert found[ledger.COST, "aurora", "EUR", PENDING] == 7_350 * UNIT
    assert found[ledger.INPUT_TAX, "aurora", "EUR", POSTED] == 22_130 * UNIT


def test_a_dispute_settled_at_sixty_percent_leaves_nothing_pending() -> None:
    """7,350.00 disputed; the partner credits 4,410.00 (60 %), so 2,940.00 is owed after all, with 20 % tax."""
    invoice = ledger.supplier_invoice(
        "B-1",
        "aurora",
        "EUR",
        net_micros=118_000 * UNIT,
        tax_micros=23_600 * UNIT,
        disputed_net_micros=7_350 * UNIT,
        disputed_tax_micros=1_470 * UNIT,
    )
    end = ledger.settled_dispute(
        "DSP-1",
        "aurora",
        "EUR",
        disputed_net_micros=7_350 * UNIT,
        disputed_tax_micros=1_470 * UNIT,
        payable_net_micros=2_940 * UNIT,
        payable_tax_micros=588 * UNIT,
    )
    found = balances(invoice + end)
    assert {value for (_, _, _, status), value in found.items() if status == PENDING} == {0}
    assert found[ledger.PAYABLE, "aurora", "EUR", POSTED] == (118_000 - 4_410) * 1_200_000


def test_an_accrual_and_its_reversal() -> None:
    accrued = ledger.accrued_cost("ACC-1", "cirrus", "USD", 40 * UNIT)
    assert balances(accrued)[ledger.ACCRUED_COST, "cirrus", "USD", POSTED] == 40 * UNIT
    assert set(balances(accrued + ledger.reversal("ACC-1-R", accrued)).values()) == {0}


@given(MONEY, MONEY, MONEY, MONEY, MONEY)
def test_whatever_the_amounts_each_column_balances(net: int, tax: int, disputed: int, disputed_tax: int, tolerance: int) -> None:
    posted = ledger.supplier_invoice(
        "B-1",
        "aurora",
        "EUR",
        net_micros=net,
        tax_micros=tax,
        disputed_net_micros=disputed,
        disputed_tax_micros=disputed_tax,
        tolerance_micros=tolerance,
    )
    assert imbalances(posted) == {}
    assert all(each.debit_micros >= 0 and each.credit_micros >= 0 for each in posted)
    assert set(balances(posted + ledger.reversal("R", posted)).values()) <= {0}


def test_what_does_not_balance_is_named_and_refused() -> None:
    posted = ledger.sales_invoice("INV-1", "nordtel", "EUR", 100, 0)
    broken = [replace(posted[0], currency="USD"), posted[1]]
    assert imbalances(broken) == {("INV-1", "USD", POSTED): 100, ("INV-1", "EUR", POSTED): -100}
    with pytest.raises(ValueError):
        ledger.balanced(broken)
    with pytest.raises(ValueError):
        ledger.balanced([replace(posted[0], account="9999"), posted[1]])
