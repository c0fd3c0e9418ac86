"""Finds codes that stand twice in a deck for the same time. See docs/rules/decks.md, "Duplicates"."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.deck import DECK_ROW, TERMS
from tollbook.core.problem import Problem, problem

_KEY = ("code", "a_zone", "band", "effective_from")
_PLACE = ("row", "rate_text", "declared_change")
MOST_SHOWN = 100
Integers = npt.NDArray[np.int64]


def _numbers(rows: pa.Table, name: str) -> Integers:
    """A column as integers that are equal where its values are equal; only equality counts."""
    column = rows.column(name)
    if pa.types.is_integer(column.type) or pa.types.is_timestamp(column.type):
        plain = column.cast(pa.int64())
        filled: Integers = plain.fill_null(np.iinfo(np.int64).min).to_numpy()
        return filled
    words = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    whole = words.unify_dictionaries().combine_chunks()
    chunk = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    indices: Integers = chunk.indices.fill_null(-1).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return indices


def collapse_duplicates(rows: pa.Table, file: str) -> tuple[pa.Table, list[Problem]]:
    """The rows without exact repeats (DUPLICATE_ROW each), in their order, and DUPLICATE_CONFLICT where two rows contradict.

    Two rows with the same code, zone, band and start must agree in everything but where they stand and how the rate was written.
    """
    if rows.num_rows < 2:
        return rows, []
    key = [_numbers(rows, name) for name in _KEY]
    order = np.lexsort((np.arange(rows.num_rows), *reversed(key)))
    same = np.ones(rows.num_rows - 1, dtype=bool)
    for values in key:
        same &= values[order[1:]] == values[order[:-1]]
    later = np.flatnonzero(same) + 1
    if not later.size:
        return rows, []
    others = [name for name in DECK_ROW.names if name not in (*_KEY, *_PLACE)]
    equal = np.ones(later.size, dtype=bool)
    for name in others:
        values = _numbers(rows, name)
        equal &= values[order[later]] == values[order[later - 1]]
    problems = _told(rows, order, later, equal, file)
    keep = np.ones(rows.num_rows, dtype=bool)
    keep[order[later[equal]]] = False
    return rows.filter(pa.array(keep)), problems


def _told(rows: pa.Table, order: Any, later: Any, equal: Any, file: str) -> list[Problem]:
    """One problem per pair, conflicts first and repeats after them, both up to a limit."""
    problems: list[Problem] = []
    for code, chosen in (("DUPLICATE_CONFLICT", later[~equal]), ("DUPLICATE_ROW", later[equal])):
        for place in chosen[:MOST_SHOWN]:
            first, second = (rows.slice(int(order[at]), 1).to_pylist()[0] for at in (place - 1, place))
            if code == "DUPLICATE_ROW":
                reason = f"Code {first['code']} stands in rows {first['row']} and {second['row']} alike."
            else:
                what = ", ".join(
                    name
                    for name in (*TERMS, "destination", "country", "status", "rate_unit", "effective_until")
                    if first[name] != second[name]
                )
                reason = f"Code {first['code']} stands in rows {first['row']} and {second['row']} with different {what}."
            problems.append(problem(code, reason, file=file, row=second["row"], value=first["code"]))
        if len(chosen) > MOST_SHOWN:
            problems.append(problem(code, f"{len(chosen) - MOST_SHOWN:,} more codes.", file=file))
    return problems
