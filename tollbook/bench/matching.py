"""`tollbook bench matching`: two sides of a month of calls, ours beside Python dictionaries and a query per call, pairs compared."""

from __future__ import annotations

import os
import platform
import resource
import time
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.bench.matching_baselines import Pairs, match_by_dictionary, match_by_sql, rows_of
from tollbook.bench.matching_data import TwoSides, two_sides
from tollbook.engine.database import open_database
from tollbook.engine.matching import match

DICTIONARY_CALLS = 300_000
SQL_CALLS = 3_000
MEMORY_LIMIT = "1GB"


def run(rows: int) -> dict[str, Any]:
    """Generate the sides, match them whole, and a part of them in the other ways; report speeds and how many pairs differ.

    The ladder is more than the simple rule of the others: where they differ the bench counts it, and who was right.
    """
    sides = two_sides(rows)
    matched(two_sides(1_000))  # compiled functions are loaded outside of the measurement
    wall, cpu = time.perf_counter(), time.process_time()
    pairs = matched(sides)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    records = sides.ours.num_rows + sides.theirs.num_rows
    speeds = [_speed("ours, whole ladder", records, wall, cpu)]
    right = int(np.count_nonzero(pairs[:, 0] == pairs[:, 1]))
    true_pairs = len(np.intersect1d(sides.our_calls, sides.their_calls, assume_unique=True))
    result: dict[str, Any] = {
        "rows": rows,
        "records": records,
        "true_pairs": true_pairs,
        "right": right,
        "wrong": len(pairs) - right,
        "missed": true_pairs - right,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    result |= _others(min(rows, DICTIONARY_CALLS), speeds)
    result["environment"] = {
        "cpus": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
    }
    _compare(speeds)
    result["equal_pairs"] = _told(result)
    result["tables"] = {f"Matching {rows:,} calls": speeds}
    return result


def _compare(speeds: list[dict[str, Any]]) -> None:
    """How much faster than the dictionaries per core each way is; the time of a server's processor is not known."""
    plain = speeds[1]["records_per_cpu_s"]
    for each in speeds:
        own = each["records_per_cpu_s"]
        each["times_dictionaries_per_core"] = None if own is None else round(own / plain, 1)


def _told(result: dict[str, Any]) -> str:
    """Whether all ways came to the same pairs, in words."""
    different, by_sql = result["different_from_dictionaries"], result.get("different_sql_from_dictionaries")
    ladder = f"{different} of {result['compared']:,} pairs of the ladder are not the dictionaries'"
    if by_sql is None:
        return ladder
    return f"{ladder}, {by_sql} of SQL's"


def matched(sides: TwoSides) -> np.ndarray:
    """The pairs the ladder finds, as the numbers of the calls of both records."""
    connection = open_database(memory_limit=MEMORY_LIMIT)
    try:
        connection.register("ours", sides.ours)
        connection.register("theirs", sides.theirs)
        found = match(connection, "ours", "theirs").matches
    finally:
        connection.close()
    both = found.filter(pc.and_(found.column("our_cdr_id").is_valid(), found.column("their_cdr_id").is_valid()))
    return np.stack([_calls(both.column(name)) for name in ("our_cdr_id", "their_cdr_id")], axis=1)


def _calls(ids: pa.ChunkedArray) -> np.ndarray:
    """The call of each id: its lower 64 bits."""
    raw = b"".join(chunk.buffers()[1].slice(16 * chunk.offset, 16 * len(chunk)).to_pybytes() for chunk in ids.chunks)
    return np.frombuffer(raw, dtype=">u8").reshape(-1, 2)[:, 1].astype(np.int64)


def _others(rows: int, speeds: list[dict[str, Any]]) -> dict[str, Any]:
    """The other ways on a smaller set of their own, and how many pairs differ from ours on it."""
    sides = two_sides(rows, seed=2)
    ladder = {f"{our:016x}": f"{their:016x}" for our, their in matched(sides).tolist()}
    wall, cpu = time.perf_counter(), time.process_time()
    ours, theirs = rows_of(sides.ours, rows), rows_of(sides.theirs, rows)
    plain = match_by_dictionary(ours, theirs)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    speeds.append(_speed("Python dictionaries, a row at a time", len(ours) + len(theirs), wall, cpu))
    found: dict[str, Any] = {"compared": len(ladder), "different_from_dictionaries": differences(ladder, plain)}
    sample = ours[:SQL_CALLS]
    try:
        by_sql = match_by_sql(sample, theirs)
    except ImportError as error:
        return {**found, "sql": f"not run: {error}. Install tollbook[bench,postgres]."}
    part = match_by_dictionary(sample, theirs)
    speeds.append(_speed(f"PostgreSQL {by_sql.version}, per call", 2 * len(sample), by_sql.seconds, None))
    return {
        **found,
        "different_sql_from_dictionaries": sum(part.pairs.get(key) != value for key, value in by_sql.pairs.items())
        + len(part.pairs.keys() - by_sql.pairs.keys()),
        "against_dictionaries_per_cpu": round(speeds[0]["records_per_cpu_s"] / speeds[1]["records_per_cpu_s"], 1),
        "against_sql_per_call": round(speeds[0]["records_per_s"] / speeds[2]["records_per_s"], 1),
    }


def differences(ladder: dict[str, str], plain: Pairs) -> int:
    """How many pairs are not the same in both, given the calls of the ladder's and the ids of the others'."""
    simple = {our[16:]: their[16:] for our, their in plain.pairs.items()}
    return sum(simple.get(our) != their for our, their in ladder.items()) + len(simple.keys() - ladder.keys())


def _speed(way: str, records: int, wall: float, cpu: float | None) -> dict[str, Any]:
    found: dict[str, Any] = {"way": way, "records": records, "seconds": round(wall, 3), "records_per_s": round(records / wall)}
    return found | {"records_per_cpu_s": None if cpu is None else round(records / cpu)}
