"""One rung of the ladder in SQL: its candidates by join, sole pairs at once, the others by the best assignment."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from tollbook.core.matching.assignment import COST_LIMIT, Int64s, dropping_cost
from tollbook.core.matching.ladder import FLAGS, MATCH_NAMES, POOL_ROWS, Rule, Tolerance, Way
from tollbook.engine import matching_kernels as kernels
from tollbook.engine.database import sql
from tollbook.engine.matching_records import PAIRS, Room, integers

STAGE: Final = "matching_stage"
KEY_COLUMNS: Final = {"SHARED_REF": "shared", "CALL_ID": "call", "ICID": "icid", "CIRCUIT": "circuit"}
# A bucket is several windows wide: a record of theirs falls into one or two of them, and a pair meets in exactly one.
BUCKET_WINDOWS: Final = 4
BATCH_ROWS: Final = 1 << 18

A_COMPATIBLE: Final = (
    "(o.a IS NULL OR t.a IS NULL OR o.a = t.a OR o.a_last = t.a_last OR (least(length(o.a), length(t.a)) < 7"
    " AND (ltrim(o.a, '0') = ltrim(t.a, '0') OR (least(length(o.a), length(t.a)) >= 5 AND (suffix(o.a, t.a) OR suffix(t.a, o.a))))))"
)
CALLER: Final = {"ANY": "true", "COMPATIBLE": A_COMPATIBLE, "EQUAL": "o.a = t.a"}
ANSWERED: Final = {"ANY": "true", "SAME": "o.answered = t.answered", "BOTH": "o.answered AND t.answered"}
# What stands for the answer: of two answered records their answers, of two others their set-ups, of a mixed pair their starts.
ANCHOR_DELTA: Final = "CASE WHEN o.answered = t.answered THEN t.anchor - o.anchor ELSE t.start - o.start END"
RELEASE_DELTA: Final = "CASE WHEN o.answered AND t.answered THEN t.release - o.release END"
COSTS: Final = {
    "ANCHOR_AND_DURATION": f"abs({ANCHOR_DELTA}) + abs(t.duration - o.duration)",
    "NEAREST": f"least(abs(t.answer - o.answer), abs({RELEASE_DELTA}), abs(t.setup - o.setup))",
    "RELEASE": "abs(t.release - o.release)",
}
TIMES: Final = {"ANCHOR": "anchor", "ANSWER": "answer", "RELEASE": "release", "SETUP": "setup"}


def b_compatible(tech_prefixes: tuple[str, ...]) -> str:
    """Called numbers are compatible: equal, equal without a technical prefix or routing number, or equal in their last 8 digits."""
    options = ["o.b = t.b", "(length(o.b) >= 8 AND length(t.b) >= 8 AND right(o.b, 8) = right(t.b, 8))"]
    for prefix in tech_prefixes:
        digits = "".join(each for each in prefix if each.isdigit())
        if digits:
            options += [f"o.b = '{digits}' || t.b", f"t.b = '{digits}' || o.b"]
    for routing in ("o.routing", "t.routing"):
        options += [f"o.b = {routing} || t.b", f"t.b = {routing} || o.b"]
    return "(" + " OR ".join(options) + ")"


def tolerance(allowed: Tolerance) -> str:
    difference = "abs(t.duration - o.duration)"
    percent = f" OR 100 * {difference} <= {allowed.percent} * greatest(o.duration, t.duration)" if allowed.percent else ""
    return f"({difference} <= {allowed.ms}{percent})"


def _conditions(room: Room, rule: Rule, way: Way) -> list[str]:
    """What must hold of a pair beside its key and its main window."""
    found = [CALLER[way.caller], ANSWERED[way.answered]]
    if way.duration is not None:
        found.append(tolerance(way.duration))
    if way.answer_within_ms is not None:
        found.append(f"abs(t.answer - o.answer) <= {way.answer_within_ms}")
    if way.answer_against_ms is not None:
        ahead = f"{{}} <= {way.answer_against_ms} AND o.answer // 60000 IN (SELECT minute FROM matching_shift WHERE direction = {{}})"
        found.append(f"{ahead.format('t.answer - o.answer', -1)} OR {ahead.format('o.answer - t.answer', 1)}")
    if rule.called_compatible:
        found.append(b_compatible(room.tech_prefixes))
    if rule.key == "ICID" and "generator" in room.keys:
        found.append("(o.generator IS NULL OR t.generator IS NULL OR o.generator = t.generator)")
    if rule.key == "B_LAST_8":
        found.append("right(o.b, 8) = right(t.b, 8) AND length(o.b) >= 8 AND length(t.b) >= 8")
    found += [f"o.block_{column} IS NOT DISTINCT FROM t.block_{column}" for column in room.blocks]
    return [each for each in found if each != "true"]


def way_sql(room: Room, rule: Rule, way: Way, number: int, also: tuple[str, ...] = ()) -> str:
    """The candidate pairs of one way of a rule."""
    conditions = [*_conditions(room, rule, way), *also]
    if rule.key in ("B", "B_LAST_8"):
        column, width = TIMES[way.anchor], way.within_ms
        bucket = BUCKET_WINDOWS * width
        equal = "o.b = t.b" if rule.key == "B" else "o.b_last = t.b_last"
        present = f"{column} IS NOT NULL AND b IS NOT NULL"
        ours = f"(SELECT *, {column} // {bucket} AS bucket FROM {room.left['ours']} WHERE {present})"
        low, high = f"({column} - {width}) // {bucket}", f"({column} + {width}) // {bucket}"
        theirs = (
            f"(SELECT *, {low} AS bucket FROM {room.left['theirs']} WHERE {present} UNION ALL BY NAME"
            f" SELECT *, {high} AS bucket FROM {room.left['theirs']} WHERE {present} AND {high} <> {low})"
        )
        joins = [f"{ours} o JOIN {theirs} t ON o.b_last = t.b_last AND o.bucket = t.bucket AND {equal}"]
        nearness = f"abs(t.{column} - o.{column})"
    else:
        joins = [f"{room.left['ours']} o JOIN {room.left['theirs']} t ON {equality}" for equality in _key_equalities(rule)]
        nearness = f"abs({ANCHOR_DELTA})"
    conditions.insert(0, f"{nearness} <= {way.within_ms}")
    where = " AND ".join(f"({each})" for each in conditions)
    parts = [
        f"SELECT o.n AS o, t.n AS t, {number} AS way, {nearness} AS nearness, {COSTS[rule.cost]} AS cost,"
        f" {ANCHOR_DELTA} AS answer_delta, {RELEASE_DELTA} AS release_delta, t.duration - o.duration AS duration_delta,"
        f" t.offset_applied, t.ambiguous FROM {join} WHERE {where}"
        for join in joins
    ]
    return " UNION ALL ".join(parts)


def _key_equalities(rule: Rule) -> list[str]:
    if rule.key == "RELATED_ICID":
        return ["o.icid = t.related", "o.related = t.icid"]
    if rule.key == "SESSION_ID":
        return [f"o.{one} = t.{other}" for one in ("session_one", "session_two") for other in ("session_one", "session_two")]
    column = KEY_COLUMNS[rule.key]
    return [f"o.{column} = t.{column}"]


def candidates(room: Room, rule: Rule, also: tuple[str, ...] = ()) -> int:
    """Fills the stage with every pair the rule allows, each once; how many there are."""
    ways = [way_sql(room, rule, way, number, also) for number, way in enumerate(rule.ways)]
    union = " UNION ALL ".join(ways)
    if len(ways) > 1 or room.variants or rule.key in ("RELATED_ICID", "SESSION_ID"):
        best = f"SELECT arg_min(pair, (pair.nearness, pair.way)) AS best FROM ({union}) pair GROUP BY pair.o, pair.t"
        union = f"SELECT unnest(best) FROM ({best})"
    room.run(f"CREATE OR REPLACE TEMP TABLE {STAGE} AS {union}")
    return room.number(f"SELECT count(*) FROM {STAGE}")


def settle(room: Room, rule: Rule, also: tuple[str, ...] = ()) -> int:
    """Chooses among the candidates of the rule, which satisfy `also` too, and keeps the chosen pairs; how many they are."""
    if not candidates(room, rule, also):
        return 0
    chosen = f"SELECT s.*, 1 AS candidates, false AS pool FROM {STAGE} s"
    if _crowded(room):
        chosen += " WHERE NOT EXISTS (SELECT 1 FROM matching_crowd c WHERE c.o = s.o)"
        if rule.choice == "ASSIGNMENT":
            assign(room)
            chosen += f" UNION ALL SELECT s.*, c.candidates, c.pool FROM {STAGE} s JOIN matching_assigned c ON s.o = c.o AND s.t = c.t"
    kept = keep(room, rule, chosen)
    if kept:
        room.take("matching_kept")
    return kept


def _crowded(room: Room) -> bool:
    """Whether a record has several candidates; the ours of such pairs go to matching_crowd. One byte a record is held here."""
    seen = {side: np.zeros(room.number(f"SELECT max({side}) + 1 FROM {STAGE}"), dtype=np.uint8) for side in ("o", "t")}
    batches = room.connection.sql(f"SELECT o, t FROM {STAGE}").to_arrow_reader(BATCH_ROWS)
    for batch in batches:
        kernels.count_twice(batch.column(0).to_numpy(), seen["o"])
        kernels.count_twice(batch.column(1).to_numpy(), seen["t"])
    twice = {side: np.flatnonzero(counts > 1) for side, counts in seen.items()}
    if not len(twice["o"]) and not len(twice["t"]):
        return False
    room.put("matching_twice", n=twice["t"])
    room.put("matching_twice_ours", n=twice["o"])
    room.run(
        "CREATE OR REPLACE TEMP TABLE matching_crowd AS SELECT n AS o FROM matching_twice_ours"
        f" UNION SELECT o FROM {STAGE} WHERE t IN (SELECT n FROM matching_twice)"
    )
    return True


def assign(room: Room) -> None:
    """The best one-to-one choice among the crowded pairs, as matching_assigned (o, t, candidates, pool)."""
    edges = room.arrays(sql("matching_edges").format(stage=STAGE, ours=room.left["ours"], theirs=room.left["theirs"], limit=COST_LIMIT))
    rows, columns, costs = (integers(edges[name]) for name in ("our_rank", "their_rank", "cost"))
    row_count, column_count = int(rows.max()) + 1, int(columns.max()) + 1
    o_degree, t_degree = np.bincount(rows, minlength=row_count), np.bincount(columns, minlength=column_count)
    starts = np.concatenate(([0], np.cumsum(o_degree))).astype(np.int64)
    drop_cost = dropping_cost(row_count, column_count, int(costs.max()))
    chosen = kernels.settle_ties(starts, columns, costs, *kernels.assign(starts, columns, costs, column_count, drop_cost), drop_cost)
    taken = chosen[rows] == columns
    pool = _pools(kernels.components(starts, columns, column_count), rows, columns, edges["masked"])
    room.put(
        "matching_assigned",
        o=edges["o"][taken],
        t=edges["t"][taken],
        candidates=np.maximum(o_degree[rows], t_degree[columns])[taken],
        pool=pool[rows][taken],
    )


def _pools(component: Int64s, rows: Int64s, columns: Int64s, masked: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which rows are in a component of more than 64 records of one side in which a caller is missing."""
    ours = np.bincount(component, minlength=len(component))
    first_edge = np.unique(columns, return_index=True)[1]
    theirs = np.bincount(component[rows[first_edge]], minlength=len(component))
    large = np.maximum(ours, theirs) > POOL_ROWS
    hidden = np.zeros(len(component), dtype=np.bool_)
    hidden[component[rows[masked]]] = True
    found: npt.NDArray[np.bool_] = (large & hidden)[component]
    return found


