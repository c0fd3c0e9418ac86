"""The tables of a dispute's evidence, written from a reconciliation: every disputed call with both records, its differences by cause, and
the deck rows our prices come from. No telephone number of a caller leaves in full.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import duckdb
import pyarrow as pa

from tollbook.core.deck import TERMS, Deck
from tollbook.core.evidence import keyed_digest, masked_number
from tollbook.engine.database import sql

_NUMBERS = "evidence_numbers"


def open_disputed(connection: duckdb.DuckDBPyConnection, destinations: Collection[str] | None = None) -> int:
    """Lays out the calls that make the difference of the reconciliation on this connection; of some destinations only, where given.

    Returns the sum of their differences, theirs less ours, in 1/60 nanos.
    """
    chosen = "true"
    if destinations is not None:
        connection.register("evidence_chosen", pa.table({"name": pa.array(sorted(destinations), pa.string())}))
        chosen = "u.destination IN (SELECT name FROM evidence_chosen)"
    connection.execute(sql("evidence_calls").format(chosen=chosen))
    rows = connection.execute("SELECT CAST(coalesce(sum(CAST(difference AS HUGEINT)), 0) AS VARCHAR) FROM evidence_units").fetchall()
    return int(rows[0][0])


def write_calls(connection: duckdb.DuckDBPyConnection, charges: str, key: bytes, target: Path) -> int:
    """Writes calls.csv and returns its rows. `key` is the dispute's own; PACK_KEY_WEAK where it is too short to hide a number."""
    keyed_digest("", key)  # a weak key is refused even where no number is to be hidden
    rows = connection.execute("SELECT DISTINCT a_e164 FROM evidence_records WHERE a_e164 IS NOT NULL ORDER BY 1").fetchall()
    numbers = [row[0] for row in rows]
    table = pa.table(
        {
            "number": pa.array(numbers, pa.string()),
            "masked": pa.array([masked_number(each) for each in numbers], pa.string()),
            "keyed": pa.array([keyed_digest(each, key) for each in numbers], pa.string()),
        }
    )
    connection.register(_NUMBERS, table)
    try:
        return _copy(connection, sql("evidence_extract").format(charges=charges, numbers=_NUMBERS), target)
    finally:
        connection.unregister(_NUMBERS)


def write_differences(connection: duckdb.DuckDBPyConnection, target: Path) -> int:
    """Writes differences.csv: per call and cause what it is worth, in 1/60 nanos and in milliseconds; the causes of a call add up to it."""
    query = """
        SELECT u.call, v.cause, CAST(sum(v.value) AS BIGINT) AS difference_60th_nanos, CAST(sum(v.minutes_ms) AS BIGINT) AS minutes_ms,
               min(v.detail) AS detail
        FROM r_variances v
        JOIN evidence_units u ON u.our_cdr_id IS NOT DISTINCT FROM v.our_cdr_id AND u.their_cdr_id IS NOT DISTINCT FROM v.their_cdr_id
        GROUP BY ALL ORDER BY u.call, v.cause
    """
    return _copy(connection, query, target)


def write_rates(connection: duckdb.DuckDBPyConnection, charges: str, decks: Iterable[Deck], target: Path) -> int:
    """Writes rates.csv: the deck rows that price the disputed calls, with all their terms in integers."""
    tables = [
        deck.rows.select(["row", "code", "destination", "effective_from", "rate_unit", "rate_text", *TERMS]).append_column(
            "deck_digest", pa.array([deck.digest] * deck.rows.num_rows, pa.string())
        )
        for deck in decks
    ]
    connection.register("evidence_rates", pa.concat_tables(tables).unify_dictionaries())
    terms = ", ".join(f"r.{name}" for name in TERMS)
    query = f"""
        SELECT r.deck_digest, r.row AS deck_row, r.code, r.destination,
               strftime(r.effective_from, '%Y-%m-%dT%H:%M:%S.%gZ') AS effective_from, r.rate_text, r.rate_unit, {terms}
        FROM evidence_rates r
        SEMI JOIN (SELECT c.deck_digest, c.deck_row FROM {charges} c JOIN evidence_units u ON u.our_cdr_id = c.cdr_id) used
            ON used.deck_digest = r.deck_digest AND used.deck_row = r.row
        ORDER BY r.deck_digest, r.row
    """
    try:
        return _copy(connection, query, target)
    finally:
        connection.unregister("evidence_rates")


def sums(connection: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, str | int]]]:
    """The disputed calls by class and their differences by cause; amounts as text, in 1/60 nanos."""
    by_class = connection.execute(
        """SELECT class, count(*), CAST(sum(CAST(difference AS HUGEINT)) AS VARCHAR), CAST(sum(minutes_ms) AS BIGINT)
           FROM evidence_units GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    by_cause = connection.execute(
        """SELECT v.cause, count(DISTINCT u.call), CAST(sum(CAST(v.value AS HUGEINT)) AS VARCHAR), CAST(sum(v.minutes_ms) AS BIGINT)
           FROM r_variances v
           JOIN evidence_units u ON u.our_cdr_id IS NOT DISTINCT FROM v.our_cdr_id AND u.their_cdr_id IS NOT DISTINCT FROM v.their_cdr_id
           GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    names = ("name", "calls", "difference_60th_nanos", "minutes_ms")
    return {key: [dict(zip(names, row, strict=True)) for row in rows] for key, rows in (("classes", by_class), ("causes", by_cause))}


def _copy(connection: duckdb.DuckDBPyConnection, query: str, target: Path) -> int:
    path = str(target).replace("'", "''")
    return int(connection.execute(f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER, DELIMITER ',')").fetchall()[0][0])
