"""The example's brute force: its inputs come from the lab alone, its numbers add up, and it shares nothing with the product."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any

import pytest

from .two_carriers import EXAMPLE, written_down

import make_example  # isort: skip
from bookmaker.decks import CHANGE_AT  # isort: skip
from oracle import billing, waterfall  # isort: skip
from oracle.lab import Lab, aurora_ms, ours_ms, utc_ms  # isort: skip
from oracle.pricing import Deck, billed_seconds, decimal, micros, up_to_second  # isort: skip


@pytest.fixture(scope="module")
def basis() -> make_example.Basis:
    return make_example.read_basis()


@pytest.fixture(scope="module")
def lab(basis: make_example.Basis) -> Lab:
    return basis.lab


@pytest.fixture(scope="module")
def deck(basis: make_example.Basis) -> Deck:
    return basis.deck


@pytest.fixture(scope="module")
def billed(basis: make_example.Basis) -> list[billing.Billed]:
    return basis.billed


def test_committed_files_are_what_the_lab_gives(basis: make_example.Basis) -> None:
    assert make_example.differing(make_example.make(basis)) == []


def test_the_oracle_never_imports_the_product() -> None:
    for path in [*EXAMPLE.glob("oracle/*.py"), *EXAMPLE.glob("bookmaker/*.py"), *EXAMPLE.glob("facts/*.py"), EXAMPLE / "make_example.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] in {"tollbook", "numpy", "pyarrow", "duckdb"}], path


@pytest.mark.parametrize(
    ("seconds", "minimum", "step", "expected"),
    [(0, 60, 60, 0), (1, 1, 1, 1), (13, 10, 6, 16), (31, 30, 6, 36), (61, 60, 1, 61), (61, 60, 60, 120), (30, 30, 6, 30)],
)
def test_increments_longhand(seconds: int, minimum: int, step: int, expected: int) -> None:
    assert billed_seconds(seconds, minimum, step) == expected


def test_rounding_longhand() -> None:
    assert up_to_second(61_049) == 62
    assert up_to_second(61_000) == 61
    # 13 s at 0.0235 a minute: 23,500,000 nanos x 13 / 60 = 5,091,666.67 nanos, half up 5,092 micro-units.
    assert micros(23_500_000 * 13) == 5_092
    assert decimal(5_092) == "0.005092"
    assert decimal(2_345_000, 2) == "2.35"


def test_a_clock_that_falls_back(lab: Lab) -> None:
    """Aurora's clock is 1.7 s ahead on both sides of its step back, once its local times are read as it meant them."""
    steps: Counter[int] = Counter()
    for pair in lab.truth:
        if pair["a_cdr_id"] and pair["b_cdr_id"] and pair["cause"] == "none":
            ours, theirs = lab.ours[pair["a_cdr_id"]], lab.theirs[pair["b_cdr_id"]]
            steps[(aurora_ms(theirs["connect_ts"]) - utc_ms(ours["start_time"])) // 1000] += 1
    assert steps[1] + steps[2] > 0.98 * steps.total()
    assert max(map(abs, steps)) <= 6


def test_counts_of_the_lab(lab: Lab) -> None:
    sides = Counter((bool(pair["a_cdr_id"]), bool(pair["b_cdr_id"])) for pair in lab.truth)
    assert sides[True, True] == 14_551
    assert sides[True, False] == 1_329
    assert sides[False, True] == 131
    records = written_down("expected.toml")["records"]
    assert (records["PAIRS"], records["MISSING_OURS"], records["DUPLICATE_OURS"]) == (14_551, 131, 247)
    assert records["MISSING_THEIRS"] + records["OTHER_BLOCK"] == 1_329
    assert records["OTHER_BLOCK"] == 326


def test_every_planted_rule_touches_calls_of_its_own(billed: list[billing.Billed]) -> None:
    """No call is touched twice, and none of a repeated row has another planted difference."""
    keys: dict[tuple[str, ...], set[str]] = {}
    for each in billed:
        if each.planted:
            keys.setdefault((each.record["charging_id"], each.record["connect_ts"]), set()).add(each.planted)
    assert all(len(rules) == 1 for rules in keys.values())
    assert {rule for rules in keys.values() for rule in rules} == set(written_down("planted.toml"))


def test_planted_values_from_their_definition(billed: list[billing.Billed], deck: Deck, lab: Lab) -> None:
    """The value of each rule once more, from the rated file alone: what was billed less what Aurora's own deck says."""
    value: Counter[str] = Counter()
    for each in billed:
        if each.planted == "duplicated_calls":
            value[each.planted] += each.amount_micros * 60_000
        elif each.planted:
            row = deck.price(each.record["b_number"], aurora_ms(each.record["connect_ts"]))
            value[each.planted] += each.exact - row.nanos * billed_seconds(each.seconds, row.minimum, row.step)
    for rule, found in written_down("planted.toml").items():
        assert found["value_pairs_60th_nanos"] + found["value_only_theirs_60th_nanos"] == value[rule] > 0


def test_the_waterfall_is_the_whole_difference(lab: Lab, billed: list[billing.Billed], deck: Deck) -> None:
    expected: dict[str, Any] = written_down("expected.toml")
    theirs = sum(each.amount_micros for each in billed)
    ours = 0
    for pair in lab.truth:
        row = lab.ours.get(pair["a_cdr_id"])
        if row and row["dst_trunk"] == waterfall.SUPPLIER_TRUNK:
            price = deck.price(row["dst_number"], utc_ms(row["start_time"]))
            ours += micros(price.nanos * billed_seconds(up_to_second(ours_ms(row)), price.minimum, price.step))
    assert sum(expected["money_60th_nanos"].values()) == (theirs - ours) * 60_000
    assert sum(expected["minutes_ms"].values()) == sum(each.seconds for each in billed) * 1000 - sum(
        ours_ms(row) for row in lab.ours.values() if row["dst_trunk"] == waterfall.SUPPLIER_TRUNK
    )
    assert sum(expected["classes"].values()) == expected["records"]["PAIRS"]


def test_planted_rules_are_single_causes(billed: list[billing.Billed]) -> None:
    """The money of a cause is its planted rule and nothing else, so that a test can compare it to the last unit."""
    money = written_down("expected.toml")["money_60th_nanos"]
    planted = written_down("planted.toml")
    for rule in ("increase_early", "other_increment", "mapped_wrong", "duplicated_calls"):
        assert money[planted[rule]["cause"]] == planted[rule]["value_pairs_60th_nanos"]


def test_the_change_lies_in_the_middle_of_the_traffic(lab: Lab) -> None:
    answered = [utc_ms(row["start_time"]) for row in lab.ours.values()]
    share = sum(at < utc_ms(CHANGE_AT) for at in answered) / len(answered)
    assert 0.2 < share < 0.8
