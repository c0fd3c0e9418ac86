"""What came of the rows of a deck's versions when they were laid over each other: the import report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tollbook.core.deck import Deck
from tollbook.core.deck_digest import canonical_instant
from tollbook.core.deck_notice import NoticeTerms
from tollbook.core.deck_timeline import (
    BEGINNING,
    CANCELLED,
    CHANGES,
    LAPSED,
    NONE,
    PLACED,
    REJECTED,
    UNCHANGED,
)
from tollbook.core.problem import Problem, problem
from tollbook.engine.deck_timeline import LaidOut, Timeline, lay_out_timeline, timeline_of

Array = npt.NDArray[Any]
MOST_PER_CODE = 1_000
# A declared word that fits a computed change, beside the change's own.
_FITS = {"UNCHANGED": ("RENAME",), "RENAME": ("UNCHANGED",), "PENDING": CHANGES}


def timeline_problems(decks: list[Deck], known_at_ms: int | None = None, *, notice: NoticeTerms | None = None) -> list[Problem]:
    """Deferred and refused rows, retroactive starts, cancelled pending rows, gaps, and declared changes that the rates contradict."""
    timeline = timeline_of(decks, known_at_ms, notice or NoticeTerms())
    laid_out = lay_out_timeline(timeline)
    return [*_row_problems(timeline, laid_out), *_gap_problems(timeline, laid_out)]


def _row_problems(timeline: Timeline, laid_out: LaidOut) -> Iterator[Problem]:
    rows, placement = timeline.rows, laid_out.placement
    count = len(rows.code)
    tested = timeline.versions.tested[rows.version]
    received = timeline.versions.received[rows.version]
    outcome, change, start = placement.outcome[:count], placement.change[:count], placement.start[:count]
    moved = (outcome == PLACED) & tested & (start > rows.claimed) & (change != UNCHANGED)
    retroactive = moved & (start == received) & (rows.claimed < received)
    chosen = (
        ("NOTICE_REJECTED", outcome == REJECTED),
        ("NOTICE_DEFERRED", moved & ~retroactive | (outcome == LAPSED)),
        ("RETROACTIVE", retroactive),
        ("PENDING_CANCELLED", outcome == CANCELLED),
        ("CHANGE_TYPE_MISMATCH", _mismatched(timeline, change)),
    )
    for code, mask in chosen:
        for row in np.flatnonzero(mask)[:MOST_PER_CODE]:
            yield _row_problem(timeline, laid_out, code, int(row))


def _mismatched(timeline: Timeline, change: Array) -> Array:
    """Rows whose declared change is another than the computed one. The first version has nothing to compare with."""
    declared = timeline.table.column("declared_change").to_pylist()
    mask = np.zeros(len(change), dtype=bool)
    for row in np.flatnonzero((timeline.rows.version > 0) & (change >= 0)):
        word = declared[timeline.order[row]]
        computed = CHANGES[change[row]]
        mask[row] = word is not None and word != computed and computed not in _FITS.get(word, ())
    return mask


def _row_problem(timeline: Timeline, laid_out: LaidOut, code: str, row: int) -> Problem:
    found = timeline.table.slice(int(timeline.order[row]), 1).to_pylist()[0]
    claimed = canonical_instant(_known(int(timeline.rows.claimed[row]))) or "the beginning"
    starts = canonical_instant(_known(int(laid_out.placement.start[row]))) or "the beginning"
    change = CHANGES[laid_out.placement.change[row]]
    reasons = {
        "NOTICE_REJECTED": f"{change} of code {found['code']} claimed from {claimed} is refused: the notice is too short.",
        "NOTICE_DEFERRED": f"{change} of code {found['code']} claimed from {claimed} counts from {starts}.",
        "RETROACTIVE": f"{change} of code {found['code']} claimed from {claimed} counts from receipt, {starts}.",
        "PENDING_CANCELLED": f"Code {found['code']} from {starts} is voided by a newer version.",
        "CHANGE_TYPE_MISMATCH": f"Code {found['code']} is declared {found['declared_change']}; the rates say {change}.",
    }
    return problem(code, reasons[code], file=timeline.decks[found["deck"]].file, row=found["row"], value=found["code"])


def _known(at_ms: int) -> int | None:
    return None if at_ms == BEGINNING else at_ms


def _gap_problems(timeline: Timeline, laid_out: LaidOut) -> Iterator[Problem]:
    """A stretch without a price between two with one. A code that a version withdrew and a later one brought back is no gap."""
    first, slots = laid_out.segment_first, laid_out.segment_slot
    used = int(first[-1])
    inside = np.flatnonzero((slots[: used - 1] == NONE) & (slots[1:used] != NONE)) if used > 1 else np.empty(0, dtype=np.int64)
    shown = 0
    for place in inside:
        code = int(np.searchsorted(first, place, side="right")) - 1
        before = int(slots[place - 1]) if place > first[code] else NONE
        ended = before != NONE and laid_out.placement.until[before] == laid_out.segment_from[place]
        if place + 1 >= first[code + 1] or not ended or shown >= MOST_PER_CODE:
            continue
        shown += 1
        start, end = (canonical_instant(_known(int(laid_out.segment_from[at]))) for at in (place, place + 1))
        text = timeline.codes[code].as_py()
        yield problem(
            "DECK_GAP", f"Code {text} has no price of its own from {start} until {end}.", file=timeline.decks[-1].file, value=text
        )
