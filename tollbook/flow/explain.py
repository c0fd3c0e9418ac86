"""How a call got its price: the raw record as it was sealed, the canonical record, and every step of each leg's price."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

import duckdb
import pyarrow as pa

from tollbook.core.agreement import Agreement
from tollbook.core.cdr import CDR
from tollbook.core.explanation import Explanation, LegPrice, id_bounds, shown_record
from tollbook.core.problem import Refusal, refuse
from tollbook.core.rights import Actor, Right, require
from tollbook.core.zone import find_zone
from tollbook.engine.deck import CompiledDeck
from tollbook.engine.explanation import charge_of, explain_leg
from tollbook.flow import clock, inputs, rating, reference
from tollbook.flow.book import Book
from tollbook.flow.compiled_decks import compiled
from tollbook.flow.reference import Document
from tollbook.store import files, raw_records
from tollbook.store.models import Head, SealedFile, Segment
from tollbook.store.segment_lookup import SegmentFileAt, rows_by_id

# A charge lies under the day of its call's anchor, which is beside that of its record where clocks or partial records differ.
DAYS_BESIDE: Final = timedelta(days=2)


def explain_record(book: Book, cdr_id: str, *, actor: Actor) -> Explanation:
    """A record by its id, or by the first eight or more of its hexadecimal digits. CDR_UNKNOWN where the book has none or several."""
    require(actor, Right.READ_CALLS)
    require(actor, Right.READ_MARGIN)
    rows = _find(book, cdr_id)
    first = rows[0]
    file = SealedFile.objects.get(digest=first["file_digest"])
    raw = ""
    if first["byte_length"]:
        with (
            files.unpacked(book.folder, files.sealed_path(book.folder, file.digest, file.suffix)) as plain,
            raw_records.mapped(plain) as content,
        ):
            raw = raw_records.raw_text(content, first["byte_offset"], first["byte_length"])
    legs = leg_prices(book, rows, actor=actor)
    return Explanation(first["cdr_id"].hex(), file.name, file.digest, first["record_no"], raw, shown_record(first), legs)


def leg_prices(
    book: Book, rows: list[dict[str, Any]], *, actor: Actor, connection: duckdb.DuckDBPyConnection | None = None
) -> tuple[LegPrice, ...]:
    """The prices of our legs of a record whose canonical rows are at hand; read over a connection that is open already, if there is one."""
    require(actor, Right.READ_CALLS)
    require(actor, Right.READ_MARGIN)
    ours = [row for row in rows if row["side"] == "OURS" and row["partner"]]
    if connection is not None:
        return tuple(_leg_price(book, row, connection) for row in ours)
    with inputs.database(book) as own:
        return tuple(_leg_price(book, row, own) for row in ours)


def _find(book: Book, cdr_id: str) -> list[dict[str, Any]]:
    """The rows of a record, a leg each."""
    bounds = id_bounds(cdr_id)
    if bounds is None:
        raise refuse("CDR_UNKNOWN", "An id has 32 hexadecimal digits; its first eight may do.", value=cdr_id)
    segments = Segment.objects.filter(kind="cdr", batch__isnull=False).order_by("path").values_list("digest", "path")
    files_at = [SegmentFileAt(digest, book.path(path)) for digest, path in segments]
    with inputs.database(book) as connection:
        rows = rows_by_id(connection, book.folder, "cdr", files_at, *bounds)
    rows.sort(key=lambda row: (row["cdr_id"], row["leg"], row["leg_no"]))
    ids = {row["cdr_id"] for row in rows}
    if len(ids) != 1:
        raise refuse("CDR_UNKNOWN", f"{len(ids)} records begin so." if ids else "No record of the book has it.", value=cdr_id)
    return rows


def _leg_price(book: Book, row: dict[str, Any], connection: duckdb.DuckDBPyConnection) -> LegPrice:
    record = pa.Table.from_pylist([{name: row[name] for name in CDR.names}], schema=CDR)
    run_key, known_at, charge = _charge(book, row, connection)
    try:
        agreement, deck, clause = _terms(book, row, known_at, charge)
    except Refusal as refusal:
        return LegPrice(row["leg"], row["partner"], "UNRATED", note=" ".join(each.reason for each in refusal.problems))
    if charge is not None:
        return replace(explain_leg(record, charge, deck, agreement, charge["clause"] or clause), run_key=run_key)
    would_be = charge_of(record, deck, agreement, find_zone(agreement.zone), rating.LEGS[row["leg"]][1])
    note = "No current rating run holds this record: it was left out as a duplicate, or its period is not rated yet."
    return replace(explain_leg(record, would_be, deck, agreement, clause), note=note)


def _charge(book: Book, row: dict[str, Any], connection: duckdb.DuckDBPyConnection) -> tuple[str, int | None, dict[str, Any] | None]:
    """The charge of a record in the current rating runs of its partner's leg, with the run's key and the time it knew."""
    heads = Head.objects.filter(stage=rating.STAGE, scope__startswith=f"{row['partner']}/{row['leg']}/").values("run")
    made = Segment.objects.filter(kind="charge", run__in=heads).order_by("run__scope", "path")
    anchor = _anchor(row)
    if anchor is not None:
        near = made.filter(day__gte=anchor.date() - DAYS_BESIDE, day__lte=anchor.date() + DAYS_BESIDE)
        made = near | made.filter(day__isnull=True)
    for key, known_at, digest, path in made.values_list("run_id", "run__known_at", "digest", "path"):
        for charge in rows_by_id(connection, book.folder, "charge", [SegmentFileAt(digest, book.path(path))], row["cdr_id"]):
            if charge["leg_no"] == row["leg_no"]:
                return key, known_at, charge
    return "", None, None


def _anchor(row: dict[str, Any]) -> Any:
    return next((row[name] for name in ("answer_at", "setup_at", "alert_at", "release_at") if row[name] is not None), None)


def _terms(book: Book, row: dict[str, Any], known_at: int | None, charge: dict[str, Any] | None) -> tuple[Agreement, CompiledDeck, str]:
    """Agreement, compiled deck and clause of a leg: those of the charge, else those in force now for the call's time."""
    documents = reference.newest()
    found = list(_agreements(book, row["partner"], known_at, documents))
    if charge is not None:
        found = [pair for pair in found if pair[0].digest == charge["agreement_digest"]]
    else:
        at = next((clock.to_ms(row[name]) for name in ("answer_at", "setup_at", "release_at") if row[name] is not None), 0)
        found = [pair for pair in found if pair[1].effective_from <= at]
    side = rating.LEGS[row["leg"]][0]
    found = [pair for pair in found if getattr(pair[0], side) is not None]
    if not found:
        raise refuse("REFERENCE_MISSING", f"No agreement with {row['partner']} prices the {row['leg']} leg.", value=row["partner"])
    agreement = max(found, key=lambda pair: pair[1].effective_from)[0]
    deck = deck_under(book, row["partner"], agreement.digest, side, known_at, documents)
    return agreement, deck, agreement.rating.clause or getattr(agreement, side).clause


