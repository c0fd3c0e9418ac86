"""Dates of documents and the statement of account."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml

from tollbook.core.agreement_reader import read_agreement
from tollbook.core.settlement import PAYABLE, RECEIVABLE, Item, dates, statement

GOLDEN = Path(__file__).parent.parent / "golden" / "dispute" / "deadlines.yml"
AGREEMENT = """
format = "tollbook-agreement/1"
id = "A-1"
partner = "nordtel"
currency = "EUR"
"""


@pytest.mark.parametrize("case", [case for case in yaml.safe_load(GOLDEN.read_text(encoding="utf-8")) if "due" in case["expect"]])
def test_due_dates(case: dict[str, dict[str, date | int]]) -> None:
    agreement, _ = read_agreement(AGREEMENT, "a.toml")
    terms_days, issued = case["given"]["terms_days"], case["given"]["issued"]
    assert isinstance(terms_days, int)
    assert isinstance(issued, date)
    agreement = replace(agreement, period=replace(agreement.period, terms_days=terms_days))
    assert dates(agreement, issued).due_on == case["expect"]["due"]


def test_the_statement_runs_and_keeps_disputed_money_apart() -> None:
    """We are owed 120.00 (due), owe 50.00 of which 8.00 is disputed (not due yet); 20.00 of the first was paid."""
    items = [
        Item("B-1", "380", PAYABLE, "EUR", date(2026, 12, 2), date(2027, 1, 1), 50_000_000, disputed_micros=8_000_000),
        Item("INV-1", "380", RECEIVABLE, "EUR", date(2026, 12, 1), date(2026, 12, 31), 120_000_000, paid_micros=20_000_000),
        Item("INV-2", "380", RECEIVABLE, "USD", date(2026, 12, 1), date(2026, 12, 31), 1),
        Item("INV-3", "380", RECEIVABLE, "EUR", date(2027, 2, 1), date(2027, 3, 1), 1),
    ]
    found = statement("nordtel", "EUR", date(2026, 12, 31), items, opening_micros=5_000_000)
    assert [(row.item.document, row.balance_micros) for row in found.rows] == [("INV-1", 105_000_000), ("B-1", 55_000_000)]
    assert (found.balance_micros, found.disputed_micros, found.due_micros, found.overdue_micros) == (55_000_000, -8_000_000, 100_000_000, 0)
    later = statement("nordtel", "EUR", date(2027, 1, 2), items, opening_micros=5_000_000)
    assert (later.due_micros, later.overdue_micros) == (58_000_000, 100_000_000)
