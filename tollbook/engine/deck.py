"""Compiles the versions of a deck, as they were known at an instant, into arrays that price calls. See docs/rules/decks.md, "The compiled deck".

Nested codes become disjoint intervals of number keys; each interval has the short list of rows that price it over time. The arrays are saved
beside the deck and memory-mapped by every process.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.core.cdr import WORD
from tollbook.core.deck import MOST_NANOS, TERMS, Deck
from tollbook.core.deck_notice import NoticeTerms
from tollbook.core.deck_timeline import IS_BLOCKED
from tollbook.core.problem import refuse
from tollbook.core.rating import SHORTEST_LIMIT_S, RowTerms, longest_ms
from tollbook.engine.compiled import callable_when_compiled, compiled
from tollbook.engine.deck_kernel import FIRST_DIGITS, REST_OF_DIGITS, TOO_MANY, find_rows, intervals, nest, parents
from tollbook.engine.deck_timeline import LaidOut, Timeline, code_keys, lay_out_timeline, timeline_of
from tollbook.engine.number import NO_NUMBER, number_keys

FORMAT = "tollbook-compiled-deck/1"
MOST_PIECES = 2**31 - 2
Array = npt.NDArray[Any]
ARRAYS = ("starts", "owners", "index", "piece_first", "piece_from", "piece_row", "terms", "longest", "blocked")
# What an output needs of a row; `deck` counts the versions of the timeline.
ROW_COLUMNS = ("code", "destination", "country", "a_zone", "band", "rate_nanos", "effective_from", "effective_until", "row", "rate_text", "deck")

callable_when_compiled(longest_ms)


@dataclass(frozen=True)
class CompiledDeck:
    """The arrays, the rows they point to, and what the versions are called.

    `starts`/`owners`: the intervals and their code; `index`: the direct index by four digits; `piece_first`, `piece_from`, `piece_row`: who
    prices a code from when; `terms` (one row of 12 integers per deck row), `longest` (ms that fit 64 bits), `blocked`.
    """

    starts: Array
    owners: Array
    index: Array
    piece_first: Array
    piece_from: Array
    piece_row: Array
    terms: Array
    longest: Array
    blocked: Array
    rows: pa.Table
    digests: tuple[str, ...]
    currency: str
    partner: str

    def find(self, keys: Array, at_ms: Array) -> Array:
        """The row of `rows` that prices each number key at its instant (UTC ms), -1 where none does."""
        found = np.empty(len(keys), dtype=np.int32)
        find_rows(keys, at_ms, self.starts, self.owners, self.index, self.piece_first, self.piece_from, self.piece_row, found)
        return found

    def find_text(self, numbers: pa.Array | pa.ChunkedArray, at_ms: int, *, cosmetic: bool = False) -> tuple[Array, Array]:
        """The rows for numbers as text at one instant, and which of the texts are numbers at all."""
        keys = number_keys(numbers, cosmetic=cosmetic)
        return self.find(keys, np.full(len(keys), at_ms, dtype=np.int64)), keys != NO_NUMBER

    @cached_property
    def _words(self) -> dict[str, tuple[Array, pa.Array]]:
        """The columns of text as numbers and what they stand for; the digest of a row is that of its version."""
        words = {"deck_digest": (self.rows.column("deck").to_numpy(), pa.array(self.digests, pa.string()))}
        for name in ("code", "destination", "country", "a_zone", "band"):
            column = self.rows.column(name).combine_chunks()
            chunk = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
            encoded = chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode()
            words[name] = (encoded.indices.to_numpy(), encoded.dictionary)
        return words

    def word(self, name: str, rows: Array, none: Array) -> pa.Array:
        """A column of text for many rows; null where `none`."""
        numbers, texts = self._words[name]
        if not len(numbers):
            return pa.nulls(len(rows), WORD)
        return pa.DictionaryArray.from_arrays(pa.array(numbers[rows].astype(np.int32), mask=none), texts)

    def value(self, name: str, rows: Array, none: Array, kind: pa.DataType) -> pa.Array:
        """A column of integers for many rows; null where `none`."""
        values = self.rows.column(name).to_numpy()
        return pa.array(values[rows], kind, mask=none) if len(values) else pa.nulls(len(rows), kind)

    def row_terms(self, row: int) -> RowTerms:
        """The price terms of one row."""
        return RowTerms(*map(int, self.terms[row]))

    def save(self, folder: Path) -> None:
        """Write the arrays into a new folder, complete or not at all; an existing folder is left as it is."""
        if folder.exists():
            return
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            unfinished = Path(name) / "deck"
            unfinished.mkdir()
            for array in ARRAYS:
                np.save(unfinished / f"{array}.npy", getattr(self, array))
            with pa.OSFile(str(unfinished / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, self.rows.schema) as writer:
                writer.write_table(self.rows)
            meta = {"format": FORMAT, "digests": self.digests, "currency": self.currency, "partner": self.partner}
            (unfinished / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")
            os.replace(unfinished, folder)

    @staticmethod
    def load(folder: Path) -> CompiledDeck:
        """Memory-map a saved deck. Raises `Refusal` where the folder does not hold one."""
        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
            arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
            rows = pa.ipc.open_file(pa.memory_map(str(folder / "rows.arrow"))).read_all()
        except (OSError, ValueError, pa.ArrowInvalid) as error:
            raise refuse("FILE_UNREADABLE", f"The compiled deck cannot be read: {error}.", file=folder.name) from error
        return CompiledDeck(**arrays, rows=rows, digests=tuple(meta["digests"]), currency=meta["currency"], partner=meta["partner"])


def compile_timeline(decks: list[Deck], known_at_ms: int | None = None, *, notice: NoticeTerms | None = None) -> CompiledDeck:
    """Compile the versions known at an instant (all of them where it is None), in the order in which they became known.

    Raises `Refusal` where there is nothing to compile or a price is so large that the arithmetic of a day-long call would not be exact.
    """
    timeline = timeline_of(decks, known_at_ms, notice or NoticeTerms())
    laid_out = lay_out_timeline(timeline)
    low, high = code_keys(timeline.codes)
    parent = np.empty(len(low), dtype=np.int32)
    parents(low, high, parent)
    first, starts, slots = nest(parent, laid_out.segment_first, laid_out.segment_from, laid_out.segment_slot, MOST_PIECES)
    if first[-1] == TOO_MANY:
        raise refuse("DECK_TOO_LARGE", file=decks[0].file)
    pieces = int(first[-1])
    rows, piece_row = _used_rows(timeline, laid_out, slots[:pieces])
    interval_starts, owners = intervals(low, high)
    heads = np.arange(FIRST_DIGITS + 1, dtype=np.int64) * REST_OF_DIGITS
    terms = timeline.rows.terms[rows]
    return CompiledDeck(
        starts=interval_starts,
        owners=owners,
        index=(np.searchsorted(interval_starts, heads, side="right") - 1).astype(np.int32),
        piece_first=first.astype(np.int32),
        piece_from=starts[:pieces].copy(),
        piece_row=piece_row,
        terms=terms,
        longest=_longest(terms, timeline, rows),
        blocked=(timeline.rows.status[rows] == IS_BLOCKED).astype(np.uint8),
        rows=_row_table(timeline, rows),
        digests=tuple(deck.digest for deck in timeline.decks),
        currency=_currency(timeline.decks),
        partner=timeline.decks[-1].partner,
    )


def _used_rows(timeline: Timeline, laid_out: LaidOut, slots: Array) -> tuple[Array, Array]:
    """The rows that price anything, in the order of their codes, and the pieces renumbered to them."""
    used = np.zeros(len(timeline.rows.code), dtype=bool)
    used[slots[slots >= 0]] = True
    rows = np.flatnonzero(used)
    renumbered = np.full(len(used) + 1, -1, dtype=np.int32)
    renumbered[rows] = np.arange(len(rows), dtype=np.int32)
    return rows, renumbered[slots]


@compiled
def _longest_all(terms: Any, longest: Any) -> None:
    for row in range(len(longest)):
        longest[row] = longest_ms(
            RowTerms(
                terms[row, 0],
                terms[row, 1],
                terms[row, 2],
                terms[row, 3],
                terms[row, 4],
                terms[row, 5],
                terms[row, 6],
                terms[row, 7],
                terms[row, 8],
                terms[row, 9],
                terms[row, 10],
                terms[row, 11],
            )
        )


def _longest(terms: Array, timeline: Timeline, rows: Array) -> Array:
    """The longest call in ms that each row can price in 64 bits; refuses a row that cannot price a call of a day."""
    longest = np.zeros(len(terms), dtype=np.int64)
    money = [index for index, name in enumerate(TERMS) if name.endswith("_nanos")]
    sound = (terms[:, money] <= MOST_NANOS).all(axis=1) & (terms[:, 6] >= 1) & (terms[:, :10] >= 0).all(axis=1)
    if sound.all():
        _longest_all(terms, longest)
    wrong = np.flatnonzero(longest < SHORTEST_LIMIT_S * 1000)
    if wrong.size:
        row = timeline.table.slice(int(timeline.order[rows[wrong[0]]]), 1).to_pylist()[0]
        deck = timeline.decks[row["deck"]]
        raise refuse("RATE_TOO_LARGE", f"Code {row['code']} at {row['rate_text']}.", file=deck.file, row=row["row"], value=row["rate_text"])
    return longest


def _row_table(timeline: Timeline, rows: Array) -> pa.Table:
    taken = timeline.table.select(ROW_COLUMNS).take(pa.array(timeline.order[rows]))
    return taken.unify_dictionaries().combine_chunks()


def _currency(decks: list[Deck]) -> str:
    named = sorted({deck.currency for deck in decks if deck.currency})
    if len(named) > 1:
        raise refuse("DECK_CURRENCY_MIXED", f"The versions are in {', '.join(named)}.", file=decks[0].file)
    return named[0] if named else ""


