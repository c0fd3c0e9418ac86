"""Compiles core's integer functions for columns: one source for the auditor and for the machine."""

from __future__ import annotations

import hashlib
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


def _sources() -> str:
    """A digest of the sources that are compiled: numba looks at one file alone, but what it compiles calls functions of others.

    They are the modules of core that say that numba compiles them, and the modules of engine that import this one.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parent.parent
    for folder, mark in (("core", b"numba"), ("engine", b"compiled import")):
        for path in sorted(package.glob(f"{folder}/*.py")):
            content = path.read_bytes()
            digest.update(content if mark in content else b"")
    return digest.hexdigest()[:16]


# numba reads this when it is imported first, so it stands before the import.
os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / f"numba-{_sources()}"))

import numba  # noqa: E402
from numba.extending import register_jitable  # noqa: E402


def compiled(function: Function) -> Function:
    """The function compiled for the machine, its result kept on disk; the GIL is released while it runs.

    Integer arithmetic in compiled code wraps silently and does not look for a division by zero, so callers bound their inputs beforehand.
    """
    built: Function = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return built


def callable_when_compiled(*functions: Callable[..., Any]) -> None:
    """Lets compiled functions call these plain ones, which stay as they are for everybody else."""
    for function in functions:
        register_jitable(function)


def inlined_when_compiled(*functions: Callable[..., Any]) -> None:
    """Like `callable_when_compiled`, for the innermost functions that take arrays: a call would count references to each of them."""
    for function in functions:
        register_jitable(inline="always")(function)
