"""The ladder as data, minutes counted from another event, parts inside a whole."""

from __future__ import annotations

import numpy as np
import pytest

from tollbook.core.matching import containment
from tollbook.core.matching.anchor import AnchorShift, find_shifts
from tollbook.core.matching.finding import of_shifts
from tollbook.core.matching.ladder import LADDER, MATCH_NAMES, R7, RESULTS, Tolerance
from tollbook.core.problem import CATALOGUE


def test_the_order_of_the_rungs() -> None:
    assert [rule.name for rule in LADDER] == ["R0", "R1", "R2", "R3", "R4", "R5", "R6", "R8", "R7", "R9", "R11", "R8", "R10", "R12"]
    assert set(RESULTS) == {f"R{number}" for number in range(13)}
    assert len(MATCH_NAMES) == 15


@pytest.mark.parametrize(
    ("ours_ms", "theirs_ms", "holds"),
    [(60_000, 63_000, True), (60_000, 63_001, False), (500_000, 510_204, True), (500_000, 510_205, False), (510_204, 500_000, True)],
)
def test_the_larger_of_time_and_percent_counts(ours_ms: int, theirs_ms: int, holds: bool) -> None:
    # 2 % of 510,204 ms is 10,204.08 ms: exact in integers.
    tolerance = R7.ways[0].duration
    assert tolerance == Tolerance(3_000, 2)
    assert tolerance.holds(ours_ms, theirs_ms) is holds


def test_shifted_minutes() -> None:
    minutes = [
        (10, 100, -200, 50),
        (11, 30, -4000, -1000),
        (12, 60, -1001, 1000),
        (13, 29, -4000, 0),  # too few
        (14, 40, -1000, 0),  # not beyond a second
        (15, 40, 2500, 10),
        (16, 40, -2500, 1001),  # the clocks differ as well
    ]
    assert find_shifts(minutes) == [AnchorShift(660_000, 780_000, -1, 90, -2001), AnchorShift(900_000, 960_000, 1, 40, 2500)]


def test_every_finding_is_in_the_catalogue() -> None:
    codes = ["CLOCK_SKEW", "CLOCK_DRIFT", "CLOCK_STEP", "DST_SHIFT", "ZONE_STEP", "TIMEZONE_SHIFT", "ANCHOR_SHIFT", "AMBIGUOUS_LOCAL"]
    codes += ["AMBIGUOUS_POOL", "OFFSET_UNSTABLE", "OFFSET_UNKNOWN", "OFFSET_INSUFFICIENT", "MATCH_ID_WORTHLESS"]
    assert set(codes) <= set(CATALOGUE)
    assert of_shifts([AnchorShift(0, 60_000, -1, 30, -4000)])[0].as_problem().code == "ANCHOR_SHIFT"


@pytest.mark.parametrize(
    ("parts", "length_s", "holds"),
    [
        ([(0, 300), (298, 600)], 600, True),  # the union is 600, not 602
        ([(0, 300), (297, 600)], 600, False),  # they overlap by 3 s
        ([(0, 300), (310, 600)], 590, True),
        ([(0, 300), (310, 600)], 600, False),  # 10 s missing; 2 s a part or 6 s
        ([(0, 300), (306, 600)], 600, True),  # 6 s are one percent
        ([(0, 30), (30, 60), (60, 90)], 96, True),  # 2 s a part
        ([(0, 600)], 600, False),  # one part is no parts
        ([(0, 300), (100, 101), (300, 600)], 600, True),  # a second inside is within the overlap
    ],
)
def test_parts_inside_a_whole(parts: list[tuple[int, int]], length_s: int, holds: bool) -> None:
    count = len(parts)
    starts, ends = (np.array([part[place] * 1000 for part in parts]) for place in (0, 1))
    whole, length = np.zeros(count, dtype=np.int64), np.full(count, length_s * 1000)
    assert containment.accepted(whole, length, starts, ends, np.zeros(1, dtype=np.int64)).tolist() == [int(holds)]
