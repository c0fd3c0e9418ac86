"""The supplier's rated file of the example against our own switch: every difference to the last unit, against the brute-force oracle."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tollbook.plain.reconcile import reconcile

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "two-carriers"
INBOX = EXAMPLE / "inbox"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def summary() -> dict[str, Any]:
    decks = [INBOX / "decks" / f"aurora_az_v{number}.xlsx" for number in (1, 2)]
    with reconcile(
        INBOX / "boreal" / "carrier_a_cdr.csv.gz",
        INBOX / "aurora" / "aurora_cdr_2026-11.csv.gz",
        INBOX / "agreements" / "aurora.toml",
        ours_format=INBOX / "sources" / "boreal.toml",
        theirs_format=INBOX / "sources" / "aurora.toml",
        decks=decks,
    ) as found:
        return found.summary


def expected(name: str) -> dict[str, Any]:
    return tomllib.loads((EXAMPLE / "oracle" / name).read_text(encoding="utf-8"))


def test_money_by_cause_is_the_oracles(summary: dict[str, Any]) -> None:
    found = {each["cause"]: int(each["exact_60th_nanos"]) for each in summary["money"]["causes"]}
    assert found == {cause: value for cause, value in expected("expected.toml")["money_60th_nanos"].items() if value}
    assert summary["money"]["unexplained_zero"]


def test_every_planted_difference_is_in_its_own_cause(summary: dict[str, Any]) -> None:
    causes = {each["cause"]: each for each in summary["money"]["causes"]}
    for planted in expected("planted.toml").values():
        cause = causes[planted["cause"]]
        assert int(cause["exact_60th_nanos"]) == planted["value_pairs_60th_nanos"]
        assert cause["calls"] == planted["calls_pairs_with_value"]


def test_classes_and_records_are_the_oracles(summary: dict[str, Any]) -> None:
    written_down = expected("expected.toml")
    classes = {each["class"]: each["calls"] for each in summary["classes"]}
    assert {name: classes[name] for name in written_down["classes"]} == written_down["classes"]
    records = written_down["records"]
    assert summary["matching"]["pairs"] == records["PAIRS"]
    assert {name: classes[name] for name in ("DUPLICATE_OURS", "DUPLICATE_THEIRS", "MISSING_OURS", "MISSING_THEIRS", "OTHER_BLOCK")} == {
        name: records[name] for name in ("DUPLICATE_OURS", "DUPLICATE_THEIRS", "MISSING_OURS", "MISSING_THEIRS", "OTHER_BLOCK")
    }
    zero = [each for each in summary["unmatched"] if each["class"] == "MISSING_THEIRS" and each["reason"] == "ZERO_DURATION"]
    assert sum(each["calls"] for each in zero) == records["MISSING_THEIRS_ZERO_SECONDS"]
    assert {each["trunk"] for each in summary["unmatched"] if each["class"] == "OTHER_BLOCK"} == {"C-IC07"}


def test_the_minutes_close_to_the_millisecond(summary: dict[str, Any]) -> None:
    minutes, written_down = summary["minutes"], expected("expected.toml")
    net = {each["class"]: each["net_ms"] for each in minutes["classes"]}
    alone = ("ANSWER_MISMATCH", "DUPLICATE_OURS", "DUPLICATE_THEIRS", "MISSING_OURS", "MISSING_THEIRS")
    assert {name: net[name] for name in alone} == {name: written_down["minutes_ms"][name] for name in alone}
    assert sum(value for name, value in net.items() if name not in (*alone, "OTHER_BLOCK")) == written_down["minutes_ms"]["PAIRS"]
    assert net["OTHER_BLOCK"] == -written_down["totals"]["other_block_ms"]
    assert minutes["open_ms"] == 0
