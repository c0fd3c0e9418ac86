"""Leases: one writer per name, with a fencing token that the publishing transaction checks.

A writer that lost its lease without noticing (a long pause, a cut network) still holds the old token, and its transaction is refused.
A lease of a process on this machine that is dead is taken over at once; any other waits for its end.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from django.db import connection, transaction

from tollbook.core.problem import refuse
from tollbook.store.models import Lease

LEASE_MS: Final = 120_000


@dataclass(frozen=True, slots=True)
class Held:
    """A lease this process holds."""

    name: str
    owner: str
    token: int


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"


def _is_dead(owner: str) -> bool:
    """Whether the owner was a process of this machine that is gone."""
    host, _, rest = owner.partition(":")
    number = rest.partition(":")[0]
    if host != socket.gethostname() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def acquire(name: str, *, now_ms: int, length_ms: int = LEASE_MS) -> Held:
    """Takes the lease; LEASE_HELD where another writer has it."""
    owner = _owner()
    with transaction.atomic():
        row = Lease.objects.select_for_update().filter(name=name).first()
        if row is None:
            row, made = Lease.objects.get_or_create(name=name, defaults={"owner": owner, "token": 1, "expires_at": now_ms + length_ms})
            if not made:
                raise refuse("LEASE_HELD", f"{name} is being written by {row.owner}.", value=name)
        elif row.expires_at > now_ms and not _is_dead(row.owner):
            raise refuse("LEASE_HELD", f"{name} is being written by {row.owner}.", value=name)
        else:
            row.owner, row.token, row.expires_at = owner, row.token + 1, now_ms + length_ms
            row.save()
        return Held(name, owner, row.token)


def check(held: Held, *, now_ms: int, length_ms: int = LEASE_MS) -> None:
    """Inside the publishing transaction: refuses (LEASE_LOST) when the lease changed hands since, else holds it longer."""
    assert connection.in_atomic_block, "the lease is checked in the transaction that publishes"
    row = Lease.objects.select_for_update().filter(name=held.name).first()
    if row is None or row.token != held.token:
        raise refuse("LEASE_LOST", f"{held.name} is now being written by {row.owner if row else 'nobody'}.", value=held.name)
    row.expires_at = max(row.expires_at, now_ms + length_ms)
    row.save(update_fields=["expires_at"])


def release(held: Held) -> None:
    """Gives the lease back, if it is still held. The row stays, so that the token keeps growing."""
    with suppress(Lease.DoesNotExist), transaction.atomic():
        row = Lease.objects.select_for_update().get(name=held.name)
        if row.token == held.token:
            row.expires_at = 0
            row.save(update_fields=["expires_at"])
