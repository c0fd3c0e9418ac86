"""Core's matching functions compiled for the machine: functions that call each other are linked in their compiled form."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, Final

from tollbook.core.matching import assignment, component, containment, fold, tie_break
from tollbook.engine.compiled import compiled


def linked(function: Callable[..., Any], *callees: Callable[..., Any]) -> Any:
    """The function compiled with the core functions it calls, each named before those it calls itself."""
    built: dict[str, Any] = {}
    for callee in reversed(callees):
        built[callee.__name__] = _with(callee, built)
    return _with(function, built)


def _with(function: Callable[..., Any], built: dict[str, Any]) -> Any:
    raw: Any = function
    copy = FunctionType(raw.__code__, {**raw.__globals__, **built}, raw.__name__, raw.__defaults__, raw.__closure__)
    copy.__module__ = raw.__module__
    copy.__qualname__ = raw.__qualname__
    return compiled(copy)


assign: Final = linked(assignment.assign, assignment.heap_push, assignment.heap_drop, assignment.augment)
settle_ties: Final = linked(
    tie_break.settle_ties, tie_break.tight_rows, tie_break.displace, tie_break.refill, tie_break.shift, tie_break.cover_up
)
components: Final = compiled(component.components)
count_twice: Final = compiled(component.count_twice)
accepted: Final = compiled(containment.accepted)
resolve: Final = linked(fold.resolve, fold.best_path, fold.reading)
