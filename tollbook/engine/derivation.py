"""The stages of a close over plain files: the same steps a book takes, from records to differences, without the book. Verification takes
them again with what a sealed close holds.

Everything is a view or a table of one DuckDB connection, in the schemas of core.cdr.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from tollbook.core.agreement import Agreement
from tollbook.core.cdr import CDR, MATCH
from tollbook.core.digest import TableDigest
from tollbook.core.tables import KINDS
from tollbook.core.zone import Zone
from tollbook.engine import mediation
from tollbook.engine.database import paths_list
from tollbook.engine.deck import CompiledDeck
from tollbook.engine.matching import MatchResult, match
from tollbook.engine.rating import ANCHORS, rate

BATCH_ROWS: Final = 131_072
ANCHOR: Final = "coalesce(answer_at, setup_at, alert_at, release_at)"
# All that the price of a call is made from; the other columns of a record are not read for it.
PRICED_FROM: Final = ("cdr_id", "leg", "leg_no", "b_e164", "setup_at", "answer_at", "release_at", "duration_ms")
SIGNS: Final = {"IN": 1, "OUT": -1}


def plain_schema(kind: str) -> pa.Schema:
    """The kind's schema without dictionaries and fixed widths: the same values, as DuckDB gives them."""
    return pa.schema([pa.field(each.name, _plain(each.type)) for each in KINDS[kind].schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return pa.binary() if pa.types.is_fixed_size_binary(kind) else kind


def open_files(connection: duckdb.DuckDBPyConnection, name: str, kind: str, paths: Iterable[Path]) -> str:
    """A view over Parquet files of one kind, with every column of its schema; without a file it is empty. Gives its name."""
    files, schema = list(paths), plain_schema(kind)
    connection.register(f"{name}_none", schema.empty_table())
    columns = ", ".join(f'"{each}"' for each in schema.names)
    rows = f"SELECT * FROM {name}_none"
    if files:
        rows = f"SELECT * FROM read_parquet({paths_list(files)}, union_by_name = true, hive_partitioning = false) UNION ALL BY NAME {rows}"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {columns} FROM ({rows})")
    return name


def view_digest(connection: duckdb.DuckDBPyConnection, view: str, kind: str) -> tuple[str, int]:
    """TD1 and row count of the rows of a kind in a view, in any order; sorted with spill, hashed as they stream."""
    total: TableDigest = KINDS[kind].digest()
    schema = plain_schema(kind)
    columns = ", ".join(f'"{each}"' for each in schema.names)
    order = ", ".join(f'"{each}" ASC NULLS FIRST' for each in KINDS[kind].order)
    for batch in connection.sql(f"SELECT {columns} FROM {view} ORDER BY {order}").to_arrow_reader(BATCH_ROWS):
        total.update(pa.Table.from_batches([batch]).cast(schema))
    return total.hexdigest(), total.rows


def commercial_leg(partner: str, leg: str) -> str:
    """The condition that a record is of one partner's leg."""
    quoted = partner.replace("'", "''")
    return f"partner = '{quoted}' AND leg = '{leg}'"


def anchored_in(from_ms: int, until_ms: int, anchor: str = ANCHOR) -> str:
    """The condition that a record's anchor is in a half-open window."""
    return f"{anchor} >= make_timestamptz({int(from_ms)} * 1000) AND {anchor} < make_timestamptz({int(until_ms)} * 1000)"


def marks(connection: duckdb.DuckDBPyConnection, cdrs: str, partner: str, leg: str, from_ms: int, until_ms: int) -> pa.Table:
    """Mediation of one partner's leg and side: the verdicts (MARK) on its records in a window."""
    condition = f"{commercial_leg(partner, leg)} AND {anchored_in(from_ms, until_ms)}"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW marked_cdrs AS SELECT * FROM {cdrs} WHERE {condition}")
    return mediation.mark(connection, "marked_cdrs")


def open_side(
    connection: duckdb.DuckDBPyConnection, name: str, cdrs: str, verdicts: pa.Table, partner: str, leg: str, from_ms: int, until_ms: int
) -> None:
    """Views of one side: <name>_cdrs (all of the window), <name> (those that go on), <name>_duplicates (with mark and kept_cdr_id)."""
    condition = f"{commercial_leg(partner, leg)} AND {anchored_in(from_ms, until_ms)}"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name}_cdrs AS SELECT * FROM {cdrs} WHERE {condition}")
    mediation.kept(connection, f"{name}_cdrs", verdicts, name)
    connection.register(f"{name}_verdicts", verdicts)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {name}_duplicates AS SELECT c.*, m.mark::VARCHAR AS mark, m.kept_cdr_id FROM {name}_cdrs c "
        f"JOIN {name}_verdicts m ON m.cdr_id = c.cdr_id AND m.leg = c.leg AND m.leg_no = c.leg_no "
        "WHERE m.mark IN ('DUP_EXACT', 'DUP_RELOAD')"
    )


