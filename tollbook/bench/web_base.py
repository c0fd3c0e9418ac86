"""The small real book the web bench begins with: four partners with terms and decks, and a month of calls taken through every stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.bench.matching_data import cdr_table

PERIOD: Final = "2026-10"
START_MS: Final = 1_790_812_800_000  # 2026-10-01T00:00:00Z
NOW_MS: Final = START_MS + 33 * 86_400_000
DAY_MS: Final = 86_400_000
DAYS: Final = 31
# Copies of a call start up to an hour later, so the last two hours of a day stay empty and every copy keeps its day.
SPREAD_MS: Final = 22 * 3_600_000
SOURCES: Final = ("switch-1", "switch-2", "switch-3")
# Partner, leg, share of the traffic in percent, whether it sends records of its own.
PARTNERS: Final = (
    ("partner-01", "OUT", 45, True),
    ("partner-02", "OUT", 20, True),
    ("partner-03", "IN", 20, False),
    ("partner-04", "IN", 15, False),
)
CODES: Final = 20_000
DESTINATIONS: Final = 800
A_WIDTH, B_WIDTH, CALL_ID_WIDTH = 11, 12, 32
Array = npt.NDArray[Any]
_INCREMENTS: Final = ("1/1", "6/6", "30/6", "60/60")
_TERMS: Final = """format = "tollbook-agreement/1"
id = "{partner}-2026"
version = "1"
partner = "{partner}"
effective_from = "2026-01-01"
zone = "UTC"
currency = "USD"
[rating]
clause = "A3.2"
[decks.{side}]
clause = "A3.5"
deck = "{partner}-az"
[tolerance]
clause = "A6.2"
[dispute]
clause = "A6.4"
[clauses."A3.2"]
title = "Charges"
text = "Calls are charged per minute by the rate in force for the longest code of the called number."
[clauses."A3.5"]
title = "Rate notices"
text = "An increase needs 7 calendar days of notice."
[clauses."A6.2"]
title = "Tolerance"
text = "0.3 per cent of the minutes and 0.2 per cent of the value."
[clauses."A6.4"]
title = "Disputes"
text = "Within 30 days."
"""


def write_documents(folder: Path, random: np.random.Generator) -> list[tuple[Path, str]]:
    """An agreement and two versions of a deck for each partner, as files with their kinds."""
    folder.mkdir(parents=True)
    found = []
    for number, (partner, leg, _, _) in enumerate(PARTNERS):
        terms = folder / f"{partner}.toml"
        terms.write_text(_TERMS.format(partner=partner, side="buy" if leg == "OUT" else "sell"), encoding="utf-8")
        found.append((terms, "AGREEMENT"))
        rates = random.integers(10, 4_000, DESTINATIONS)
        for version, day in ((1, "2026-09-01"), (2, "2026-10-16")):
            deck = folder / f"{partner}-az_v{version}.csv"
            lines = [
                f"{code},Destination {place % DESTINATIONS},{rates[place % DESTINATIONS] / 10_000:.4f},"
                f"{_INCREMENTS[(place % DESTINATIONS + number) % 4]},{day}\n"
                for place, code in enumerate(codes())
            ]
            deck.write_text("Code,Destination,Rate,Billing Increment,Effective Date\n" + "".join(lines), encoding="utf-8")
            found.append((deck, "DECK"))
            rates = np.where(random.random(DESTINATIONS) < 0.3, rates + 7, rates)
    return found


def codes() -> list[str]:
    """Codes of two, three and six digits that nest."""
    step = 900_000 // (CODES - 990)
    short = [str(code) for code in (*range(10, 100), *range(100, 1_000))]
    return short + [str(100_000 + place * step) for place in range(CODES - len(short))]


def _texts(matrix: Array) -> pa.Array:
    """Texts of one width from their bytes."""
    count, width = matrix.shape
    offsets = np.arange(count + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(matrix).tobytes()))


def _digits(values: Array, width: int) -> Array:
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return ((values[:, None] // powers) % 10 + 48).astype(np.uint8)


def hexadecimal(matrix: Array) -> Array:
    """Bytes as lower-case hexadecimal digits."""
    table = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    return np.stack((table[matrix >> 4], table[matrix & 15]), axis=2).reshape(len(matrix), -1)


def _words(indices: Array, words: tuple[str, ...]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices.astype(np.int32)), pa.array(words, pa.string()))


def ids_array(matrix: Array) -> pa.Array:
    """A table of 16 bytes as ids."""
    content = pa.py_buffer(np.ascontiguousarray(matrix).tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(matrix), [None, content])


def records(rows: int, random: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    """Our records of a month and those of the partners who send theirs, in the CDR schema, in the order of their answers."""
    known = np.array(codes())
    answers = np.sort(random.integers(0, DAYS, rows) * DAY_MS + random.integers(0, SPREAD_MS, rows)) + START_MS
    durations = np.exp(random.normal(11, 1.2, rows)).astype(np.int64) + 500
    places = np.minimum((random.pareto(0.7, rows) * 20).astype(np.int64), len(known) - 1)
    prefixes = known[random.permutation(len(known))[places]].astype("S6")
    # The code, then digits up to the width; what is beyond the code is the subscriber.
    called = _digits(random.integers(0, 10**B_WIDTH, rows), B_WIDTH)
    prefix = np.frombuffer(prefixes.tobytes(), dtype=np.uint8).reshape(rows, 6)
    called[:, :6] = np.where(prefix > 0, prefix, called[:, :6])
    callers = _digits(10_000_000_000 + random.integers(0, 400_000, rows) * 7919, A_WIDTH)
    shares = np.array([share for _, _, share, _ in PARTNERS])
    partner = random.choice(len(PARTNERS), rows, p=shares / shares.sum())
    common = {
        "partner": partner,
        "called": _texts(called),
        "callers": _texts(callers),
        "call_id": _texts(np.concatenate((hexadecimal(random.integers(0, 256, (rows, 10), dtype=np.uint8)), _host(rows)), axis=1)),
        "switch": random.integers(0, len(SOURCES), rows),
        "trunk": random.integers(0, 4, rows),
    }
    ours = _side(common, np.arange(rows), answers, durations, "OURS", random)
    sends = np.array([sends for _, _, _, sends in PARTNERS])
    there = np.flatnonzero(sends[partner] & (random.integers(0, 1000, rows) >= 5))
    longer = durations[there] + np.where(random.integers(0, 100, len(there)) < 3, random.integers(1_000, 60_000, len(there)), 0)
    theirs = _side(common, there, answers[there] + 300, longer, "THEIRS", random)
    return ours.filter(pa.array(random.integers(0, 1000, rows) >= 5)), theirs


def _host(rows: int) -> Array:
    return np.tile(np.frombuffer(b"@sbc.example", dtype=np.uint8), (rows, 1))


def _side(common: dict[str, Any], there: Array, answers: Array, durations: Array, side: str, random: np.random.Generator) -> pa.Table:
    names = tuple(name for name, _, _, _ in PARTNERS)
    legs = np.array([0 if leg == "IN" else 1 for _, leg, _, _ in PARTNERS])
    partner = common["partner"][there]
    chosen = pa.array(there)
    instant = pa.timestamp("ms", tz="UTC")
    called, callers = common["called"].take(chosen), common["callers"].take(chosen)
    trunks = tuple(f"{name}-T{number}" for name in names for number in range(4))
    count = len(there)
    columns = {
        "cdr_id": ids_array(random.integers(0, 256, (count, 16), dtype=np.uint8)),
        "leg": _words(legs[partner], ("IN", "OUT")),
        "side": _words(np.zeros(count), (side,)),
        "source": _words(common["switch"][there], SOURCES) if side == "OURS" else _words(partner, names),
        "partner": _words(partner, names),
        "trunk": _words(partner * 4 + common["trunk"][there], trunks),
        "setup_at": pa.array(answers - 4_000).cast(instant),
        "answer_at": pa.array(answers).cast(instant),
        "release_at": pa.array(answers + durations).cast(instant),
        "duration_ms": pa.array(durations),
        "a_raw": callers,
        "a_e164": callers,
        "b_raw": called,
        "b_e164": called,
        "call_id": common["call_id"].take(chosen),
        "icid": common["call_id"].take(chosen),
        "sip_code": pa.array(np.full(count, 200, dtype=np.int16)),
        "record_no": pa.array(np.arange(1, count + 1)),
        "byte_offset": pa.array(np.zeros(count, dtype=np.int64)),
        "byte_length": pa.array(np.zeros(count, dtype=np.int64)),
    }
    return cdr_table(columns, count)
