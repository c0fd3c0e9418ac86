"""Cells of rate sheets against worked examples, and the digest."""

from __future__ import annotations

import datetime as dt
import tomllib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from deck_rows import deck, instant, nanos, row
from hypothesis import given
from hypothesis import strategies as st

from tollbook.core.code_list import compress_range, parse_codes
from tollbook.core.deck_amount import parse_amount
from tollbook.core.deck_change import parse_change
from tollbook.core.deck_date import day_first, parse_moment, whole_minute_up_ms
from tollbook.core.deck_digest import canonical_instant, canonical_text
from tollbook.core.deck_duplicates import collapse_duplicates
from tollbook.core.deck_guard import guard_problems
from tollbook.core.deck_notice import earliest_ms
from tollbook.core.deck_profile import DeckProfile, deck_profile
from tollbook.core.increment import parse_increment
from tollbook.core.money import HALF_UP
from tollbook.core.number_plan import plan_at
from tollbook.core.problem import Refusal
from tollbook.core.zone import find_zone

GOLDEN = Path(__file__).parent.parent / "golden" / "deck"
CALLING_CODES = plan_at(dt.date(2026, 1, 1)).codes


def golden(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((GOLDEN / f"{name}.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("case", golden("increments")["cases"], ids=lambda case: f"{case['text']} {case.get('day_first', '')}")
def test_golden_increments(case: dict[str, Any]) -> None:
    read = parse_increment(case["text"], order=case.get("order", "MIN_STEP"), day_first=case.get("day_first"))
    assert read.problem == case.get("problem", "")
    assert [read.minimum_s, read.step_s] == case.get("reads", [0, 0])
    assert read.first_s == case.get("first", 0)


@pytest.mark.parametrize("case", golden("codes")["cases"], ids=lambda case: case["cell"])
def test_golden_codes(case: dict[str, Any]) -> None:
    read = parse_codes(
        case["cell"], country_codes=CALLING_CODES, dash_mode=case.get("dash_mode", "AUTO"), blank_separates=case.get("blank_separates")
    )
    assert list(read.codes) == case["codes"]
    assert read.problem == case.get("problem", "")


@given(st.integers(1, 10**6), st.integers(0, 9_000))
def test_a_range_covers_its_numbers_once(first: int, more: int) -> None:
    width = len(str(first + more))
    left, right = str(first).rjust(width, "0"), str(first + more)
    covered = [code + tail for code in compress_range(left, right) for tail in _tails(width - len(code))]
    assert covered == [str(number).rjust(width, "0") for number in range(first, first + more + 1)]


def _tails(width: int) -> list[str]:
    return [str(number).rjust(width, "0") for number in range(10**width)] if width else [""]


@pytest.mark.parametrize("case", golden("dates")["cases"], ids=lambda case: f"{case['text']} {case['zone']}")
def test_golden_dates(case: dict[str, Any]) -> None:
    read = parse_moment(case["text"], find_zone(case["zone"]), case.get("format"), end=case.get("end", False))
    assert read.problem == case.get("problem", "")
    if not read.problem:
        assert canonical_instant(read.at_ms) == case["at"]


@pytest.mark.parametrize("case", golden("notice")["cases"], ids=lambda case: f"{case['mode']} {case['days']} {case['zone']}")
def test_golden_notice(case: dict[str, Any]) -> None:
    received = instant(case["received"])
    assert received is not None
    assert canonical_instant(earliest_ms(received, case["days"], find_zone(case["zone"]), case["mode"])) == case["earliest"]


def test_effective_immediately_is_the_next_whole_minute() -> None:
    assert whole_minute_up_ms(60_000) == 60_000
    assert whole_minute_up_ms(60_001) == 120_000


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("0.0235", {}, 23_500_000),
        ("$0.05", {}, 50_000_000),
        ("0.05 EUR", {}, 50_000_000),
        ("1e-05", {}, 10_000),
        ("0,0125", {"decimal": ","}, 12_500_000),
        ("1.25", {"scale": Fraction(1, 100)}, 12_500_000),
        ("0.00000000049", {"rounding": HALF_UP}, 0),
        ("0.0000000005", {"rounding": HALF_UP}, 1),
    ],
)
def test_amounts(text: str, options: dict[str, Any], expected: int) -> None:
    read = parse_amount(text, **options)
    assert (read.nanos, read.problem) == (expected, "")


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        ("1,234", {}, "RATE_DECIMAL_COMMA"),
        ("0,0125", {}, "RATE_DECIMAL_COMMA"),
        ("1.234,5", {"decimal": ","}, "RATE_DECIMAL_COMMA"),
        ("-0.05", {}, "RATE_UNREADABLE"),
        ("1.25c", {}, "RATE_UNREADABLE"),
        ("=1+1", {}, "RATE_UNREADABLE"),
        ("0.0000000001", {}, "RATE_TOO_FINE"),
        ("1e99", {}, "RATE_TOO_LARGE"),
    ],
)
def test_amounts_that_are_refused(text: str, options: dict[str, Any], problem: str) -> None:
    assert parse_amount(text, **options).problem == problem


def test_the_currency_of_a_cell_is_kept() -> None:
    assert [parse_amount(text).currency for text in ("€0.06", "0.06 USD", "US$ 0.06", "0.06")] == ["EUR", "USD", "USD", ""]


@pytest.mark.parametrize(
    ("word", "expected"),
    [("Discontinued", "DELETED"), ("no_route", "BLOCKED"), ("New", "ACTIVE"), ("+", "ACTIVE"), ("", "ACTIVE"), ("Pending", "ACTIVE")],
)
def test_change_words(word: str, expected: str) -> None:
    read = parse_change(word)
    assert (read.status, read.known) == (expected, True)


