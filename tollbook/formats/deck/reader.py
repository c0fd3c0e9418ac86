"""Reads a rate sheet into a deck. See docs/rules/decks.md.

A sheet with the headers Code, Destination, Rate, Billing Increment and Effective Date (ISO) needs no profile. Whatever could be read in
two ways needs one, or is a coded problem: nothing is guessed.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from tollbook.core.deck import DECK_ROW, Deck
from tollbook.core.deck_duplicates import collapse_duplicates
from tollbook.core.deck_profile import DeckProfile
from tollbook.core.problem import Problem, Refusal, Severity, problem, refuse
from tollbook.core.zone import Zone, find_zone
from tollbook.formats.deck.headers import Layout
from tollbook.formats.deck.problems import SheetProblems
from tollbook.formats.deck.rows import RowReader, Values
from tollbook.formats.deck.sheet import Sheet, open_csv, read_bytes

WORKBOOK_MARKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def read_deck(
    path: Path,
    *,
    profile: DeckProfile | None = None,
    zone: str | Zone | None = None,
    received_at: int | None = None,
    partner: str = "",
    version: str = "",
) -> tuple[Deck, list[Problem]]:
    """One version of a rate sheet, CSV or workbook, and everything that was found on the way.

    `zone` is the contract's zone, used where the profile names none (UTC where neither does); `received_at` (UTC ms) is when the file
    came in, None when that is not known. A row with an error is left out; a contradiction inside the deck refuses it (`Refusal`).
    """
    chosen = profile or DeckProfile()
    content = read_bytes(path)
    rules = find_zone(chosen.zone) if chosen.zone else zone if isinstance(zone, Zone) else find_zone(zone or "UTC")
    sheet = _open(content, chosen, path.name)
    problems = SheetProblems(path.name)
    reader = RowReader(sheet.layout, chosen, rules, received_at, problems)
    _note_columns(sheet.layout, problems)
    first_row = sheet.first_row
    for chunk in sheet.chunks:
        reader.read(chunk, first_row)
        first_row += len(chunk)
    for row, text in sheet.open_quotes:
        problems.add("ROW_QUOTE_OPEN", row=row, value=text)
    rows = _table(reader.values)
    if rows.num_rows == 0:
        raise Refusal([problem("DECK_NO_ROWS", file=path.name), *problems.finished()])
    rows, repeats = collapse_duplicates(rows, path.name)
    if any(each.severity is Severity.FATAL for each in repeats):
        raise Refusal([each for each in repeats if each.severity is Severity.FATAL])
    _note_rows(reader, problems)
    deck = Deck(
        rows=rows,
        partner=chosen.partner or partner,
        deck_id=chosen.deck_id,
        version=version or chosen.version,
        currency=_currency(reader, chosen, problems),
        zone=rules.name,
        rules=rules,
        mode=chosen.mode,
        received_at=received_at if received_at is not None else _received(reader, path.name),
        file=path.name,
        file_digest=hashlib.sha256(content).hexdigest(),
    )
    return deck, problems.finished() + repeats


def _open(content: bytes, profile: DeckProfile, file: str) -> Sheet:
    if content.startswith(WORKBOOK_MARKS):
        from tollbook.formats.deck.workbook import open_workbook

        return open_workbook(content, profile, file)
    return open_csv(content, profile, file)


def _note_columns(layout: Layout, problems: SheetProblems) -> None:
    """What the layout lacks or does not use, once for the whole sheet."""
    row = layout.header_row or None
    if layout.unused:
        problems.add("DECK_COLUMN_UNUSED", f"Not used: {', '.join(layout.unused)}.", row=row, value=", ".join(layout.unused))
    if "effective" not in layout.columns:
        problems.add(
            "NO_TIMESTAMP", "There is no column of effective dates: every row counts from receipt, or from the beginning.", row=row
        )
    if not {"increment", "minimum", "step"} & set(layout.columns):
        problems.add("INCREMENT_MISSING", "There is no column of billing increments.", row=row)


def _note_rows(reader: RowReader, problems: SheetProblems) -> None:
    if reader.skipped:
        shown = ", ".join(map(str, reader.skipped[:5])) + (", ..." if len(reader.skipped) > 5 else "")
        problems.add(
            "ROW_SKIPPED", f"{len(reader.skipped):,} rows without code and rate were passed over: {shown}.", value=len(reader.skipped)
        )


def _table(values: Values) -> pa.Table:
    """The columns as a table of the deck schema."""
    arrays: list[Any] = []
    for column in DECK_ROW:
        cells = values.get(column.name, [])
        if pa.types.is_dictionary(column.type):
            arrays.append(pa.array(cells, pa.string()).dictionary_encode())
        elif pa.types.is_timestamp(column.type):
            arrays.append(pa.array(cells, pa.int64()).cast(column.type))
        else:
            arrays.append(pa.array(cells, column.type))
    return pa.Table.from_arrays(arrays, schema=DECK_ROW)


def _currency(reader: RowReader, profile: DeckProfile, problems: SheetProblems) -> str:
    """The one currency of the deck: the profile's, the header's and the cells' must agree."""
    named = {each for each in (profile.currency, reader.layout.currency, *reader.currencies) if each}
    if len(named) > 1:
        raise refuse(
            "DECK_CURRENCY_MIXED", f"The deck names {', '.join(sorted(named))}.", file=problems.file, value=", ".join(sorted(named))
        )
    if not named:
        problems.add("DECK_CURRENCY_UNKNOWN")
    return next(iter(named), "")


def _received(reader: RowReader, file: str) -> int | None:
    if len(reader.received) > 1:
        raise refuse("DECK_RECEIVED_MIXED", file=file)
    return next(iter(reader.received), None)


def with_currency(deck: Deck, currency: str) -> Deck:
    """The deck in the agreement's currency: taken over where the deck names none, refused where it names another."""
    if deck.currency and currency and deck.currency != currency:
        reason = f"The deck is in {deck.currency}, the agreement in {currency}."
        raise refuse("DECK_CURRENCY_DIFFERS", reason, file=deck.file, value=deck.currency)
    return deck if deck.currency or not currency else replace(deck, currency=currency)
