"""`tollbook bench rating`: both legs of calls, ours beside a Python dictionary per row and a query per call, equal money checked."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import pyarrow as pa

from tollbook.bench.rating_baselines import Rated, Terms, call_columns, dictionaries, rate_by_dictionary, rate_by_sql
from tollbook.bench.rating_data import CUSTOMERS, BenchData, bench_data, call_slice
from tollbook.core.agreement import RatingTerms
from tollbook.engine.deck import CompiledDeck, compile_timeline
from tollbook.engine.rating import prepare, rate

ROUNDS = 5
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
    partner and ends with whole charges; the dictionary makes Python values of the columns and ends with code, seconds and amount. In each
    round every way has its turn, the dictionary with other calls; speeds are the best round's, ratios per core the median round's, so
    that they hold on a machine with other work.
    """
    data = bench_data(rows)
    start = time.perf_counter()
    decks = [compile_timeline(versions) for versions in data.decks]
    compile_s = time.perf_counter() - start
    threads = os.cpu_count() or 1
    by_code = dictionaries(data)
    part = max(1, min(rows, DICTIONARY_CALLS) // ROUNDS)
    rate_legs(data, decks, 1)  # compiled functions are loaded outside of the measurement
    legs = rate_legs(data, decks, threads)
    expected: list[tuple[Rated, Rated]] = []
    single, parallel, plain = _Times(rows), _Times(rows), _Times(part)
    for turn in range(ROUNDS):
        calls = call_slice(data, turn * part, part)
        single.add(lambda: rate_legs(data, decks, 1))
        parallel.add(lambda: rate_legs(data, decks, threads))
        expected += plain.add(partial(_rate_plainly, calls, by_code))
        single.again(lambda: rate_legs(data, decks, 1))
        parallel.again(lambda: rate_legs(data, decks, threads))
    different = _differences(legs, list(range(len(expected))), expected)
    speeds = [
        single.speed("ours, one thread", plain),
        parallel.speed(f"ours, {threads} threads", plain),
        plain.speed("Python dictionary per row", plain),
    ]
    result: dict[str, Any] = {
        "rows": rows,
        "legs_per_row": 2,
        "compared_with_dictionary": len(expected),
        "different_from_dictionary": different,
        "per_core_against_dictionary": speeds[0]["times_dictionary_per_core"],
        "per_core_against_dictionary_all_threads": speeds[1]["times_dictionary_per_core"],
        "compile_s": round(compile_s, 2),
        "deck_rows": sum(deck.rows.num_rows for versions in data.decks for deck in versions),
    }
    result |= _sql(data, legs, speeds)
    result["identical"] = different == 0 and result.get("different_from_sql", 0) == 0
    result["equal_money"] = _told(result)
    result["environment"] = _environment()
    result["tables"] = {f"Rating {rows:,} calls, both legs, {ROUNDS} rounds in turns": speeds}
    return result


def _told(result: dict[str, Any]) -> str:
    """Whether all ways came to the same code, seconds and amount, in words."""
    if result["identical"]:
        return (
            f"yes: code, billed seconds and amount of both legs of {result['compared_with_dictionary']:,} calls are the same in every way"
        )
    return f"no: {result['different_from_dictionary']} legs differ from the dictionary, {result.get('different_from_sql', 0)} from SQL"


class _Times:
    """What each round of one way took, by the clock and of the processors; a short one is taken twice in a round, around the long one."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def add(self, work: Callable[[], Any]) -> Any:
        """Times the work as a round of its own, and gives what it gives."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        return result

    def again(self, work: Callable[[], Any]) -> None:
        """Times the same work once more in the same round, which then counts the mean of both."""
        self.add(work)
        for times in (self.wall, self.cpu):
            times.append((times.pop() + times.pop()) / 2)

    def speed(self, name: str, plain: _Times) -> dict[str, Any]:
        """The best of the rounds, and how much faster per core than `plain` in the median round."""
        ratios = [theirs / plain.rows / (ours / self.rows) for ours, theirs in zip(self.cpu, plain.cpu, strict=True)]
        return {
            "way": name,
            "rows": self.rows,
            "seconds": round(min(self.wall), 4),
            "rows_per_s": round(self.rows / min(self.wall)),
            "rows_per_cpu_s": round(self.rows / min(self.cpu)),
            "times_dictionary_per_core": round(statistics.median(ratios), 1),
        }


def _rate_plainly(calls: BenchData, by_code: list[list[dict[str, Terms]]]) -> list[tuple[Rated, Rated]]:
    return rate_by_dictionary(call_columns(calls, calls.calls.num_rows), by_code)


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
            "rows_per_cpu_s": None,
            "times_dictionary_per_core": None,
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
