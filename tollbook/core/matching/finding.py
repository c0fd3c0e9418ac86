"""What a matching run noticed beside its pairs: the clocks, stretches counted from another event, numbers too crowded to tell apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tollbook.core.matching.anchor import AnchorShift
from tollbook.core.matching.offset import SKEW_MS
from tollbook.core.matching.piece import Piece
from tollbook.core.problem import Problem, problem


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding: its code in the problem catalogue, the stretch of OUR time (open where None), a value in ms or None, how many records."""

    code: str
    value_ms: int | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    count: int = 0
    source: str = ""
    reason: str = ""

    def as_problem(self) -> Problem:
        """The finding as a coded problem; the file is the source it was found in."""
        return problem(self.code, self.reason, file=self.source, value="" if self.value_ms is None else f"{self.value_ms} ms")


NOT_USED: Final = {
    "OFFSET_UNSTABLE": "The answers of sure pairs do not agree on a clock offset; no correction was made.",
    "OFFSET_UNKNOWN": "The clocks differ by no whole quarter-hours; no correction was made.",
    "OFFSET_INSUFFICIENT": "Too few sure pairs to measure the clock; the declared zone is used as it is.",
}


def of_pieces(pieces: Iterable[Piece]) -> list[Finding]:
    """The findings of the clocks, in the order of the pieces: the step that begins a piece, then what the piece is."""
    found = []
    for piece in pieces:
        if piece.step:
            reason = f"The offset of the partner's clock changes by {piece.step_ms} ms within the records."
            found.append(Finding(piece.step, piece.step_ms, piece.from_ms, piece.from_ms, piece.pairs, piece.source, reason))
        if piece.kind == "CLOCK_DRIFT":
            found.append(_of(piece, "CLOCK_DRIFT", piece.measured_ms, f"The partner's clock drifts by {piece.drift_ppb} parts per 10^9."))
        elif piece.kind == "TIMEZONE_SHIFT":
            zone_ms = piece.measured_ms - piece.skew_ms
            found.append(_of(piece, "TIMEZONE_SHIFT", zone_ms, f"The partner's times are {zone_ms} ms of time zone from ours."))
        elif piece.kind in NOT_USED:
            value = None if piece.kind == "OFFSET_INSUFFICIENT" else piece.measured_ms
            found.append(_of(piece, piece.kind, value, NOT_USED[piece.kind]))
        if piece.kind in ("CLOCK_SKEW", "TIMEZONE_SHIFT") and abs(piece.skew_ms) >= SKEW_MS:
            found.append(_of(piece, "CLOCK_SKEW", piece.skew_ms, f"The partner's clock is {piece.skew_ms} ms from ours."))
    return found


def _of(piece: Piece, code: str, value_ms: int | None, reason: str) -> Finding:
    return Finding(code, value_ms, piece.from_ms, piece.until_ms, piece.pairs, piece.source, reason)


def of_shifts(shifts: Iterable[AnchorShift]) -> list[Finding]:
    """The stretches in which one side counts from another event than the answer."""
    who = {-1: "Theirs starts", 1: "Ours starts"}
    return [
        Finding(
            "ANCHOR_SHIFT",
            shift.answer_ms,
            shift.from_ms,
            shift.until_ms,
            shift.pairs,
            reason=f"{who[shift.direction]} calls {abs(shift.answer_ms)} ms before the other side's answer though both end together.",
        )
        for shift in shifts
    ]
