"""Reading sealed segments for a page: the files a page needs, chosen by their rows in the database, and DuckDB over nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from tollbook.core.tables import KINDS
from tollbook.engine.database import open_database, paths_list
from tollbook.store.segment_lookup import SegmentFileAt, rows_by_id
from tollbook.web import book

MEMORY_LIMIT = "512MB"
THREADS = 2
_opening = threading.Lock()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    database = open_database(memory_limit=MEMORY_LIMIT, threads=THREADS)
    # For every cursor: it is a connection of its own, and begins with the global settings and those of no other connection.
    database.execute("SET GLOBAL TimeZone = 'UTC'; SET GLOBAL parquet_metadata_cache = true")
    return database


def connection() -> duckdb.DuckDBPyConnection:
    """A cursor of this process's database. Pages keep nothing in it, so that one serves all requests; what it learned of the files, too."""
    with _opening:
        cursor: duckdb.DuckDBPyConnection = _database().cursor()
    return cursor


def files(rows: Any) -> str:
    """`read_parquet([...])` over these segments; a relation without rows where there are none."""
    return files_of(rows.order_by("day", "digest").values_list("path", flat=True))


def files_of(paths: Iterable[str]) -> str:
    full = [book.folder() / path for path in paths]
    return f"read_parquet({paths_list(full)})" if full else ""


def relation(template: str, rows: Any, kind: str) -> str:
    """The SELECT with its {files}; where there are no files, the same columns without rows."""
    return template.format(files=files(rows) or _nothing(kind))


def _nothing(kind: str) -> str:
    """A relation with the columns of a kind of segment and no row."""
    columns = ", ".join(f'CAST(NULL AS {_sql_type(field.type)}) AS "{field.name}"' for field in KINDS[kind].schema)
    return f"(SELECT {columns} WHERE false)"


def _sql_type(kind: pa.DataType) -> str:
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return "BLOB"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ"
    if pa.types.is_date(kind):
        return "DATE"
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    return "BIGINT" if pa.types.is_integer(kind) else "VARCHAR"


def dicts(query: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries, instants as aware datetimes."""
    rows: list[dict[str, Any]] = connection().sql(query, params=parameters or None).to_arrow_table().to_pylist()
    return rows


def by_id(kind: str, rows: Any, cdr_id: bytes) -> list[dict[str, Any]]:
    """The whole rows of segments of a kind that name a record."""
    found = rows.order_by("day", "path").values_list("digest", "path")
    at = [SegmentFileAt(digest, book.folder() / path) for digest, path in found]
    return rows_by_id(connection(), book.folder(), kind, at, cdr_id)
