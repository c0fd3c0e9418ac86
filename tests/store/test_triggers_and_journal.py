"""The journal and the other append-only tables: the chain holds, and the database itself refuses changes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from tollbook.core.rights import Right
from tollbook.flow.command import Command, perform
from tollbook.store import journal, triggers
from tollbook.store.models import Batch, Document, Journal, Posting, SealedFile

pytestmark = pytest.mark.usefixtures("book")
DIGEST = "a" * 64


def _commands(owner: Any, count: int) -> None:
    for number in range(count):
        perform(Command("test", Right.RUN, f"subject {number}", owner, {"number": number}), lambda: {"done": True})


def test_rows_are_chained_without_gaps(owner: Any) -> None:
    _commands(owner, 5)
    rows = list(Journal.objects.order_by("seq"))
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0].prev_hash == journal.GENESIS
    assert all(later.prev_hash == earlier.row_hash for earlier, later in pairwise(rows))
    assert list(journal.broken_rows()) == []
    assert journal.tip() == (5, rows[-1].row_hash)


def _sealed_file() -> SealedFile:
    return SealedFile.objects.create(digest=DIGEST, name="x.csv", size=1, kind="CDR", received_at=1)


def _document() -> Document:
    return Document.objects.create(series="T", number=1, kind="INVOICE", issued_at=1, content={}, content_digest=DIGEST)


def _posting() -> Posting:
    row = {"currency": "USD", "debit_micros": 5, "state": "POSTED", "booked_at": 1, "value_on": "2026-11-30", "account": "4000"}
    return Posting.objects.create(document=_document(), entry_no=1, line_no=1, **row)


def _batch() -> Batch:
    counts = {
        "read": 3,
        "accepted": 1,
        "duplicates": 1,
        "problems": 1,
        "last_record_no": 3,
        "part_no": 1,
        "is_last": True,
        "layer": "BILLING",
    }
    return Batch.objects.create(
        id=DIGEST, source="a", file=_sealed_file(), profile_digest=DIGEST, published_at=1, package_version="1", **counts
    )


@pytest.mark.parametrize("make", [_sealed_file, _document, _posting, _batch], ids=["sealed_file", "document", "posting", "batch"])
def test_the_database_refuses_update_and_delete(make: Callable[[], Any]) -> None:
    row = make()
    table = type(row)._meta.db_table
    column = next(each.column for each in row._meta.fields if not each.primary_key and not each.null)
    for statement in (f'UPDATE "{table}" SET "{column}" = "{column}"', f'DELETE FROM "{table}"'):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert type(row).objects.count() == 1


def test_the_journal_itself_is_append_only(owner: Any) -> None:
    _commands(owner, 1)
    for change in (lambda: Journal.objects.update(actor="somebody else"), lambda: Journal.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


def test_every_append_only_table_is_one_of_ours() -> None:
    assert {*triggers.APPEND_ONLY, *triggers.OF_EVENTS} <= set(connection.introspection.table_names())


def _without_triggers(statement: str) -> None:
    """What somebody does who owns the database."""
    with connection.schema_editor() as editor:
        triggers.remove(None, editor)
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("statement", "row", "reason"),
    [
        ("UPDATE journal SET subject = 'another' WHERE seq = 2", 2, "its content does not have the hash"),
        ("DELETE FROM journal WHERE seq = 3", 4, "row 3 is missing"),
        ("UPDATE journal SET at = at + 1 WHERE seq = 4", 4, "its content does not have the hash"),
    ],
)
def test_a_changed_journal_is_seen(owner: Any, statement: str, row: int, reason: str) -> None:
    _commands(owner, 4)
    _without_triggers(statement)
    assert any(seq == row and reason in text for seq, text in journal.broken_rows())


def test_a_batch_has_to_add_up() -> None:
    file = _sealed_file()
    counts = {
        "read": 3,
        "accepted": 1,
        "duplicates": 1,
        "problems": 2,
        "last_record_no": 3,
        "part_no": 1,
        "is_last": True,
        "layer": "BILLING",
    }
    with pytest.raises(DatabaseError), transaction.atomic():
        Batch.objects.create(id=DIGEST, source="a", file=file, profile_digest=DIGEST, published_at=1, package_version="1", **counts)
