"""Matching in bulk: two views of canonical records become pairs, each with the rule that joined it.

Candidates come from DuckDB joins; sole pairs are settled there, crowded ones by core's assignment. See docs/rules/matching.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa

from tollbook.core.matching import finding
from tollbook.core.matching.anchor import FEWEST_PAIRS, MINUTE_MS, SHIFT_MS, AnchorShift, find_shifts
from tollbook.core.matching.finding import Finding
from tollbook.core.matching.ladder import BY_IDENTIFIER, BY_NUMBER, LADDER, MATCH_NAMES, R8_SHIFTED, Rule
from tollbook.core.matching.piece import Piece
from tollbook.core.problem import refuse
from tollbook.core.zone import Zone
from tollbook.engine import matching_groups
from tollbook.engine.database import sql
from tollbook.engine.matching_clock import correct, look
from tollbook.engine.matching_coarse import settle_coarse
from tollbook.engine.matching_identifiers import drop_worthless, first_look
from tollbook.engine.matching_records import OURS, PAIRS, RAW, Room, build, check_rewrites, rewritten, used_keys
from tollbook.engine.matching_result import match_table
from tollbook.engine.matching_stage import flag_bit, settle

LEGS: Final = ("IN", "OUT")
# The identifiers a rule reads; without the first of them on both sides it finds nothing.
RULE_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "SHARED_REF": ("shared",),
    "CALL_ID": ("call",),
    "ICID": ("icid", "generator"),
    "RELATED_ICID": ("related", "icid"),
    "SESSION_ID": ("session_one", "session_two"),
    "CIRCUIT": ("circuit",),
}


@dataclass(frozen=True, slots=True)
class MatchResult:
    """The pairs and the unmatched (MATCH schema, ordered by our then their cdr_id), the clocks, what was noticed, pairs per rule.

    The rows of a group (n:1) carry one group_no, and each the deltas of the whole group.
    """

    matches: pa.Table
    pieces: list[Piece]
    findings: list[Finding]
    counts: dict[str, int]


def match(
    connection: duckdb.DuckDBPyConnection,
    ours: str,
    theirs: str,
    *,
    theirs_zone: Zone | None = None,
    callid_rewrite: Sequence[tuple[str, str]] = (),
    leg: str = "OUT",
    tech_prefixes: Sequence[str] = (),
    blocks: Sequence[str] = (),
) -> MatchResult:
    """Matches two DuckDB views in the CDR schema, deduplicated each (engine.mediation.kept), of one partner and one leg.

    Records of another leg take no part. `theirs_zone` tells a change of season from another step. `callid_rewrite` are
    patterns and replacements applied to their Call-IDs; `blocks` are columns that must be equal in a pair. The order of the rows does
    not matter. Refuses with MATCH_LEG_UNKNOWN and MATCH_REWRITE_INVALID.
    """
    if leg not in LEGS:
        raise refuse("MATCH_LEG_UNKNOWN", f"{leg!r} is no leg; use IN or OUT.", value=leg)
    check_rewrites(connection, callid_rewrite)
    room = Room(connection, leg, used_keys(connection, ours, theirs), tuple(tech_prefixes), tuple(blocks))
    try:
        return _matched(room, ours, theirs, theirs_zone, callid_rewrite)
    finally:
        room.clear()


def _matched(room: Room, ours: str, theirs: str, zone: Zone | None, rewrites: Sequence[tuple[str, str]]) -> MatchResult:
    names = [str(row[0]) for row in room.rows(f"SELECT DISTINCT source::VARCHAR FROM {theirs} WHERE leg = '{room.leg}' ORDER BY 1")]
    build(room, OURS, ours, "call_id", ())
    build(room, RAW, theirs, rewritten("call_id", rewrites), names, with_files=True)
    room.held = frozenset(room.keys)
    findings = [
        Finding("MATCH_ID_WORTHLESS", count=count, reason=f"{count} values of {key} are on too many records to name a call.")
        for key, count in drop_worthless(room).items()
    ]
    first_look(room)
    pieces = [piece for number, name in enumerate(names or [""]) for piece in look(room, number, name, zone)]
    doubtful = correct(room, pieces, max(len(names), 1))
    findings += finding.of_pieces(pieces)
    if doubtful:
        findings.append(Finding("AMBIGUOUS_LOCAL", count=doubtful, reason=f"{doubtful} of their records keep two possible times."))
    shifts = _climb(room)
    findings += finding.of_shifts(shifts)
    findings += _pools(room)
    matches = match_table(room)
    counts = {MATCH_NAMES[name]: int(count) for name, count in room.rows(f"SELECT name, count(*) FROM {PAIRS} GROUP BY name ORDER BY name")}
    return MatchResult(matches, pieces, findings, counts)


def _climb(room: Room) -> list[AnchorShift]:
    """Runs the ladder; again from R5 where stretches turn out to be counted from another event, which it gives back."""
    room.run(
        f"CREATE OR REPLACE TEMP TABLE {PAIRS} (o INTEGER, t INTEGER, name UTINYINT, group_no INTEGER, answer_delta BIGINT,"
        " release_delta BIGINT, duration_delta BIGINT, offset_applied BIGINT, candidates INTEGER, flags UTINYINT)"
    )
    room.run("CREATE OR REPLACE TEMP TABLE matching_shift (minute BIGINT, direction INTEGER)")
    for place, rule in enumerate(BY_IDENTIFIER):
        _rung(room, rule, LADDER[place + 1 :])
    after_identifiers = room.state()
    for place, rule in enumerate(BY_NUMBER):
        if rule is not R8_SHIFTED:
            _rung(room, rule, BY_NUMBER[place + 1 :])
    shifts = find_shifts(room.rows(sql("matching_minutes").format(pairs=PAIRS, ours=OURS, fewest=FEWEST_PAIRS, shift=SHIFT_MS)))
    if shifts:
        for shift in shifts:
            minutes = f"range({shift.from_ms // MINUTE_MS}, {shift.until_ms // MINUTE_MS})"
            room.run(f"INSERT INTO matching_shift SELECT unnest({minutes}), {shift.direction}")
        first = MATCH_NAMES.index(BY_NUMBER[0].name)
        room.run(f"DELETE FROM {PAIRS} WHERE name >= {first}")
        room.restore(after_identifiers)
        for place, rule in enumerate(BY_NUMBER):
            _rung(room, rule, BY_NUMBER[place + 1 :])
    return shifts


def _rung(room: Room, rule: Rule, later: Sequence[Rule]) -> None:
    """One rule over what is left, if the records have its key; afterwards only the identifiers of later rules are kept."""
    later_needs = frozenset(name for other in later for name in RULE_KEYS.get(other.key, ()))
    room.needed = later_needs
    if room.empty or not set(RULE_KEYS.get(rule.key, ())[:1]) <= room.keys:
        return
    if rule.name == "R1":
        room.needed |= {"call"}
        matching_groups.by_call_id(room)
        room.needed = later_needs
    if rule.choice == "CONTAINMENT":
        matching_groups.by_containment(room)
    elif rule.name == "R12":
        settle_coarse(room, rule)
    else:
        settle(room, rule)


def _pools(room: Room) -> list[Finding]:
    """The crowded numbers without callers whose minutes agree as a sum, not call by call."""
    rows = room.rows(
        f"SELECT count(*), sum(p.duration_delta)::BIGINT, min(o.anchor), max(o.anchor) FROM {PAIRS} p JOIN {OURS} o ON o.n = p.o"
        f" WHERE p.flags & {flag_bit('AMBIGUOUS_POOL')} > 0"
    )
    count, difference, first, last = rows[0]
    if not count:
        return []
    reason = f"{count} calls of crowded numbers without callers are paired by time; they reconcile as a sum."
    return [Finding("AMBIGUOUS_POOL", int(difference), int(first), int(last) + 1, int(count), reason=reason)]
