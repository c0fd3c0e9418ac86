"""Matching: our records of a partner's leg with theirs. Records just outside the period take part, so that calls over its edge find each
other; a pair belongs to the period of our record, and a record of theirs alone to the period its own time lies in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from tollbook.core.agreement import Agreement
from tollbook.core.cdr import MATCH
from tollbook.core.problem import refuse
from tollbook.core.rights import Actor
from tollbook.engine.matching import MatchResult, match
from tollbook.flow import inputs, sources
from tollbook.flow.book import Book
from tollbook.flow.inputs import SegmentSet
from tollbook.flow.mediation import EDGE_MS, mediate, mediated
from tollbook.flow.rating import agreement_of, scope_of
from tollbook.flow.run import Computed, Run, execute_run
from tollbook.formats.cdr.profile import SourceProfile

STAGE: Final = "matching"
SEMANTICS_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Sides:
    """What both sides of a partner's leg in a period hold: segments, verdicts, and the agreement with its window (UTC ms)."""

    book: Book
    partner: str
    leg: str
    period: str
    agreement: Agreement
    from_ms: int
    until_ms: int
    segments: dict[str, SegmentSet]
    marks: dict[str, Run]
    known_at: int | None

    @property
    def scope(self) -> str:
        return scope_of(self.partner, self.leg, self.period)

    def pinned(self) -> list[str]:
        """The digests a run over both sides depends on."""
        segments = [digest for each in self.segments.values() for digest in each.digests]
        return [*segments, *(run.result_digest for run in self.marks.values()), self.agreement.digest]


def sides_of(book: Book, partner: str, leg: str, period: str, *, actor: Actor, known_at: int | None = None) -> Sides:
    """Both sides after mediation, under the agreement in force at the period's end; REFERENCE_MISSING where there is none."""
    agreement, window = agreement_of(book, partner, period, known_at=known_at)
    segments, marks = {}, {}
    for side, edge in EDGE_MS.items():
        segments[side] = inputs.cdr_segments(book, side, window.from_ms - edge, window.until_ms + edge, known_at=known_at)
        marks[side] = mediate(book, partner, leg, side, period, window.from_ms, window.until_ms, actor=actor, known_at=known_at)
    return Sides(book, partner, leg, period, agreement, window.from_ms, window.until_ms, segments, marks, known_at)


