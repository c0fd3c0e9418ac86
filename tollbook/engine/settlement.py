"""Settlement over many charges: the sums an invoice's lines are made of, and its annex, one row per call, without a Python object per call.

Views are named by the caller: `charges` in the CHARGE schema with `prior_period` beside, restricted to one partner and leg;
`cdrs` in the CDR schema, one row per (cdr_id, leg, leg_no).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from tollbook.core.deck import Deck
from tollbook.core.invoice import Line, Usage
from tollbook.engine.database import sql

_RATES = "settlement_rates"
_LINES = "settlement_lines"
RATES_SCHEMA = pa.schema(
    [("deck_digest", pa.string()), ("deck_row", pa.int32()), ("increments", pa.string()), ("version", pa.string())],
)


def rates_of(decks: Iterable[Deck]) -> pa.Table:
    """What a line shows of a deck row: its increments as first/next seconds, and the version of the sheet it stands in.

    One row of a sheet may list many codes; it is here once, because a charge names the sheet's row.
    """
    tables = []
    for deck in decks:
        first, following = deck.rows.column("minimum_s").to_pylist(), deck.rows.column("step_s").to_pylist()
        increments = [f"{a}/{b}" for a, b in zip(first, following, strict=True)]
        count = deck.rows.num_rows
        columns = [
            pa.array([deck.digest] * count, pa.string()),
            deck.rows.column("row").cast(pa.int32()),
            pa.array(increments, pa.string()),
            pa.array([deck.version] * count, pa.string()),
        ]
        tables.append(pa.table(columns, schema=RATES_SCHEMA))
    if not tables:
        return RATES_SCHEMA.empty_table()
    return pa.concat_tables(tables).group_by(RATES_SCHEMA.names, use_threads=False).aggregate([]).select(RATES_SCHEMA.names)


def usages(connection: duckdb.DuckDBPyConnection, charges: str, rates: pa.Table) -> list[Usage]:
    """The usage of every line, exact. Calls that are not payable, or cost and last nothing, are on no line."""
    connection.register(_RATES, rates)
    try:
        rows = connection.sql(sql("settlement_usage").format(charges=charges, rates=_RATES)).to_arrow_table().to_pylist()
    finally:
        connection.unregister(_RATES)
    return [
        Usage(
            direction=row["direction"],
            destination=row["destination"],
            codes=tuple(each for each in row["codes"] if each is not None),
            increments=row["increments"],
            rate_nanos_per_minute=row["rate_nanos_per_minute"] or 0,
            currency=row["currency"],
            rate_version=row["rate_version"],
            deck_digest=row["deck_digest"],
            calls=row["calls"],
            duration_ms=row["duration_ms"],
            billed_s=row["billed_s"],
            exact_60th_nanos=int(row["exact_60th_nanos"]),
            amount_micros=int(row["amount_micros"]),
            band=row["band"],
            a_zone=row["a_zone"],
            jurisdiction=row["jurisdiction"],
            clause=row["clause"],
            prior_period=row["prior_period"],
        )
        for row in rows
    ]


_LINE_KEY = (
    "direction",
    "prior_period",
    "destination",
    "a_zone",
    "band",
    "jurisdiction",
    "increments",
    "rate_version",
    "deck_digest",
    "clause",
)


def write_annex(
    connection: duckdb.DuckDBPyConnection, charges: str, cdrs: str, rates: pa.Table, lines: Sequence[Line], target: Path
) -> tuple[str, int]:
    """Writes the annex (CSV, UTF-8, LF) and returns its SHA-256 and its rows. The same calls give the same bytes."""
    keys = {name: [getattr(line.usage, name) for line in lines] for name in _LINE_KEY}
    table = pa.table(
        {
            "line": pa.array([line.number for line in lines], pa.int32()),
            "rate_nanos_per_minute": pa.array([line.usage.rate_nanos_per_minute for line in lines], pa.int64()),
            **{name: pa.array(values, pa.string()) for name, values in keys.items()},
        }
    )
    connection.register(_RATES, rates)
    connection.register(_LINES, table)
    query = sql("settlement_annex").format(charges=charges, cdrs=cdrs, rates=_RATES, lines=_LINES)
    path = str(target).replace("'", "''")
    try:
        ((rows,),) = connection.execute(f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER, DELIMITER ',')").fetchall()
    finally:
        connection.unregister(_RATES)
        connection.unregister(_LINES)
    with target.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), rows


def annex_sums(connection: duckdb.DuckDBPyConnection, annex: Path) -> dict[int, tuple[int, int, int, int]]:
    """Per line of an annex: calls, billed seconds, exact sum in 1/60 nanos, sum of the rounded amounts in micro-units."""
    path = str(annex).replace("'", "''")
    rows = connection.execute(
        f"""SELECT CAST(line AS INTEGER), count(*), CAST(sum(CAST(billed_s AS BIGINT)) AS BIGINT),
                   CAST(sum(CAST(exact_60th_nanos AS HUGEINT)) AS VARCHAR),
                   CAST(sum(CAST(replace(amount, '.', '') AS HUGEINT)) AS VARCHAR)
            FROM read_csv('{path}', header = true, all_varchar = true) GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    return {line: (calls, billed, int(exact), int(amount)) for line, calls, billed, exact, amount in rows}
