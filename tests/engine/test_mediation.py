"""Duplicates, phantoms and parts: what is marked, what is kept, and what a call in parts lasts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.matching_world import going_on, marks, record
from tollbook.core.cdr import MARK, NON_PAYABLE_MARKS
from tollbook.core.mediation import ACCEPTANCE, union_ms

LOCAL = {"call_id": "c1@a", "release_party": "CALLER"}


def test_the_same_record_once_more() -> None:
    """A thousand calls loaded twice under other ids: the lower id is kept, whatever came first."""
    rows = [record(f"{half}{number:04d}", at=5 * number, lasts=61, call_id=f"{number}@a") for half in "ab" for number in range(1000)]
    random.Random(1).shuffle(rows)
    found = marks(rows)
    assert len(found) == 1000
    assert all(mark == ("DUP_EXACT", "a" + name[1:]) for name, mark in found.items())


@pytest.mark.parametrize(
    "other",
    [
        {"call_id": None},
        {"call_id": ""},
        {"call_id": "other@a"},
        {"to_tag": "t2"},
        {"trunk": "T2"},
        {"leg": "IN"},
        {"leg_no": 2},
        {"source": "second"},
        {"at": 1.001},
        {"setup": -1},
    ],
)
def test_a_difference_makes_it_another_record(other: dict) -> None:
    # Far enough for no near duplicate: only exactness is tested.
    one = record("a", at=1, call_id="c@a", to_tag="t1", trunk="T1")
    two = record("b", **{"at": 1, "call_id": "c@a", "to_tag": "t1", "trunk": "T1", **other})
    assert "DUP_EXACT" not in {mark for mark, _ in marks([one, two]).values()}


def test_empty_call_ids_are_never_equal() -> None:
    assert "DUP_EXACT" not in {mark for mark, _ in marks([record("a", at=1, call_id=""), record("b", at=1, call_id="")]).values()}


def test_a_phantom_of_a_restart() -> None:
    real = record("real", at=10, lasts=8, call_id="c@a", icid="iii-111", release_party="CALLER")
    phantom = record("aaaa", at=10, lasts=150, icid="iii-111", release_party="TIMER")
    # The lower id is the phantom's; who signalled the end decides.
    assert marks([real, phantom]) == {"aaaa": ("DUP_RELOAD", "real")}
    assert marks([real, {**phantom, "release_party": None}]) == {"aaaa": ("DUP_RELOAD", "real")}
    assert marks([real, {**phantom, "icid": None}]) == {"aaaa": ("DUP_RELOAD", "real")}


@pytest.mark.parametrize(
    "other",
    [
        {"release_party": "CALLEE"},  # two records closed by signalling
        {"at": 11.001},
        {"b": "447700900124"},
        {"a": "31209999999"},
        {"trunk": "T2"},
        {"source": "second"},
        {"icid": "iii-222"},
        {"call_id": "c@a"},  # the same Call-ID: parts or forks, not a reload
    ],
)
def test_no_phantom(other: dict) -> None:
    real = record("real", at=10, lasts=8, call_id="c@a", icid="iii-111", release_party="CALLER", trunk="T1")
    rest = {"at": 10, "lasts": 150, "icid": "iii-111", "release_party": "TIMER", "trunk": "T1"}
    assert "DUP_RELOAD" not in {mark for mark, _ in marks([real, record("aaaa", **{**rest, **other})]).values()}


def test_a_phantom_of_one_of_two_calls_is_nobodys() -> None:
    calls = [record(name, at=10, lasts=8, call_id=f"{name}@a", release_party="CALLER") for name in ("r1", "r2")]
    phantom = record("p", at=10.5, lasts=150, release_party="TIMER")
    assert "DUP_RELOAD" not in {mark for mark, _ in marks([*calls, phantom]).values()}


def test_near_duplicates_are_reported_and_go_on() -> None:
    rows = [record("a", at=0, lasts=30, call_id="1@a"), record("b", at=0.8, lasts=30.9, call_id="2@a")]
    assert marks(rows) == {"b": ("DUP_NEAR", "a")}
    assert [row["cdr_id"] for row in going_on(rows)] == ["a", "b"]


def test_redials_and_hidden_callers_are_not_near() -> None:
    assert marks([record("a", at=0, lasts=12, call_id="1@a"), record("b", at=14, lasts=12, call_id="2@a")]) == {}
    assert marks([record("a", at=0, a=None, call_id="1@a"), record("b", at=0, a=None, call_id="2@a")]) == {}


def test_attempts_of_one_call_are_no_duplicates() -> None:
    rows = [record(f"a{number}", None, lasts=0, setup=0, call_id="f@a", sip_code=503, attempt_no=number) for number in (1, 2, 3)]
    assert marks([*rows, record("d", at=9, setup=1, call_id="f@a", attempt_no=4)]) == {}


def parts(*spans: tuple[float, float], **more: object) -> list[dict]:
    last = len(spans)
    return [
        record(f"p{number}", at=start, lasts=end - start, call_id="l@a", partial_seq=number, partial_last=number == last, **more)
        for number, (start, end) in enumerate(spans, 1)
    ]


def test_parts_are_one_call() -> None:
    rows = parts((0, 61), (61, 120))
    assert marks(rows) == {"p2": ("PARTIAL", "p1")}
    assert going_on(rows) == [{"cdr_id": "p1", "answer": 0, "release": 120_000, "duration_ms": 120_000, "duration_source": "COMPUTED"}]


def test_overlap_counts_once_and_a_hole_not_at_all() -> None:
    assert going_on(parts((0, 300), (298, 600)))[0]["duration_ms"] == 600_000
    assert going_on(parts((0, 300), (400, 600)))[0]["duration_ms"] == 500_000


def test_a_missing_part_is_flagged_and_what_is_there_goes_on() -> None:
    rows = parts((0, 60), (60, 120), (120, 180))
    assert marks([rows[0], rows[2]]) == {"p1": ("PARTIAL_GAP", "p1"), "p3": ("PARTIAL", "p1")}
    assert going_on([rows[0], rows[2]])[0]["duration_ms"] == 120_000
    assert marks(rows[1:]) == {"p2": ("PARTIAL_GAP", "p2"), "p3": ("PARTIAL", "p2")}
    assert marks(rows[:2]) == {"p1": ("PARTIAL_GAP", "p1"), "p2": ("PARTIAL", "p1")}


def test_parts_without_a_reference_follow_each_other() -> None:
    rows = [
        record("a", at=0, lasts=60, partial_last=False),
        record("b", at=61.5, lasts=58.5, partial_last=False),
        record("c", at=120, lasts=30),
        record("d", at=152.5, lasts=9),  # 2.5 s later: a redial
    ]
    assert marks(rows) == {"b": ("PARTIAL", "a"), "c": ("PARTIAL", "a")}
    found = {row["cdr_id"]: row["duration_ms"] for row in going_on(rows)}
    assert found == {"a": 148_500, "d": 9_000}


def test_a_complete_record_is_not_continued() -> None:
    assert marks([record("a", at=0, lasts=60), record("b", at=61, lasts=60)]) == {}


def test_a_file_read_twice_goes_on_once() -> None:
    rows = [record("a", at=0, call_id="1@a"), record("a", at=0, call_id="1@a", file_digest="g")]
    assert marks(rows) == {}
    assert len(going_on(rows)) == 1


def test_every_mark_has_an_acceptance() -> None:
    assert {mark for mark, word in ACCEPTANCE.items() if word == "NON_PAYABLE"} == set(NON_PAYABLE_MARKS)
    assert "acceptance" in MARK.names


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=8))
def test_the_union_is_the_seconds_somebody_talked(spans: list[tuple[int, int]]) -> None:
    covered = {second for start, length in spans for second in range(start, start + length)}
    assert union_ms((start, start + length) for start, length in spans) == len(covered)
