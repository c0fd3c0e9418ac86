"""Records that do not go on as they are: exact duplicates, phantoms of a switch restart, parts of one call.

The words and windows; engine.mediation runs them over columns. See docs/rules/mediation.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

# Who ends a call by signalling it. A timer ends what nobody signalled; a source that does not say is like one that does not know.
SIGNALLED: Final = ("CALLER", "CALLEE")

DUP_EXACT: Final = "DUP_EXACT"
DUP_RELOAD: Final = "DUP_RELOAD"
DUP_NEAR: Final = "DUP_NEAR"
PARTIAL: Final = "PARTIAL"
PARTIAL_GAP: Final = "PARTIAL_GAP"

ACCEPTANCE: Final = {
    DUP_EXACT: "NON_PAYABLE",
    DUP_RELOAD: "NON_PAYABLE",
    DUP_NEAR: "PAYABLE",
    PARTIAL: "NON_PAYABLE",
    PARTIAL_GAP: "PAYABLE",
}

# How far apart the answers of a call and of its phantom may be, and those of near duplicates and their durations.
RELOAD_WITHIN_MS: Final = 1_000
NEAR_WITHIN_MS: Final = 1_000
# Between the end of a part and the beginning of the next.
CONTIGUOUS_MS: Final = 2_000
# Parts of one Call-ID further apart than this are two calls.
PARTS_APART_MS: Final = 6 * 3_600_000


def union_ms(intervals: Iterable[tuple[int, int]]) -> int:
    """The length of the union of intervals (start, end): parts that overlap count once, a hole is not conversation.

    0-300 s and 298-600 s are 600 s: not 602, their sum; and 0-300 s and 400-600 s are 500 s, not 600.
    """
    total = 0
    latest: int | None = None
    for start, end in sorted(intervals):
        begin = start if latest is None else max(start, latest)
        total += max(0, end - begin)
        latest = end if latest is None else max(latest, end)
    return total
