"""A database connection of a thread's own that gives up early: for what must never hold up the work it runs beside."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connections
from django.db.utils import load_backend

PATIENCE_S: Final = 0.25


@contextmanager
def impatient_connection() -> Iterator[None]:
    """In this thread every query goes over a connection that waits a quarter of a second for a lock, then fails; closed at the end."""
    settings = copy.deepcopy(connections.settings["default"])
    if settings["ENGINE"].endswith("sqlite3"):
        settings["OPTIONS"]["timeout"] = PATIENCE_S
    else:
        milliseconds = int(PATIENCE_S * 1000)
        settings["OPTIONS"]["options"] = f"{settings['OPTIONS'].get('options', '')} -c lock_timeout={milliseconds}".strip()
    connections["default"] = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "default")
    try:
        yield
    finally:
        connections["default"].close()
        del connections["default"]
