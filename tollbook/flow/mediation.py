"""Mediation: verdicts on the sealed records of one partner's leg and side in a period. No sealed row is ever changed by a late file.

The window reaches beyond the period, because the record a duplicate repeats or a call's first part may lie just outside.
"""

from __future__ import annotations

from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tollbook.core.cdr import MARK
from tollbook.core.rights import Actor
from tollbook.engine import mediation
from tollbook.flow import inputs
from tollbook.flow.book import Book
from tollbook.flow.inputs import SegmentSet
from tollbook.flow.run import Computed, Plan, Run, execute

STAGE: Final = "mediation"
SEMANTICS_VERSION: Final = 1
HOUR_MS: Final = 3_600_000
# Ours by a margin for calls over the edge; theirs by a day and a bit more, until matching has found how wrong their clock is.
EDGE_MS: Final = {"OURS": 6 * HOUR_MS, "THEIRS": 32 * HOUR_MS}


def mediation_plan(
    book: Book, partner: str, leg: str, side: str, period: str, from_ms: int, until_ms: int, *, known_at: int | None = None
) -> Plan:
    """The mediation run of one partner's leg and side; its rows are MARK."""
    low, high = from_ms - EDGE_MS[side], until_ms + EDGE_MS[side]
    segments = inputs.cdr_segments(book, side, low, high, known_at=known_at)
    return Plan(
        book,
        stage=STAGE,
        scope=f"{partner}/{leg}/{side}/{period}",
        semantics_version=SEMANTICS_VERSION,
        inputs=segments.digests,
        parameters={"partner": partner, "leg": leg, "side": side, "from_ms": low, "until_ms": high},
        compute=lambda: _compute(book, segments, _condition(partner, leg, low, high)),
        known_at=known_at,
        side=side,
    )


def mediate(
    book: Book, partner: str, leg: str, side: str, period: str, from_ms: int, until_ms: int, *, actor: Actor, known_at: int | None = None
) -> Run:
    """The same, run."""
    return execute(mediation_plan(book, partner, leg, side, period, from_ms, until_ms, known_at=known_at), actor=actor)


def _condition(partner: str, leg: str, low: int, high: int) -> str:
    return f"{inputs.commercial_leg(partner, leg)} AND {inputs.anchored_in(low, high)}"


def _compute(book: Book, segments: SegmentSet, condition: str) -> Computed:
    with inputs.database(book) as connection:
        inputs.view(connection, "cdrs", "cdr", segments.paths, condition)
        marks = mediation.mark(connection, "cdrs")
    counted = pc.value_counts(marks.column("mark").cast(pa.string())).to_pylist()
    return Computed({"mark": marks}, {row["values"]: row["counts"] for row in sorted(counted, key=lambda row: str(row["values"]))})


def marks_of(run: Run) -> pa.Table:
    """The verdicts of a mediation run."""
    tables = [pq.read_table(path).cast(MARK) for path in run.paths("mark")]
    return pa.concat_tables(tables).unify_dictionaries() if tables else MARK.empty_table()


def mediated(connection: duckdb.DuckDBPyConnection, name: str, segments: SegmentSet, run: Run) -> str:
    """Views of one side of what a mediation run saw: <name>_cdrs (all records), <name> (those that go on), and <name>_duplicates (those
    that do not, with mark and kept_cdr_id). Gives the name of those that go on."""
    scope: dict[str, Any] = run.parameters
    condition = _condition(scope["partner"], scope["leg"], scope["from_ms"], scope["until_ms"])
    inputs.view(connection, f"{name}_cdrs", "cdr", segments.paths, condition)
    marks = marks_of(run)
    mediation.kept(connection, f"{name}_cdrs", marks, name)
    connection.register(f"{name}_verdicts", marks)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {name}_duplicates AS SELECT c.*, m.mark::VARCHAR AS mark, m.kept_cdr_id FROM {name}_cdrs c "  # noqa: S608
        f"JOIN {name}_verdicts m ON m.cdr_id = c.cdr_id AND m.leg = c.leg AND m.leg_no = c.leg_no "
        "WHERE m.mark IN ('DUP_EXACT', 'DUP_RELOAD')"
    )
    return name