def charges(
    connection: duckdb.DuckDBPyConnection,
    kept: str,
    agreement: Agreement,
    deck: CompiledDeck,
    zone: Zone,
    leg: str,
    clause: str,
    from_ms: int,
    until_ms: int,
) -> Iterator[pa.Table]:
    """The charges (CHARGE) of a view of kept records under one agreement version, for its part of the period."""
    anchor = ANCHORS[agreement.rating.price_anchor]
    where = anchored_in(from_ms, until_ms, f"coalesce({anchor}, setup_at, release_at, answer_at)")
    for rows in _priced_batches(connection, f"SELECT {', '.join(PRICED_FROM)} FROM {kept} WHERE {where}"):
        yield rate(
            rows,
            deck,
            agreement.rating,
            sign=SIGNS[leg],
            zone=zone,
            partner=agreement.partner,
            agreement_digest=agreement.digest,
            clause=clause,
            currency=agreement.currency,
        )


def _priced_batches(connection: duckdb.DuckDBPyConnection, query: str, rows: int = BATCH_ROWS) -> Iterator[pa.Table]:
    """The rows of a query in batches, with the types of the CDR schema."""
    schema = pa.schema([CDR.field(name) for name in PRICED_FROM])
    for batch in connection.sql(query).to_arrow_reader(rows):
        table = pa.Table.from_batches([batch])
        yield pa.Table.from_arrays([table.column(field.name).cast(field.type) for field in schema], schema=schema)


def matched(
    connection: duckdb.DuckDBPyConnection, agreement: Agreement, leg: str, their_zone: Zone | None, from_ms: int, until_ms: int
) -> tuple[MatchResult, pa.Table]:
    """Matches the views `ours` and `theirs`; the rows that belong to the period: by our record's time, by theirs where we have none."""
    result = match(connection, "ours", "theirs", theirs_zone=their_zone, callid_rewrite=agreement.matching.callid_rewrite, leg=leg)
    connection.register("found_matches", result.matches)
    inside = anchored_in(from_ms, until_ms)
    rows = connection.sql(
        f"SELECT m.* FROM found_matches m WHERE m.our_cdr_id IN (SELECT cdr_id FROM ours WHERE {inside}) "
        f"OR (m.our_cdr_id IS NULL AND m.their_cdr_id IN (SELECT cdr_id FROM theirs WHERE {inside})) "
        "ORDER BY m.our_cdr_id NULLS FIRST, m.their_cdr_id NULLS FIRST, m.leg"
    ).to_arrow_table()
    connection.unregister("found_matches")
    return result, pa.table([rows.column(field.name).cast(field.type) for field in MATCH], schema=MATCH)


def narrow(connection: duckdb.DuckDBPyConnection, matches: str) -> None:
    """ours, theirs, ours_duplicates and theirs_duplicates of the records a matching has, from the views of the same names and `_wide`."""
    for name, column in (("ours", "our_cdr_id"), ("theirs", "their_cdr_id")):
        found = f"(SELECT {column} FROM {matches} WHERE {column} IS NOT NULL)"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {name}_wide WHERE cdr_id IN {found}")
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {name}_duplicates AS SELECT * FROM {name}_wide_duplicates WHERE kept_cdr_id IN {found}"
        )


def open_other_block(
    connection: duckdb.DuckDBPyConnection, name: str, cdrs: str, partner: str, leg: str, from_ms: int, until_ms: int
) -> None:
    """Our records of the same leg that belong to another partner, around the period: where a call went that this one does not have."""
    quoted = partner.replace("'", "''")
    where = f"partner IS DISTINCT FROM '{quoted}' AND leg = '{leg}' AND {anchored_in(from_ms, until_ms)}"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM {cdrs} WHERE {where}")
