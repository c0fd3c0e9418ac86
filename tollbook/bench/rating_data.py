"""Seeded decks and calls for the rating bench: real calling codes, constructed prices, nested codes of 1 to 10 digits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.core.cdr import INSTANT, WORD
from tollbook.core.deck import DECK_ROW, TERMS, Deck
from tollbook.core.number_plan import plan_at

SEED = 20_260_301
CUSTOMERS = 10
VENDORS = 10
CODES_PER_DECK = 40_000
UNIVERSE = 120_000
DESTINATIONS = 1_500
LONGEST = 10
START_MS = 1_772_323_200_000  # 2026-03-01T00:00:00Z
DAY_MS = 86_400_000
DAYS = 31
CHANGE_MS = START_MS + 14 * DAY_MS
INCREMENTS = np.array([(1, 1), (6, 6), (30, 6), (60, 1), (60, 60)], dtype=np.int64)
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class BenchData:
    """The decks per partner (sellers first), two FULL versions each, and the calls: one table, and who bought and sold each call."""

    decks: list[list[Deck]]
    calls: pa.Table
    customer: Array
    vendor: Array


def bench_data(rows: int) -> BenchData:
    """The same data for the same number of calls, on every machine."""
    random = np.random.default_rng(SEED)
    universe = _universe(random)
    decks = [_versions(random, universe, index) for index in range(CUSTOMERS + VENDORS)]
    customer = _popular(random, CUSTOMERS, rows, 0.8)
    vendor = _popular(random, VENDORS, rows, 0.8)
    return BenchData(decks, _calls(random, universe, rows), customer, vendor)


def call_slice(data: BenchData, first: int, count: int) -> BenchData:
    """The same decks with some of the calls."""
    end = first + count
    return BenchData(data.decks, data.calls.slice(first, count), data.customer[first:end], data.vendor[first:end])


def _popular(random: np.random.Generator, choices: int, count: int, steepness: float) -> Array:
    """Choices by Zipf's law: a few partners and destinations carry most of the traffic."""
    weights = 1.0 / np.arange(1, choices + 1) ** steepness
    return np.asarray(random.choice(choices, size=count, p=weights / weights.sum())).astype(np.int32)


def _universe(random: np.random.Generator) -> list[str]:
    """Codes that nest: every one but a calling code continues a shorter one of the list."""
    codes = sorted(plan_at(date(2026, 3, 1)).codes)
    known = set(codes)
    while len(codes) < UNIVERSE:
        parents = random.integers(0, len(codes), 20_000)
        digits = random.integers(0, 10, 20_000)
        for parent, digit in zip(parents.tolist(), digits.tolist(), strict=True):
            code = codes[parent] + str(digit)
            if len(code) <= LONGEST and code not in known and len(codes) < UNIVERSE:
                known.add(code)
                codes.append(code)
    return codes


def _versions(random: np.random.Generator, universe: list[str], index: int) -> list[Deck]:
    """Two FULL versions priced by destination: the second changes a third of the prices and drops a few codes in mid-month."""
    chosen = np.sort(random.choice(len(universe), CODES_PER_DECK, replace=False))
    destination = chosen % DESTINATIONS
    rate = random.integers(10, 8_000, DESTINATIONS) * 50_000
    increment = INCREMENTS[random.integers(0, len(INCREMENTS), DESTINATIONS)]
    partner = f"partner-{index:02d}"
    first = _deck(universe, chosen, rate[destination], increment[destination], START_MS - DAY_MS, partner, "1")
    changed = np.where(random.random(DESTINATIONS) < 0.33, random.integers(10, 8_000, DESTINATIONS) * 50_000, rate)
    kept = random.random(CODES_PER_DECK) > 0.02
    second = _deck(universe, chosen[kept], changed[destination][kept], increment[destination][kept], CHANGE_MS, partner, "2")
    return [first, second]


def _words(indices: Array, words: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices.astype(np.int32)), pa.array(words, pa.string()))


def _deck(universe: list[str], chosen: Array, rate: Array, increment: Array, start_ms: int, partner: str, version: str) -> Deck:
    count = len(chosen)
    zeros = np.zeros(count, dtype=np.int64)
    columns: dict[str, Any] = {name: pa.array(zeros) for name in TERMS}
    columns |= {"rate_nanos": pa.array(rate), "rate_first_nanos": pa.array(rate)}
    columns |= {"minimum_s": pa.array(increment[:, 0].copy()), "step_s": pa.array(increment[:, 1].copy())}
    columns |= {"max_charge_nanos": pa.nulls(count, pa.int64()), "code": pa.array([universe[place] for place in chosen])}
    columns |= {
        "destination": _words(chosen % DESTINATIONS, [f"Destination {number}" for number in range(DESTINATIONS)]),
        "country": _words(zeros, [""]),
    }
    columns |= {
        name: _words(zeros, [word]) for name, word in (("a_zone", "*"), ("band", "*"), ("rate_unit", "PER_MINUTE"), ("status", "ACTIVE"))
    }
    columns |= {"effective_from": pa.array(np.full(count, start_ms)).cast(INSTANT), "effective_until": pa.nulls(count, INSTANT)}
    columns |= {
        "declared_change": pa.nulls(count, WORD),
        "row": pa.array(np.arange(2, count + 2, dtype=np.int32)),
        "rate_text": _words(zeros, [""]),
    }
    rows = pa.Table.from_arrays([columns[name] for name in DECK_ROW.names], schema=DECK_ROW)
    return Deck(rows=rows, partner=partner, deck_id=partner, version=version, currency="USD")


def _calls(random: np.random.Generator, universe: list[str], rows: int) -> pa.Table:
    """Numbers of 9 to 15 digits, a month of traffic, lognormal durations, over half of the attempts without an answer."""
    popular = random.permutation(len(universe))[_popular(random, len(universe), rows, 1.0)]
    tails = np.char.zfill(random.integers(0, 10**13, rows).astype(str), 13)
    lengths = random.integers(9, 16, rows)
    numbers = [
        (universe[place] + tail)[:length] for place, tail, length in zip(popular.tolist(), tails.tolist(), lengths.tolist(), strict=True)
    ]
    setup = START_MS + random.integers(0, DAYS * DAY_MS, rows)
    answered = random.random(rows) < 0.45
    answer = setup + random.integers(1_000, 20_000, rows)
    duration = np.where(answered, np.exp(random.normal(11.2, 1.1, rows)).astype(np.int64) + 200, 0)
    ids = np.arange(rows, dtype=np.int64).repeat(2).view(np.uint8).tobytes()
    columns = {
        "cdr_id": pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), rows, [None, pa.py_buffer(ids)]),
        "leg": _words(np.zeros(rows), ["IN"]),
        "leg_no": pa.array(np.zeros(rows, dtype=np.int16)),
        "b_e164": pa.array(numbers),
        "setup_at": pa.array(setup).cast(INSTANT),
        "answer_at": pa.array(answer, mask=~answered).cast(INSTANT),
        "release_at": pa.array(answer + duration).cast(INSTANT),
        "duration_ms": pa.array(duration),
    }
    return pa.table(columns)
