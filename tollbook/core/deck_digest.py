"""The immutable name of a deck: SHA-256 over its canonical text, RDC2. See docs/rules/decks.md, "The digest".

The text does not depend on the order of rows, on how a number was written (0.010 or 0.01), on line ends or on the file format.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.money import format_scaled

if TYPE_CHECKING:
    from tollbook.core.deck import Deck

_BLANKS = re.compile(r"\s+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS = ("destination", "country", "a_zone", "band")
_MONEY = ("rate_nanos", "rate_first_nanos", "connect_nanos", "surcharge_call_nanos", "surcharge_minute_nanos")
_SECONDS = ("minimum_s", "step_s", "grace_s", "free_s")
_CHARGES = ("min_charge_nanos", "max_charge_nanos")
_LINES = 100_000


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


def _plain(value: Any) -> str:
    return str(value)


def _written(column: pa.ChunkedArray, write: Callable[[Any], str]) -> pa.ChunkedArray:
    """Every value of a column as text, each distinct one written once: decks repeat themselves."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    encoded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column, null_encoding="encode")
    chunks = []
    for chunk in encoded.chunks:
        texts = pa.array([write(value) for value in chunk.dictionary.to_pylist()], pa.string())
        chunks.append(texts.take(chunk.indices))
    return pa.chunked_array(chunks, pa.string())


def row_lines(rows: pa.Table) -> pa.ChunkedArray:
    """The canonical line of every row, each with its line feed, sorted by code, zone, band and effective instant, bytewise."""
    columns: dict[str, pa.ChunkedArray] = {"code": rows.column("code")}
    for names, write in ((_WORDS, canonical_word), (_MONEY, _nanos), (_SECONDS, _plain), (_CHARGES, _nanos), (("rate_unit",), _plain)):
        columns |= {name: _written(rows.column(name), write) for name in names}
    columns |= {name: _written(rows.column(name), canonical_instant) for name in ("effective_from", "effective_until")}
    columns["status"] = _written(rows.column("status"), _plain)
    lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*columns.values(), "|"), "", "\n")
    keys = ("code", "a_zone", "band", "effective_from")
    order = pc.sort_indices(
        pa.table({**{key: columns[key] for key in keys}, "line": lines}), [(key, "ascending") for key in (*keys, "line")]
    )
    return lines.take(order)


def canonical_text(deck: Deck) -> Iterator[bytes]:
    """The canonical text in pieces: a line that says whose deck it is, then its rows; UTF-8, a line feed after every line."""
    head = (canonical_word(deck.partner), canonical_word(deck.deck_id), canonical_word(deck.version), deck.currency, deck.zone, deck.mode)
    yield ("|".join(("RDC2", *head, canonical_instant(deck.received_at))) + "\n").encode()
    for chunk in row_lines(deck.rows).chunks:
        for start in range(0, len(chunk), _LINES):
            yield "".join(chunk.slice(start, _LINES).to_pylist()).encode()


def deck_digest(deck: Deck) -> str:
    """SHA-256 in hex of the canonical text."""
    digest = hashlib.sha256()
    for piece in canonical_text(deck):
        digest.update(piece)
    return digest.hexdigest()