def make_ready(book: Book) -> None:
    """Reads the agreements in force and loads their decks, so that the first call somebody looks at does not wait for them."""
    documents = reference.newest()
    for agreement, _ in reference.agreements(book):
        for side in ("buy", "sell"):
            if getattr(agreement, side) is not None:
                with suppress(Refusal):
                    deck_under(book, agreement.partner, agreement.digest, side, None, documents)


# Sealed documents never change: what a process has read of them stands until another one comes.
@lru_cache(maxsize=256)
def _agreements(book: Book, partner: str, known_at: int | None, documents: tuple[int, int]) -> tuple[tuple[Agreement, Document], ...]:
    return tuple(pair for pair in reference.agreement_versions(book, known_at=known_at) if pair[0].partner == partner)


@lru_cache(maxsize=64)
def deck_under(book: Book, partner: str, digest: str, side: str, known_at: int | None, documents: tuple[int, int]) -> CompiledDeck:
    """The deck of an agreement's side ("buy" or "sell"), compiled as it was known; `documents` is `reference.newest()`."""
    agreement = next(each for each, _ in _agreements(book, partner, known_at, documents) if each.digest == digest)
    terms = getattr(agreement, side)
    return compiled(book, reference.deck_versions(book, agreement, terms, known_at=known_at), terms)
