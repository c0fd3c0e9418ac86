"""The one clock. Real, unless an instant is pinned: by TOLLBOOK_NOW (the command line's --now) or by `pinned` in a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from tollbook.core.problem import refuse

NOW_VARIABLE = "TOLLBOOK_NOW"
_pinned: ContextVar[int | None] = ContextVar("tollbook_now", default=None)


def now_ms() -> int:
    """Milliseconds since 1970, UTC."""
    chosen = _pinned.get()
    if chosen is not None:
        return chosen
    text = os.environ.get(NOW_VARIABLE)
    if text:
        return parse_instant_ms(text)
    return to_ms(datetime.now(UTC))


def is_pinned() -> bool:
    """Whether the clock stands still: what acts as of another day says so to people."""
    return _pinned.get() is not None or bool(os.environ.get(NOW_VARIABLE))


def to_ms(instant: datetime) -> int:
    """An aware datetime as milliseconds; microseconds are cut, never rounded up into the future."""
    whole = int(instant.replace(microsecond=0).timestamp())
    return whole * 1000 + instant.microsecond // 1000


def parse_instant_ms(text: str) -> int:
    """An ISO instant (UTC where it names no offset) as milliseconds; INSTANT_INVALID for anything else."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise refuse("INSTANT_INVALID", f"{text} is no ISO instant.", value=text) from error
    return to_ms(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def show_instant(instant_ms: int) -> str:
    """An instant for people and JSON: 2026-11-22T03:05:00.000Z."""
    shown = datetime.fromtimestamp(instant_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{shown}.{instant_ms % 1000:03d}Z"


@contextmanager
def pinned(instant_ms: int) -> Iterator[None]:
    """Time stands still at an instant."""
    token = _pinned.set(instant_ms)
    try:
        yield
    finally:
        _pinned.reset(token)


def real_now_ms() -> int:
    """The machine's time, pinned or not: for the age of files, which the machine stamps too."""
    return to_ms(datetime.now(UTC))
