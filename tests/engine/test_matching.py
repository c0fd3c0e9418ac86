"""Matching in bulk: against a slow oracle, whatever the order of the rows; legs, clocks, crowds, groups."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from engine.matching_oracle import ladder
from engine.matching_world import NOON_MS, A, B, cdrs, joined, pairs, record, run
from tollbook.core.cdr import MATCH
from tollbook.core.problem import Refusal
from tollbook.core.zone import Zone
from tollbook.engine import (
    matching,
    matching_clock,
    matching_coarse,
    matching_groups,
    matching_identifiers,
    matching_records,
    matching_stage,
)
from tollbook.engine.matching_result import id_order

HOUR_S = 3600


def small_world(random: np.random.Generator, world: int, side: str) -> list[dict]:
    """A few calls of few numbers within a minute, so that rules compete; no answer is a whole minute."""
    return [
        record(
            f"{side}{world}.{number}",
            at=1 + int(random.integers(0, 41)) * float(random.choice([0.5, 1.001, 1.5])),
            lasts=float(random.choice([5, 6, 6.5, 30, 31, 200])),
            a=[None, A, A, "0201234567", "34567", "31209999999"][random.integers(0, 6)],
            b=[B, B, "00" + B, "33123456789"][random.integers(0, 4)],
            partner=f"world{world}",
        )
        for number in range(random.integers(1, 8))
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_ladder_agrees_with_the_oracle(seed: int) -> None:
    """Three hundred small worlds in one run, each a block of its own."""
    random = np.random.default_rng(seed)
    worlds = [(small_world(random, world, "o"), small_world(random, world, "t")) for world in range(300)]
    result = run([row for ours, _ in worlds for row in ours], [row for _, theirs in worlds for row in theirs], blocks=("partner",))
    assert [piece.offset_ms for piece in result.pieces] == [0]
    found = {row["our_cdr_id"]: (row["their_cdr_id"], row["rule"].split("/")[0]) for row in result.matches.to_pylist() if row["rule"]}
    compared = 0
    for ours, theirs in worlds:
        mine = {row["cdr_id"]: found[row["cdr_id"]] for row in ours if row["cdr_id"] in found}
        if "R11" in {rule for _, rule in mine.values()}:
            continue  # the oracle knows no parts
        compared += 1
        assert mine == ladder(ours, theirs)
    assert compared > 250


def traffic(
    count: int, seed: int, *, shift_ms: int = 1700, ids: float = 0.5, lost: float = 0.03
) -> tuple[list[dict], list[dict], dict[str, str]]:
    """Two sides of random calls, the second by another clock; with redials, losses and callers that are hidden."""
    random = np.random.default_rng(seed)
    ours, theirs, truth = [], [], {}
    called, at = B, 0.0
    for number in range(count):
        if number % 25 or not number:
            called, at = str(31_000_000_000 + int(random.integers(0, 5_000))), float(random.integers(0, 3_600_000)) / 1000
        else:
            at += float(random.integers(3, 12))
        lasts = round(float(random.exponential(60)), 3) + 0.4
        call_id = f"{number}@x" if random.random() < ids else None
        caller = str(44_000_000_000 + int(random.integers(0, 300)))
        one = record(f"o{number}", at=at, lasts=lasts, a=caller if random.random() < 0.8 else None, b=called, call_id=call_id)
        two = record(f"t{number}", at=at + shift_ms / 1000 + float(random.normal(0, 0.1)), lasts=lasts, a=caller, b=called, call_id=call_id)
        here, there = random.random(2) >= lost
        ours += [one] if here else []
        theirs += [two] if there else []
        if here and there:
            truth[f"o{number}"] = f"t{number}"
    return ours, theirs, truth


def test_the_order_of_the_rows_does_not_matter() -> None:
    ours, theirs, truth = traffic(1500, 4)
    tables = [cdrs(ours), cdrs(theirs)]
    first = run(*tables)
    random = np.random.default_rng(9)
    for _ in range(2):
        shuffled = [table.take(pa.array(random.permutation(table.num_rows))) for table in tables]
        again = run(*shuffled)
        assert again.matches.equals(first.matches)
        assert (again.pieces, again.findings, again.counts) == (first.pieces, first.findings, first.counts)
    assert first.matches.schema.equals(MATCH)
    assert joined(first) == truth


def test_each_record_occurs_once() -> None:
    ours, theirs, _ = traffic(1500, 5, ids=0)
    result = run(ours, theirs)
    for name, rows in (("our_cdr_id", ours), ("their_cdr_id", theirs)):
        found = [each for each in result.matches.column(name).to_pylist() if each]
        assert len(found) == len(set(found)) == len(rows)


def test_legs_never_meet() -> None:
    """A switch copies one charging identifier to both its legs; each meets its own partner's record only."""
    ours = [record("in", at=0, leg="IN", icid="same-icid"), record("out", at=0, icid="same-icid")]
    theirs = [record("x", at=1, leg="IN", icid="same-icid"), record("y", at=1, icid="same-icid")]
    assert joined(run(ours, theirs)) == {"out": "y"}
    assert joined(run(ours, theirs, leg="IN")) == {"in": "x"}
    assert pairs(run(ours, theirs[:1])) == {("out", None): None}
    with pytest.raises(Refusal, match="MATCH_LEG_UNKNOWN"):
        run(ours, theirs, leg="OUTWARD")


