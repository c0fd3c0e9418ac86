"""Prices a table of CDRs by a compiled deck: core's price function over columns. See docs/rules/rating.md."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.agreement import RatingTerms
from tollbook.core.cdr import CHARGE, CHARGE_STATUSES, WORD
from tollbook.core.rating import price_terms
from tollbook.core.zone import Zone, find_zone
from tollbook.engine import rating_kernel
from tollbook.engine.deck import CompiledDeck
from tollbook.engine.number import number_keys
from tollbook.engine.rating_kernel import Agreed, Charges, Clock, DeckArrays, Records, rate_records

Array = npt.NDArray[Any]
BLOCK = 32_768  # records that are priced at once: what a thread works on stays in its cache
ANCHORS = {"ANSWER": "answer_at", "SETUP": "setup_at", "RELEASE": "release_at"}
_ANCHOR_KINDS = {"ANSWER": rating_kernel.ANSWER, "SETUP": rating_kernel.SETUP, "RELEASE": rating_kernel.RELEASE}
# What a deck without any piece is read as: none of them is ever found.
_NO_PIECE = np.full((1, 4), -1, dtype=np.int64)
_NO_FACTS = np.zeros((1, 4), dtype=np.int32)
_NO_WORDS = pa.array([], pa.string())
_STATUSES = pa.array(CHARGE_STATUSES, pa.string())
_IDENTITY = ["cdr_id", "leg", "leg_no"]


@dataclass(frozen=True)
class Calls:
    """Records ready to be rated by any number of decks: called numbers are read once, though each call is bought and sold."""

    table: pa.Table
    records: Records


def prepare(cdrs: pa.Table) -> Calls:
    """The columns of the records that prices depend on as arrays; nothing is copied but columns that come in several chunks."""
    setup, answer, release = (_whole(cdrs.column(name).cast(pa.int64())) for name in ("setup_at", "answer_at", "release_at"))
    records = Records(
        key=number_keys(_whole(cdrs.column("b_e164"))),
        setup=_integers(setup),
        has_setup=_there(setup),
        answer=_integers(answer),
        has_answer=_there(answer),
        release=_integers(release),
        has_release=_there(release),
        duration=_integers(_whole(cdrs.column("duration_ms"))),
    )
    return Calls(cdrs, records)


def rate(
    cdrs: pa.Table | Calls,
    deck: CompiledDeck,
    terms: RatingTerms,
    *,
    sign: int,
    zone: Zone | str,
    places: Array | None = None,
    partner: str | None = None,
    agreement_digest: str | None = None,
    clause: str | None = None,
    currency: str | None = None,
    threads: int | None = None,
) -> pa.Table:
    """One charge per record, in the order of the records, in the CHARGE schema. `sign` is +1 where the partner owes us, -1 where we owe.

    A record that was not answered is NOT_BILLABLE; without a price it is UNRATED, to a blocked code BLOCKED, and HELD where its times or
    its duration do not allow a price. Those have amount 0 and are never dropped. `zone` is the agreement's: period_day is the
    local date of the anchor. With `places` (int32) only those records are rated, in that order. The result does not depend on how the
    records are split or on the number of threads.
    """
    calls = cdrs if isinstance(cdrs, Calls) else prepare(cdrs)
    chosen = np.arange(calls.table.num_rows, dtype=np.int32) if places is None else places
    count = len(chosen)
    charges = _empty(count)
    clock = _clock(find_zone(zone) if isinstance(zone, str) else zone)
    agreed = Agreed(_ANCHOR_KINDS[terms.price_anchor], clock, terms.duration_basis == "COMPUTED", price_terms(terms))
    pieces, facts = (deck.pieces, deck.facts) if len(deck.pieces) else (_NO_PIECE, _NO_FACTS)
    arrays = DeckArrays(*map(np.asarray, (deck.starts, deck.spans, deck.index, pieces, deck.terms, deck.longest, facts)))

    def rate_blocks(first: int, last: int) -> None:
        rate_records(calls.records, chosen, first * BLOCK, min(last * BLOCK, count), BLOCK, arrays, agreed, charges)

    blocks = -(-count // BLOCK)
    workers = min(threads or os.cpu_count() or 1, blocks)
    if workers <= 1:
        rate_blocks(0, blocks)
    else:
        bounds = [blocks * worker // workers for worker in range(workers + 1)]
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(rate_blocks, bounds[:-1], bounds[1:]))
    identity = calls.table.select(_IDENTITY)
    if places is not None:
        identity = pc.take(identity, pa.array(chosen), boundscheck=False)
    return _table(identity, deck, charges, sign, (partner, agreement_digest, clause, currency or deck.currency or None))


@lru_cache(maxsize=64)
def _clock(zone: Zone) -> Clock:
    return Clock(np.array(zone.changes_ms, dtype=np.int64), np.array(zone.offsets_s, dtype=np.int64) * 1000)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _there(array: pa.Array) -> Array:
    """Where a value is there."""
    buffer = array.buffers()[0]
    if buffer is None or array.null_count == 0:
        return np.ones(len(array), dtype=np.bool_)
    bits = np.unpackbits(np.frombuffer(buffer, dtype=np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].view(np.bool_)


def _integers(array: pa.Array) -> Array:
    """The int64 values in place; what stands at a null means nothing."""
    buffer = array.buffers()[1]
    if buffer is None or not len(array):
        return np.empty(0, dtype=np.int64)
    return np.frombuffer(buffer, dtype=np.int64)[array.offset : array.offset + len(array)]


def _empty(count: int) -> Charges:
    """Columns to be written to: every line of them is, by one pass or another."""
    kinds = {"int64": ("rate", "billed", "exact", "amount", "anchor", "duration"), "bool": ("has_row", "has_rate", "has_anchor")}
    kind_of = {name: kind for kind, names in kinds.items() for name in names}
    return Charges(*(np.empty(count, dtype=kind_of.get(name, "int32")) for name in Charges._fields))


def _column(values: Array, kind: pa.DataType, valid: pa.Buffer | None = None) -> pa.Array:
    """An Arrow array over the values of numpy, without a copy."""
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(values)])


def _words(places: Array, texts: pa.Array, valid: pa.Buffer | None = None) -> pa.Array:
    if not len(texts):
        return pa.nulls(len(places), WORD)
    return pa.DictionaryArray.from_arrays(_column(places, pa.int32(), valid), texts, safe=False)


def _nothing(places: Array) -> pa.Array:
    """Null for every row; `places` are zeros, which as bits mean that nothing is there."""
    zeros = pa.py_buffer(places)
    indices = pa.Array.from_buffers(pa.int32(), len(places), [zeros, zeros])
    return pa.DictionaryArray.from_arrays(indices, _NO_WORDS, safe=False)


def _constant(value: str | None, places: Array) -> pa.Array:
    """One word for every row, or null for every row; all of them share the places, which are zeros."""
    return _nothing(places) if value is None else _words(places, pa.array([value], pa.string()))


def _table(identity: pa.Table, deck: CompiledDeck, charges: Charges, sign: int, words: tuple[str | None, ...]) -> pa.Table:
    count = identity.num_rows
    has_row, has_rate, has_anchor = (
        pa.py_buffer(np.packbits(flags, bitorder="little")) for flags in (charges.has_row, charges.has_rate, charges.has_anchor)
    )
    zeros = np.zeros(count, dtype=np.int32)
    partner, agreement_digest, clause, currency = words
    columns: dict[str, Any] = {
        **{name: identity.column(name) for name in _IDENTITY},
        "partner": _constant(partner, zeros),
        "agreement_digest": _constant(agreement_digest, zeros),
        "clause": _constant(clause, zeros),
        "deck_digest": _words(charges.version, deck.texts("deck_digest"), has_row),
        "deck_row": _column(charges.row, pa.int32(), has_row),
        "code": _words(charges.code, deck.texts("code"), has_row),
        "destination": _words(charges.destination, deck.texts("destination"), has_row),
        # A compiled deck has one zone of origin and one band.
        "a_zone": _words(zeros, deck.texts("a_zone"), has_row),
        "band": _words(zeros, deck.texts("band"), has_row),
        "jurisdiction": _nothing(zeros),
        "anchor_at": _column(charges.anchor, CHARGE.field("anchor_at").type, has_anchor),
        "period_day": _column(charges.day, pa.date32(), has_anchor),
        "duration_ms": _column(charges.duration, pa.int64()),
        "billed_s": _column(charges.billed, pa.int64()),
        "rate_nanos_per_minute": _column(charges.rate, pa.int64(), has_rate),
        "exact_60th_nanos": _column(charges.exact, pa.int64()),
        "amount_micros": _column(charges.amount, pa.int64()),
        "currency": _constant(currency, zeros),
        "sign": _column(np.full(count, sign, dtype=np.int8), pa.int8()),
        "status": _words(charges.status, _STATUSES),
        "acceptance": _constant("PAYABLE", zeros),
    }
    return pa.Table.from_arrays([columns[name] for name in CHARGE.names], schema=CHARGE)
