"""What a call would cost us under other circumstances: another duration, another number, another moment. One price function for all."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.agreement import RatingTerms
from tollbook.core.deck_timeline import IS_BLOCKED
from tollbook.core.rating import PriceTerms, charge_60th_nanos, price_terms
from tollbook.core.reconciliation import seconds_60th_nanos
from tollbook.engine import rating  # it makes core's price function callable when compiled
from tollbook.engine.compiled import callable_when_compiled, compiled
from tollbook.engine.deck import STATUS, CompiledDeck, row_terms_at
from tollbook.engine.number import number_keys

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

NO_ROW: Final = -1
ANCHORS: Final = rating.ANCHORS

callable_when_compiled(seconds_60th_nanos)


@dataclass(frozen=True)
class Priced:
    """Prices of a column of calls by our deck. Where `rated` is false there is no price, `row` is NO_ROW and every number is 0.

    `exact` is in 1/60 nanos, `rate` in nanos per minute; `row` points into the rows of the compiled deck.
    """

    exact: Integers
    billed_s: Integers
    rate: Integers
    row: Integers
    rated: Booleans

    def take(self, places: Integers) -> Priced:
        return Priced(*(getattr(self, field.name)[places] for field in fields(self)))

    def with_rows(self, places: Integers, other: Priced) -> Priced:
        """This, with the rows of `other` at the given places."""
        columns = []
        for field in fields(self):
            column = getattr(self, field.name).copy()
            column[places] = getattr(other, field.name)
            columns.append(column)
        return Priced(*columns)

    @staticmethod
    def nothing(count: int) -> Priced:
        zeros = np.zeros(count, np.int64)
        return Priced(zeros, zeros, zeros, np.full(count, NO_ROW, np.int64), np.zeros(count, np.bool_))


class Prices(Protocol):
    """Prices by our deck, and what its rows say."""

    def calls(self, records: pa.Table, durations_ms: Integers, *, numbers: Texts | None = None, clock: str = "") -> Priced:
        """Calls priced by our terms. `numbers` stands for the called number, `clock` is the prefix of the instants' columns."""

    def on_rows(self, rows: Integers, durations_ms: Integers) -> Priced:
        """Calls priced by given rows of the deck."""

    def seconds(self, priced: Priced, billed_s: Integers, rate: Integers) -> Integers:
        """The exact charge of billed seconds at a rate, by the other terms of the rows; rate x seconds where there is no row."""

    def codes(self, rows: Integers) -> Texts: ...

    def destinations(self, rows: Integers) -> Texts: ...

    def codes_of(self, destination: str) -> list[str]: ...

    def rows_of(self, code: str) -> list[int]: ...

    def code(self, row: int) -> str: ...

    def destination(self, row: int) -> str: ...

    def rate(self, row: int) -> int: ...

    def starts(self, row: int) -> int: ...

    def since(self, row: int) -> str: ...


class NoPrices:
    """Without a deck: nothing has a price, and minutes are all there is."""

    def calls(self, records: pa.Table, durations_ms: Integers, *, numbers: Texts | None = None, clock: str = "") -> Priced:
        return Priced.nothing(records.num_rows)

    def on_rows(self, rows: Integers, durations_ms: Integers) -> Priced:
        return Priced.nothing(len(rows))

    def seconds(self, priced: Priced, billed_s: Integers, rate: Integers) -> Integers:
        return np.zeros(len(billed_s), np.int64)

    def codes(self, rows: Integers) -> Texts:
        return np.full(len(rows), None, dtype=object)

    destinations = codes

    def codes_of(self, destination: str) -> list[str]:
        return []

    def rows_of(self, code: str) -> list[int]:
        return []

    def code(self, row: int) -> str:
        return ""

    destination = since = code

    def rate(self, row: int) -> int:
        return 0

    starts = rate


