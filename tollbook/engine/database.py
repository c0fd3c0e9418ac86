"""The one place that opens DuckDB: UTC, a memory limit, a spill folder, no extensions from outside."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path

import duckdb

DEFAULT_MEMORY_LIMIT = "512MB"


def open_database(
    *, memory_limit: str = DEFAULT_MEMORY_LIMIT, spill_folder: Path | None = None, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """An empty in-memory database that spills to disk beyond its memory limit. The caller closes it."""
    spill = spill_folder or Path(tempfile.gettempdir()) / "tollbook-spill"
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "preserve_insertion_order": False,
    }
    if threads is not None:
        settings["threads"] = threads
    return _set_up(duckdb.connect(":memory:", config=settings))


def another_connection(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A second connection to the same database, for another thread: it sees the tables, and has temporary ones of its own."""
    return _set_up(connection.cursor())


def _set_up(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """What every connection needs. A progress bar would be drawn on stdout, into the midst of results and JSON."""
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return connection


@contextmanager
def shared_database(*, memory_limit: str = DEFAULT_MEMORY_LIMIT, spill_folder: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database for a piece of work, in the process's one instance: to open an instance of its own takes longer than most such
    work, and the memory limit is one for all. Its tables, views and settings are its own and are gone at the end."""
    connection = another_connection(_instance(os.getpid(), memory_limit, spill_folder))
    name = f"piece_{next(_numbers)}"
    try:
        connection.execute(f"ATTACH ':memory:' AS {name}; USE {name}")
        yield connection
    finally:
        try:
            connection.execute(f"USE memory; DETACH DATABASE IF EXISTS {name}")
        finally:
            connection.close()


_numbers = count(1)


@cache
def _instance(process: int, memory_limit: str, spill_folder: Path | None) -> duckdb.DuckDBPyConnection:
    """The instance of a process; a forked child must not touch its parent's."""
    return open_database(memory_limit=memory_limit, spill_folder=spill_folder)


@cache
def sql(name: str) -> str:
    """The text of engine/local/<name>.sql."""
    return files("tollbook.engine").joinpath("local", f"{name}.sql").read_text(encoding="utf-8")


def paths_list(paths: list[Path]) -> str:
    """Parquet paths as a SQL list literal."""
    quoted = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"[{quoted}]"
