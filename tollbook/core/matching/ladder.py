"""The join ladder as data: ordered rules, each with its key, its windows and what it proves.

A stage sees only records that no earlier stage took. All windows are inclusive and hold after the clock of the other
side was corrected. Times and tolerances are integers in ms. See docs/rules/matching.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Key = Literal["SHARED_REF", "CALL_ID", "ICID", "RELATED_ICID", "SESSION_ID", "CIRCUIT", "B", "B_LAST_8"]
# Which time of the two records a way compares. ANCHOR is the answer of answered records and the setup of the others.
Anchor = Literal["ANCHOR", "ANSWER", "RELEASE", "SETUP"]
Caller = Literal["ANY", "COMPATIBLE", "EQUAL"]
# SAME: both records are answered, or neither is. BOTH: both are.
Answered = Literal["ANY", "SAME", "BOTH"]
Cost = Literal["ANCHOR_AND_DURATION", "NEAREST", "RELEASE"]
# UNIQUE takes a pair only where it is the sole candidate of both its records; ASSIGNMENT finds the best set of pairs.
Choice = Literal["ASSIGNMENT", "UNIQUE", "CONTAINMENT"]

ID_GUARD_MS: Final = 300_000
# Identifiers of the first, uncorrected look at the clocks may be a day and a zone apart.
FIRST_LOOK_GUARD_MS: Final = 26 * 3_600_000
POOL_ROWS: Final = 64
PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Durations agree when they differ by at most `ms`, or by at most `percent` of the longer one."""

    ms: int
    percent: int = 0

    def holds(self, one_ms: int, other_ms: int) -> bool:
        """Whether two durations agree; exact, in integers."""
        difference = abs(one_ms - other_ms)
        return difference <= self.ms or PERCENT * difference <= self.percent * max(one_ms, other_ms)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to satisfy a rule: the compared time and its window, and what else must hold."""

    anchor: Anchor
    within_ms: int
    name: str = ""
    answer_within_ms: int | None = None
    # How far the answer may lie on the wrong side where one side is known to count from an earlier event.
    answer_against_ms: int | None = None
    duration: Tolerance | None = None
    caller: Caller = "COMPATIBLE"
    answered: Answered = "SAME"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rung: the key both records share, the ways that satisfy it, and how one pair is chosen among candidates."""

    name: str
    key: Key
    ways: tuple[Way, ...]
    result: str
    choice: Choice = "ASSIGNMENT"
    cost: Cost = "ANCHOR_AND_DURATION"
    called_compatible: bool = False
    flag: str = ""


def _identifier(name: str, key: Key, *, called_compatible: bool = True) -> Rule:
    """A rule whose identifier carries the proof, so its window is wide and the duration is not tested."""
    way = Way("ANCHOR", ID_GUARD_MS, caller="ANY", answered="ANY")
    return Rule(name, key, (way,), "MATCH_ID", called_compatible=called_compatible)


R0: Final = _identifier("R0", "SHARED_REF", called_compatible=False)
R1: Final = _identifier("R1", "CALL_ID")
R2: Final = _identifier("R2", "ICID")
R3: Final = _identifier("R3", "RELATED_ICID")
R4: Final = _identifier("R4", "SESSION_ID")
R5: Final = Rule(
    "R5",
    "CIRCUIT",
    (Way("ANCHOR", 2_000, duration=Tolerance(2_000, 1), caller="ANY"),),
    "MATCH_CIRCUIT",
    called_compatible=True,
)
R6: Final = Rule("R6", "B", (Way("ANCHOR", 2_000, duration=Tolerance(2_000), caller="EQUAL"),), "MATCH_STRICT")
R7: Final = Rule("R7", "B", (Way("ANCHOR", 5_000, duration=Tolerance(3_000, 2)),), "MATCH_RELAXED")
R8: Final = Rule(
    "R8",
    "B",
    (
        Way("ANSWER", 3_000, "ANSWER", answered="ANY"),
        Way("RELEASE", 3_000, "RELEASE", answer_within_ms=120_000, answered="BOTH"),
        Way("SETUP", 5_000, "SETUP", answered="ANY"),
    ),
    "MATCH_ANCHOR",
    cost="NEAREST",
)
# Runs between R6 and R7 where one side is found to count from another event than the answer (ANCHOR_SHIFT).
R8_SHIFTED: Final = Rule(
    "R8",
    "B",
    (Way("RELEASE", 2_000, "RELEASE", answer_within_ms=120_000, answer_against_ms=2_000, answered="BOTH"),),
    "MATCH_ANCHOR",
    cost="RELEASE",
    flag="ANCHOR_SHIFT",
)
R9: Final = Rule("R9", "B_LAST_8", (Way("ANCHOR", 2_000, duration=Tolerance(1_000)),), "MATCH_SUFFIX", flag="NUMBER_FORMAT")
R10: Final = Rule(
    "R10",
    "B",
    (Way("ANCHOR", 60_000, duration=Tolerance(1_000)), Way("ANCHOR", 15_000, caller="EQUAL")),
    "MATCH_UNIQUE",
    choice="UNIQUE",
)
R11: Final = Rule("R11", "B", (Way("ANSWER", 5_000, duration=Tolerance(2_000, 1), answered="BOTH"),), "MATCH_AGG", choice="CONTAINMENT")
# Only where one side writes no seconds; the durations agree after that side's rounding.
R12: Final = Rule("R12", "B", (Way("ANSWER", 119_999, answered="BOTH"),), "MATCH_COARSE", choice="UNIQUE")

BY_IDENTIFIER: Final = (R0, R1, R2, R3, R4)
BY_NUMBER: Final = (R5, R6, R8_SHIFTED, R7, R9, R11, R8, R10, R12)
LADDER: Final = BY_IDENTIFIER + BY_NUMBER
RESULTS: Final = {rule.name: rule.result for rule in LADDER}
# Every name a match can carry, in the order of the ladder: a rule, or a rule and the way that held.
MATCH_NAMES: Final = tuple(dict.fromkeys(f"{rule.name}/{way.name}" if way.name else rule.name for rule in LADDER for way in rule.ways))
# What a match can be flagged with, each a bit.
FLAGS: Final = ("AMBIGUOUS_LOCAL", "AMBIGUOUS_POOL", "ANCHOR_SHIFT", "NUMBER_FORMAT")