def test_an_hour_of_zone_is_corrected() -> None:
    ours = [
        record(f"o{number}", at=number * 7.0, lasts=5 + number % 9, b=str(3_100_000_000 + number), call_id=f"{number}@x")
        for number in range(500)
    ]
    theirs = [
        record(f"t{number}", at=number * 7.0 + HOUR_S, lasts=5 + number % 9, b=str(3_100_000_000 + number), call_id=f"{number}@x")
        for number in range(500)
    ]
    result = run(ours, theirs)
    assert result.counts == {"R1": 500}
    assert [(piece.kind, piece.offset_ms) for piece in result.pieces] == [("TIMEZONE_SHIFT", HOUR_S * 1000)]
    assert set(result.matches.column("offset_ms").to_pylist()) == {HOUR_S * 1000}
    assert set(result.matches.column("answer_delta_ms").to_pylist()) == {0}


def test_rewritten_call_ids() -> None:
    ours, theirs = [record("a", at=0, call_id="x@a")], [record("x", at=200, lasts=9, call_id="x@a-b2b_17")]
    assert joined(run(ours, theirs)) == {}
    assert joined(run(ours, theirs, callid_rewrite=((r"^(.*)-b2b_\d+$", r"\1"),))) == {"a": "x"}
    with pytest.raises(Refusal, match="MATCH_REWRITE_INVALID"):
        run(ours, theirs, callid_rewrite=(("(", ""),))


def test_technical_prefixes_and_routing_numbers() -> None:
    ours = [record("a", at=0, b="4477009", call_id="p@a"), record("b", at=9, b="4477010", call_id="q@a")]
    theirs = [record("x", at=200, b="55124477009", call_id="p@a"), record("y", at=200, b="D4477010", call_id="q@a", routing_number="D")]
    assert joined(run(ours, theirs)) == {"b": "y"}
    assert joined(run(ours, theirs, tech_prefixes=("5512#",))) == {"a": "x", "b": "y"}


def test_blocks_are_kept_apart() -> None:
    ours, theirs = [record("a", at=3, partner="aurora")], [record("x", at=3, partner="cirrus")]
    assert joined(run(ours, theirs)) == {"a": "x"}
    assert joined(run(ours, theirs, blocks=("partner",))) == {}


