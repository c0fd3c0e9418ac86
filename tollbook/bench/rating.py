"""`tollbook bench rating`: both legs of calls, ours beside a Python dictionary per row and a query per call, equal money checked."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import pyarrow as pa

from tollbook.bench.rating_baselines import Rated, call_columns, dictionaries, rate_by_dictionary, rate_by_sql
from tollbook.bench.rating_data import CUSTOMERS, BenchData, bench_data
from tollbook.core.agreement import RatingTerms
from tollbook.engine.deck import CompiledDeck, compile_timeline
from tollbook.engine.rating import prepare, rate

ROUNDS = 3
SQL_CALLS = 2_000
DICTIONARY_CALLS = 300_000
LEGS = (("customer", 0, 1), ("vendor", CUSTOMERS, -1))


def rate_legs(data: BenchData, decks: list[CompiledDeck], threads: int) -> list[tuple[pa.Table, np.ndarray]]:
    """Both legs of every call: grouped by partner, priced, and for each leg the charges with the place of their call.

    With several threads, several partners are rated at once.
    """
    calls = prepare(data.calls)
    work: list[tuple[str, int, int, np.ndarray]] = []
    orders = []
    for name, first, sign in LEGS:
        partner = getattr(data, name)
        order = np.argsort(partner.astype(np.int16), kind="stable").astype(np.int32)
        bounds = np.searchsorted(partner[order], np.arange(partner.max() + 2))
        work += [(f"{name}-{index}", first + index, sign, order[start:end]) for index, (start, end) in enumerate(pairwise(bounds))]
        orders.append(order)

    def rate_partner(one: tuple[str, int, int, np.ndarray]) -> pa.Table:
        partner, deck, sign, places = one
        return rate(calls, decks[deck], RatingTerms(), sign=sign, zone="UTC", places=places, partner=partner, threads=1)

    if threads == 1:
        charges = list(map(rate_partner, work))
    else:
        with ThreadPoolExecutor(threads) as pool:
            charges = list(pool.map(rate_partner, work))
    tables = [pa.concat_tables(charges[:CUSTOMERS]), pa.concat_tables(charges[CUSTOMERS:])]
    return list(zip(tables, orders, strict=True))


def run(rows: int) -> dict[str, Any]:
    """Generate the data, time all ways in turns, compare every amount, and report speeds, ratios and the machine.

    Both columns and dictionary begin with the same table of calls in the order of their arrival, decks prepared. Ours groups the calls by
    partner and ends with whole charges; the dictionary makes Python values of the columns and ends with code, seconds and amount.
    """
    data = bench_data(rows)
    start = time.perf_counter()
    decks = [compile_timeline(versions) for versions in data.decks]
    compile_s = time.perf_counter() - start
    rate_legs(data, decks, 1)  # compiled functions are loaded outside of the measurement
    sample = min(rows, DICTIONARY_CALLS)
    by_code = dictionaries(data)
    threads = os.cpu_count() or 1
    ours: list[tuple[float, float]] = []
    parallel: list[tuple[float, float]] = []
    plain: list[tuple[float, float]] = []
    legs, expected = rate_legs(data, decks, threads), []
    for _ in range(ROUNDS):
        ours.append(_timed(lambda: rate_legs(data, decks, 1)))
        parallel.append(_timed(lambda: rate_legs(data, decks, threads)))
        plain.append(_timed(lambda: expected.append(rate_by_dictionary(call_columns(data, sample), by_code))))
    different = _differences(legs, list(range(sample)), expected[0])
    speeds = [
        _speed("ours, one thread", rows, ours),
        _speed(f"ours, {threads} threads", rows, parallel),
        _speed("Python dictionary per row", sample, plain),
    ]
    result: dict[str, Any] = {
        "rows": rows,
        "legs_per_row": 2,
        "compared_with_dictionary": sample,
        "different_from_dictionary": different,
        "per_core_against_dictionary": round(speeds[0]["rows_per_cpu_s"] / speeds[2]["rows_per_cpu_s"], 1),
        "compile_s": round(compile_s, 2),
        "deck_rows": sum(deck.rows.num_rows for versions in data.decks for deck in versions),
    }
    result |= _sql(data, legs, speeds)
    result["identical"] = different == 0 and result.get("different_from_sql", 0) == 0
    result["environment"] = _environment()
    result["tables"] = {f"Rating {rows:,} calls, both legs": speeds}
    return result


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def _speed(name: str, rows: int, times: list[tuple[float, float]]) -> dict[str, Any]:
    """The best of the rounds, by wall clock and by processor time."""
    wall, cpu = min(each[0] for each in times), min(each[1] for each in times)
    return {"way": name, "rows": rows, "seconds": round(wall, 4), "rows_per_s": round(rows / wall), "rows_per_cpu_s": round(rows / cpu)}


def _differences(legs: list[tuple[pa.Table, np.ndarray]], places: list[int], expected: list[tuple[Rated, Rated]]) -> int:
    """How many legs differ in code, billed seconds or amount."""
    different = 0
    for side, (charges, order) in enumerate(legs):
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        chosen = charges.select(["code", "billed_s", "amount_micros"]).take(pa.array(back[places]))
        ours = zip(*(chosen.column(name).to_pylist() for name in chosen.column_names), strict=True)
        different += sum(mine != theirs[side] for mine, theirs in zip(ours, expected, strict=True))
    return different


def _sql(data: BenchData, legs: list[tuple[pa.Table, np.ndarray]], speeds: list[dict[str, Any]]) -> dict[str, Any]:
    try:
        found = rate_by_sql(data, SQL_CALLS)
    except ImportError as error:
        return {"sql": f"not run: {error}. Install tollbook[bench,postgres]."}
    speed = len(found.places) / found.seconds
    speeds.append(
        {
            "way": f"PostgreSQL {found.version}, per call",
            "rows": len(found.places),
            "seconds": round(found.seconds, 4),
            "rows_per_s": round(speed),
        }
    )
    return {
        "different_from_sql": _differences(legs, found.places, found.rated),
        "sql_table_rows": found.rows,
        "against_sql_per_call": round(speeds[0]["rows_per_s"] / speed, 1),
        "against_sql_per_call_all_threads": round(speeds[1]["rows_per_s"] / speed, 1),
    }


def _environment() -> dict[str, Any]:
    versions = {"python": platform.python_version(), "numba": numba.__version__, "numpy": np.__version__, "pyarrow": pa.__version__}
    return {"cpus": os.cpu_count(), "machine": platform.machine(), "system": platform.system(), **versions}
