"""The product's answer over the lab's traffic against the oracle's, cause by cause, to the last unit: two ways that share no line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tollbook.plain.reconcile import Reconciliation, reconcile

from .two_carriers import EXAMPLE, written_down

from oracle.lab import read_rows  # isort: skip

INBOX = EXAMPLE / "inbox"
EXPECTED = written_down("expected.toml")
PLANTED = written_down("planted.toml")


@pytest.fixture(scope="module")
def found() -> Iterator[Reconciliation]:
    result = reconcile(
        INBOX / "boreal" / "carrier_a_cdr.csv.gz",
        INBOX / "aurora" / "aurora_cdr_2026-11.csv.gz",
        INBOX / "agreements" / "aurora.toml",
        ours_format=INBOX / "sources" / "boreal.toml",
        theirs_format=INBOX / "sources" / "aurora.toml",
        decks=[INBOX / "decks" / "aurora_az_v1.xlsx", INBOX / "decks" / "aurora_az_v2.xlsx"],
    )
    with result:
        yield result


@pytest.fixture(scope="module")
def causes(found: Reconciliation) -> dict[str, Counter[str]]:
    """Money, milliseconds and records by cause, added up here and not by the product."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in found.variances().select(["cause", "exact_60th_nanos", "minutes_ms"]).to_pylist():
        sums[row["cause"]].update({"money": row["exact_60th_nanos"], "ms": row["minutes_ms"], "records": 1})
    return sums


def test_every_cause_to_the_last_unit(causes: dict[str, Counter[str]]) -> None:
    found = {cause: sums["money"] for cause, sums in causes.items() if sums["money"]}
    assert found == {cause: value for cause, value in EXPECTED["money_60th_nanos"].items() if value}


def test_nothing_is_unexplained(causes: dict[str, Counter[str]]) -> None:
    assert "UNEXPLAINED" not in causes


@pytest.mark.parametrize("rule", PLANTED)
def test_every_planted_difference_in_its_own_cause_with_its_own_value(rule: str, causes: dict[str, Counter[str]]) -> None:
    planted = PLANTED[rule]
    assert causes[planted["cause"]]["money"] == planted["value_pairs_60th_nanos"]
    assert causes[planted["cause"]]["records"] == planted["calls_pairs_with_value"]


def test_the_minutes_close_to_the_millisecond(causes: dict[str, Counter[str]]) -> None:
    minutes = EXPECTED["minutes_ms"]
    for cause in ("MISSING_OURS", "MISSING_THEIRS", "DUPLICATE_OURS", "DUPLICATE_THEIRS", "ANSWER_MISMATCH"):
        assert causes[cause]["ms"] == minutes[cause]
    assert causes["DURATION"]["ms"] == minutes["PAIRS"]
    # Records of ours with the other supplier stand beside the comparison; without them the sum is the whole difference.
    total = sum(sums["ms"] for cause, sums in causes.items() if cause != "OTHER_BLOCK")
    assert total == EXPECTED["totals"]["theirs_ms"] - EXPECTED["totals"]["ours_ms"]


def test_every_record_has_its_class(found: Reconciliation) -> None:
    counted = Counter(found.matches().column("class").cast(pa.string()).to_pylist())
    records = EXPECTED["records"]
    alone = {name: records[name] for name in ("MISSING_OURS", "MISSING_THEIRS", "DUPLICATE_OURS", "DUPLICATE_THEIRS")}
    assert {name: counted[name] for name in EXPECTED["classes"]} == EXPECTED["classes"]
    assert {name: counted[name] for name in alone} == alone


def numbers_by_id(found: Reconciliation, side: str) -> dict[bytes, str]:
    """The record's own number at its carrier, by our id."""
    rows = found.found.connection.sql(f"SELECT cdr_id, sequence_no FROM raw_{side}").fetchall()
    return {bytes(identity): str(number) for identity, number in rows}


def test_every_pair_is_a_true_pair_and_every_fault_has_its_counts(found: Reconciliation) -> None:
    ours, theirs = numbers_by_id(found, "ours"), numbers_by_id(found, "theirs")
    truth = {(pair["a_cdr_id"], pair["b_cdr_id"]): pair["cause"] for pair in read_rows("truth_pairs.csv.gz")}
    matches: Any = found.matches()
    paired = matches.filter(pc.and_(pc.is_valid(matches["our_cdr_id"]), pc.is_valid(matches["their_cdr_id"])))
    paired = paired.filter(pc.invert(pc.starts_with(paired["class"].cast(pa.string()), "DUPLICATE")))
    counts: Counter[str] = Counter()
    for row in paired.select(["our_cdr_id", "their_cdr_id"]).to_pylist():
        pair = ours[row["our_cdr_id"]], theirs[row["their_cdr_id"]]
        # Of two equal rows of theirs either may stay; the second of them is no row of the lab.
        counts[truth.get(pair, "repeated")] += 1
    wanted = {cause: fault["pairs"] for cause, fault in EXPECTED["faults"].items() if fault["pairs"]}
    repeated = counts.pop("repeated", 0)
    assert repeated <= PLANTED["duplicated_calls"]["calls_pairs"]
    counts["none"] += repeated
    assert counts == wanted
