"""The price function against worked numbers, exact fractions and its own properties."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import yaml
from deck_rows import nanos
from hypothesis import given
from hypothesis import strategies as st

from tollbook.core.agreement import RatingTerms, RoundAt
from tollbook.core.deck import RATE_UNITS
from tollbook.core.money import INT64_MAX, ROUNDING_MODES, SIXTIETHS_PER_UNIT, divide_rounded
from tollbook.core.rating import (
    DURATION_MODES,
    NO_CEILING,
    RowTerms,
    billed_seconds,
    longest_ms,
    price,
    price_terms,
    round_amount_micros,
    round_duration_ms,
)

GOLDEN = Path(__file__).parent.parent / "golden" / "rating"


def golden(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((GOLDEN / f"{name}.yml").read_text(encoding="utf-8"))
    return loaded


def row_terms(
    rate: str = "0",
    rate_first: str | None = None,
    increment: str = "1/1",
    connect: str = "0",
    surcharge_call: str = "0",
    surcharge_minute: str = "0",
    grace: int = 0,
    free: int = 0,
    min_charge: str = "0",
    max_charge: str | None = None,
    unit: str = "PER_MINUTE",
) -> RowTerms:
    minimum, step = map(int, increment.split("/"))
    ceiling = NO_CEILING if max_charge is None else nanos(max_charge)
    money = (nanos(each) for each in (rate, rate_first or rate, connect, surcharge_call, surcharge_minute))
    return RowTerms(*money, minimum, step, grace, free, nanos(min_charge), ceiling, RATE_UNITS.index(unit))


def terms(places: int = 6, point: str = "CALL", rounding: str = "HALF_UP", **more: Any) -> RatingTerms:
    return RatingTerms(round_at=RoundAt(point, places), rounding=rounding, **more)


@pytest.mark.parametrize("case", golden("prices")["cases"], ids=lambda case: case["name"])
def test_golden_prices(case: dict[str, Any]) -> None:
    billed, exact, amount = price(case["ms"], row_terms(**case["row"]), price_terms(terms(**case.get("terms", {}))))
    assert billed == case["billed_s"]
    assert Fraction(amount, 10**6) == Fraction(case["amount"])
    if "exact" in case:
        assert Fraction(exact, SIXTIETHS_PER_UNIT) == Fraction(case["exact"])


def test_golden_increments() -> None:
    table = golden("increments")
    for ms, expected in table["rows"].items():
        rounded = round_duration_ms(ms, DURATION_MODES["CEIL"], 0)
        found = [billed_seconds(rounded, *map(int, each.split("/"))) for each in table["increments"]]
        assert found == expected, ms


def test_golden_durations() -> None:
    table = golden("durations")
    for mode, expected in table["rows"].items():
        assert [round_duration_ms(ms, DURATION_MODES[mode], 50) // 1000 for ms in table["ms"]] == expected, mode


@pytest.mark.parametrize("case", golden("rounding")["cases"], ids=lambda case: case["name"])
def test_golden_rounding_points(case: dict[str, Any]) -> None:
    exact = int(Fraction(case["exact"]) * SIXTIETHS_PER_UNIT)
    agreed = price_terms(terms(case["places"], case["point"], case["mode"]))
    one = round_amount_micros(exact, agreed)
    assert Fraction(one, 10**6) == Fraction(case["one"])
    if case["point"] == "CALL":
        total = Fraction(one * case["calls"], 10**6)
    else:
        mode = ROUNDING_MODES[case["mode"]]
        total = Fraction(divide_rounded(exact * case["calls"], SIXTIETHS_PER_UNIT // 10 ** case["places"], mode), 10 ** case["places"])
    assert total == Fraction(case["all"])


def test_ties_of_credits_go_away_from_zero() -> None:
    agreed = price_terms(terms(4))
    assert round_amount_micros(int(Fraction("-0.00125") * SIXTIETHS_PER_UNIT), agreed) == -1300


def test_increments_on_milliseconds_equal_increments_on_whole_seconds_up() -> None:
    whole, exact = price_terms(terms(duration_mode="CEIL")), price_terms(terms(duration_mode="MILLISECONDS"))
    row = row_terms("0.1", increment="30/6")
    assert all(price(ms, row, whole) == price(ms, row, exact) for ms in range(1, 70_000, 37))


ROWS = st.builds(
    RowTerms,
    rate_nanos=st.integers(0, 10**12),
    rate_first_nanos=st.integers(0, 10**12),
    connect_nanos=st.integers(0, 10**11),
    surcharge_call_nanos=st.integers(0, 10**11),
    surcharge_minute_nanos=st.integers(0, 10**11),
    minimum_s=st.integers(0, 120),
    step_s=st.integers(1, 120),
    grace_s=st.integers(0, 10),
    free_s=st.integers(0, 10),
    min_charge_nanos=st.integers(0, 10**11),
    max_charge_nanos=st.integers(-1, 10**12),
    rate_unit=st.integers(0, 2),
)
TERMS = st.builds(
    terms,
    places=st.integers(0, 6),
    point=st.sampled_from(["CALL", "LINE", "DOCUMENT"]),
    rounding=st.sampled_from(sorted(ROUNDING_MODES)),
    duration_mode=st.sampled_from(sorted(DURATION_MODES)),
    threshold_ms=st.integers(1, 999),
    zero_duration_billable=st.booleans(),
    grace_waives_fees=st.booleans(),
    free_keeps_connect=st.booleans(),
)
DURATIONS = st.integers(0, 8_000_000)


def oracle(ms: int, row: RowTerms, agreed: RatingTerms) -> tuple[int, Fraction]:
    """Steps 0 to 8 of docs/rules/rating.md in fractions of seconds and units, written apart from the function."""
    seconds = Fraction(ms, 1000)
    part = seconds - seconds.numerator // seconds.denominator
    whole = seconds - part
    d = {
        "CEIL": whole + (part > 0),
        "HALF_UP": whole + (part >= Fraction(1, 2)),
        "FLOOR": whole,
        "THRESHOLD": whole + (part >= Fraction(agreed.threshold_ms, 1000)),
        "MILLISECONDS": seconds,
    }[agreed.duration_mode]
    fees = Fraction(row.connect_nanos + row.surcharge_call_nanos, 10**9)
    if row.grace_s and d <= row.grace_s:
        return 0, Fraction(0) if agreed.grace_waives_fees else fees
    if d == 0 and not agreed.zero_duration_billable:
        return 0, Fraction(0)
    left = max(Fraction(0), d - row.free_s)
    if row.free_s and left == 0:
        return 0, fees if agreed.free_keeps_connect else Fraction(0)
    m, n = row.minimum_s, row.step_s
    billed = m if left <= m else m + ceil((left - m) / n) * n
    rate, first = Fraction(row.rate_nanos, 10**9), Fraction(row.rate_first_nanos, 10**9)
    head, rest = min(billed, m), max(0, billed - m)
    usage = {
        0: first * head / 60 + rate * rest / 60,
        1: first * head + rate * rest,
        2: (first if head else 0) + rate * rest / n,
    }[row.rate_unit]
    charge = fees + usage + Fraction(row.surcharge_minute_nanos, 10**9) * billed / 60
    charge = max(charge, Fraction(row.min_charge_nanos, 10**9))
    if row.max_charge_nanos != NO_CEILING:
        charge = min(charge, Fraction(row.max_charge_nanos, 10**9))
    return billed, charge


@given(DURATIONS, ROWS, TERMS)
def test_against_fractions(ms: int, row: RowTerms, agreed: RatingTerms) -> None:
    billed, exact, amount = price(ms, row, price_terms(agreed))
    expected_billed, expected = oracle(ms, row, agreed)
    assert billed == expected_billed
    assert Fraction(exact, SIXTIETHS_PER_UNIT) == expected
    step = Fraction(1, 10 ** (agreed.round_at.places if agreed.round_at.point == "CALL" else 6))
    rounded = Fraction(amount, 10**6)
    assert rounded % step == 0
    assert abs(rounded - expected) < step


@given(DURATIONS, st.integers(0, 100_000), ROWS, TERMS)
def test_a_longer_call_never_costs_less(ms: int, more: int, row: RowTerms, agreed: RatingTerms) -> None:
    # A dearer first block than the rest, or fees that grace waives, still only add up with time.
    short, long = (price(each, row, price_terms(agreed)) for each in (ms, ms + more))
    assert long[0] >= short[0]
    if not row.grace_s and not row.free_s:
        assert long[1] >= short[1]
        assert long[2] >= short[2]


@given(DURATIONS, ROWS, TERMS, st.integers(0, 10**9))
def test_a_dearer_rate_never_costs_less(ms: int, row: RowTerms, agreed: RatingTerms, more: int) -> None:
    cheap = price(ms, row, price_terms(agreed))
    dear = price(ms, row._replace(rate_nanos=row.rate_nanos + more), price_terms(agreed))
    assert dear[0] == cheap[0]
    assert dear[1] >= cheap[1]


@given(DURATIONS, ROWS, TERMS)
def test_padding_is_less_than_a_step_or_within_the_first_block(ms: int, row: RowTerms, agreed: RatingTerms) -> None:
    bare = row._replace(free_s=0, grace_s=0)
    billed = price(ms, bare, price_terms(agreed))[0]
    rounded = Fraction(round_duration_ms(ms, DURATION_MODES[agreed.duration_mode], agreed.threshold_ms), 1000)
    assert billed == 0 or rounded <= billed
    assert billed - rounded < row.step_s or billed == row.minimum_s


@given(ROWS)
def test_the_longest_call_fits_64_bits(row: RowTerms) -> None:
    _, exact, _ = price(longest_ms(row), row._replace(max_charge_nanos=NO_CEILING), price_terms(RatingTerms()))
    assert exact <= INT64_MAX
