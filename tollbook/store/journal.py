"""The journal: append-only, one row per change, each row's hash over its content and the hash before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.db import connection

from tollbook.core.canonical import canonical_json
from tollbook.core.digest import json_digest
from tollbook.store.models import Journal

GENESIS: Final = "0" * 64
_HASHED: Final = ("seq", "at", "actor", "action", "subject", "reason", "idempotency_key", "input_hash", "result", "prev_hash")


def row_hash(row: Journal) -> str:
    """SHA-256 of the canonical JSON of every column but the hash itself."""
    return json_digest({name: getattr(row, name) for name in _HASHED})


def append(
    *, at: int, actor: str, action: str, subject: str, reason: str, idempotency_key: str | None, input_hash: str, result: dict[str, Any]
) -> Journal:
    """Adds a row at the end of the chain, inside the transaction of the change it records."""
    assert connection.in_atomic_block, "a journal row stands in the transaction of its change"
    _lock()
    last = Journal.objects.order_by("-seq").only("seq", "row_hash").first()
    row = Journal(
        seq=last.seq + 1 if last else 1,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        reason=reason,
        idempotency_key=idempotency_key,
        input_hash=input_hash,
        result=canonical_json(result).decode("utf-8"),
        prev_hash=last.row_hash if last else GENESIS,
    )
    row.row_hash = row_hash(row)
    row.save(force_insert=True)
    return row


def _lock() -> None:
    """One writer at the end of the chain. SQLite's transactions already hold the only write lock."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE journal IN SHARE ROW EXCLUSIVE MODE")


def broken_rows() -> Iterator[tuple[int, str]]:
    """Every row at which the chain does not hold, with what is wrong: a gap, a changed row, a changed order."""
    expected_seq, expected_prev = 1, GENESIS
    for row in Journal.objects.order_by("seq").iterator(chunk_size=2000):
        if row.seq != expected_seq:
            yield row.seq, f"row {expected_seq} is missing before it"
        elif row.prev_hash != expected_prev:
            yield row.seq, "it does not follow the row before it"
        if row.row_hash != row_hash(row):
            yield row.seq, "its content does not have the hash it carries"
        expected_seq, expected_prev = row.seq + 1, row.row_hash


def tip() -> tuple[int, str]:
    """Sequence number and hash of the last row; kept outside of the book they show a chain cut short."""
    last = Journal.objects.order_by("-seq").only("seq", "row_hash").first()
    return (last.seq, last.row_hash) if last else (0, GENESIS)


def lock_key(key: str) -> None:
    """Makes two commands with one idempotency key wait for each other, where the database lets writers run side by side."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
