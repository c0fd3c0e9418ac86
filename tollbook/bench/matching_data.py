"""Two carriers' records of the same calls, generated from a seed: what the bench of matching works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.core.cdr import CDR

Int64s = npt.NDArray[np.int64]

FIRST_MS = 1_750_000_000_000
DAYS = 31
SHARED_PERCENT = 70
# Of 10,000 calls: lost on one side, on the other, redialled within seconds, and of another duration.
LOST, REDIALLED, LONGER = 50, 50, 100
NUMBERS = 200_000_000
CALLERS = 50_000
DEFAULTS: dict[str, Any] = {
    "leg": "OUT",
    "leg_no": 1,
    "tech": "SIP",
    "file_digest": "generated",
    "byte_offset": 0,
    "byte_length": 0,
    "raw_times": "",
    "zone": "UTC",
    "time_quality": "EXACT",
    "duration_source": "RECORDED",
}


@dataclass(frozen=True, slots=True)
class TwoSides:
    """Both sides' records in the CDR schema, and the call each belongs to; the ids of records are made of their call."""

    ours: pa.Table
    theirs: pa.Table
    our_calls: Int64s
    their_calls: Int64s


def cdr_table(columns: dict[str, pa.Array], rows: int) -> pa.Table:
    """A table in the CDR schema of the given columns; the others are constants where they may not be null."""
    arrays = []
    for field in CDR:
        if field.name in columns:
            arrays.append(columns[field.name].cast(field.type))
        elif field.name in DEFAULTS:
            arrays.append(_constant(DEFAULTS[field.name], field.type, rows))
        else:
            arrays.append(pa.nulls(rows, field.type))
    return pa.table(arrays, schema=CDR)


def _constant(value: Any, kind: pa.DataType, rows: int) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array([value], kind.value_type))
    if pa.types.is_integer(kind):
        return pa.array(np.full(rows, value), kind)
    return pa.array([value], kind).take(pa.array(np.zeros(rows, dtype=np.int32)))


def two_sides(rows: int, seed: int = 1) -> TwoSides:
    """So many calls of a month, as two switches wrote them down.

    70 % share the Call-ID, the others carry another on each side. Half a percent is missing on each side, half a percent is a redial of the
    call before within 3 to 12 s, one percent lasts longer at theirs. The answers differ by 0.3 s, with a deviation of 0.7 s.
    """
    random = np.random.default_rng(seed)
    answers = np.sort(random.integers(0, DAYS * 86_400_000, rows)) + FIRST_MS
    durations = np.exp(random.normal(11, 1.2, rows)).astype(np.int64) + 500
    called = 31_000_000_000 + random.integers(0, NUMBERS, rows)
    callers = 44_000_000_000 + random.integers(0, CALLERS, rows)
    redial = np.flatnonzero(random.integers(0, 10_000, rows) < REDIALLED)
    redial = redial[redial > 0]
    for column in (called, callers):
        column[redial] = column[redial - 1]
    answers[redial] = answers[redial - 1] + random.integers(3_000, 12_000, len(redial))
    shared = random.integers(0, 100, rows) < SHARED_PERCENT
    longer = random.integers(0, 10_000, rows) < LONGER
    there = [np.flatnonzero(random.integers(0, 10_000, rows) >= LOST) for _ in range(2)]
    skew = np.clip(random.normal(300, 700, rows), -4_800, 4_800).astype(np.int64)
    ours = _side("OURS", there[0], answers, durations, called, callers, np.arange(rows), shared)
    longer_ms = durations + np.where(longer, random.integers(5_000, 60_000, rows), random.integers(-200, 201, rows))
    theirs = _side("THEIRS", there[1], answers + skew, np.maximum(longer_ms, 1), called, callers, np.arange(rows), shared)
    return TwoSides(ours, theirs, there[0], there[1])


def _side(
    side: str,
    there: Int64s,
    answers: Int64s,
    durations: Int64s,
    called: Int64s,
    callers: Int64s,
    calls: Int64s,
    shared: npt.NDArray[np.bool_],
) -> pa.Table:
    count = len(there)
    instant = pa.timestamp("ms", tz="UTC")
    own = f"@{side.lower()}.example"
    domain = np.where(shared[there], "@shared.example", own)
    # A product with an odd number is one to one in 64 bits: ids without an order, different on each side.
    high = (calls[there].astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15 if side == "OURS" else 0xC2B2AE3D27D4EB4F)
    ids = np.stack((high, calls[there].astype(np.uint64)), axis=1).byteswap().tobytes()
    columns = {
        "cdr_id": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), count, [None, pa.py_buffer(ids)]),
        "side": _constant(side, pa.dictionary(pa.int32(), pa.string()), count),
        "source": _constant(side.lower(), pa.dictionary(pa.int32(), pa.string()), count),
        "record_no": pa.array(np.arange(1, count + 1)),
        "answer_at": pa.array(answers[there], pa.int64()).cast(instant),
        "release_at": pa.array(answers[there] + durations[there], pa.int64()).cast(instant),
        "duration_ms": pa.array(durations[there]),
        "a_e164": pa.array(callers[there]).cast(pa.string()),
        "b_e164": pa.array(called[there]).cast(pa.string()),
        "call_id": pa.array(np.char.add(calls[there].astype("U10"), domain).astype(object), pa.string()),
    }
    return cdr_table(columns, count)