class DeckPrices:
    """Prices by a compiled deck under an agreement's rating terms."""

    def __init__(self, deck: CompiledDeck, terms: RatingTerms) -> None:
        self.deck = deck
        self.anchor = ANCHORS[terms.price_anchor]
        self.terms = price_terms(terms)

    @cached_property
    def _names(self) -> tuple[Texts, Texts]:
        return tuple(_with_none(self.deck.rows.column(name)) for name in ("code", "destination"))  # type: ignore[return-value]

    @cached_property
    def _starts(self) -> Integers:
        """When each row really starts: the first of its pieces, which is what notice and supersession made of the claimed date."""
        starts = np.full(self.deck.rows.num_rows, np.iinfo(np.int64).max, np.int64)
        used = self.deck.pieces[:, 1] >= 0
        np.minimum.at(starts, self.deck.pieces[used, 1], self.deck.pieces[used, 0])
        return starts

    @cached_property
    def _rows_of(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        blocked = self.deck.is_blocked(np.arange(self.deck.rows.num_rows))
        for row in np.argsort(self._starts, kind="stable")[::-1]:
            if not blocked[row]:
                found[self._names[0][row]].append(int(row))
        return dict(found)

    @cached_property
    def _codes_of(self) -> dict[str, list[str]]:
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for code, destination in sorted(zip(self._names[0][:-1], self._names[1][:-1], strict=True)):
            found[destination][code] = None
        return {name: list(codes) for name, codes in found.items()}

    def calls(self, records: pa.Table, durations_ms: Integers, *, numbers: Texts | None = None, clock: str = "") -> Priced:
        keys = number_keys(records.column("b_e164") if numbers is None else pa.array(numbers, pa.string()))
        order = [self.anchor, *(name for name in ANCHORS.values() if name != self.anchor)]
        anchors = pc.coalesce(*(records.column(clock + name).cast(pa.timestamp("ms", tz="UTC")) for name in order))
        at_ms = pc.fill_null(anchors.cast(pa.int64()), 0).to_numpy()
        return self.on_rows(self.deck.find(keys, at_ms).astype(np.int64), durations_ms)

    def on_rows(self, rows: Integers, durations_ms: Integers) -> Priced:
        exact, billed, rate = (np.zeros(len(rows), np.int64) for _ in range(3))
        rated = np.zeros(len(rows), np.bool_)
        deck = self.deck
        _price_rows(rows, durations_ms, deck.row_terms, deck.terms, deck.longest, self.terms, exact, billed, rate, rated)
        return Priced(exact, billed, rate, np.where(rated, rows, NO_ROW), rated)

    def seconds(self, priced: Priced, billed_s: Integers, rate: Integers) -> Integers:
        exact = np.zeros(len(billed_s), np.int64)
        _price_seconds(priced.row, billed_s, rate, self.deck.row_terms, self.deck.terms, exact)
        return exact

    def codes(self, rows: Integers) -> Texts:
        return self._names[0][rows]

    def destinations(self, rows: Integers) -> Texts:
        return self._names[1][rows]

    def codes_of(self, destination: str) -> list[str]:
        return self._codes_of.get(destination, [])

    def rows_of(self, code: str) -> list[int]:
        return self._rows_of.get(code, [])

    def code(self, row: int) -> str:
        return str(self._names[0][row])

    def destination(self, row: int) -> str:
        return str(self._names[1][row])

    def rate(self, row: int) -> int:
        return self.deck.terms_of(row).rate_nanos

    def starts(self, row: int) -> int:
        return int(self._starts[row])

    def since(self, row: int) -> str:
        start = self.starts(row)
        try:
            moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=start)
        except OverflowError:
            return "the beginning"
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _with_none(column: pa.ChunkedArray) -> Texts:
    """A column's texts with None behind the last, so that the place NO_ROW reads None."""
    return np.array([*column.cast(pa.string()).to_pylist(), None], dtype=object)


@compiled
def _price_rows(
    rows: Integers,
    durations_ms: Integers,
    row_terms: Any,
    terms: Any,
    longest: Any,
    price: PriceTerms,
    exact: Integers,
    billed: Integers,
    rate: Integers,
    rated: Booleans,
) -> None:
    """Prices by rows; a call longer than 64 bits can price has no price, as in rating."""
    for place in range(len(rows)):
        if rows[place] < 0:
            continue
        distinct = row_terms[rows[place]]
        if terms[distinct, STATUS] == IS_BLOCKED or durations_ms[place] < 0 or durations_ms[place] > longest[distinct]:
            continue
        rated[place] = True
        rate[place] = terms[distinct, 0]
        billed[place], exact[place] = charge_60th_nanos(durations_ms[place], row_terms_at(terms, distinct), price)


@compiled
def _price_seconds(rows: Integers, billed_s: Integers, rate: Integers, row_terms: Any, terms: Any, exact: Integers) -> None:
    for place in range(len(rows)):
        if rows[place] < 0:
            exact[place] = rate[place] * billed_s[place]
        else:
            exact[place] = seconds_60th_nanos(billed_s[place], rate[place], row_terms_at(terms, row_terms[rows[place]]))
