"""Invoices: the golden cases of rounding and totals, and each arithmetic rule broken once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import given

from tollbook.core.agreement import RatingTerms, RoundAt
from tollbook.core.invoice import Document, Line, Tax, Usage, check_arithmetic, document_number, make_lines, quantised, totals
from tollbook.core.money import HALF_UP, parse_scaled

GOLDEN = Path(__file__).parent.parent / "golden" / "invoice"


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["id"]) for case in yaml.safe_load((GOLDEN / name).read_text(encoding="utf-8"))]


def micros(text: str) -> int:
    found = parse_scaled(text, 6)
    assert found is not None
    return found


def usage(**changes: Any) -> Usage:
    plain = Usage("IN", "Poland Mobile", ("4850",), "1/1", 0, "EUR", "v1", "d" * 64, 1, 0, 0, 0, 0)
    return replace(plain, **changes)


def terms_of(point: str, places: int, rounding: str = "HALF_UP") -> RatingTerms:
    return RatingTerms(round_at=RoundAt(point, places), rounding=rounding)


def document(lines: tuple[Line, ...], terms: RatingTerms, tax: Tax) -> Document:
    day = date(2026, 11, 30)
    sums = totals(lines, terms, tax, "EUR")
    head = ("380", "", "nordtel", "EUR", "2026-11", date(2026, 11, 1), day, "UTC", day, day, day, "A", "1", "d" * 64, str(terms.round_at))
    return Document(*head, lines, tax, sums)


@pytest.mark.parametrize("case", cases("rounding.yml"))
def test_lines(case: dict[str, Any]) -> None:
    fixed, expected = case["given"], case["expect"]
    rate = parse_scaled(fixed["rate"], 9)
    assert rate is not None
    billed = fixed["calls"] * fixed["billed_s_per_call"]
    given_usage = usage(
        rate_nanos_per_minute=rate,
        currency=fixed["currency"],
        calls=fixed["calls"],
        billed_s=billed,
        exact_60th_nanos=billed * rate,
        amount_micros=fixed["calls"] * micros(fixed["per_call"]),
    )
    (line,) = make_lines([given_usage], terms_of(*fixed["round_at"], fixed["rounding"]))
    assert line.net_micros == micros(expected["net"])
    assert line.adjustment_micros == micros(expected["adjustment"])
    assert (line.reason, line.quantity_minutes, line.price_per_minute) == (expected["reason"], expected["quantity"], expected["price"])


@pytest.mark.parametrize("case", cases("documents.yml"))
def test_documents(case: dict[str, Any]) -> None:
    fixed, expected = case["given"], case["expect"]
    terms, tax = terms_of(*fixed["round_at"]), Tax(*fixed["tax"])
    # One minute a call, so that quantity times price is the exact charge of the line.
    usages = []
    for number, exact in enumerate(fixed["lines"]):
        rate = parse_scaled(exact, 9)
        assert rate is not None
        usages.append(
            usage(destination=str(number), rate_nanos_per_minute=rate, billed_s=60, exact_60th_nanos=60 * rate, amount_micros=micros(exact))
        )
    made = document(make_lines(usages, terms), terms, tax)
    sums = made.totals
    found = (sums.lines, sums.rounding_allowance, sums.rounding_charge, sums.net, sums.tax, sums.gross)
    assert found == tuple(micros(expected[name]) for name in ("lines", "allowance", "charge", "net", "tax", "gross"))
    assert check_arithmetic(made) == []


def test_fees_are_shown_as_such() -> None:
    """100 calls of 60 s at 0.0100 with a connect fee of 0.01: 1.00 by quantity, 2.00 in truth."""
    exact = 100 * (60 * 10_000_000 + 60 * 10_000_000)
    (line,) = make_lines(
        [usage(rate_nanos_per_minute=10_000_000, calls=100, billed_s=6000, exact_60th_nanos=exact, amount_micros=2_000_000)], RatingTerms()
    )
    assert (line.net_micros, line.adjustment_micros, line.reason) == (2_000_000, 1_000_000, "CALL_FEES")


def test_two_rates_are_never_one_line_and_the_order_of_groups_does_not_matter() -> None:
    old, new = usage(rate_nanos_per_minute=10, rate_version="v1"), usage(rate_nanos_per_minute=9, rate_version="v2")
    assert make_lines([old, new], RatingTerms()) == make_lines([new, old], RatingTerms())
    assert [line.usage.rate_version for line in make_lines([new, old], RatingTerms())] == ["v1", "v2"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"lines": 1}, "BR-CO-10"),
        ({"net": 10_000}, "BR-CO-13"),
        ({"gross": 10_000}, "BR-CO-15"),
        ({"payable": 10_000}, "BR-CO-16"),
        ({"tax": 10_000}, "BR-CO-17"),
        ({"lines": 5}, "BR-DEC"),
    ],
)
def test_each_sum_that_is_wrong_is_named(changes: dict[str, int], rule: str) -> None:
    terms, tax = RatingTerms(), Tax("S", 2000)
    good = document(
        make_lines([usage(rate_nanos_per_minute=10**9, billed_s=60, exact_60th_nanos=60 * 10**9, amount_micros=10**6)], terms), terms, tax
    )
    assert check_arithmetic(good) == []
    wrong = {name: getattr(good.totals, name) + by for name, by in changes.items()}
    bad = replace(good, totals=replace(good.totals, **wrong))
    assert rule in [each.place.column for each in check_arithmetic(bad)]


def test_a_line_away_from_quantity_times_price_is_named() -> None:
    terms, tax = RatingTerms(), Tax()
    line = Line(1, usage(rate_nanos_per_minute=10**9, billed_s=60, exact_60th_nanos=60 * 10**9), 1_030_000)
    assert "PEPPOL-R120" in [each.place.column for each in check_arithmetic(document((line,), terms, tax))]
    explained = replace(line, adjustment_micros=30_000, reason="CALL_ROUNDING")
    assert check_arithmetic(document((explained,), terms, tax)) == []


def test_reverse_charge_carries_no_tax_and_one_currency_rules() -> None:
    terms = RatingTerms()
    line = Line(1, usage(currency="USD"), 0)
    bad = document((line,), terms, Tax("AE", 0))
    bad = replace(bad, totals=replace(bad.totals, tax=10_000, gross=10_000, payable=10_000))
    assert {"BR-AE-10", "BR-CO-03"} <= {each.place.column for each in check_arithmetic(bad)}


def test_numbers_have_at_least_four_digits() -> None:
    assert document_number("INV-2026", 7) == "INV-2026-0007"
    assert document_number("INV-2026", 12345) == "INV-2026-12345"


@given(st.integers(-(10**25), 10**25), st.integers(0, 6))
def test_rounding_is_of_the_exact_value(exact: int, places: int) -> None:
    """Against fractions: the result is a multiple of the place and no more than half of it away."""
    unit = Fraction(1, 10**places)
    found = Fraction(quantised(exact, places, HALF_UP), 10**6)
    assert found % unit == 0
    assert abs(found - Fraction(exact, 60 * 10**9)) <= unit / 2


def test_double_rounding_does_not_happen() -> None:
    assert quantised(23446 * 6_000_000, 2, HALF_UP) == 2_340_000  # 2.3446, which by way of 2.345 would be 2.35
