"""Rows of the calls behind a difference, in the order of their weight; no file is opened for what is not shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa

from tollbook.core.money import HALF_EVEN, SIXTIETHS_PER_MICRO, divide_rounded
from tollbook.flow.pairs import Pairs
from tollbook.web.table.columns import Column, Row

EXPORTED_AT_ONCE: Final = 1_000


def micros(exact_60th_nanos: int) -> int:
    """An exact sum for the eye."""
    return divide_rounded(int(exact_60th_nanos), SIXTIETHS_PER_MICRO, HALF_EVEN)


def calls_behind(pairs: str, amount: object, **narrowed: str) -> str:
    """The address of the calls of a part of a difference, the heaviest first: the smallest amounts where the part is below nought."""
    given = {f"t-{name}": value for name, value in narrowed.items()}
    return f"{pairs}?{urlencode(given | ({'t-sort': 'amount_micros'} if str(amount).startswith('-') else {}))}"


# What tells a row from every other, whatever it is worth.
IDS: Final = ("call", "leg", "cause", "our_call", "their_call")


class PairRows:
    """The pairs of a run, of one class where it is named. Sorted by their amount alone, the largest or the smallest first.

    Without money the amounts are null, and a row is found again by its number in the run rather than by what it is worth.
    """

    def __init__(self, pairs: Pairs, class_: str = "", *, has_money: bool = True) -> None:
        self.tie: tuple[str, ...] = IDS if has_money else ("number",)
        self._has_money = has_money
        self._pairs = pairs
        self._of_class = {"class": class_} if class_ else {}

    def page(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, offset: int, limit: int
    ) -> tuple[list[Row], int]:
        """The rows of one page and how many there are."""
        places = self._places(filters, sort)
        return self._shown(places[offset : offset + limit], columns), len(places)

    def after(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, place: Sequence[Any] | None, limit: int
    ) -> list[Row]:
        """Up to so many rows beyond a place (amount, then `tie`; or `tie` alone); from the beginning where it is None."""
        places = self._places(filters, sort)
        begin = 0 if place is None else self._behind(places, place)
        return self._shown(places[begin : begin + limit], columns)

    def all(self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, limit: int) -> Iterator[Row]:
        """Up to so many rows for an export."""
        places = self._places(filters, sort)[:limit]
        for offset in range(0, len(places), EXPORTED_AT_ONCE):
            yield from self._shown(places[offset : offset + EXPORTED_AT_ONCE], columns)

    def batches(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, size: int
    ) -> Iterator[pa.RecordBatch]:
        """All rows as Arrow batches of so many, under the names of the sources."""
        names = list(dict.fromkeys([*IDS, *(each for column in columns for each in (column.source, column.currency) if each)]))
        schema = pa.schema([(name, pa.int64() if name in ("amount_micros", "minutes_ms", "at") else pa.string()) for name in names])
        places = self._places(filters, sort)
        for offset in range(0, len(places), size):
            rows = self._shown(places[offset : offset + size], columns)
            yield pa.RecordBatch.from_pylist([{name: row[name] for name in names} for row in rows], schema=schema)

    def _places(self, filters: dict[str, str], sort: tuple[str, bool] | None) -> Any:
        places = self._pairs.places({**filters, **self._of_class})
        return places if sort is None or sort[1] else places[::-1]

    def _behind(self, places: Any, place: Sequence[Any]) -> int:
        """Where the rows go on after a row that is known by its place: among those of its amount the one of its ids."""
        if not self._has_money:
            passed = np.flatnonzero(places == int(place[-1]))
            return int(passed[0]) + 1 if len(passed) else len(places)
        *amount, call, leg, cause, our_call, their_call = place
        inside = np.arange(len(places))
        if amount and amount[0] is not None:
            exact = self._pairs.codes["exact_60th_nanos"][places]
            inside = np.flatnonzero(abs(exact - int(amount[0]) * SIXTIETHS_PER_MICRO) <= SIXTIETHS_PER_MICRO)
        wanted = (call, leg, cause, our_call, their_call)
        for offset in range(0, len(inside), EXPORTED_AT_ONCE):
            part = inside[offset : offset + EXPORTED_AT_ONCE]
            for number, row in zip(part.tolist(), self._shown(places[part], ()), strict=True):
                if tuple(row[name] for name in self.tie) == wanted:
                    return int(number) + 1
        return len(places)

    def _shown(self, places: Any, columns: Sequence[Column]) -> list[Row]:
        rows: list[Row] = []
        for number, found in zip(np.asarray(places).tolist(), self._pairs.show(places), strict=True):
            ours, theirs = (found[name].hex() if found[name] else None for name in ("our_call", "their_call"))
            row: dict[str, Any] = {
                **found,
                "call": ours or theirs,
                "our_call": ours,
                "their_call": theirs,
                "is_theirs_alone": ours is None,
                "is_ours_alone": theirs is None,
                "amount_micros": micros(found["exact_60th_nanos"]),
                "number": str(number),
            }
            if not self._has_money:
                row |= {"amount_micros": None, "exact_60th_nanos": None, "currency": None}
            rows.append({**row, **{column.name: row[column.source] for column in columns}})
        return rows
