"""The kpi cube of a day in the two foldings pages ask for most: by place, whatever the hour, and by hour, whatever the destination.

Derived from a sealed cube alone and named by its digest: derived/traffic/<digest>-<version>.<fold>, memory-mapped. Made when a page first
asks for a day, and again wherever it is missing. What needs both hour and destination is asked of the cube itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tollbook.core.kpi import DELIVERED, PDD_CLASSES
from tollbook.store import column_file

FOLDER: Final = Path("derived", "traffic")
VERSION: Final = 1
_COMMON: Final = ("leg", "partner", "trunk", "cause", "currency", "other_currency")
FOLDS: Final[dict[str, tuple[str, ...]]] = {
    "places": (*_COMMON, "destination", "country"),
    "hours": (*_COMMON, "hour", "source"),
}
_SUMMED: Final = (
    *("seizures", "answers", "conversation_ms", "holding", "holding_ms", "short_6", "short_15", "rung"),
    *(*PDD_CLASSES, "unpriced", "amount_micros", "other_micros"),
)
# `delivered` are the seizures whose cause counts as delivered.
COUNTS: Final = (*_SUMMED, "delivered")
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fold:
    """The sums of one day: for every row a code per dimension (its word is in `words`), and COUNTS in their order."""

    words: dict[str, list[str]]
    codes: dict[str, Any]
    counts: Counts


def fold_of(dimensions: set[str]) -> str:
    """The folding that has these dimensions; empty where only the cube has them all."""
    return next((name for name, has in FOLDS.items() if dimensions <= set(has)), "")


@lru_cache(maxsize=512)
def load(book: Path, digest: str, segment: str, fold: str) -> Fold:
    """A folding of a day's cube (its path below the book)."""
    path = path_of(book, digest, fold)
    try:
        return _read(path)
    except (OSError, ValueError, KeyError):
        build(book, digest, segment)
        return _read(path)


def path_of(book: Path, digest: str, fold: str) -> Path:
    return book / FOLDER / f"{digest}-{VERSION}.{fold}"


def _read(path: Path) -> Fold:
    header, columns = column_file.read(path)
    counts = columns.pop("counts").reshape(-1, len(COUNTS))
    return Fold(header["words"], columns, counts)


def build(book: Path, digest: str, segment: str) -> None:
    """Makes both foldings of a cube."""
    with pq.ParquetFile(book / segment) as file:
        cube = file.read()
    for fold, dimensions in FOLDS.items():
        made = folded(cube, dimensions)
        columns = {**made.codes, "counts": made.counts.reshape(-1)}
        column_file.write(book, path_of(book, digest, fold), {"words": made.words}, columns)


def is_whole(book: Path, digest: str, segment: str, fold: str) -> bool:
    """Whether a folding says what its cube says; it is made again to compare."""
    try:
        found = _read(path_of(book, digest, fold))
    except (OSError, ValueError, KeyError):
        return False
    with pq.ParquetFile(book / segment) as file:
        wanted = folded(file.read(), FOLDS[fold])
    codes = all(np.array_equal(found.codes.get(name, ()), wanted.codes[name]) for name in FOLDS[fold])
    return codes and found.words == wanted.words and np.array_equal(found.counts, wanted.counts)


def folded(cube: pa.Table, dimensions: tuple[str, ...]) -> Fold:
    """The sums of a cube (KPI schema) over every dimension but these."""
    counts = np.stack([cube.column(name).to_numpy() for name in _SUMMED], axis=1).astype(np.int64)
    delivered = pc.is_in(cube.column("cause").cast(pa.string()), value_set=pa.array(sorted(DELIVERED))).to_numpy()
    counts = np.concatenate((counts, np.where(delivered, counts[:, :1].ravel(), 0)[:, None]), axis=1)
    words, codes = {}, {}
    keys = np.zeros(cube.num_rows, dtype=np.int64)
    for name in dimensions:
        words[name], codes[name] = _coded(_texts(cube, name))
        keys = keys * max(1, len(words[name])) + codes[name]
    found, sums = grouped(keys, counts)
    spread = {}
    for name in reversed(dimensions):
        size = max(1, len(words[name]))
        spread[name] = (found % size).astype(np.uint16)
        found = found // size
    return Fold(words, {name: spread[name] for name in dimensions}, sums)


