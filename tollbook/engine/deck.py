"""Compiles the versions of a deck, as known at an instant, into arrays that price calls. See docs/rules/decks.md, "The compiled deck".

Nested codes become disjoint intervals of number keys; each interval has the short list of rows that price it over time. The arrays
are saved beside the deck and memory-mapped by every process.
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
from tollbook.core.deck_timeline import BEGINNING, IS_BLOCKED, NONE
from tollbook.core.problem import refuse
from tollbook.core.rating import SHORTEST_LIMIT_S, RowTerms, longest_ms
from tollbook.core.rating_explain import PricedBy
from tollbook.engine.compiled import callable_when_compiled, compiled, inlined_when_compiled
from tollbook.engine.deck_kernel import FIRST_DIGITS, REST_OF_DIGITS, TOO_MANY, find_pieces, intervals, nest, parents, search_order
from tollbook.engine.deck_timeline import LaidOut, Timeline, code_keys, lay_out_timeline, timeline_of
from tollbook.engine.number import NO_NUMBER, number_keys

FORMAT = "tollbook-compiled-deck/3"
MOST_PIECES = 2**31 - 2
STATUS = len(TERMS) + 1  # the column of the status in the distinct terms
BLOCKED_RATE = -1
Array = npt.NDArray[Any]
ARRAYS = ("starts", "spans", "index", "pieces", "terms", "longest", "row_terms")
# What an output needs of a row; `deck` counts the versions of the timeline.
ROW_COLUMNS = (
    "code",
    "destination",
    "country",
    "a_zone",
    "band",
    "rate_nanos",
    "effective_from",
    "effective_until",
    "row",
    "rate_text",
    "deck",
)


@dataclass(frozen=True)
class CompiledDeck:
    """The arrays, the rows they point to, and what the versions are called.

    `starts` and `spans`: the intervals and their pieces (first, after the last); `index`: the direct index by five digits; `pieces`: from
    when, which row, which terms, which rate; `terms`: the distinct price terms as 12 integers and the status; `longest`: the ms that
    each can price in 64 bits; `row_terms`: the terms of each row.
    """

    starts: Array
    spans: Array
    index: Array
    pieces: Array
    terms: Array
    longest: Array
    row_terms: Array
    rows: pa.Table
    digests: tuple[str, ...]
    sheets: tuple[str, ...]
    currency: str
    partner: str

    def find(self, keys: Array, at_ms: Array) -> Array:
        """The row of `rows` that prices each number key at its instant (UTC ms), -1 where none does."""
        found = np.empty(len(keys), dtype=np.int64)
        find_pieces(keys, at_ms, search_order(keys), self.starts, self.spans, self.index, self.pieces, found)
        if not len(self.pieces):
            return np.full(len(keys), NONE, dtype=np.int32)
        rows: Array = np.where(found < 0, NONE, self.pieces[np.maximum(found, 0), 1]).astype(np.int32)
        return rows

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

    @cached_property
    def facts(self) -> Array:
        """Per piece: the places of its row's code, destination and version, and the row in the received file; zeros where it has no row."""
        columns = [self._words[name][0] for name in ("code", "destination", "deck_digest")]
        of_rows = np.stack([*columns, self.rows.column("row").to_numpy()], axis=1).astype(np.int32)
        return np.append(of_rows, np.zeros((1, 4), dtype=np.int32), axis=0)[self.pieces[:, 1]]

    def texts(self, name: str) -> pa.Array:
        """The words that the places of a column of text stand for."""
        return self._words[name][1]

    def word(self, name: str, rows: Array, none: Array) -> pa.Array:
        """A column of text for many rows; null where `none`."""
        numbers, texts = self._words[name]
        if not len(numbers):
            return pa.nulls(len(rows), WORD)
        return pa.DictionaryArray.from_arrays(pa.array(numbers[rows].astype(np.int32), mask=none), texts, safe=False)

    def value(self, name: str, rows: Array, none: Array, kind: pa.DataType) -> pa.Array:
        """A column of integers for many rows; null where `none`."""
        values = self.rows.column(name).to_numpy()
        return pa.array(values[rows], kind, mask=none) if len(values) else pa.nulls(len(rows), kind)

    def terms_of(self, row: int) -> RowTerms:
        """The price terms of one row."""
        return RowTerms(*map(int, self.terms[self.row_terms[row], :STATUS]))

    @cached_property
    def _ends_span(self) -> Array:
        """Whether a span ends before each piece, and before what would be the next."""
        ends = np.zeros(len(self.pieces) + 1, dtype=bool)
        ends[self.spans[:, 1]] = True
        return ends

    def in_force(self, row: int) -> tuple[int | None, int | None]:
        """From when until when a row prices any number (UTC ms; None for always): its claimed dates after notice and later versions."""
        places = np.flatnonzero(self.pieces[:, 1] == row)
        since = int(self.pieces[places, 0].min())
        # A piece ends where the next one of its span begins; the last of a span never ends.
        is_last = self._ends_span[places + 1]
        until = None if is_last.any() else int(self.pieces[places + 1, 0].max())
        return (None if since == BEGINNING else since), until

    def priced_by(self, row: int) -> PricedBy:
        """The row as an explanation names it."""
        found = self.rows.slice(row, 1).select(["code", "destination", "row", "rate_text", "deck"]).to_pylist()[0]
        since, until = self.in_force(row)
        blocked = bool(self.is_blocked(np.array([row]))[0])
        digest, sheet = self.digests[found["deck"]], self.sheets[found["deck"]]
        return PricedBy(found["code"], found["destination"], found["row"], digest, sheet, found["rate_text"], since, until, blocked)

    def is_blocked(self, rows: Array) -> Array:
        """Which rows say that their code may not be called."""
        blocked: Array = self.terms[self.row_terms[rows], STATUS] == IS_BLOCKED
        return blocked

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
            named = {"digests": self.digests, "sheets": self.sheets, "currency": self.currency, "partner": self.partner}
            meta = {"format": FORMAT, **named}
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
        digests, sheets = tuple(meta["digests"]), tuple(meta["sheets"])
        return CompiledDeck(**arrays, rows=rows, digests=digests, sheets=sheets, currency=meta["currency"], partner=meta["partner"])


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
    rows, piece_rows = _used_rows(timeline, laid_out, slots[:pieces])
    interval_starts, owners = intervals(low, high)
    heads = np.arange(FIRST_DIGITS + 1, dtype=np.int64) * REST_OF_DIGITS
    terms, row_terms = _distinct_terms(timeline, rows)
    # An interval that no code covers has an empty span: its owner -1 means the first of none.
    bounds = np.append(first, first[-1])
    return CompiledDeck(
        starts=interval_starts,
        spans=np.stack([bounds[owners], np.where(owners < 0, bounds[owners], bounds[owners + 1])], axis=1).astype(np.int32),
        index=(np.searchsorted(interval_starts, heads, side="right") - 1).astype(np.int32),
        pieces=np.stack(
            [starts[:pieces], piece_rows, np.append(row_terms, -1)[piece_rows], np.append(_shown_rates(terms, row_terms), 0)[piece_rows]],
            axis=1,
        ),
        terms=terms,
        longest=_longest(terms, row_terms, timeline, rows),
        row_terms=row_terms,
        rows=_row_table(timeline, rows),
        digests=tuple(deck.digest for deck in timeline.decks),
        sheets=tuple(deck.version or deck.file for deck in timeline.decks),
        currency=_currency(timeline.decks),
        partner=timeline.decks[-1].partner,
    )


