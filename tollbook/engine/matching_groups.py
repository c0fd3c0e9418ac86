"""One record against several: answered records that share a Call-ID, and calls that one side cut into parts (R11)."""

from __future__ import annotations

from typing import Final

import numpy as np

from tollbook.core.matching.ladder import ID_GUARD_MS, R1, R11, Rule
from tollbook.engine import matching_kernels as kernels
from tollbook.engine.database import sql
from tollbook.engine.matching_identifiers import repeated
from tollbook.engine.matching_records import PAIRS, Room, integers
from tollbook.engine.matching_stage import A_COMPATIBLE, b_compatible, match_number

# A bucket of the start of a part; a whole meets the buckets it covers.
BUCKET_MS: Final = 600_000


def by_call_id(room: Room) -> int:
    """Takes several answered records of one side with the Call-ID of one record of the other as a group; how many rows.

    Records of one Call-ID belong together while they follow each other within the guard; an identifier that is used again later is
    another call. Where both sides have several records they are paired one by one afterwards.
    """
    if not room.number(f"SELECT count(*) FROM {repeated('call')}"):
        return 0
    room.run(
        sql("matching_sessions").format(
            ours=room.left["ours"],
            theirs=room.left["theirs"],
            repeated=repeated("call"),
            guard=ID_GUARD_MS,
            compatible=b_compatible(room.tech_prefixes),
            only=" AND NOT l.ambiguous" if room.variants else "",
        )
    )
    return _keep(room, R1)


def by_containment(room: Room) -> int:
    """R11: records that hold several of the other side inside; how many rows."""
    way = R11.ways[0]
    room.run(
        "CREATE OR REPLACE TEMP TABLE matching_held"
        " (side VARCHAR, whole INTEGER, part INTEGER, duration BIGINT, start BIGINT, until BIGINT)"
    )
    for side, whole, part in (("ours", "ours", "theirs"), ("theirs", "theirs", "ours")):
        # The conditions name ours o and theirs t, whichever is the whole.
        w, p = ("o", "t") if side == "ours" else ("t", "o")
        room.run(
            sql("matching_contained").format(
                side=side,
                w=w,
                p=p,
                whole=room.left[whole],
                part=room.left[part],
                margin=way.within_ms,
                bucket=BUCKET_MS,
                caller=A_COMPATIBLE,
                blocks="".join(f" AND o.block_{name} IS NOT DISTINCT FROM t.block_{name}" for name in room.blocks),
            )
        )
    held = room.arrays(
        "SELECT side = 'ours' AS ours, whole, part, duration, start, until FROM matching_held ORDER BY side, whole, start, until, part"
    )
    if not len(held["whole"]):
        return 0
    change = np.flatnonzero(np.diff(held["whole"]) | np.diff(held["ours"].astype(np.int8))) + 1
    group = np.zeros(len(held["whole"]), dtype=np.int64)
    group[change] = 1
    group = np.cumsum(group)
    passes = np.zeros(int(group[-1]) + 1, dtype=np.int64)
    passes = kernels.accepted(group, integers(held["duration"]), integers(held["start"]), integers(held["until"]), passes)
    passing = passes[group] == 1
    room.put(
        "matching_passing", ours=held["ours"][passing], whole=held["whole"][passing], part=held["part"][passing], number=group[passing]
    )
    room.run(sql("matching_parts").format(ours=room.left["ours"], theirs=room.left["theirs"]))
    return _keep(room, R11)


def _keep(room: Room, rule: Rule) -> int:
    """Adds the rows of matching_group (o, t, number, deltas of the group) to the pairs found, numbered after the groups there are."""
    rows = room.number("SELECT count(*) FROM matching_group")
    if not rows:
        return 0
    last = room.number(f"SELECT coalesce(max(group_no), 0) FROM {PAIRS}")
    name = match_number(rule, rule.ways[0])
    room.run(
        f"CREATE OR REPLACE TEMP TABLE matching_kept AS SELECT o, t, {name} AS name,"
        f" ({last} + dense_rank() OVER (ORDER BY number))::INTEGER AS group_no, answer_delta, release_delta, duration_delta,"
        " offset_applied,"
        " members AS candidates, 0 AS flags FROM matching_group"
    )
    room.run(f"INSERT INTO {PAIRS} SELECT * FROM matching_kept")
    room.take("matching_kept")
    return rows
