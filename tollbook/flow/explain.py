"""How a call got its price: the raw record as it was sealed, the canonical record, and every step of each leg's price."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from tollbook.core.agreement import Agreement
from tollbook.core.cdr import CDR
from tollbook.core.money import format_scaled
from tollbook.core.problem import Refusal, refuse
from tollbook.core.rating_explain import PricedCall, Step, explain
from tollbook.core.rights import Actor, Right, require
from tollbook.engine.deck import CompiledDeck
from tollbook.flow import clock, inputs, rating, reference
from tollbook.flow.book import Book
from tollbook.flow.run import Run, current_runs
from tollbook.store import files, raw_records
from tollbook.store.models import SealedFile, Segment

FEWEST_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class LegPrice:
    """The price of one leg: the charge of the current rating run where there is one, and the steps that lead to it."""

    leg: str
    partner: str
    status: str
    run_key: str
    agreement: str
    clause: str
    clause_text: str
    deck_digest: str
    deck_row: int | None
    amount: str
    currency: str
    steps: tuple[Step, ...]
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__ if name != "steps"}
        return {**values, "steps": [each.as_dict() for each in self.steps]}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything the book knows of one record."""

    cdr_id: str
    file: str
    file_digest: str
    record_no: int
    raw: str
    record: dict[str, Any]
    legs: tuple[LegPrice, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__ if name != "legs"}
        return {**values, "legs": [each.as_dict() for each in self.legs]}


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
    return Explanation(first["cdr_id"].hex(), file.name, file.digest, first["record_no"], raw, _shown(first), legs)


def leg_prices(book: Book, rows: list[dict[str, Any]], *, actor: Actor) -> tuple[LegPrice, ...]:
    """The prices of our legs of a record whose canonical rows are at hand."""
    require(actor, Right.READ_CALLS)
    require(actor, Right.READ_MARGIN)
    return tuple(_leg_price(book, row) for row in rows if row["side"] == "OURS" and row["partner"])


def _find(book: Book, cdr_id: str) -> list[dict[str, Any]]:
    digits = cdr_id.strip().lower()
    if not FEWEST_DIGITS <= len(digits) <= 32 or set(digits) - set("0123456789abcdef"):
        raise refuse("CDR_UNKNOWN", "An id has 32 hexadecimal digits; its first eight may do.", value=cdr_id)
    paths = [
        book.path(path) for path in Segment.objects.filter(kind="cdr", batch__isnull=False).order_by("path").values_list("path", flat=True)
    ]
    low, high = digits.ljust(32, "0"), digits.ljust(32, "f")
    with inputs.database(book) as connection:
        inputs.view(connection, "cdrs", "cdr", paths, f"cdr_id >= unhex('{low}') AND cdr_id <= unhex('{high}')")
        table = connection.sql("SELECT * FROM cdrs ORDER BY cdr_id, leg, leg_no").to_arrow_table()
    rows: list[dict[str, Any]] = table.to_pylist()
    found = {row["cdr_id"] for row in rows}
    if len(found) != 1:
        reason = "No record of the book has it." if not found else f"{len(found)} records begin so."
        raise refuse("CDR_UNKNOWN", reason, value=cdr_id)
    return rows


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """The canonical record as JSON values, without what is null."""
    shown: dict[str, Any] = {}
    for column in CDR:
        value = row[column.name]
        if value is None:
            continue
        if isinstance(value, bytes):
            value = value.hex()
        elif pa.types.is_timestamp(column.type):
            value = clock.show_instant(clock.to_ms(value))
        shown[column.name] = value
    return shown


def _ms(row: dict[str, Any], *names: str) -> int | None:
    return next((clock.to_ms(row[name]) for name in names if row[name] is not None), None)


