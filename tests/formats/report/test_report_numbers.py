"""How reports write numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tollbook.formats.report import numbers


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (numbers.money("51318.160000"), "51,318.16"),
        (numbers.money("2.345000"), "2.35"),  # half up, where half even says 2.34
        (numbers.money("-0.125000"), "\N{MINUS SIGN}0.13"),
        (numbers.signed_money("0.000000"), "0.00"),
        (numbers.signed_money("4312.180000"), "+4,312.18"),
        (numbers.signed_money("-0.000016", 4), "\N{MINUS SIGN}0.000016"),  # never reads as nothing
        (numbers.money(None), "\N{EN DASH}"),
        (numbers.quiet_money("0.000000"), "\N{EN DASH}"),
        (numbers.count(1_234_567), "1,234,567"),
        (numbers.minutes(124_164_000), "2,069.4"),
        (numbers.minutes(3_000), "0.1"),  # 0.05 min, half up
        (numbers.signed_minutes(-30_000), "\N{MINUS SIGN}0.5"),
        (numbers.quiet_minutes(0), "\N{EN DASH}"),
        (numbers.seconds(61_200), "61.200"),
        (numbers.percent("0.267600", 4), "0.2676\N{NARROW NO-BREAK SPACE}%"),
        (numbers.percent(None), "\N{INFINITY}"),
        (numbers.percent("0.000043", 1), "<\N{NARROW NO-BREAK SPACE}0.1\N{NARROW NO-BREAK SPACE}%"),
        (numbers.percent(Fraction(1, 3), 2), "0.33\N{NARROW NO-BREAK SPACE}%"),
        (numbers.share(14_551, 14_682, 2), "99.11\N{NARROW NO-BREAK SPACE}%"),
        (numbers.share(0, 0), "\N{EN DASH}"),
        (numbers.instant("2026-11-22T01:34:40.000Z"), "2026-11-22 01:34:40"),
        (numbers.short_digest("ab" * 32), "ab" * 8),
    ],
)
def test_numbers_as_people_read_them(written: str, expected: str) -> None:
    assert written == expected
