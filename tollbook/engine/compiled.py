"""Compiles core's integer functions for columns: one source for the auditor and for the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_folder() -> Path:
    """Where compiled functions are kept, per user: $TOLLBOOK_CACHE, else $XDG_CACHE_HOME/tollbook, else ~/.cache/tollbook."""
    chosen = os.environ.get("TOLLBOOK_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tollbook"


# numba reads this when it is imported first, so it stands before the import.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "numba"))

import numba  # noqa: E402


def compiled(function: Function) -> Function:
    """The function compiled for the machine, its result kept on disk; the GIL is released while it runs.

    Integer arithmetic in compiled code wraps silently, so callers bound their inputs beforehand.
    """
    built: Function = numba.njit(cache=True, nogil=True)(function)
    return built
