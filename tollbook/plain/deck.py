"""Rate decks from plain files: load, look up, summarise. No book, no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.deck import Deck
from tollbook.core.deck_digest import canonical_instant
from tollbook.core.money import format_scaled
from tollbook.core.problem import Problem, refuse
from tollbook.formats.csv_text import CsvWriter
from tollbook.formats.deck import read_deck, read_deck_profile

if TYPE_CHECKING:
    from tollbook.engine.deck import CompiledDeck

LOOKUP_COLUMNS = ["number", "code", "destination", "rate"]
NUMBERS_AT_ONCE = 500_000


@dataclass(frozen=True, slots=True)
class LookedUp:
    """How many numbers were looked up, how many have a code, how many are no numbers, and as of which instant (UTC ms)."""

    numbers: int
    found: int
    unreadable: int
    at_ms: int


def load_deck(path: Path, profile: Path | None = None, *, zone: str | None = None) -> tuple[Deck, list[Problem]]:
    """The deck in a file, read by a profile where one is given."""
    return read_deck(path, profile=read_deck_profile(profile) if profile else None, zone=zone)


def latest_ms(deck: Deck) -> int:
    """The latest start in a deck: its rows as they stand in the end. 0 where no row has a date."""
    latest = pc.max(deck.rows.column("effective_from").cast(pa.int64())).as_py()
    return int(latest) if latest is not None else 0


def lookup_table(compiled: CompiledDeck, numbers: pa.Array, at_ms: int) -> tuple[pa.Table, int, int]:
    """number, code, destination and rate per number, as given and in that order; with how many were found, and how many are no numbers.

    A number may carry +, blanks, dashes, dots and parentheses; the longest code wins. A blocked code has no rate.
    """
    rows, readable = compiled.find_text(numbers, at_ms, cosmetic=True)
    none = rows < 0
    chosen = rows.copy()
    chosen[none] = 0
    rates = compiled.value("rate_nanos", chosen, none | (compiled.is_blocked(chosen) if len(compiled.row_terms) else none), pa.int64())
    encoded = rates.dictionary_encode()
    texts = pa.array([format_scaled(value, 9) for value in encoded.dictionary.to_pylist()], pa.string())
    columns = [numbers, compiled.word("code", chosen, none), compiled.word("destination", chosen, none), texts.take(encoded.indices)]
    return pa.table(columns, names=LOOKUP_COLUMNS), int((~none).sum()), int((~readable).sum())


def lookup_file(deck: Deck, content: bytes, output: Path, at_ms: int | None = None, *, file: str = "") -> LookedUp:
    """Look up a text with a number per line and write the result as CSV, a line per number in the same order."""
    from tollbook.engine.deck import compile_timeline  # a digest or a summary needs no compiler

    at = latest_ms(deck) if at_ms is None else at_ms
    compiled = compile_timeline([deck])
    total = found = unreadable = 0
    with CsvWriter(output, LOOKUP_COLUMNS) as writer:
        for numbers in number_lines(content, file):
            table, with_code, unread = lookup_table(compiled, numbers, at)
            writer.write(table)
            total, found, unreadable = total + len(numbers), found + with_code, unreadable + unread
    return LookedUp(total, found, unreadable, at)


def number_lines(content: bytes, file: str = "") -> Iterator[pa.Array]:
    """The lines of a text as columns of texts, without their line ends; a text without a last line feed is complete too."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse("FILE_ENCODING", "The numbers are not UTF-8.", file=file, line=content.count(b"\n", 0, error.start) + 1) from error
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    for start in range(0, len(lines), NUMBERS_AT_ONCE):
        yield pc.utf8_rtrim(pa.array(lines[start : start + NUMBERS_AT_ONCE], pa.string()), "\r")


def deck_summary(deck: Deck, problems: list[Problem]) -> dict[str, Any]:
    """What is in a deck: identity, counts, span of dates and problems by code."""
    starts = deck.rows.column("effective_from").cast(pa.int64())
    bounds = pc.min_max(starts).as_py()
    return {
        "file": deck.file,
        "digest": deck.digest,
        "file_digest": deck.file_digest,
        "partner": deck.partner,
        "deck_id": deck.deck_id,
        "version": deck.version,
        "currency": deck.currency,
        "zone": deck.zone,
        "mode": deck.mode,
        "received_at": canonical_instant(deck.received_at) or None,
        "rows": deck.rows.num_rows,
        "codes": pc.count_distinct(deck.rows.column("code")).as_py(),
        "destinations": pc.count_distinct(deck.rows.column("destination").cast(pa.string())).as_py(),
        "effective_dates": pc.count_distinct(starts, mode="all").as_py(),
        "first_effective": canonical_instant(bounds["min"]) or None,
        "last_effective": canonical_instant(bounds["max"]) or None,
        "statuses": {each["values"]: each["counts"] for each in deck.rows.column("status").cast(pa.string()).value_counts().to_pylist()},
        "problems": dict(Counter(each.code for each in problems)),
    }
