"""The ladder on two real switches' records, counted by the truth of the call ends, which neither of them saw."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tollbook.bench import truth
from tollbook.core.zone_document import read_zone
from tollbook.engine.database import open_database
from tollbook.engine.mediation import mark

LAB = Path(__file__).resolve().parents[2] / truth.LAB
OURS, THEIRS, TRUTH = (LAB / f"{name}.csv.gz" for name in ("carrier_a_cdr", "carrier_b_cdr", "truth_pairs"))
ZONE = LAB / "labny.zi"
# The clock of B fell back when it read 01:34:40 UTC, 1.7 s early.
STEP_MS = 1_795_311_280_000 - 1_700
# Recall and precision in thousandths of a percent, at least.
TARGETS = {
    "all identifiers": (99_950, 100_000),
    "no charging vector": (99_900, 99_990),
    "numbers and times only": (99_800, 99_950),
    "numbers without callers": (99_800, 99_900),
}


@pytest.mark.parametrize("in_its_zone", [False, True])
def test_recall_and_precision(in_its_zone: bool) -> None:
    """Times of theirs taken as UTC, so that the ladder finds the zone, or read in the zone, so that an hour is read wrongly."""
    rows = truth.table(OURS, THEIRS, TRUTH, ZONE if in_its_zone else None)
    found = {row["mode"]: row for row in rows if row["cause"] == "(all)"}
    assert set(found) == set(TARGETS)
    for mode, (recall, precision) in TARGETS.items():
        row = found[mode]
        assert row["true_pairs"] == 14_551
        assert 100_000 * row["found"] >= recall * row["true_pairs"], row
        assert 100_000 * row["found"] >= precision * (row["found"] + row["wrong"]), row


@pytest.fixture(scope="module")
def sides() -> tuple[Any, Any]:
    return truth.records(truth.OURS, OURS, "OURS"), truth.records(truth.THEIRS, THEIRS, "THEIRS")


def test_clocks_and_counts(sides: tuple[Any, Any]) -> None:
    zone = read_zone(ZONE.read_text(encoding="utf-8"), ZONE.name)[0]
    result = truth.matched(*sides, zone)
    assert [piece.kind for piece in result.pieces] == ["TIMEZONE_SHIFT", "TIMEZONE_SHIFT"]
    assert all(abs(piece.skew_ms - 1_700) <= 50 for piece in result.pieces)
    assert abs((result.pieces[1].from_ms or 0) - STEP_MS) <= 1_000
    assert (result.pieces[1].step, result.pieces[1].step_ms) == ("DST_SHIFT", -3_600_000)
    classes = Counter(result.matches.column("class").to_pylist())
    assert classes["MISSING_THEIRS"] == 1_329
    assert classes["MISSING_OURS"] == 131
    assert result.matches.num_rows == 14_551 + 1_329 + 131
    alone = {row["our_cdr_id"] for row in result.matches.to_pylist() if row["their_cdr_id"] is None}
    trunks = zip(sides[0].column("cdr_id").to_pylist(), sides[0].column("trunk").to_pylist(), strict=True)
    assert sum(trunk == "C-IC07" for cdr_id, trunk in trunks if cdr_id in alone) == 326
    assert [finding.code for finding in result.findings].count("ANCHOR_SHIFT") >= 1


@pytest.mark.parametrize("withheld", [(), ("icid",), ("icid", "call_id")])
def test_phantoms(sides: tuple[Any, Any], withheld: tuple[str, ...]) -> None:
    """After a restart A wrote a second record of 247 calls: the same charging identifier, no Call-ID, closed by a timer."""
    ours, theirs = sides
    rows = ours.select(["cdr_id", "icid", "release_party"]).to_pylist()
    often = Counter(row["icid"] for row in rows)
    phantoms = {row["cdr_id"] for row in rows if often[row["icid"]] > 1 and row["release_party"] == "TIMER"}
    assert len(phantoms) == 247
    connection = open_database()
    connection.register("ours", truth.without(ours, withheld))
    connection.register("theirs", truth.without(theirs, withheld))
    found = [
        {row["cdr_id"] for row in mark(connection, side).to_pylist() if row["acceptance"] == "NON_PAYABLE"} for side in ("ours", "theirs")
    ]
    connection.close()
    assert found == [phantoms, set()]
