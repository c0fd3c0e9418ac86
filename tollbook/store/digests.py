"""TD1 of tables that lie in segments: sorted by DuckDB with spill, hashed as they stream."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tollbook.core.digest import json_digest, table_digest
from tollbook.core.tables import KINDS, TableKind
from tollbook.engine.database import open_database, paths_list

BATCH_ROWS = 100_000
ROWS_IN_MEMORY = 100_000


def plain_schema(kind: TableKind) -> pa.Schema:
    """The kind's schema without dictionaries and fixed widths: the same values, as DuckDB gives them."""
    return pa.schema([pa.field(each.name, _plain_type(each.type)) for each in kind.schema])


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return pa.binary() if pa.types.is_fixed_size_binary(kind) else kind


def table_td1(
    kind_name: str, paths: Iterable[Path], *, spill_folder: Path | None = None, in_memory: int = ROWS_IN_MEMORY
) -> tuple[str, int]:
    """TD1 and row count of the rows of a kind in all these files together. No file is an empty table; more than `in_memory` rows are
    sorted by DuckDB, which spills."""
    kind = KINDS[kind_name]
    total = kind.digest()
    files = list(paths)
    if not files:
        return total.hexdigest(), 0
    if sum(pq.read_metadata(path).num_rows for path in files) <= in_memory:
        return _in_memory(kind, files)
    schema = plain_schema(kind)
    names = ", ".join(f'"{name}"' for name in schema.names)
    order = ", ".join(f'"{name}" ASC NULLS FIRST' for name in kind.order)
    connection = open_database(spill_folder=spill_folder)
    try:
        # Columns a later version added are null in files written before.
        connection.register("nothing", schema.empty_table())
        relation = connection.sql(
            f"SELECT {names} FROM (SELECT * FROM read_parquet({paths_list(files)}, union_by_name = true, hive_partitioning = false) "  # noqa: S608
            f"UNION ALL BY NAME SELECT * FROM nothing) ORDER BY {order}"
        )
        for batch in relation.to_arrow_reader(BATCH_ROWS):
            total.update(pa.Table.from_batches([batch]).cast(schema))
    finally:
        connection.close()
    return total.hexdigest(), total.rows


def _in_memory(kind: TableKind, files: list[Path]) -> tuple[str, int]:
    """The same for a small table, without a database; the order and the digest are the same by definition."""
    schema = plain_schema(kind)
    tables = [_with_all_columns(pq.read_table(path), schema) for path in files]
    table = pa.concat_tables(tables)
    return table_digest(table, kind.order, excluded=kind.excluded, unique=kind.unique), table.num_rows


def in_memory_td1(kind_name: str, table: pa.Table) -> str:
    """TD1 of rows that are not in a file yet."""
    kind = KINDS[kind_name]
    return table_digest(_with_all_columns(table, plain_schema(kind)), kind.order, excluded=kind.excluded, unique=kind.unique)


def _with_all_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table.column(field.name).cast(field.type) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def result_digest(results: dict[str, dict[str, object]]) -> str:
    """The digest of everything a run found: SHA-256 of the canonical JSON of its tables' TD1 and row counts by kind."""
    return json_digest(results)