def test_an_unknown_change_word_is_said_to_be_unknown() -> None:
    assert not parse_change("purple").known


def digest_deck(order: int = 1) -> Any:
    case = golden("digest")
    rows = [
        row(each["code"], each["rate"], each["effective"], each["increment"], destination=each["destination"], country=each["country"])
        for each in case["rows"]
    ]
    about = {name: value for name, value in case["deck"].items() if name != "received"}
    return deck(*rows[::order], received_at=instant(case["deck"]["received"]), **about)


def test_golden_digest() -> None:
    case = golden("digest")
    assert b"".join(canonical_text(digest_deck())).decode() == case["text"]
    assert len(case["text"].encode()) == 264
    assert digest_deck().digest == case["digest"]


def test_the_digest_does_not_depend_on_the_order_of_rows() -> None:
    assert digest_deck(-1).digest == digest_deck(1).digest


def test_the_digest_names_every_term() -> None:
    plain = row("44", "0.01", "2025-01-01")
    different = [
        {**plain, name: 1 if isinstance(plain[name], int) and name not in ("effective_from", "step_s") else value}
        for name, value in plain.items()
        if name
        in (
            "rate_nanos",
            "rate_first_nanos",
            "connect_nanos",
            "surcharge_call_nanos",
            "surcharge_minute_nanos",
            "minimum_s",
            "grace_s",
            "free_s",
        )
        for value in [0]
        if plain[name] != 1
    ]
    assert len({deck(each).digest for each in [plain, *different]}) == len(different) + 1


def test_separators_and_blanks_in_names_are_escaped() -> None:
    text = b"".join(canonical_text(deck(row("44", destination="A | B \\ \n  C")))).decode()
    assert "|A \\p B \\\\ C|" in text


def test_identical_rows_collapse_and_contradictions_are_named() -> None:
    same = deck(row("44", "0.01"), row("33", "0.02"), row("44", "0.010"))
    rows, problems = collapse_duplicates(same.rows, "deck.csv")
    assert rows.num_rows == 2
    assert [each.code for each in problems] == ["DUPLICATE_ROW"]
    contrary = deck(row("44", "0.01"), row("33", "0.02"), row("44", "0.011"))
    _, problems = collapse_duplicates(contrary.rows, "deck.csv")
    assert [each.code for each in problems] == ["DUPLICATE_CONFLICT"]
    assert "rows 2 and 4" in problems[0].reason
    assert "rate_nanos" in problems[0].reason


def test_the_same_code_at_another_time_or_in_another_destination() -> None:
    assert collapse_duplicates(deck(row("44", "0.01", "2025-01-01"), row("44", "0.02", "2025-02-01")).rows, "")[1] == []
    moved = deck(row("1808", "0.01", destination="Hawaii"), row("1808", "0.01", destination="USA"))
    assert [each.code for each in collapse_duplicates(moved.rows, "")[1]] == ["DUPLICATE_CONFLICT"]


def test_guards_of_a_full_version() -> None:
    # Old codes 1, 44 and 447, new ones 1 and 44: one of three is 33 %, over 20 %.
    old = deck(row("1", "0.01"), row("44", "0.02"), row("447", "0.03"))
    full = guard_problems(old, deck(row("1", "0.01"), row("44", "0.02"), mode="FULL"))
    assert [each.code for each in full] == ["DECK_GUARD"]
    assert "33 %" in full[0].reason
    assert guard_problems(old, deck(row("1", "0.01"), row("44", "0.02"), mode="PARTIAL")) == []


def test_guards_of_rates_and_currency() -> None:
    old = deck(row("1", "0.01"), row("44", "0.02"), currency="USD")
    cents = guard_problems(old, deck(row("1", "1"), row("44", "2"), currency="USD"))
    assert any("another scale" in each.reason for each in cents)
    assert any("factor" in each.reason for each in cents)
    assert any("currency" in each.reason for each in guard_problems(old, deck(row("1", "0.01"), row("44", "0.02"), currency="EUR")))


def test_a_profile_reads_its_keys() -> None:
    document = {
        "format": "tollbook-deck-profile/1",
        "decimal": ",",
        "date_format": "dd/mm/yyyy",
        "increment_default": "60/60",
        "rate_rounding": "HALF_UP",
    }
    profile = deck_profile(document, "p.toml")
    assert profile == DeckProfile(decimal=",", date_format="dd/mm/yyyy", increment_default=(60, 60), rate_rounding=HALF_UP)
    assert day_first(profile.date_format) is True


def test_the_profile_of_the_rules_page_is_valid() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules" / "decks.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    profile = deck_profile(tomllib.loads(example, parse_float=Decimal), "decks.md")
    assert (profile.header_row, profile.rate_scale, profile.columns["effective"]) == (14, Fraction(1, 100), "Gültig ab")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("colour", "red"),
        ("decimal", "'"),
        ("zone", "Mars/Olympus"),
        ("currency", "dollars"),
        ("columns", {"code": "Code"}),
        ("columns", {"code": "Code", "rate": "Rate", "smell": "S"}),
        ("header_row", -1),
        ("rate_scale", 0),
        ("allow_zero", "yes"),
        ("increment_default", "x"),
        ("sheet", ""),
    ],
)
def test_a_profile_names_the_key_that_cannot_be(key: str, value: object) -> None:
    with pytest.raises(Refusal) as refused:
        deck_profile({"format": "tollbook-deck-profile/1", key: value}, "p.toml")
    assert [(each.code, each.place.column) for each in refused.value.problems] == [("DECK_PROFILE_INVALID", key)]


def test_helpers_read_decimals_exactly() -> None:
    assert nanos("0.0235") == 23_500_000
