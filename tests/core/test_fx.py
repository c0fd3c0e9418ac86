"""Exchange rates: worked conversions (docs/rules/fx.md), and documents that must be refused."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from tollbook.core.fx import Fixing, Fixings, convert, read_fx
from tollbook.core.problem import Refusal

CASES = yaml.safe_load((Path(__file__).parent.parent / "golden" / "fx" / "conversions.yml").read_text(encoding="utf-8"))
DOCUMENT = """format = "tollbook-fx/1"
source = "ECB"
base = "EUR"
date = 2025-05-30
known_from = "2025-05-30T14:00:00Z"
[rates]
USD = "1.1339"
GBP = "0.84180"
"""


def fixing(rates: dict[str, str], day: str = "2025-05-30", known_from: int = 0, base: str = "EUR") -> Fixing:
    values = {name: Fraction(text) for name, text in rates.items()}
    return Fixing("ECB", base, dt.date.fromisoformat(day), values, digest=str(rates), known_from=known_from)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_conversions(case: dict[str, object]) -> None:
    given = case["given"]
    assert isinstance(given, dict)
    total = 0
    for part in given["parts"]:
        found = convert(int(Fraction(part["amount"]) * 10**6), given["from"], given["to"], fixing(part["rates"]))
        assert found is not None
        total += found.amount_micros
    cents = Fraction(total, 10_000)
    assert round(cents) * 10_000 == int(Fraction(str(case["expect"])) * 10**6)


def test_the_same_currency_needs_no_rate() -> None:
    found = convert(1, "USD", "USD", None)
    assert found is not None
    assert (found.amount_micros, found.fixing) == (1, None)


def test_what_is_not_quoted_is_not_guessed() -> None:
    assert convert(1, "USD", "JPY", fixing({"USD": "1.1"})) is None
    assert convert(1, "JPY", "EUR", fixing({"USD": "1.1"})) is None
    assert convert(1, "USD", "EUR", None) is None


def test_money_is_rounded_once_and_away_from_zero() -> None:
    half = fixing({"USD": "2"})
    assert [convert(amount, "USD", "EUR", half).amount_micros for amount in (1, 3, -1, -3)] == [1, 2, -1, -2]  # type: ignore[union-attr]


def test_there_and_back_is_the_same_to_the_rounding() -> None:
    rates = fixing({"USD": "1.0815", "GBP": "0.83540"})
    there = convert(10_000_000_000, "USD", "GBP", rates)
    assert there is not None
    back = convert(there.amount_micros, "GBP", "USD", rates)
    assert back is not None
    assert abs(back.amount_micros - 10_000_000_000) <= 1


def test_a_day_without_a_fixing_has_the_one_before() -> None:
    known = Fixings.of([fixing({"USD": "1.1"}, "2025-05-30"), fixing({"USD": "1.2"}, "2025-06-02")])
    assert known.at(dt.date(2025, 5, 31)) == known.days[dt.date(2025, 5, 30)]  # a Saturday
    assert known.at(dt.date(2025, 6, 2)) == known.days[dt.date(2025, 6, 2)]
    assert known.at(dt.date(2025, 5, 29)) is None
    assert known.at(dt.date(2025, 6, 9)) is not None
    assert known.at(dt.date(2025, 6, 10)) is None


def test_a_correction_known_later_counts_whatever_the_order() -> None:
    first, second = fixing({"USD": "1.1"}, known_from=1), fixing({"USD": "1.3"}, known_from=2)
    for order in ((first, second), (second, first)):
        assert Fixings.of(order).at(dt.date(2025, 5, 30)) == second


def test_a_document_is_read() -> None:
    read = read_fx(DOCUMENT)
    assert (read.source, read.base, read.day, read.known_from) == ("ECB", "EUR", dt.date(2025, 5, 30), 1_748_613_600_000)
    assert read.rates == {"USD": Fraction(11_339, 10_000), "GBP": Fraction(8_418, 10_000)}
    assert read.digest == read_fx(DOCUMENT.replace("0.84180", "0.8418").replace("date = 2025-05-30", 'date = "2025-05-30"')).digest


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ('"1.1339"', "1.1339", "rates.USD"),
        ('"1.1339"', '"1.1339e0"', "rates.USD"),
        ('"1.1339"', '"-1"', "rates.USD"),
        ('"1.1339"', '"0.0"', "rates.USD"),
        ('"1.1339"', '"NaN"', "rates.USD"),
        ('"1.1339"', '"1,13"', "rates.USD"),
        ("USD =", "Dollar =", "rates.Dollar"),
        ("USD =", "EUR =", "rates.EUR"),
        ('base = "EUR"', 'base = "euro"', "base"),
        ('source = "ECB"', 'source = " "', "source"),
        ("date = 2025-05-30", "date = 2025-05-30T10:00:00Z", "date"),
        ("date = 2025-05-30", 'date = "30.05.2025"', "date"),
        ("2025-05-30T14:00:00Z", "2025-05-30T14:00:00", "known_from"),
        ("[rates]", "spread = 2\n[rates]", "spread"),
        ('format = "tollbook-fx/1"', 'format = "tollbook-fx/2"', "format"),
        ('[rates]\nUSD = "1.1339"\nGBP = "0.84180"', "rates = 3", "rates"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(old: str, new: str, column: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_fx(DOCUMENT.replace(old, new), "fx.toml")
    assert [(each.code, each.place.column) for each in refused.value.problems] == [("FX_INVALID", column)]


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(Refusal):
        read_fx("rates = [")
