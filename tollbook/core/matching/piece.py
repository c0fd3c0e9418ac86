"""A stretch of our time in which the other side's clock keeps one offset or drifts evenly. See docs/rules/matching.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["OK", "CLOCK_SKEW", "CLOCK_DRIFT", "TIMEZONE_SHIFT", "OFFSET_UNSTABLE", "OFFSET_UNKNOWN", "OFFSET_INSUFFICIENT"]
Step = Literal["", "DST_SHIFT", "ZONE_STEP", "CLOCK_STEP"]
Evidence = Literal["IDS", "NUMBERS", "NONE"]

QUARTER_HOUR_MS: Final = 900_000
SKEW_LIMIT_MS: Final = 300_000
PPB: Final = 10**9


def nearest(numerator: int, denominator: int) -> int:
    """The quotient rounded to the nearest integer, halves upwards. The denominator is positive."""
    return (2 * numerator + denominator) // (2 * denominator)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of OUR time, [from_ms, until_ms), open where None, in which `theirs - offset` is our clock.

    `measured_ms` is what was found, `offset_ms` what is applied: nothing where the finding is within a second or cannot be trusted.
    With a drift the offset grows by `drift_ppb` from `reference_ms` on. `step` names the change of offset at `from_ms`. The change
    itself lies somewhere between two pairs: the piece may hold from `earliest_ms` and until `latest_ms`.
    """

    source: str
    from_ms: int | None
    until_ms: int | None
    kind: Kind
    offset_ms: int
    measured_ms: int
    pairs: int
    evidence: Evidence
    drift_ppb: int = 0
    reference_ms: int = 0
    step: Step = ""
    step_ms: int = 0
    earliest_ms: int | None = None
    latest_ms: int | None = None

    @property
    def skew_ms(self) -> int:
        """The offset without whole quarter-hours of time zone."""
        if abs(self.measured_ms) < SKEW_LIMIT_MS:
            return self.measured_ms
        return self.measured_ms - QUARTER_HOUR_MS * nearest(self.measured_ms, QUARTER_HOUR_MS)

    def offset_at(self, our_ms: int) -> int:
        """The offset at an instant of our clock."""
        return self.offset_ms + nearest(self.drift_ppb * (our_ms - self.reference_ms), PPB)

    def ours(self, their_ms: int) -> int:
        """Their instant on our clock."""
        since = their_ms - self.offset_ms - self.reference_ms
        return their_ms - self.offset_ms - nearest(self.drift_ppb * since, PPB + self.drift_ppb)
