"""Compiled decks against worked timelines and a brute-force reading of the rules."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from deck_rows import deck, instant, nanos, row
from hypothesis import given
from hypothesis import strategies as st

from tollbook.core.deck import MOST_NANOS, Deck
from tollbook.core.deck_notice import NoticeTerms
from tollbook.core.deck_timeline import BEGINNING, FOREVER
from tollbook.core.problem import Refusal
from tollbook.engine.deck import CompiledDeck, compile_timeline
from tollbook.engine.deck_kernel import intervals, parents
from tollbook.engine.deck_report import timeline_problems
from tollbook.engine.deck_timeline import code_keys
from tollbook.engine.number import NO_NUMBER, number_keys

TIMELINES = yaml.safe_load((Path(__file__).parent.parent / "golden" / "deck" / "timeline.yml").read_text(encoding="utf-8"))["cases"]
JUNE = instant("2025-06-15")


def versions(case: dict[str, Any]) -> list[Deck]:
    zone = case.get("zone", "UTC")
    return [
        deck(
            *(row(*each) for each in version["rows"]),
            received_at=instant(version.get("received")),
            mode=version.get("mode", "FULL"),
            zone=zone,
        )
        for version in case["versions"]
    ]


def rate_at(compiled: CompiledDeck, number: str, at: int) -> int | str | None:
    found = int(compiled.find_text(pa.array([number]), at)[0][0])
    if found < 0:
        return None
    return "BLOCKED" if compiled.is_blocked(np.array([found]))[0] else compiled.terms_of(found).rate_nanos


@pytest.mark.parametrize("case", TIMELINES, ids=lambda case: case["name"])
def test_golden_timelines(case: dict[str, Any]) -> None:
    decks, notice = versions(case), NoticeTerms(**case.get("notice", {}))
    known_at = instant(case.get("known_at"))
    compiled = compile_timeline(decks, known_at, notice=notice)
    for text, expected in case["at"].items():
        at = instant(text)
        assert at is not None
        wanted = nanos(expected) if expected not in (None, "BLOCKED") else expected
        assert rate_at(compiled, case.get("number", "44"), at) == wanted, text
    assert [each.code for each in timeline_problems(decks, known_at, notice=notice)] == case["problems"]


def test_the_increment_of_the_winning_row_is_used() -> None:
    case = next(each for each in TIMELINES if "coarser increment" in each["name"])
    compiled = compile_timeline(versions(case))
    steps = []
    for text in ("2025-03-09T23:59:59Z", "2025-03-10T00:00Z"):
        at = instant(text)
        assert at is not None
        steps.append(compiled.terms_of(int(compiled.find_text(pa.array(["44"]), at)[0][0])).step_s)
    assert steps == [1, 60]


def test_declared_changes_are_compared_not_trusted() -> None:
    old = deck(row("44", "0.01", "2025-01-01"), row("33", "0.01", "2025-01-01"))
    new = deck(
        row("44", "0.02", "2025-06-01", declared_change="DECREASE"),
        row("33", "0.02", "2025-06-01", declared_change="INCREASE"),
        mode="PARTIAL",
        received_at=instant("2025-03-01"),
    )
    found = timeline_problems([old, new])
    assert [(each.code, each.value) for each in found] == [("CHANGE_TYPE_MISMATCH", "44")]


def test_a_short_number_does_not_fall_into_a_longer_code() -> None:
    compiled = compile_timeline([deck(row("44740", "0.01"), row("4474", "0.02"))])
    assert [rate_at(compiled, number, 0) for number in ("4474", "44740", "447", "447400", "44741")] == [
        nanos("0.02"),
        nanos("0.01"),
        None,
        nanos("0.01"),
        nanos("0.02"),
    ]


def test_the_longest_codes_and_numbers() -> None:
    compiled = compile_timeline([deck(row("999999999999999", "0.01"), row("9", "0.02"), row("0", "0.03"))])
    assert rate_at(compiled, "9" * 15, 0) == nanos("0.01")
    assert rate_at(compiled, "9" * 20, 0) == nanos("0.01")
    assert rate_at(compiled, "9" * 14, 0) == nanos("0.02")
    assert rate_at(compiled, "0", 0) == nanos("0.03")


def test_what_is_no_number_has_no_key() -> None:
    texts = pa.array(["44", None, "", "+44", "44a", " 44", "4.4"])
    assert (number_keys(texts) == NO_NUMBER).tolist() == [False, True, True, True, True, True, True]
    assert (number_keys(texts, cosmetic=True) == NO_NUMBER).tolist() == [False, True, True, False, True, False, False]
    chunks = pa.chunked_array([["44"], ["33", None]])
    assert number_keys(chunks).tolist() == [number_keys(pa.array(["44"]))[0], number_keys(pa.array(["33"]))[0], NO_NUMBER]
    assert number_keys(chunks.dictionary_encode()).tolist() == number_keys(chunks).tolist()
    assert number_keys(pa.array(["1", "2", "3"]).slice(1, 1)).tolist() == number_keys(pa.array(["2"])).tolist()


def test_intervals_are_disjoint_and_cover_everything() -> None:
    codes = pa.array(["1", "1876", "44", "447", "4477"])
    low, high = code_keys(codes)
    starts, owners = intervals(low, high)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert set(owners) == {-1, 0, 1, 2, 3, 4}
    parent = np.empty(len(low), dtype=np.int32)
    parents(low, high, parent)
    assert parent.tolist() == [-1, 0, -1, 2, 3]


def brute(rows: list[dict[str, Any]], number: str, at: int) -> int | str | None:
    """The rules as they are written, for one version: longest code first, of its active rows the latest start."""
    for length in range(min(15, len(number)), 0, -1):
        active = [
            each
            for each in rows
            if each["code"] == number[:length]
            and (BEGINNING if each["effective_from"] is None else each["effective_from"]) <= at
            and at < (FOREVER if each["effective_until"] is None else each["effective_until"])
        ]
        if not active:
            continue
        winner = max(active, key=lambda each: BEGINNING if each["effective_from"] is None else each["effective_from"])
        if winner["status"] == "DELETED":
            continue
        return "BLOCKED" if winner["status"] == "BLOCKED" else int(winner["rate_nanos"])
    return None


def random_rows(seed: int, count: int) -> list[dict[str, Any]]:
    chooser = random.Random(seed)
    rows: dict[tuple[str, int | None], dict[str, Any]] = {}
    for _ in range(count):
        code = "".join(chooser.choice("0123") for _ in range(chooser.randint(1, 5)))
        start = chooser.choice([None, *range(0, 50, 5)])
        until = chooser.choice([None, None, None, (start or 0) + chooser.randint(1, 30)])
        status = chooser.choice(["ACTIVE"] * 6 + ["DELETED", "BLOCKED"])
        made = row(code, "0", status=status)
        made |= {"effective_from": start, "effective_until": until, "rate_nanos": chooser.randint(1, 10**6)}
        rows[code, start] = made
    return list(rows.values())


@given(st.integers(0, 10**9), st.integers(1, 120))
def test_against_brute_force(seed: int, count: int) -> None:
    rows = random_rows(seed, count)
    compiled = compile_timeline([deck(*rows)])
    chooser = random.Random(seed + 1)
    numbers = ["".join(chooser.choice("0123") for _ in range(chooser.randint(1, 7))) for _ in range(60)]
    for number in numbers:
        at = chooser.randint(-5, 90)
        assert rate_at(compiled, number, at) == brute(rows, number, at), (number, at)


def test_a_saved_deck_is_the_same_deck(tmp_path: Path) -> None:
    compiled = compile_timeline([deck(*random_rows(7, 200), partner="acme", currency="USD")])
    compiled.save(tmp_path / "one" / "deck")
    loaded = CompiledDeck.load(tmp_path / "one" / "deck")
    numbers = pa.array([str(number) for number in range(4000)])
    for at in (-1, 0, 17, 33, 70):
        assert (loaded.find_text(numbers, at)[0] == compiled.find_text(numbers, at)[0]).all()
    assert (loaded.digests, loaded.currency, loaded.partner) == (compiled.digests, "USD", "acme")
    assert loaded.rows.equals(compiled.rows)
    assert loaded.priced_by(0) == compiled.priced_by(0)


def test_a_folder_without_a_deck_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal):
        CompiledDeck.load(tmp_path)


def test_a_price_that_would_overflow_is_refused() -> None:
    with pytest.raises(Refusal, match="RATE_TOO_LARGE"):
        compile_timeline([deck({**row("44"), "rate_nanos": MOST_NANOS, "rate_unit": "PER_SECOND"})])
    with pytest.raises(Refusal, match="RATE_TOO_LARGE"):
        compile_timeline([deck({**row("44"), "rate_nanos": MOST_NANOS + 1})])


def test_zones_of_origin_are_not_passed_over() -> None:
    with pytest.raises(Refusal, match="DECK_COLUMN_UNSUPPORTED"):
        compile_timeline([deck(row("44", a_zone="EEA"))])


def test_versions_in_two_currencies_are_refused() -> None:
    with pytest.raises(Refusal, match="DECK_CURRENCY_MIXED"):
        compile_timeline([deck(row("44"), currency="USD"), deck(row("44"), currency="EUR")])


def test_nothing_known_is_refused() -> None:
    with pytest.raises(Refusal, match="DECK_NO_ROWS"):
        compile_timeline([deck(row("44"), received_at=JUNE)], 0)


def test_many_full_versions_with_closures_stay_small() -> None:
    """Every version drops one code and brings back the one before: a closure for each, never more slots than rows."""
    codes = [str(number) for number in range(10, 20)]
    decks = []
    for version in range(30):
        rows = [row(code, "0.01") | {"effective_from": version * 10} for code in codes if code != codes[version % 10]]
        decks.append(deck(*rows))
    compiled = compile_timeline(decks)
    for version in range(30):
        for place, code in enumerate(codes):
            expected = None if place == version % 10 else nanos("0.01")
            assert rate_at(compiled, code, version * 10) == expected, (version, code)