def _distinct_terms(timeline: Timeline, rows: Array) -> tuple[Array, Array]:
    """The different price terms with their status, and which of them each row has: a few thousand serve a deck and stay in the cache."""
    whole = np.concatenate([timeline.rows.terms[rows], timeline.rows.status[rows].astype(np.int64)[:, None]], axis=1)
    width = whole.shape[1] * whole.itemsize
    binary = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(whole), [None, pa.py_buffer(np.ascontiguousarray(whole))])
    encoded = binary.dictionary_encode()
    distinct = np.frombuffer(encoded.dictionary.buffers()[1], dtype=np.int64)[: len(encoded.dictionary) * whole.shape[1]]
    return distinct.reshape(-1, whole.shape[1]).copy(), encoded.indices.to_numpy().astype(np.int32)


def _shown_rates(terms: Array, row_terms: Array) -> Array:
    """The rate of every row, BLOCKED_RATE where its code may not be called."""
    shown: Array = np.where(terms[:, STATUS] == IS_BLOCKED, BLOCKED_RATE, terms[:, 0])[row_terms]
    return shown


def _used_rows(timeline: Timeline, laid_out: LaidOut, slots: Array) -> tuple[Array, Array]:
    """The rows that price anything, in the order of their codes, and the pieces renumbered to them."""
    used = np.zeros(len(timeline.rows.code), dtype=bool)
    used[slots[slots >= 0]] = True
    rows = np.flatnonzero(used)
    renumbered = np.full(len(used) + 1, -1, dtype=np.int64)
    renumbered[rows] = np.arange(len(rows), dtype=np.int64)
    return rows, renumbered[slots]


def row_terms_at(terms: Any, place: int) -> RowTerms:
    """One line of distinct terms as the price function takes it."""
    return RowTerms(
        terms[place, 0],
        terms[place, 1],
        terms[place, 2],
        terms[place, 3],
        terms[place, 4],
        terms[place, 5],
        terms[place, 6],
        terms[place, 7],
        terms[place, 8],
        terms[place, 9],
        terms[place, 10],
        terms[place, 11],
    )


callable_when_compiled(longest_ms)
inlined_when_compiled(row_terms_at)


@compiled
def _longest_all(terms: Any, longest: Any) -> None:
    for place in range(len(longest)):
        longest[place] = longest_ms(row_terms_at(terms, place))


def _longest(terms: Array, row_terms: Array, timeline: Timeline, rows: Array) -> Array:
    """The longest call in ms that each of the terms can price in 64 bits; refuses terms that cannot price a call of a day."""
    longest = np.zeros(len(terms), dtype=np.int64)
    money = [index for index, name in enumerate(TERMS) if name.endswith("_nanos")]
    sound = (terms[:, money] <= MOST_NANOS).all(axis=1) & (terms[:, 6] >= 1) & (terms[:, :10] >= 0).all(axis=1)
    if sound.all():
        _longest_all(terms, longest)
    wrong = np.flatnonzero(longest[row_terms] < SHORTEST_LIMIT_S * 1000)
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
