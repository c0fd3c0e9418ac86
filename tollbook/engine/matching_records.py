"""The two sides as matching sees them: slim tables in DuckDB, the identifiers as hashes, and what is still unmatched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.core.problem import refuse
from tollbook.engine.database import sql

OURS: Final = "matching_ours"
THEIRS: Final = "matching_theirs"
RAW: Final = "matching_theirs_raw"
PAIRS: Final = "matching_pairs"

# The identifier columns of a key, and how they become comparable. Call-IDs and agreed references are compared byte by byte; charging
# identifiers without regard to case, because hops add and remove their quotes; session identifiers are 32 hex digits, zero is unknown.
_ICID = "CASE WHEN length({0}) >= 6 AND lower(trim({0})) <> 'unknown' THEN hash(lower(trim({0}))) END"
_SESSION = "CASE WHEN length({0}) > 0 AND ltrim({0}, '0') <> '' THEN hash(lower({0})) END"
_TEXT = "CASE WHEN length(trim({0})) > 0 THEN hash(trim({0})) END"
KEYS: Final[dict[str, tuple[str, str]]] = {
    "shared": ("shared_ref", _TEXT.format("shared_ref")),
    "call": ("call_id", _TEXT.format("{call_id}")),
    "icid": ("icid", _ICID.format("icid")),
    "related": ("related_icid", _ICID.format("related_icid")),
    "generator": ("icid_generated_at", "nullif(lower(trim(icid_generated_at, '[] ')), '')"),
    "session_one": ("session_id_local", _SESSION.format("session_id_local")),
    "session_two": ("session_id_remote", _SESSION.format("session_id_remote")),
    "circuit": (
        "cic",
        "CASE WHEN cic IS NOT NULL AND point_code_low IS NOT NULL AND point_code_high IS NOT NULL THEN hash(concat_ws('|',"
        " coalesce(ss7_variant, ''), coalesce(ni, -1), least(point_code_low, point_code_high),"
        " greatest(point_code_low, point_code_high), cic)) END",
    ),
}


@dataclass
class Room:
    """One matching run: its connection and which tables hold the records no rule has taken yet."""

    connection: duckdb.DuckDBPyConnection
    leg: str
    keys: frozenset[str]
    tech_prefixes: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    left: dict[str, str] = field(default_factory=lambda: {"ours": OURS, "theirs": THEIRS})
    held: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    variants: bool = False
    empty: bool = False
    tables: int = 0
    kept_tables: set[str] = field(default_factory=set)

    def run(self, statement: str, parameters: Sequence[object] = ()) -> None:
        self.connection.execute(statement, parameters)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement).fetchall()

    def number(self, statement: str) -> int:
        value = self.rows(statement)[0][0]
        return 0 if value is None else int(value)

    def arrays(self, statement: str) -> dict[str, npt.NDArray[Any]]:
        """The columns of a query as numpy arrays; the query gives no nulls."""
        table = self.connection.sql(statement).to_arrow_table()
        return {name: table.column(name).combine_chunks().to_numpy(zero_copy_only=False) for name in table.column_names}

    def put(self, name: str, **columns: npt.NDArray[Any]) -> None:
        """Arrays as a temporary table, for the next statements."""
        self.connection.register("matching_given", pa.table({key: pa.array(values) for key, values in columns.items()}))
        self.run(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM matching_given")
        self.connection.unregister("matching_given")

    def take(self, source: str, keys: frozenset[str]) -> None:
        """Removes the records of the given pairs (o, t) from what is left on both sides, and the identifiers no later rule needs."""
        unneeded = [name for name in self.held if name not in keys]
        columns = f"* EXCLUDE ({', '.join(unneeded)})" if unneeded else "*"
        for side, column in (("ours", "o"), ("theirs", "t")):
            before = self.left[side]
            self.tables += 1
            after = f"matching_left_{side}_{self.tables}"
            self.run(f"CREATE TEMP TABLE {after} AS SELECT {columns} FROM {before} l WHERE l.n NOT IN (SELECT {column} FROM {source})")
            if before.startswith("matching_left") and before not in self.kept_tables:
                self.run(f"DROP TABLE {before}")
            self.left[side] = after
            self.empty = self.empty or not self.rows(f"SELECT 1 FROM {after} LIMIT 1")
        self.held = self.held & keys

    def clear(self) -> None:
        """Drops what the run left behind in the connection."""
        names = self.rows("SELECT table_name, table_type FROM information_schema.tables WHERE table_name LIKE 'matching\\_%' ESCAPE '\\'")
        for name, kind in sorted(names, key=lambda row: row[1] != "VIEW"):
            self.run(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} IF EXISTS {name}")


def used_keys(connection: duckdb.DuckDBPyConnection, ours: str, theirs: str) -> frozenset[str]:
    """The keys that have a value on both sides; the two charging identifiers and the two of a session belong together."""
    columns = {name: column for name, (column, _) in KEYS.items()}
    counts = ", ".join(f"count({column})" for column in columns.values())
    found = []
    for view in (ours, theirs):
        row = connection.execute(f"SELECT {counts} FROM {view}").fetchall()[0]
        found.append({name for name, count in zip(columns, row, strict=True) if count})
    both = found[0] & found[1]
    if "related" in found[0] | found[1] and found[0] & {"icid", "related"} and found[1] & {"icid", "related"}:
        both |= {"icid", "related"}
    if found[0] & {"session_one", "session_two"} and found[1] & {"session_one", "session_two"}:
        both |= {"session_one", "session_two"}
    return frozenset(both)


def build(room: Room, name: str, view: str, call_id: str, sources: Iterable[str], file: str = "") -> None:
    """Makes the slim table of one side and the view that numbers its records; `call_id` is the expression of its Call-ID."""
    keys = "".join(f"{KEYS[name][1].replace('{call_id}', call_id)} AS {name}, " for name in KEYS if name in room.keys)
    keys += "".join(f"{column}::VARCHAR AS block_{column}, " for column in room.blocks)
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in sources)
    source_no = f"list_position([{names}], source::VARCHAR) - 1" if names else "0"
    room.run(sql("matching_records").format(table=f"{name}_rows", view=view, leg=room.leg, keys=keys, source_no=source_no, file=file))
    room.run(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT rowid::INTEGER AS n, * FROM {name}_rows")


def rewritten(call_id: str, rewrites: Sequence[tuple[str, str]]) -> str:
    """The expression of a Call-ID after the agreed rewriting, in order. Refuses a pattern that is no regular expression."""
    for pattern, replacement in rewrites:
        quoted = [text.replace("'", "''") for text in (pattern, replacement)]
        call_id = f"regexp_replace({call_id}, '{quoted[0]}', '{quoted[1]}')"
    return call_id


def check_rewrites(connection: duckdb.DuckDBPyConnection, rewrites: Sequence[tuple[str, str]]) -> None:
    for pattern, replacement in rewrites:
        try:
            connection.execute("SELECT regexp_replace('a', ?, ?)", [pattern, replacement]).fetchall()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise refuse("MATCH_REWRITE_INVALID", f"{pattern!r} is no usable pattern: {reason}", value=pattern) from None


def integers(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.ascontiguousarray(values, dtype=np.int64)
