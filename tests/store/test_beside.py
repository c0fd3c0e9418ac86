"""The connection beside the work: it has its own view of the database and gives up where the work's own would wait."""

from __future__ import annotations

import threading

from django.db import DatabaseError, connections, transaction

from tollbook.flow.book import Book
from tollbook.store.beside import PATIENCE_S, impatient_connection
from tollbook.store.models import Setting


def _in_a_thread(found: list[object]) -> None:
    with impatient_connection():
        try:
            Setting.objects.filter(name="beside").update(value="theirs")
        except DatabaseError as error:
            found.append(error)
    found.append(hasattr(connections._connections, "default"))


def test_it_gives_up_where_a_lock_is_held(book: Book) -> None:
    Setting.objects.create(name="beside", value="before")
    found: list[object] = []
    with transaction.atomic():
        Setting.objects.filter(name="beside").update(value="ours")
        beside = threading.Thread(target=_in_a_thread, args=(found,))
        beside.start()
        beside.join(timeout=60)
        assert not beside.is_alive(), f"it waits for the work, and not {PATIENCE_S} s alone"
    assert isinstance(found[0], DatabaseError)
    assert found[1] is False, "the thread leaves no connection behind"
    assert Setting.objects.get(name="beside").value == "ours"