def test_a_crowded_number_is_flagged() -> None:
    ours = [record(f"o{number:03d}", at=number * 2.5, lasts=30, a=None) for number in range(100)]
    theirs = [record(f"t{number:03d}", at=number * 2.5 + 0.3, lasts=30, a=None) for number in range(100)]
    result = run(ours, theirs)
    assert joined(result) == {f"o{number:03d}": f"t{number:03d}" for number in range(100)}
    assert set(result.matches.column("flags").to_pylist()) == {"AMBIGUOUS_POOL"}
    assert [(found.code, found.count) for found in result.findings if found.code == "AMBIGUOUS_POOL"] == [("AMBIGUOUS_POOL", 100)]
    known = run([{**row, "a_e164": A, "a_class": None} for row in ours], [{**row, "a_e164": A, "a_class": None} for row in theirs])
    assert set(known.matches.column("flags").to_pylist()) == {None}


def test_two_sources_of_theirs_with_clocks_of_their_own() -> None:
    ours, theirs, truth = traffic(900, 6, lost=0.0)
    moved = [
        {**row, "source": "east", "answer_at": row["answer_at"] + 900_000} if number % 3 == 0 else row for number, row in enumerate(theirs)
    ]
    result = run(ours, moved)
    assert joined(result) == truth
    assert [(piece.source, piece.kind) for piece in result.pieces] == [("east", "TIMEZONE_SHIFT"), ("switch", "CLOCK_SKEW")]


@pytest.mark.parametrize(("ordered", "ids"), [(True, 0), (False, 0), (True, 0.7)])
def test_a_clock_that_goes_back(ordered: bool, ids: float) -> None:
    """An hour is written twice. The order of the file tells which; without it both readings are tried and the pair is flagged.

    Around the change no record has an identifier: were it put minutes wrong, the certain times would be, and all others after them.
    """
    ours, theirs, truth = traffic(1500, 8, ids=ids, lost=0.0)
    change = NOON_MS + 2_400_000
    for row in ours:
        row["call_id"] = None if abs(row["answer_at"] - change) < 200_000 else row["call_id"]
    theirs.sort(key=lambda row: row["release_at"])
    if not ordered:
        np.random.default_rng(1).shuffle(theirs)
    for number, row in enumerate(theirs, 1):
        row["record_no"] = number
        for name in ("answer_at", "release_at"):
            row[name] -= HOUR_S * 1000 if row[name] >= change else 0
    zone = Zone("Test/Zone", (change,), (0, -HOUR_S))
    result = run(ours, theirs, theirs_zone=zone)
    assert joined(result) == truth
    assert abs((result.pieces[1].from_ms or 0) - change) < 12_000
    assert [piece.step for piece in result.pieces] == ["", "DST_SHIFT"]
    flagged = "AMBIGUOUS_LOCAL" in {found.code for found in result.findings}
    assert flagged is not ordered


def test_minutes_counted_from_the_invite() -> None:
    """For ten minutes theirs starts calls at the INVITE; the second pass joins by the release before the relaxed rule can err."""
    ours, theirs, truth = traffic(3000, 11, ids=0, shift_ms=0)
    random = np.random.default_rng(3)
    for row in theirs:
        minute = (row["answer_at"] - NOON_MS) // 60_000
        if 20 <= minute < 30:
            early = int(random.integers(2_000, 14_000))
            row["answer_at"] -= early
            row["duration_ms"] += early
    result = run(ours, theirs)
    shifts = [found for found in result.findings if found.code == "ANCHOR_SHIFT"]
    assert [(found.value_ms or 0) < -1000 for found in shifts] == [True] * len(shifts)
    assert shifts
    assert joined(result) == truth
    assert any("ANCHOR_SHIFT" in (flags or "") for flags in result.matches.column("flags").to_pylist())


