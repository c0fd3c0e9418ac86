"""Exact money: parsing refuses what it would have to guess, rounding is exact at every tie."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbook.core import money

DECIMAL_MODES = {"HALF_UP": ROUND_HALF_UP, "HALF_EVEN": ROUND_HALF_EVEN, "CEIL": ROUND_CEILING, "FLOOR": ROUND_FLOOR}


@pytest.mark.parametrize("mode", sorted(money.ROUNDING_MODES))
@given(numerator=st.integers(-(10**15), 10**15), places=st.integers(0, 6))
def test_rounding_agrees_with_decimal(mode: str, numerator: int, places: int) -> None:
    # Decimal is the independent judge: the same quotient, quantised under the mode of the same name.
    expected = Decimal(numerator).scaleb(-places).quantize(Decimal(1), rounding=DECIMAL_MODES[mode])
    assert money.divide_rounded(numerator, 10**places, money.ROUNDING_MODES[mode]) == expected


def test_the_binary_float_trap() -> None:
    # 2.675 is below the tie as a binary float and gives 2.67; exactly it is a tie and HALF_UP gives 2.68.
    assert money.divide_rounded(2675, 10, money.HALF_UP) == 268


@pytest.mark.parametrize(
    ("text", "places", "scaled"),
    [("0.0235", 9, 23_500_000), ("-1.5", 6, -1_500_000), (".5", 6, 500_000), ("7.", 6, 7_000_000), (" 12 ", 0, 12), ("0.1000", 1, 1)],
)
def test_plain_decimals_are_read_exactly(text: str, places: int, scaled: int) -> None:
    assert money.parse_scaled(text, places) == scaled


@pytest.mark.parametrize("text", ["", "1,5", "1e3", "1 000", "0x10", "nan", "inf", "--1", "1.0000000001", "9" * 20, "٣"])
def test_what_would_have_to_be_guessed_is_refused(text: str) -> None:
    assert money.parse_scaled(text, 9) is None


@given(st.integers(-(2**62), 2**62), st.integers(0, 9))
def test_format_and_parse_are_inverse(value: int, places: int) -> None:
    assert money.parse_scaled(money.format_scaled(value, places), places) == value


@pytest.mark.parametrize(
    ("micros", "currency", "shown"),
    [
        (1_234_567_000_000, "USD", "1,234,567.00"),
        (-500_000, "EUR", "-0.50"),
        (13_530, "USD", "0.01353"),
        (5_000_000, "JPY", "5"),
        (1_500_000, "KWD", "1.500"),
    ],
)
def test_amounts_for_people(micros: int, currency: str, shown: str) -> None:
    assert money.format_micros(micros, currency) == shown
