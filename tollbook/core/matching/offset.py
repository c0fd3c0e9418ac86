"""How far the other side's clock is from ours: pieces of constant offset or drift, found from the answers of sure pairs.

A difference is theirs minus ours in ms. Differences are never reduced to one median first: a change of zone in the middle of a
file would hide in it. Integer arithmetic throughout, so that the same records give the same pieces. See docs/rules/matching.md.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tollbook.core.matching.assignment import Int64s
from tollbook.core.matching.drift import residuals, slope_ppb
from tollbook.core.matching.piece import PPB, QUARTER_HOUR_MS, SKEW_LIMIT_MS, Evidence, Kind, Step, nearest
from tollbook.core.matching.piece import Piece as Piece
from tollbook.core.matching.step import FEWEST_PAIRS as FEWEST_PAIRS
from tollbook.core.matching.step import find_cuts, median
from tollbook.core.zone import Zone

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
STABLE_PERCENT: Final = 60
NEAR_MODE_MS: Final = 1_500
SKEW_MS: Final = 1_000
ZONE_CHANGE_WITHIN_MS: Final = 300_000
DRIFT_LEAST_PPB: Final = 50_000
DRIFT_SPAN_MS: Final = 6 * 3_600_000
DRIFT_RESIDUAL_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Sample:
    """Sure pairs in the order of our answer: our answers, theirs minus ours of the answers and of the releases, in ms."""

    answers: Int64s
    answer_deltas: Int64s
    release_deltas: Int64s

    def cut(self, start: int, end: int) -> Sample:
        return Sample(self.answers[start:end], self.answer_deltas[start:end], self.release_deltas[start:end])


@dataclass(frozen=True, slots=True)
class Grain:
    """By how much the truncation of one side's clock biases a difference, and how far from their centre differences still count."""

    bias_ms: int
    window_ms: int

    @classmethod
    def of(cls, our_answers: Int64s, their_answers: Int64s) -> Grain:
        for grain_ms, window_ms in ((MINUTE_MS, MINUTE_MS), (SECOND_MS, NEAR_MODE_MS)):
            ours, theirs = not np.any(our_answers % grain_ms), not np.any(their_answers % grain_ms)
            if ours != theirs:
                return cls(grain_ms // 2 if theirs else -(grain_ms // 2), window_ms)
        return cls(0, NEAR_MODE_MS)


def centre(deltas: Int64s, grain: Grain) -> int:
    """The mean of the differences near the most frequent whole second, without the bias of truncation.

    Whole seconds on one side alone are no proof of truncation; truncated times also scatter over a whole second, half of them over
    half a second.
    """
    mode = _mode_ms(deltas, grain)
    near = deltas[np.abs(deltas - mode) <= grain.window_ms]
    quarter = len(near) // 4
    ordered = np.partition(near, [quarter, len(near) - 1 - quarter])
    scattered = 10 * int(ordered[len(near) - 1 - quarter] - ordered[quarter]) >= 7 * abs(grain.bias_ms)
    return nearest(int((near - mode).sum()), len(near)) + mode + (grain.bias_ms if scattered else 0)


def _mode_ms(deltas: Int64s, grain: Grain) -> int:
    if grain.window_ms == MINUTE_MS:
        return median(deltas)
    seconds, counts = np.unique((deltas + SECOND_MS // 2) // SECOND_MS, return_counts=True)
    return int(seconds[np.argmax(counts)]) * SECOND_MS


def share_near(deltas: Int64s, centre_ms: int, within_ms: int) -> int:
    """How many of a hundred differences lie near a value, rounded down."""
    return int(100 * np.count_nonzero(np.abs(deltas - centre_ms) <= within_ms) // max(len(deltas), 1))


def measure(sample: Sample, grain: Grain) -> int:
    """The offset of a piece, of the answers; of the releases where those agree far better.

    Where the other side counts from another event than the answer, the answers scatter and the releases still tell the clock.
    """
    by_answer = centre(sample.answer_deltas, grain)
    by_release = centre(sample.release_deltas, grain)
    answers_agree = share_near(sample.answer_deltas, by_answer, grain.window_ms)
    releases_agree = share_near(sample.release_deltas, by_release, grain.window_ms)
    if releases_agree >= STABLE_PERCENT and 2 * releases_agree > 3 * answers_agree:
        return by_release
    return by_answer


def _drift(sample: Sample, grain: Grain) -> tuple[int, int, int] | None:
    """(offset, drift in ppb, reference instant) of a piece whose clock runs fast or slow; None where it does not."""
    reference_ms = int(sample.answers[0])
    if int(sample.answers[-1]) - reference_ms < DRIFT_SPAN_MS:
        return None
    drift_ppb = slope_ppb(sample.answers, sample.answer_deltas)
    if abs(drift_ppb) < DRIFT_LEAST_PPB:
        return None
    flat = residuals(sample.answers, sample.answer_deltas, drift_ppb, reference_ms)
    offset_ms = centre(flat, grain)
    spread = median(np.abs(flat - median(flat)))
    constant = median(np.abs(sample.answer_deltas - median(sample.answer_deltas)))
    if spread > DRIFT_RESIDUAL_MS or spread > constant:
        return None
    return offset_ms, drift_ppb, reference_ms


def classify(measured_ms: int, deltas: Int64s) -> Kind:
    """What an offset without drift is: the first line that applies."""
    if share_near(deltas, measured_ms, MINUTE_MS) < STABLE_PERCENT:
        return "OFFSET_UNSTABLE"
    if abs(measured_ms) < SKEW_MS:
        return "OK"
    if abs(measured_ms) < SKEW_LIMIT_MS:
        return "CLOCK_SKEW"
    quarters = nearest(measured_ms, QUARTER_HOUR_MS)
    if quarters != 0 and abs(measured_ms - quarters * QUARTER_HOUR_MS) <= SKEW_LIMIT_MS:
        return "TIMEZONE_SHIFT"
    return "OFFSET_UNKNOWN"


def detect(sample: Sample, source: str, evidence: Evidence, zone: Zone | None = None) -> list[Piece]:
    """The pieces of one source of theirs. `zone` is the partner's, to tell its change of season from another step.

    With fewer than 30 pairs there is one piece without correction, OFFSET_INSUFFICIENT.
    """
    if len(sample.answers) < FEWEST_PAIRS:
        return [insufficient(source, len(sample.answers))]
    grain = Grain.of(sample.answers, sample.answers + sample.answer_deltas)
    cuts = find_cuts(sample.answers, sample.answer_deltas)
    pieces: list[Piece] = []
    for before, after in itertools.pairwise([None, *cuts, None]):
        start, end = before.index if before else 0, after.index if after else len(sample.answers)
        piece = replace(
            _piece(sample.cut(start, end), grain, source, evidence),
            from_ms=before.middle_ms if before else None,
            until_ms=after.middle_ms if after else None,
            earliest_ms=before.before_ms if before else None,
            latest_ms=after.after_ms if after else None,
        )
        pieces.append(_with_step(piece, pieces[-1], zone) if pieces else piece)
    return pieces


def insufficient(source: str, pairs: int) -> Piece:
    """One piece for all time, without correction: there is too little to measure."""
    return Piece(source, None, None, "OFFSET_INSUFFICIENT", 0, 0, pairs, "NONE")


def _piece(sample: Sample, grain: Grain, source: str, evidence: Evidence) -> Piece:
    drift = _drift(sample, grain)
    count = len(sample.answers)
    if drift is not None:
        offset_ms, drift_ppb, reference_ms = drift
        return Piece(source, None, None, "CLOCK_DRIFT", offset_ms, offset_ms, count, evidence, drift_ppb, reference_ms)
    measured_ms = measure(sample, grain)
    kind = classify(measured_ms, sample.answer_deltas)
    applied_ms = measured_ms if kind in ("CLOCK_SKEW", "TIMEZONE_SHIFT") else 0
    return Piece(source, None, None, kind, applied_ms, measured_ms, count, evidence)


def _with_step(piece: Piece, before: Piece, zone: Zone | None) -> Piece:
    """The piece with the change of offset that begins it: the partner's season, another zone, or another clock."""
    at_ms = piece.from_ms or 0
    difference = piece.measured_ms - before.measured_ms
    if before.drift_ppb:
        difference = piece.measured_ms - before.measured_ms - nearest(before.drift_ppb * (at_ms - before.reference_ms), PPB)
    quarters = nearest(difference, QUARTER_HOUR_MS)
    step: Step = "CLOCK_STEP"
    step_ms = difference
    if quarters != 0 and abs(difference - quarters * QUARTER_HOUR_MS) <= MINUTE_MS:
        step_ms = quarters * QUARTER_HOUR_MS
        step = "ZONE_STEP"
        # A local hour that happens twice was read as its first occurrence: its end is a step too, as long after as the step is.
        near = (at_ms, at_ms - abs(step_ms))
        if zone is not None and any(zone.change_near(instant, ZONE_CHANGE_WITHIN_MS) is not None for instant in near):
            step = "DST_SHIFT"
    return replace(piece, step=step, step_ms=step_ms)