def _leg_price(book: Book, row: dict[str, Any]) -> LegPrice:
    run, charge = _charge(book, row)
    try:
        agreement, deck, clause = _terms(book, row, run, charge)
    except Refusal as refusal:
        note = " ".join(each.reason for each in refusal.problems)
        return LegPrice(row["leg"], row["partner"], "UNRATED", "", "", "", "", "", None, "", "", (), note)
    anchor_at = _ms(row, rating.ANCHORS[agreement.rating.price_anchor], "setup_at", "release_at")
    place = _row_place(deck, row["b_e164"], anchor_at)
    priced_by, terms = (deck.priced_by(place), deck.terms_of(place)) if place >= 0 else (None, None)
    status = charge["status"] if charge else ("NOT_BILLABLE" if row["answer_at"] is None else "UNRATED" if place < 0 else "RATED")
    call = PricedCall(
        number=row["b_e164"] or row["b_raw"] or "",
        anchor=agreement.rating.price_anchor,
        anchor_at=anchor_at,
        duration_ms=charge["duration_ms"] if charge else row["duration_ms"],
        status=status,
        currency=agreement.currency,
        clause=agreement.rating.clause,
    )
    text = agreement.clauses.get(clause)
    return LegPrice(
        leg=row["leg"],
        partner=row["partner"],
        status=status,
        run_key=run.run_key if run and charge else "",
        agreement=f"{agreement.id} version {agreement.version} ({agreement.digest[:12]})",
        clause=agreement.clause_title(clause),
        clause_text=text.text if text else "",
        deck_digest=priced_by.deck_digest if priced_by else "",
        deck_row=priced_by.row if priced_by else None,
        amount=format_scaled(charge["amount_micros"], 6, 2) if charge else "",
        currency=agreement.currency,
        steps=tuple(explain(call, priced_by, terms, agreement.rating)),
        note="" if charge else "No current rating run holds this record: it was left out as a duplicate, or its period is not rated yet.",
    )


def _charge(book: Book, row: dict[str, Any]) -> tuple[Run | None, dict[str, Any] | None]:
    """The charge of a record in the current rating runs of its partner's leg."""
    for run in current_runs(book, rating.STAGE, scope_prefix=f"{row['partner']}/{row['leg']}/"):
        with inputs.database(book) as connection:
            inputs.view(
                connection,
                "charges",
                "charge",
                run.paths("charge"),
                f"cdr_id = unhex('{row['cdr_id'].hex()}') AND leg_no = {row['leg_no']}",
            )
            found: list[dict[str, Any]] = connection.sql("SELECT * FROM charges").to_arrow_table().to_pylist()
        if found:
            return run, found[0]
    return None, None


def _terms(book: Book, row: dict[str, Any], run: Run | None, charge: dict[str, Any] | None) -> tuple[Agreement, CompiledDeck, str]:
    """Agreement, compiled deck and clause of a leg: those of the charge, else those in force now for the call's time."""
    known_at = run.known_at if run else None
    at = _ms(row, "answer_at", "setup_at", "release_at") or 0
    found = [pair for pair in reference.agreement_versions(book, known_at=known_at) if pair[0].partner == row["partner"]]
    if charge is not None:
        found = [pair for pair in found if pair[0].digest == charge["agreement_digest"]]
    else:
        found = [pair for pair in found if pair[1].effective_from <= at]
    side = rating.LEGS[row["leg"]][0]
    found = [pair for pair in found if getattr(pair[0], side) is not None]
    if not found:
        raise refuse("REFERENCE_MISSING", f"No agreement with {row['partner']} prices the {row['leg']} leg.", value=row["partner"])
    agreement = max(found, key=lambda pair: pair[1].effective_from)[0]
    terms = getattr(agreement, side)
    decks = reference.deck_versions(book, agreement, terms, known_at=known_at)
    return agreement, rating.compiled(decks, terms), agreement.rating.clause or terms.clause


def _row_place(deck: CompiledDeck, number: str | None, anchor_at: int | None) -> int:
    if number is None or anchor_at is None:
        return -1
    rows, _ = deck.find_text(pa.array([number]), anchor_at)
    return int(rows[0])
