"""The two sides as matching sees them: slim tables in DuckDB, the identifiers as hashes, and what is still unmatched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
ROWS: Final = {"ours": f"{OURS}_rows", "theirs": f"{RAW}_rows"}

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

# Columns that many sources do not have: whether one varies, how it is read, and what it is where it does not.
VARYING: Final = {
    "leg_no": ("min(leg_no) <> max(leg_no)", "leg_no", "1::SMALLINT"),
    "setup": ("count(setup_at) > 0", "epoch_ms(setup_at)", "NULL::BIGINT"),
    "routing": ("count(routing_number) > 0", "nullif(routing_number, '')", "NULL::VARCHAR"),
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
    # How the records of a side follow from rows of its table; only where the relation is a view.
    selects: dict[str, Callable[[str], str]] = field(default_factory=dict)
    gone: dict[str, npt.NDArray[np.uint8]] = field(default_factory=dict)
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

    def take(self, source: str) -> None:
        """Removes the records of the given pairs (o, t) from what is left on both sides, and the identifiers no later rule needs."""
        unneeded = [name for name in self.held if name not in self.needed]
        columns = f"* EXCLUDE ({', '.join(unneeded)})" if unneeded else "*"
        for side, column in (("ours", "o"), ("theirs", "t")):
            before = self.left[side]
            self.tables += 1
            after = f"matching_left_{side}_{self.tables}"
            self._mark_gone(side, f"SELECT {column} AS n FROM {source}")
            if side in self.selects and before in (OURS, THEIRS):
                # What follows from the written times is worked out for those that stay only.
                kept = self.selects[side](f"(SELECT r.rowid::INTEGER AS n, r.* FROM {ROWS[side]} r JOIN matching_rest s ON s.n = r.rowid)")
            else:
                kept = f"SELECT l.* FROM {before} l JOIN matching_rest s USING (n)"
            self.run(f"CREATE TEMP TABLE {after} AS SELECT {columns} FROM ({kept})")
            if before.startswith("matching_left") and before not in self.kept_tables:
                self.run(f"DROP TABLE {before}")
            self.left[side] = after
            self.empty = self.empty or not self.rows(f"SELECT 1 FROM {after} LIMIT 1")
        self.held = self.held & self.needed

    def _mark_gone(self, side: str, numbers: str) -> None:
        """Notes the records as taken, one byte each, and puts the others into matching_rest: a small join where most are taken."""
        if side not in self.gone:
            self.gone[side] = np.zeros(self.number(f"SELECT count(*) FROM {ROWS[side]}"), dtype=np.uint8)
        self.gone[side][self.arrays(numbers)["n"]] = 1
        self.put("matching_rest", n=np.flatnonzero(self.gone[side] == 0).astype(np.int32))

    def state(self) -> tuple[dict[str, str], frozenset[str], bool, dict[str, npt.NDArray[np.uint8]]]:
        """What is left at this point, to return to it."""
        self.kept_tables |= set(self.left.values())
        return dict(self.left), self.held, self.empty, {side: flags.copy() for side, flags in self.gone.items()}

    def restore(self, state: tuple[dict[str, str], frozenset[str], bool, dict[str, npt.NDArray[np.uint8]]]) -> None:
        self.left, self.held, self.empty, self.gone = state

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


def build(room: Room, name: str, view: str, call_id: str, sources: Sequence[str], *, with_files: bool = False) -> None:
    """Makes the slim table of one side and the view that numbers its records; `call_id` is the expression of its Call-ID.

    A column that is the same in all records is not kept in the table but is a constant of the view.
    """
    columns = [f"{KEYS[key][1].replace('{call_id}', call_id)} AS {key}, " for key in KEYS if key in room.keys]
    columns += [f"{column}::VARCHAR AS block_{column}, " for column in room.blocks]
    constants: list[str] = []
    present = room.rows(f"SELECT {', '.join(test for test, _, _ in VARYING.values())} FROM {view}")[0]
    for (column, (_, expression, constant)), varies in zip(VARYING.items(), present, strict=True):
        (columns if varies else constants).append(f"{expression if varies else constant} AS {column}, ")
    if len(sources) > 1:
        names = ", ".join("'" + source.replace("'", "''") + "'" for source in sources)
        columns.append(f"list_position([{names}], source::VARCHAR) - 1 AS source_no, ")
    else:
        constants.append("0 AS source_no, ")
    if with_files:
        # Whose order the records are in: the source's where it numbers them itself, however they were split into files; else the file's.
        ordered_by = "CASE WHEN sequence_no IS NULL THEN file_digest::VARCHAR ELSE source::VARCHAR END"
        columns.append(f"(hash({ordered_by}) >> 1)::BIGINT AS file, coalesce(sequence_no, record_no) AS place, ")
    room.run(sql("matching_records").format(table=f"{name}_rows", view=view, leg=room.leg, columns="".join(columns)))

    def select(source: str) -> str:
        return sql("matching_view").format(source=source, constants="".join(constants))

    room.run(f"CREATE OR REPLACE TEMP VIEW {name} AS {select(f'(SELECT rowid::INTEGER AS n, * FROM {name}_rows)')}")
    room.selects["ours" if name == OURS else "theirs"] = select


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