def test_an_identifier_on_very_many_records_names_no_call() -> None:
    ours = [record(f"o{number}", at=number * 10.0, b=str(31_000_000_00 + number), call_id="constant") for number in range(40)]
    theirs = [record(f"t{number}", at=number * 10.0 + 0.1, b=str(31_000_000_00 + number), call_id="constant") for number in range(40)]
    result = run(ours, theirs)
    assert result.counts == {"R6": 40}
    assert [found.code for found in result.findings if found.code.startswith("MATCH")] == ["MATCH_ID_WORTHLESS"]


def test_the_deltas_of_a_group_are_those_of_its_union() -> None:
    ours = [record("a", at=0, lasts=300), record("b", at=298, lasts=302)]
    rows = run(ours, [record("x", at=0.4, lasts=600)]).matches.to_pylist()
    assert [(row["group_no"], row["answer_delta_ms"], row["duration_delta_ms"], row["candidates"]) for row in rows] == [(1, 400, 0, 2)] * 2


def test_calls_of_several_callers_are_no_parts_of_one() -> None:
    """A hidden caller fits everybody; calls of others to a crowded number that lie inside do not become its parts."""
    whole = [record("x", at=0, lasts=85, a=None)]

    def parts(second_caller: str) -> list[dict]:
        return [record("1", at=0, lasts=81.5, a=A), record("2", at=40, lasts=1, a=second_caller)]

    assert set(pairs(run(parts(A), whole)).values()) == {"R11"}
    assert joined(run(parts("441588342279"), whole)) == {"1": "x"}


def test_nothing_to_match() -> None:
    assert run([], []).matches.num_rows == 0
    assert pairs(run([record("a", at=0)], [])) == {("a", None): None}
    assert pairs(run([], [record("x", at=0)])) == {(None, "x"): None}
    # A record without numbers and times is still accounted for.
    assert pairs(run([record("a", None, lasts=0, b=None)], [record("x", at=0)])) == {("a", None): None, (None, "x"): None}


def test_the_classes_before_reconciliation() -> None:
    ours = [record("a", None, lasts=0, setup=0, call_id="m@a", sip_code=487), record("b", at=100)]
    theirs = [record("x", at=12, lasts=30, setup=1, call_id="m@a"), record("y", at=5000)]
    found = {row["class"] for row in run(ours, theirs).matches.to_pylist()}
    assert found == {"ANSWER_MISMATCH", "MISSING_THEIRS", "MISSING_OURS"}


def test_a_run_leaves_nothing_in_the_connection() -> None:
    from tollbook.engine.database import open_database

    connection = open_database()
    connection.register("ours", cdrs([record("a", at=0)]))
    connection.register("theirs", cdrs([record("x", at=0)]))
    matching.match(connection, "ours", "theirs")
    names = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    connection.close()
    assert [name for (name,) in names if name.startswith("matching")] == []


def test_the_order_of_ids() -> None:
    names = [b"b", None, b"a", b"aaaaaaaab", b"aaaaaaaaa", None, b"b"]
    others = [b"y", b"z", None, None, b"q", b"x", b"x"]
    ours, theirs = (pa.array([None if name is None else name.ljust(16, b"\0") for name in side], pa.binary(16)) for side in (names, others))
    assert id_order(ours, theirs).tolist() == [2, 4, 3, 6, 0, 5, 1]
    assert id_order(ours.slice(2), theirs.slice(2)).tolist() == [0, 2, 1, 4, 3]
    assert id_order(ours.slice(7), theirs.slice(7)).tolist() == []


def test_the_parts_of_the_engine_name_what_they_use() -> None:
    assert set(matching_records.KEYS) >= {key for keys in matching.RULE_KEYS.values() for key in keys}
    assert {one for pair in matching_identifiers.MEETINGS for one in pair} <= set(matching_records.KEYS)
    assert set(matching_stage.KEY_COLUMNS.values()) <= set(matching_records.KEYS)
    assert matching_clock.NUMBER_LEVELS[0] == "caller"
    assert matching_coarse.GRAINS_MS[0] == 60_000
    assert matching_groups.BUCKET_MS > 0