def _texts(cube: pa.Table, name: str) -> pa.ChunkedArray:
    column = cube.column(name)
    if name == "hour":
        return pc.hour(column.cast(pa.timestamp("ms", tz="UTC"))).cast(pa.string())
    return pc.fill_null(column.cast(pa.string()), "")


def _coded(texts: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    whole = pa.concat_arrays(texts.chunks) if texts.num_chunks else pa.array([], pa.string())
    encoded = whole.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    ordered = sorted(words)
    places = {word: place for place, word in enumerate(ordered)}
    return ordered, np.array([places[word] for word in words], dtype=np.int64)[encoded.indices.to_numpy()]


def grouped(keys: NDArray[np.int64], counts: Counts) -> tuple[NDArray[np.int64], Counts]:
    """The keys that occur, in their order, and the sums of each."""
    if not len(keys):
        return keys, counts
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[starts], np.add.reduceat(counts[order], starts, axis=0)


def summed(days: list[tuple[str, Fold]], narrowed: dict[str, str], dimensions: tuple[str, ...]) -> list[tuple[tuple[str, ...], Counts]]:
    """The sums over days (each with its name) of what has these words, per value of the dimensions; `day` is one as well."""
    known: dict[str, dict[str, int]] = {name: {} for name in dimensions}
    parts: list[tuple[list[NDArray[np.int64]], Counts]] = []
    for day, fold in days:
        rows = _chosen(fold, narrowed)
        if not len(rows):
            continue
        own = [name for name in dimensions if name != "day"]
        keys = np.zeros(len(rows), dtype=np.int64)
        for name in own:
            keys = keys * len(fold.words[name]) + fold.codes[name][rows]
        found, counts = grouped(keys, fold.counts[rows])
        codes: dict[str, NDArray[np.int64]] = {}
        for name in reversed(own):
            places = np.array([known[name].setdefault(word, len(known[name])) for word in fold.words[name]], dtype=np.int64)
            codes[name] = places[found % len(fold.words[name])]
            found = found // len(fold.words[name])
        if "day" in dimensions:
            codes["day"] = np.full(len(counts), known["day"].setdefault(day, len(known["day"])), dtype=np.int64)
        parts.append(([codes[name] for name in dimensions], counts))
    return _joined(parts, known, dimensions)


def _chosen(fold: Fold, narrowed: dict[str, str]) -> NDArray[np.int64]:
    chosen = np.ones(len(fold.counts), dtype=bool)
    for name, word in narrowed.items():
        if word not in fold.words[name]:
            return np.zeros(0, dtype=np.int64)
        chosen &= fold.codes[name] == fold.words[name].index(word)
    return np.flatnonzero(chosen)


def _joined(
    parts: list[tuple[list[NDArray[np.int64]], Counts]], known: dict[str, dict[str, int]], dimensions: tuple[str, ...]
) -> list[tuple[tuple[str, ...], Counts]]:
    if not parts:
        return []
    counts = np.concatenate([each for _, each in parts])
    keys = np.zeros(len(counts), dtype=np.int64)
    for place, name in enumerate(dimensions):
        keys = keys * len(known[name]) + np.concatenate([codes[place] for codes, _ in parts])
    found, sums = grouped(keys, counts)
    words = {name: list(of) for name, of in known.items()}
    lines = []
    for key, line in zip(found.tolist(), sums, strict=True):
        value = []
        for name in reversed(dimensions):
            key, code = divmod(key, len(words[name]))
            value.append(words[name][code])
        lines.append((tuple(reversed(value)), line))
    return lines