def keep(room: Room, rule: Rule, chosen: str) -> int:
    """Adds chosen pairs to the pairs found so far; they stay in matching_kept until the next stage."""
    names = " ".join(f"WHEN {number} THEN {match_number(rule, way)}" for number, way in enumerate(rule.ways))
    flags = (
        f"CASE WHEN ambiguous THEN {flag_bit('AMBIGUOUS_LOCAL')} ELSE 0 END + CASE WHEN pool THEN {flag_bit('AMBIGUOUS_POOL')} ELSE 0 END"
    )
    room.run(
        f"CREATE OR REPLACE TEMP TABLE matching_kept AS SELECT o, t, CASE way {names} END AS name, NULL::INTEGER AS group_no, answer_delta,"
        f" release_delta, duration_delta, offset_applied, candidates, {flags} + {flag_bit(rule.flag)} AS flags FROM ({chosen})"
    )
    room.run(f"INSERT INTO {PAIRS} SELECT * FROM matching_kept")
    return room.number("SELECT count(*) FROM matching_kept")


def match_number(rule: Rule, way: Way) -> int:
    """The place of what a match is called in MATCH_NAMES."""
    return MATCH_NAMES.index(f"{rule.name}/{way.name}" if way.name else rule.name)


def flag_bit(flag: str) -> int:
    return 1 << FLAGS.index(flag) if flag else 0