@contextmanager
def open_sides(sides: Sides, matching: Run | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with `ours`, `theirs` (kept records), `ours_duplicates`, `theirs_duplicates` (with mark and kept_cdr_id), `ours_cdrs`,
    `theirs_cdrs` (all of both), and `other_block` (our records of the same leg that belong to another partner).

    With a matching run, kept records are those the run has, which are those of the period, duplicates are those whose kept record is one
    of them, and `matches` is there too.
    """
    with inputs.database(sides.book) as connection:
        suffix = "" if matching is None else "_wide"
        for name, side in (("ours", "OURS"), ("theirs", "THEIRS")):
            mediated(connection, f"{name}{suffix}", sides.segments[side], sides.marks[side])
        low, high = sides.from_ms - EDGE_MS["OURS"], sides.until_ms + EDGE_MS["OURS"]
        quoted = sides.partner.replace("'", "''")
        other = f"partner IS DISTINCT FROM '{quoted}' AND leg = '{sides.leg}' AND {inputs.anchored_in(low, high)}"
        inputs.view(connection, "other_block", "cdr", sides.segments["OURS"].paths, other)
        if matching is not None:
            inputs.view(connection, "matches", "match", matching.paths("match"))
            for name, column in (("ours", "our_cdr_id"), ("theirs", "their_cdr_id")):
                _narrow(connection, name, column)
        yield connection


def _narrow(connection: duckdb.DuckDBPyConnection, name: str, column: str) -> None:
    """The kept records a matching run has, and the duplicates of them."""
    found = f"(SELECT {column} FROM matches WHERE {column} IS NOT NULL)"  # noqa: S608
    connection.execute(f"CREATE TEMP VIEW {name} AS SELECT * FROM {name}_wide WHERE cdr_id IN {found}")  # noqa: S608
    connection.execute(f"CREATE TEMP VIEW {name}_cdrs AS SELECT * FROM {name}_wide_cdrs")  # noqa: S608
    connection.execute(
        f"CREATE TEMP VIEW {name}_duplicates AS SELECT * FROM {name}_wide_duplicates WHERE kept_cdr_id IN {found}"  # noqa: S608
    )


def match_leg(book: Book, partner: str, leg: str, period: str, *, actor: Actor, known_at: int | None = None) -> Run:
    """The matching run of one partner's leg in a period; its rows are MATCH. Refuses with NOTHING_TO_MATCH where they sent no records."""
    sides = sides_of(book, partner, leg, period, actor=actor, known_at=known_at)
    if not sides.segments["THEIRS"].digests:
        raise refuse("NOTHING_TO_MATCH", f"The book has no records of {partner} for {period}.", value=sides.scope)
    return match_sides(sides, actor=actor)


def match_sides(sides: Sides, *, actor: Actor) -> Run:
    """The same for sides that were looked up before."""
    zone_digests = {each.digest: each for each in _their_profiles(sides)}
    return execute_run(
        sides.book,
        stage=STAGE,
        scope=sides.scope,
        semantics_version=SEMANTICS_VERSION,
        inputs=[*sides.pinned(), *zone_digests],
        parameters={"partner": sides.partner, "leg": sides.leg, "from_ms": sides.from_ms, "until_ms": sides.until_ms},
        compute=lambda: _compute(sides, next(iter(zone_digests.values()), None)),
        actor=actor,
        known_at=sides.known_at,
    )


def _their_profiles(sides: Sides) -> list[SourceProfile]:
    """The profile of their source, whose zone tells a change of season from another step of their clock; none where they have several."""
    found = sources.profiles_of_segments(sides.book, sides.segments["THEIRS"].digests)
    return found if len(found) == 1 else []


def _compute(sides: Sides, profile: SourceProfile | None) -> Computed:
    with open_sides(sides) as connection:
        result = match(
            connection,
            "ours",
            "theirs",
            theirs_zone=profile.zone if profile is not None else None,
            callid_rewrite=sides.agreement.matching.callid_rewrite,
            leg=sides.leg,
        )
        matches = _of_period(connection, result, sides)
    return Computed({"match": matches}, _summary(result, matches))


def _of_period(connection: duckdb.DuckDBPyConnection, result: MatchResult, sides: Sides) -> pa.Table:
    """The rows that belong to the period."""
    connection.register("found_matches", result.matches)
    inside = inputs.anchored_in(sides.from_ms, sides.until_ms)
    rows = connection.sql(
        f"SELECT m.* FROM found_matches m WHERE m.our_cdr_id IN (SELECT cdr_id FROM ours WHERE {inside}) "  # noqa: S608
        f"OR (m.our_cdr_id IS NULL AND m.their_cdr_id IN (SELECT cdr_id FROM theirs WHERE {inside})) "
        "ORDER BY m.our_cdr_id NULLS FIRST, m.their_cdr_id NULLS FIRST, m.leg"
    ).to_arrow_table()
    connection.unregister("found_matches")
    return pa.table([rows.column(field.name).cast(field.type) for field in MATCH], schema=MATCH)


def _summary(result: MatchResult, matches: pa.Table) -> dict[str, Any]:
    ours, theirs = matches.column("our_cdr_id"), matches.column("their_cdr_id")
    both = matches.num_rows - ours.null_count - theirs.null_count
    return {
        "pairs": both,
        "only_ours": theirs.null_count,
        "only_theirs": ours.null_count,
        "rules": dict(sorted(result.counts.items())),
        "clocks": [_plain(asdict(piece)) for piece in result.pieces],
        "findings": [_plain(asdict(each)) for each in result.findings],
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Values as JSON has them; what is not text, a whole number or a truth value is written as text."""
    return {name: value if value is None or isinstance(value, str | int | bool) else str(value) for name, value in values.items()}
