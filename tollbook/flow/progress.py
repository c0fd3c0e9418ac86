"""How far long work is, told by the work itself to whoever watches it; nobody has to.

    with watched(lambda step: print(step.stage, step.done, step.total)):
        close_period(...)

The work calls `report` with its whole length, `advance` for a step inside of it and `note` for what it is at. A watcher may end the work
by raising from the call: work tells between two transactions, never inside one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Step:
    """Where the work is: a stage (a word of the code, shown in plain words), what of it, and steps done of all; a total of 0 is unknown."""

    stage: str
    done: int = 0
    total: int = 0
    detail: str = ""


Watcher: TypeAlias = Callable[[Step], None]


class _Watched:
    """One watcher and the last thing it was told. `until` is where `advance` stops: the begin of the next part."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher, self.last, self.until = watcher, Step(""), 0

    def tell(self, step: Step) -> None:
        self.last = step
        self.watcher(step)


_watching: ContextVar[_Watched | None] = ContextVar("tollbook_progress", default=None)


@contextmanager
def watched(watcher: Watcher | None) -> Iterator[None]:
    """Everything done inside tells this watcher; None leaves whoever watches already."""
    if watcher is None:
        yield
        return
    token = _watching.set(_Watched(watcher))
    try:
        yield
    finally:
        _watching.reset(token)


def report(stage: str, done: int = 0, total: int = 0, detail: str = "", *, steps: int = 1) -> None:
    """A part begins: `done` of `total` lie behind, and this part is `steps` long."""
    if (watching := _watching.get()) is not None:
        watching.until = done + steps
        watching.tell(Step(stage, done, total, detail))


def advance(stage: str) -> None:
    """The next step of the same part begins."""
    if (watching := _watching.get()) is not None:
        done = min(watching.last.done + 1, max(watching.until - 1, watching.last.done))
        watching.tell(replace(watching.last, stage=stage, done=done))


def note(detail: str) -> None:
    """What the step is at, in a few words; nothing else changes."""
    if (watching := _watching.get()) is not None:
        watching.tell(replace(watching.last, detail=detail))


# Every stage in plain words, for pages and terminals.
WORDS: Final = {
    "": "Starting",
    "checking": "Checking",
    "counting": "Adding up traffic and quality",
    "invoicing": "Writing invoices",
    "payables": "Taking in suppliers' invoices",
    "rating": "Rating the calls",
    "reading": "Reading",
    "reconciliation": "Comparing with the partner's records",
    "sealing": "Sealing the close",
    "verifying": "Computing everything again",
}


def in_words(stage: str, detail: str) -> str:
    """A stage as one line: Rating the calls: aurora."""
    words = WORDS.get(stage, stage.capitalize())
    return f"{words}: {detail}" if detail else words
