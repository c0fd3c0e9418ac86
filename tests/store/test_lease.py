"""Leases: one writer, and an old writer's token is refused in the publishing transaction."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.db import transaction

from tollbook.core.problem import Refusal
from tollbook.flow.book import Book
from tollbook.store import lease
from tollbook.store.models import Lease

pytestmark = pytest.mark.usefixtures("book")
NOW = 1_795_310_740_000


def _code(refusal: pytest.ExceptionInfo[Refusal]) -> str:
    return refusal.value.problems[0].code


def test_a_held_lease_keeps_others_out_until_it_ends() -> None:
    lease.acquire("source a", now_ms=NOW)
    with pytest.raises(Refusal) as refusal:
        lease.acquire("source a", now_ms=NOW + lease.LEASE_MS - 1)
    assert _code(refusal) == "LEASE_HELD"
    assert lease.acquire("source b", now_ms=NOW).token == 1
    assert lease.acquire("source a", now_ms=NOW + lease.LEASE_MS).token == 2


def test_the_token_of_a_writer_that_was_overtaken_is_refused() -> None:
    slow = lease.acquire("source a", now_ms=NOW)
    quick = lease.acquire("source a", now_ms=NOW + lease.LEASE_MS)
    with pytest.raises(Refusal) as refusal, transaction.atomic():
        lease.check(slow, now_ms=NOW + lease.LEASE_MS)
    assert _code(refusal) == "LEASE_LOST"
    with transaction.atomic():
        lease.check(quick, now_ms=NOW + lease.LEASE_MS)
    lease.release(slow)
    assert Lease.objects.get(name="source a").expires_at > 0


def test_publishing_holds_the_lease_longer_and_release_ends_it() -> None:
    held = lease.acquire("source a", now_ms=NOW)
    with transaction.atomic():
        lease.check(held, now_ms=NOW + 1000)
    assert Lease.objects.get(name="source a").expires_at == NOW + 1000 + lease.LEASE_MS
    lease.release(held)
    assert lease.acquire("source a", now_ms=NOW).token == 2


def test_the_lease_of_a_dead_process_is_taken_over_at_once(book: Book) -> None:
    script = (
        "import sys; from pathlib import Path; from tollbook.flow.book import open_book; from tollbook.store import lease;"
        f"open_book(Path(sys.argv[1])); lease.acquire('source a', now_ms={NOW})"
    )
    subprocess.run([sys.executable, "-c", script, str(book.folder)], check=True)
    assert lease.acquire("source a", now_ms=NOW).token == 2


def test_the_lease_of_another_machine_is_waited_for() -> None:
    Lease.objects.create(name="source a", owner="elsewhere:1:x", token=7, expires_at=NOW + 1)
    with pytest.raises(Refusal):
        lease.acquire("source a", now_ms=NOW)
    assert lease.acquire("source a", now_ms=NOW + 1).token == 8
