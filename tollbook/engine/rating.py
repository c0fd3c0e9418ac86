"""Prices a table of CDRs by a compiled deck: core's price function over columns. See docs/rules/rating.md."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.core.agreement import RatingTerms
from tollbook.core.cdr import CHARGE, CHARGE_STATUSES, WORD
from tollbook.core.rating import price_terms
from tollbook.core.zone import Zone, find_zone
from tollbook.engine import rating_kernel
from tollbook.engine.deck import CompiledDeck
from tollbook.engine.deck_kernel import find_pieces, search_order
from tollbook.engine.number import NO_NUMBER, number_keys
from tollbook.engine.rating_kernel import Charges, Clock, DeckArrays, Records, anchor_records, price_records

Array = npt.NDArray[Any]
BLOCK = 32_768  # records that are priced at once: what a thread works on stays in its cache
ANCHORS = {"ANSWER": "answer_at", "SETUP": "setup_at", "RELEASE": "release_at"}
_ANCHOR_KINDS = {"ANSWER": rating_kernel.ANSWER, "SETUP": rating_kernel.SETUP, "RELEASE": rating_kernel.RELEASE}


def rate(
    cdrs: pa.Table,
    deck: CompiledDeck,
    terms: RatingTerms,
    *,
    sign: int,
    zone: Zone | str,
    partner: str | None = None,
    agreement_digest: str | None = None,
    clause: str | None = None,
    currency: str | None = None,
    threads: int | None = None,
) -> pa.Table:
    """One charge per record, in the order of the records, in the CHARGE schema. `sign` is +1 where the partner owes us, -1 where we owe.

    A record that was not answered is NOT_BILLABLE; without a price it is UNRATED, to a blocked code BLOCKED, and HELD where its times or
    its duration do not allow a price. Those have amount 0 and are never dropped. `zone` is the agreement's: period_day is the
    local date of the anchor. The result does not depend on how the records are split or on the number of threads.
    """
    count = cdrs.num_rows
    numbers, records, charges = _whole(cdrs.column("b_e164")), _records(cdrs), _empty(count)
    agreed, kind, computed = price_terms(terms), _ANCHOR_KINDS[terms.price_anchor], terms.duration_basis == "COMPUTED"
    clock = _clock(find_zone(zone) if isinstance(zone, str) else zone)
    arrays = DeckArrays(*map(np.asarray, (deck.pieces, deck.terms, deck.longest, deck.facts)))
    search = tuple(map(np.asarray, (deck.starts, deck.spans, deck.index, deck.pieces)))

    def rate_block(first: int) -> None:
        last = min(first + BLOCK, count)
        part = Records(*(column[first:last] for column in records))
        into = Charges(*(column[..., first:last] for column in charges))
        undecided = np.empty(last - first, dtype=np.bool_)
        found = np.empty(last - first, dtype=np.int64)
        anchor_records(part, clock, kind, computed, into, undecided)
        keys = number_keys(numbers.slice(first, last - first))
        keys[~into.has_anchor] = NO_NUMBER
        find_pieces(keys, into.anchor, search_order(keys), *search, found)  # type: ignore[call-arg]
        price_records(part.has_answer, undecided, found, arrays, agreed, into, np.empty(last - first, dtype=np.int64))

    firsts = range(0, count, BLOCK)
    workers = min(threads or os.cpu_count() or 1, len(firsts))
    if workers <= 1:
        for first in firsts:
            rate_block(first)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(rate_block, firsts))
    return _table(cdrs, deck, charges, sign, (partner, agreement_digest, clause, currency or deck.currency or None))


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


def _records(cdrs: pa.Table) -> Records:
    """The buffers of the columns; nothing is copied but columns that come in several chunks."""
    setup, answer, release = (_whole(cdrs.column(name).cast(pa.int64())) for name in ("setup_at", "answer_at", "release_at"))
    return Records(
        setup=_integers(setup),
        has_setup=_there(setup),
        answer=_integers(answer),
        has_answer=_there(answer),
        release=_integers(release),
        has_release=_there(release),
        duration=_integers(_whole(cdrs.column("duration_ms"))),
    )


def _empty(count: int) -> Charges:
    wide = np.zeros((6, count), dtype=np.int64)
    flags = np.zeros((3, count), dtype=np.bool_)
    return Charges(
        facts=np.zeros((4, count), dtype=np.int32),
        has_row=flags[0],
        has_rate=flags[1],
        has_anchor=flags[2],
        rate=wide[0],
        billed=wide[1],
        exact=wide[2],
        amount=wide[3],
        anchor=wide[4],
        duration=wide[5],
        status=np.zeros(count, dtype=np.int32),
        day=np.zeros(count, dtype=np.int32),
    )


def _column(values: Array, kind: pa.DataType, valid: pa.Buffer | None = None) -> pa.Array:
    """An Arrow array over the values of numpy, without a copy."""
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(values)])


def _words(places: Array, texts: pa.Array, valid: pa.Buffer | None = None) -> pa.Array:
    if not len(texts):
        return pa.nulls(len(places), WORD)
    return pa.DictionaryArray.from_arrays(_column(places, pa.int32(), valid), texts, safe=False)


def _constant(value: str | None, nothing: Array) -> pa.Array:
    """One word for every row, or null for every row; all of them share the places, which are zeros."""
    return pa.nulls(len(nothing), WORD) if value is None else _words(nothing, pa.array([value], pa.string()))


def _table(cdrs: pa.Table, deck: CompiledDeck, charges: Charges, sign: int, words: tuple[str | None, ...]) -> pa.Table:
    count = cdrs.num_rows
    has_row, has_rate, has_anchor = (
        pa.py_buffer(np.packbits(flags, bitorder="little")) for flags in (charges.has_row, charges.has_rate, charges.has_anchor)
    )
    nothing = np.zeros(count, dtype=np.int32)
    partner, agreement_digest, clause, currency = words
    code, destination, version, row = charges.facts
    columns: dict[str, Any] = {
        **{name: cdrs.column(name) for name in ("cdr_id", "leg", "leg_no")},
        **{
            name: _constant(value, nothing)
            for name, value in (("partner", partner), ("agreement_digest", agreement_digest), ("clause", clause))
        },
        "deck_digest": _words(version, deck.texts("deck_digest"), has_row),
        "deck_row": _column(row, pa.int32(), has_row),
        "code": _words(code, deck.texts("code"), has_row),
        "destination": _words(destination, deck.texts("destination"), has_row),
        # A compiled deck has one zone of origin and one band.
        "a_zone": _words(nothing, deck.texts("a_zone"), has_row),
        "band": _words(nothing, deck.texts("band"), has_row),
        "jurisdiction": pa.nulls(count, WORD),
        "anchor_at": _column(charges.anchor, CHARGE.field("anchor_at").type, has_anchor),
        "period_day": _column(charges.day, pa.date32(), has_anchor),
        "duration_ms": _column(charges.duration, pa.int64()),
        "billed_s": _column(charges.billed, pa.int64()),
        "rate_nanos_per_minute": _column(charges.rate, pa.int64(), has_rate),
        "exact_60th_nanos": _column(charges.exact, pa.int64()),
        "amount_micros": _column(charges.amount, pa.int64()),
        "currency": _constant(currency, nothing),
        "sign": pa.array(np.full(count, sign, dtype=np.int8)),
        "status": _words(charges.status, pa.array(CHARGE_STATUSES, pa.string())),
        "acceptance": _constant("PAYABLE", nothing),
    }
    return pa.Table.from_arrays([columns[name] for name in CHARGE.names], schema=CHARGE)
