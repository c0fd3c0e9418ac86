"""The immutable name of a deck: SHA-256 over its canonical text, RDC2. See docs/rules/decks.md, "The digest".

The text does not depend on the order of rows, on how a number was written (0.010 or 0.01), on line ends or on the file format.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from tollbook.core.money import format_scaled

if TYPE_CHECKING:
    from tollbook.core.deck import Deck

_BLANKS = re.compile(r"\s+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS = ("destination", "country", "a_zone", "band")
_MONEY = ("rate_nanos", "rate_first_nanos", "connect_nanos", "surcharge_call_nanos", "surcharge_minute_nanos")
_SECONDS = ("minimum_s", "step_s", "grace_s", "free_s")
_CHARGES = ("min_charge_nanos", "max_charge_nanos")
Value = TypeVar("Value", bound=Hashable)


def canonical_word(text: str) -> str:
    """NFC, trimmed, runs of blanks as one space, and the three characters that would break a line escaped."""
    plain = _BLANKS.sub(" ", unicodedata.normalize("NFC", text)).strip()
    return plain.replace("\\", "\\\\").replace("|", "\\p").replace("\n", "\\n")


def canonical_instant(at_ms: int | None) -> str:
    """UTC with Z and whole seconds (milliseconds only where there are any); empty for an open end."""
    if at_ms is None:
        return ""
    at = _EPOCH + timedelta(milliseconds=at_ms)
    fraction = f".{at_ms % 1000:03d}" if at_ms % 1000 else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _nanos(value: int | None) -> str:
    return "" if value is None else format_scaled(value, 9)


def _each(values: list[Any], write: Callable[[Any], str]) -> list[str]:
    """Every value written, each distinct one once: decks repeat themselves."""
    written = {value: write(value) for value in set(values)}
    return [written[value] for value in values]


def _values(table: pa.Table, name: str) -> list[Any]:
    column = table.column(name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values


def row_lines(rows: pa.Table) -> list[str]:
    """The canonical line of every row, sorted by code, zone, band and effective instant, bytewise."""
    columns: list[list[str]] = [_values(rows, "code")]
    columns += [_each(_values(rows, name), canonical_word) for name in _WORDS]
    columns += [_each(_values(rows, name), _nanos) for name in _MONEY]
    columns += [_each(_values(rows, name), str) for name in _SECONDS]
    columns += [_each(_values(rows, name), _nanos) for name in _CHARGES]
    columns.append(_values(rows, "rate_unit"))
    columns += [_each(_values(rows, name), canonical_instant) for name in ("effective_from", "effective_until")]
    columns.append(_values(rows, "status"))
    lines = list(map("|".join, zip(*columns, strict=True)))
    from_at = columns[-3]
    order = sorted(range(len(lines)), key=list(zip(columns[0], columns[3], columns[4], from_at, lines, strict=True)).__getitem__)
    return [lines[index] for index in order]


def canonical_text(deck: Deck) -> Iterable[str]:
    """The lines of the canonical text, without their line feeds; the first one says whose deck it is."""
    head = (canonical_word(deck.partner), canonical_word(deck.deck_id), canonical_word(deck.version), deck.currency, deck.zone, deck.mode)
    yield "|".join(("RDC2", *head, canonical_instant(deck.received_at)))
    yield from row_lines(deck.rows)


def deck_digest(deck: Deck) -> str:
    """SHA-256 in hex of the canonical text: UTF-8, a line feed after every line."""
    return hashlib.sha256(("\n".join(canonical_text(deck)) + "\n").encode()).hexdigest()
