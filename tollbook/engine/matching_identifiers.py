"""Identifiers that repeat: which are worthless, and the first look at sure pairs that tells the clocks."""

from __future__ import annotations

from typing import Final

from tollbook.core.matching.ladder import FIRST_LOOK_GUARD_MS
from tollbook.engine.matching_records import OURS, RAW, Room
from tollbook.engine.matching_stage import b_compatible

# An identifier on more records of one side than this is a constant of a device, not a call.
MOST_RECORDS: Final = 32
# A charging identifier on more distinct calls than this within a day is no identifier.
MOST_CALLS: Final = 3
DAY_MS: Final = 86_400_000

REPEATED_KEYS: Final = ("shared", "call", "icid", "related", "session_one", "session_two")
# Which column of ours meets which of theirs, in the order in which a sure pair is believed.
MEETINGS: Final = (
    ("call", "call"),
    ("icid", "icid"),
    ("icid", "related"),
    ("related", "icid"),
    ("session_one", "session_one"),
    ("session_one", "session_two"),
    ("session_two", "session_one"),
    ("session_two", "session_two"),
)


def repeated(key: str) -> str:
    """The table of the values of a key that occur more than once on either side, with the highest count."""
    return f"matching_repeated_{key}"


def drop_worthless(room: Room) -> dict[str, int]:
    """Finds the repeated identifiers and takes those from the records that identify nothing; how many values, by key."""
    found: dict[str, int] = {}
    for key in REPEATED_KEYS:
        if key not in room.keys:
            continue
        parts = [
            f"SELECT {key} AS k, count(*) AS records FROM {table} WHERE {key} IS NOT NULL GROUP BY k HAVING records > 1"
            for table in (OURS, RAW)
        ]
        repeats = f"SELECT k, max(records) AS records FROM ({' UNION ALL '.join(parts)}) GROUP BY k"
        room.run(f"CREATE OR REPLACE TEMP TABLE {repeated(key)} AS {repeats}")
        worthless = f"SELECT k FROM {repeated(key)} WHERE records > {MOST_RECORDS}"
        if key == "icid":
            calls = "coalesce(call, n::UBIGINT)" if "call" in room.keys else "n"
            worthless += "".join(f" UNION {_many_calls(table, calls)}" for table in (OURS, RAW))
        room.run(f"CREATE OR REPLACE TEMP TABLE matching_worthless AS {worthless}")
        count = room.number("SELECT count(*) FROM matching_worthless")
        if count:
            found[key] = count
            for table in (OURS, RAW):
                room.run(f"UPDATE {table}_rows SET {key} = NULL WHERE {key} IN (SELECT k FROM matching_worthless)")
            room.run(f"DELETE FROM {repeated(key)} WHERE k IN (SELECT k FROM matching_worthless)")
    return found


def _many_calls(table: str, calls: str) -> str:
    """The charging identifiers that are on more than three distinct calls within 24 hours."""
    return (
        f"SELECT k FROM (SELECT k, begun, lead(begun, {MOST_CALLS}) OVER (PARTITION BY k ORDER BY begun) AS later FROM"
        f" (SELECT icid AS k, min(start) AS begun FROM {table} JOIN {repeated('icid')} r ON icid = r.k AND r.records > {MOST_CALLS}"
        f" GROUP BY icid, {calls})) WHERE later - begun <= {DAY_MS}"
    )


def first_look(room: Room) -> None:
    """Pairs of answered records with an identifier nobody else has, on uncorrected time: matching_sure. Only the clocks use them."""
    room.run(
        "CREATE OR REPLACE TEMP TABLE matching_sure"
        " (o INTEGER, source_no INTEGER, our_answer BIGINT, answer_delta BIGINT, release_delta BIGINT)"
    )
    for number, (one, other) in enumerate(MEETINGS):
        if one not in room.keys or other not in room.keys:
            continue
        conditions = [
            "o.answered AND t.answered",
            f"abs(t.answer - o.answer) <= {FIRST_LOOK_GUARD_MS}",
            b_compatible(room.tech_prefixes),
            f"NOT EXISTS (SELECT 1 FROM {repeated(one)} r WHERE r.k = o.{one})",
            f"NOT EXISTS (SELECT 1 FROM {repeated(other)} r WHERE r.k = t.{other})",
        ]
        if number:
            conditions.append("NOT EXISTS (SELECT 1 FROM matching_sure s WHERE s.o = o.n)")
        room.run(
            "INSERT INTO matching_sure SELECT o.n, t.source_no, o.answer, t.answer - o.answer, t.release - o.release"
            f" FROM {OURS} o JOIN {RAW} t ON o.{one} = t.{other} WHERE {' AND '.join(conditions)}"
        )
