"""Prepares the versions of a deck as arrays, lays them over each other by core's rules, and tells what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.deck import ANY, FULL, RATE_UNITS, STATUSES, TERMS, Deck
from tollbook.core.deck_notice import ACCEPT, DEFER, REJECT_ROW, SUPERSEDE, NoticeTerms, earliest_ms
from tollbook.core.deck_timeline import ACCEPTING, BEGINNING, DEFERRING, FOREVER, NOT_SEEN, REJECTING, Placement, Rows, Versions
from tollbook.core.problem import refuse
from tollbook.engine.deck_kernel import lay_out
from tollbook.engine.number import POWERS, number_keys

Array = npt.NDArray[Any]
_SHORT_NOTICE = {DEFER: DEFERRING, REJECT_ROW: REJECTING, ACCEPT: ACCEPTING}


@dataclass(frozen=True)
class Timeline:
    """The versions in the order in which they became known, their rows as arrays, and where each array row stands in `table`."""

    decks: list[Deck]
    table: pa.Table
    order: Array
    codes: pa.Array
    code_first: Array
    rows: Rows
    versions: Versions
    notice: NoticeTerms


@dataclass(frozen=True)
class LaidOut:
    """What became of every row, and who prices every code from when (-1: nobody)."""

    placement: Placement
    segment_first: Array
    segment_from: Array
    segment_slot: Array
    closures: int


def timeline_of(decks: list[Deck], known_at_ms: int | None, notice: NoticeTerms) -> Timeline:
    """The versions known at an instant as arrays, sorted by code, version and claimed start."""
    known = [deck for deck in decks if known_at_ms is None or deck.received_at is None or deck.received_at <= known_at_ms]
    if not known:
        raise refuse("DECK_NO_ROWS", "No version of the deck was known at that time." if decks else "There is no deck.")
    known.sort(key=lambda deck: BEGINNING if deck.received_at is None else deck.received_at)
    tables = [
        deck.rows.append_column("deck", pa.array(np.full(deck.rows.num_rows, index, dtype=np.int32))) for index, deck in enumerate(known)
    ]
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    for column in ("a_zone", "band"):
        if table.num_rows and pc.any(pc.not_equal(table.column(column).cast(pa.string()), ANY)).as_py():
            raise refuse(
                "DECK_COLUMN_UNSUPPORTED", f"The deck prices by {column}, which is not applied.", file=known[-1].file, column=column
            )
    encoded = pc.dictionary_encode(table.column("code")).combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    keys = number_keys(encoded.dictionary)
    by_key = np.argsort(keys, kind="stable")
    rank = np.empty(len(keys), dtype=np.int32)
    rank[by_key] = np.arange(len(keys), dtype=np.int32)
    code = rank[encoded.indices.to_numpy()]
    version = table.column("deck").to_numpy()
    claimed = _instants(table, "effective_from", BEGINNING)
    order = np.lexsort((claimed, version, code))
    counts = np.bincount(code, minlength=len(keys))
    return Timeline(
        decks=known,
        table=table,
        order=order,
        codes=encoded.dictionary.take(pa.array(by_key)),
        code_first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        rows=_rows(table, order, code, version, claimed),
        versions=_versions(known, notice),
        notice=notice,
    )


def _instants(table: pa.Table, name: str, missing: int) -> Array:
    values: Array = table.column(name).cast(pa.int64()).fill_null(missing).to_numpy()
    return values


def _word_numbers(table: pa.Table, name: str) -> tuple[Array, list[str]]:
    chunk = table.column(name).combine_chunks()
    chunk = chunk.chunk(0) if isinstance(chunk, pa.ChunkedArray) else chunk
    return chunk.indices.to_numpy(), chunk.dictionary.to_pylist()


def _rows(table: pa.Table, order: Array, code: Array, version: Array, claimed: Array) -> Rows:
    terms = np.empty((table.num_rows, len(TERMS) + 1), dtype=np.int64)
    for column, name in enumerate(TERMS):
        terms[:, column] = table.column(name).fill_null(-1).to_numpy()
    units, unit_names = _word_numbers(table, "rate_unit")
    terms[:, -1] = np.array([RATE_UNITS.index(name) for name in unit_names], dtype=np.int64)[units]
    statuses, status_names = _word_numbers(table, "status")
    status = np.array([STATUSES.index(name) for name in status_names], dtype=np.int8)[statuses]
    return Rows(
        code=code[order],
        version=version[order],
        claimed=claimed[order],
        until=_instants(table, "effective_until", FOREVER)[order],
        status=status[order],
        terms=terms[order],
        name=_word_numbers(table, "destination")[0].astype(np.int32)[order],
    )


def _versions(decks: list[Deck], notice: NoticeTerms) -> Versions:
    """The first version is not tested: there is nothing yet that it could change."""
    received = [BEGINNING if deck.received_at is None else deck.received_at for deck in decks]
    tested = [index > 0 and deck.received_at is not None for index, deck in enumerate(decks)]

    def earliest(days: int) -> Array:
        values = [
            earliest_ms(deck.received_at, days, deck.clock, notice.mode) if deck.received_at is not None else BEGINNING for deck in decks
        ]
        return np.array(values, dtype=np.int64)

    earliest_close = earliest(notice.closure_days)
    closes_at = [
        max(_deck_start(deck), int(earliest_close[index])) if tested[index] else _deck_start(deck) for index, deck in enumerate(decks)
    ]
    return Versions(
        received=np.array(received, dtype=np.int64),
        tested=np.array(tested, dtype=np.bool_),
        earliest_increase=earliest(notice.increase_days),
        earliest_new=earliest(notice.new_code_days),
        earliest_close=earliest_close,
        full=np.array([deck.mode == FULL for deck in decks], dtype=np.bool_),
        closes_at=np.array(closes_at, dtype=np.int64),
    )


def _deck_start(deck: Deck) -> int:
    """From when a FULL version counts as a whole: its earliest start that is not before its receipt."""
    starts = _instants(deck.rows, "effective_from", BEGINNING)
    received = BEGINNING if deck.received_at is None else deck.received_at
    future = starts[starts >= received]
    return int(future.min()) if future.size else received


def lay_out_timeline(timeline: Timeline) -> LaidOut:
    """Core's rules over the arrays."""
    rows = timeline.rows
    count = len(rows.code)
    slots = 2 * count
    placement = Placement(
        start=np.zeros(slots, dtype=np.int64),
        until=np.full(slots, FOREVER, dtype=np.int64),
        status=np.zeros(slots, dtype=np.int8),
        outcome=np.full(slots, NOT_SEEN, dtype=np.int8),
        change=np.full(slots, NOT_SEEN, dtype=np.int8),
        repeated=np.full(slots, NOT_SEEN, dtype=np.int32),
    )
    segment_first = np.zeros(len(timeline.code_first), dtype=np.int64)
    segment_from = np.empty(2 * slots + 1, dtype=np.int64)
    segment_slot = np.empty(2 * slots + 1, dtype=np.int64)
    notice = timeline.notice
    closures = lay_out(
        rows,
        timeline.versions,
        placement,
        timeline.code_first,
        segment_first,
        segment_from,
        segment_slot,
        _SHORT_NOTICE[notice.short_notice],
        notice.pending == SUPERSEDE,
        notice.allow_retro_decrease,
    )
    return LaidOut(placement, segment_first, segment_from, segment_slot, closures)


def code_keys(codes: pa.Array) -> tuple[Array, Array]:
    """The number keys that each code covers: from the first, to before the second."""
    low = number_keys(codes)
    lengths = pc.binary_length(codes).to_numpy()
    return low, low + POWERS[lengths]
