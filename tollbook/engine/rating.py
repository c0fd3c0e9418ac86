"""Prices a table of CDRs by a compiled deck: core's price function over columns. See docs/rules/rating.md."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.core import money, rating
from tollbook.core.agreement import RatingTerms
from tollbook.core.cdr import CHARGE, CHARGE_STATUSES, WORD
from tollbook.core.deck_timeline import IS_BLOCKED
from tollbook.core.rating import PriceTerms, price, price_terms
from tollbook.core.zone import Zone, find_zone
from tollbook.engine.compiled import callable_when_compiled, compiled
from tollbook.engine.deck import STATUS, CompiledDeck, row_terms_at
from tollbook.engine.deck_kernel import find_piece
from tollbook.engine.number import number_keys

Array = npt.NDArray[Any]
# What can be done with a record before its number is looked up.
BILLABLE = 0
NOT_ANSWERED = 1
UNDECIDED = 2
RATED, UNRATED, BLOCKED, NOT_BILLABLE, HELD = range(len(CHARGE_STATUSES))
SMALLEST_SHARE = 20_000
NO_ANCHOR = -(2**63)
ANCHORS = {"ANSWER": "answer_at", "SETUP": "setup_at", "RELEASE": "release_at"}

callable_when_compiled(
    money.divide_rounded,
    rating.round_duration_ms,
    rating.billed_seconds,
    rating.usage_60th_nanos,
    rating.charge_60th_nanos,
    rating.round_amount_micros,
    price,
)


class Calls(NamedTuple):
    """What the price of each record depends on, as arrays: instants and durations in ms."""

    keys: Array
    anchor: Array
    duration: Array
    kind: Array


class Prices(NamedTuple):
    """The deck row (-1 where none), the price and the status of each record."""

    row: Array
    billed: Array
    exact: Array
    amount: Array
    status: Array


class DeckArrays(NamedTuple):
    """A compiled deck as the kernel takes it."""

    starts: Array
    spans: Array
    heads: Array
    pieces: Array
    terms: Array
    longest: Array


@compiled
def _price_all(calls: Any, deck: Any, terms: Any, prices: Any) -> None:
    # Arrays are taken out of their tuples once: inside the loop each access would count references.
    keys, anchors, durations, kinds = calls.keys, calls.anchor, calls.duration, calls.kind
    starts, spans, index, pieces, row_terms, longest = deck.starts, deck.spans, deck.heads, deck.pieces, deck.terms, deck.longest
    rows, billed_s, exact_60th, amounts, statuses = prices.row, prices.billed, prices.exact, prices.amount, prices.status
    for place in range(len(keys)):
        piece = -1
        if anchors[place] != NO_ANCHOR:
            piece = find_piece(keys[place], anchors[place], starts, spans, index, pieces)
        rows[place] = pieces[piece, 1] if piece >= 0 else -1
        distinct = pieces[piece, 2] if piece >= 0 else 0
        billed, exact, amount = 0, 0, 0
        if kinds[place] == NOT_ANSWERED:
            status = NOT_BILLABLE
        elif kinds[place] == UNDECIDED:
            status = HELD
        elif piece < 0:
            status = UNRATED
        elif row_terms[distinct, STATUS] == IS_BLOCKED:
            status = BLOCKED
        elif durations[place] > longest[distinct]:
            status = HELD
        else:
            billed, exact, amount = price(durations[place], row_terms_at(row_terms, distinct), terms)
            status = RATED
        billed_s[place] = billed
        exact_60th[place] = exact
        amounts[place] = amount
        statuses[place] = status


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
    calls = _calls(cdrs, terms)
    prices = _priced(cdrs, calls, deck, price_terms(terms), threads or os.cpu_count() or 1)
    known = find_zone(zone) if isinstance(zone, str) else zone
    return _charges(cdrs, calls, prices, deck, known, sign, (partner, agreement_digest, clause, currency or deck.currency or None))


def _instants(cdrs: pa.Table, name: str) -> Array:
    values: Array = cdrs.column(name).cast(pa.int64()).fill_null(NO_ANCHOR).to_numpy()
    return values


def _calls(cdrs: pa.Table, terms: RatingTerms) -> Calls:
    """Which records are billable, by which instant and for how long. The keys of the numbers are left for the threads."""
    setup, answer, release = (_instants(cdrs, name) for name in ("setup_at", "answer_at", "release_at"))
    answered = answer != NO_ANCHOR
    backwards = answered & (release != NO_ANCHOR) & (release < answer)
    if terms.duration_basis == "COMPUTED":
        duration = np.where(answered & (release != NO_ANCHOR), release - np.where(answered, answer, 0), 0)
        missing = answered & (release == NO_ANCHOR)
    else:
        duration = cdrs.column("duration_ms").to_numpy()
        missing = answered & (duration < 0)
    anchor = {"ANSWER": answer, "SETUP": setup, "RELEASE": release}[terms.price_anchor]
    kind = np.where(answered, BILLABLE, NOT_ANSWERED).astype(np.int8)
    kind[answered & (backwards | missing | (anchor == NO_ANCHOR))] = UNDECIDED
    # An attempt has no answer; it counts where it was set up, so that it is seen in its day and destination.
    fallback = np.where(setup != NO_ANCHOR, setup, release)
    anchor = np.where(anchor == NO_ANCHOR, fallback, anchor)
    return Calls(np.empty(0, dtype=np.int64), anchor, np.ascontiguousarray(duration, dtype=np.int64), kind)


def _priced(cdrs: pa.Table, calls: Calls, deck: CompiledDeck, terms: PriceTerms, threads: int) -> Prices:
    """The kernel over equal shares of the records, a thread each."""
    count = cdrs.num_rows
    prices = Prices(
        row=np.empty(count, dtype=np.int32),
        billed=np.empty(count, dtype=np.int64),
        exact=np.empty(count, dtype=np.int64),
        amount=np.empty(count, dtype=np.int64),
        status=np.empty(count, dtype=np.int8),
    )
    arrays = DeckArrays(*map(np.asarray, (deck.starts, deck.spans, deck.index, deck.pieces, deck.terms, deck.longest)))
    numbers = cdrs.column("b_e164")

    def price_share(start: int, end: int) -> None:
        keys = number_keys(numbers.slice(start, end - start))
        share = Calls(keys, calls.anchor[start:end], calls.duration[start:end], calls.kind[start:end])
        _price_all(share, arrays, terms, Prices(*(column[start:end] for column in prices)))

    shares = max(1, min(threads, count // SMALLEST_SHARE))
    bounds = [count * share // shares for share in range(shares + 1)]
    if shares == 1:
        price_share(0, count)
    else:
        with ThreadPoolExecutor(shares) as pool:
            list(pool.map(price_share, bounds[:-1], bounds[1:]))
    return prices


def constant(value: str | None, count: int) -> pa.Array:
    """One word for every row, or null for every row."""
    if value is None:
        return pa.nulls(count, WORD)
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([value], pa.string()), safe=False)


def _charges(
    cdrs: pa.Table, calls: Calls, prices: Prices, deck: CompiledDeck, zone: Zone, sign: int, words: tuple[str | None, ...]
) -> pa.Table:
    count = cdrs.num_rows
    none = prices.row < 0
    rows = np.where(none, 0, prices.row)
    no_anchor = calls.anchor == NO_ANCHOR
    days = zone.utc_to_local_day(np.where(no_anchor, 0, calls.anchor))
    partner, agreement_digest, clause, currency = words
    columns: dict[str, Any] = {
        **{name: cdrs.column(name) for name in ("cdr_id", "leg", "leg_no")},
        **{
            name: constant(value, count)
            for name, value in (("partner", partner), ("agreement_digest", agreement_digest), ("clause", clause))
        },
        **{name: deck.word(name, rows, none) for name in ("deck_digest", "code", "destination", "a_zone", "band")},
        "deck_row": deck.value("row", rows, none, pa.int32()),
        "jurisdiction": pa.nulls(count, WORD),
        "anchor_at": pa.array(calls.anchor, pa.int64(), mask=no_anchor).cast(CHARGE.field("anchor_at").type),
        "period_day": pa.array(days, pa.int32(), mask=no_anchor).cast(pa.date32()),
        "duration_ms": pa.array(calls.duration),
        "billed_s": pa.array(prices.billed),
        "rate_nanos_per_minute": deck.value("rate_nanos", rows, none | (prices.status == BLOCKED), pa.int64()),
        "exact_60th_nanos": pa.array(prices.exact),
        "amount_micros": pa.array(prices.amount),
        "currency": constant(currency, count),
        "sign": pa.array(np.full(count, sign, dtype=np.int8)),
        "status": pa.DictionaryArray.from_arrays(
            pa.array(prices.status.astype(np.int32)), pa.array(CHARGE_STATUSES, pa.string()), safe=False
        ),
        "acceptance": constant("PAYABLE", count),
    }
    return pa.Table.from_arrays([columns[name] for name in CHARGE.names], schema=CHARGE)
