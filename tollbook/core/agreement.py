"""The agreement with a partner: a versioned document whose clauses decide how minutes become money.

Every default is the one of docs/reference/agreement.md. Percentages are exact fractions, instants are UTC milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

FORMAT = "tollbook-agreement/1"


@dataclass(frozen=True, slots=True)
class RoundAt:
    """The one rounding point of the contract: CALL, LINE or DOCUMENT, and its decimal places."""

    point: str = "CALL"
    places: int = 6

    def __str__(self) -> str:
        return f"{self.point}({self.places})"


@dataclass(frozen=True, slots=True)
class RatingTerms:
    """How one call is priced. `threshold_ms` serves duration_mode THRESHOLD alone."""

    price_anchor: str = "ANSWER"
    duration_mode: str = "CEIL"
    threshold_ms: int = 50
    duration_basis: str = "RECORDED"
    round_at: RoundAt = field(default_factory=RoundAt)
    rounding: str = "HALF_UP"
    zero_duration_billable: bool = False
    grace_waives_fees: bool = True
    free_keeps_connect: bool = False
    clause: str = ""


@dataclass(frozen=True, slots=True)
class DeckTerms:
    """Which deck prices a direction, and the notice an increase needs. `deck` is a path beside the agreement or a name in the book."""

    deck: str
    notice_days: int = 7
    clause: str = ""


@dataclass(frozen=True, slots=True)
class PeriodTerms:
    """The invoice cycle in the agreement's zone and the days to payment. `anchor` puts a call into its period."""

    cycle: str = "MONTHLY"
    anchor: str = "ANSWER"
    terms_days: int = 30
    clause: str = ""


@dataclass(frozen=True, slots=True)
class ToleranceTerms:
    """The error budget: percentages of our own minutes and value, the guard per destination line, and how they combine."""

    minutes_pct: Fraction = Fraction(3, 10)
    value_pct: Fraction = Fraction(2, 10)
    logic: str = "ALL"
    line_pct: Fraction = Fraction(2)
    line_amount_micros: int = 25_000_000
    clause: str = ""


@dataclass(frozen=True, slots=True)
class DisputeTerms:
    """The window for a dispute, from when it counts, and whether the full variance or only the excess is disputed."""

    window_days: int = 30
    window_from: str = "INVOICE_DATE"
    basis: str = "FULL"
    clause: str = ""


@dataclass(frozen=True, slots=True)
class MatchingTerms:
    """Anchored rewrites of the partner's Call-ID, tried in order: (pattern, replacement)."""

    callid_rewrite: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of the contract as both parties signed it."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """One version of the agreement with one partner. `digest` is the SHA-256 of the document, in hex."""

    id: str
    version: str
    partner: str
    effective_from: int | None
    known_from: int | None
    zone: str
    currency: str
    digest: str
    rating: RatingTerms
    buy: DeckTerms | None
    sell: DeckTerms | None
    period: PeriodTerms
    tolerance: ToleranceTerms
    dispute: DisputeTerms
    matching: MatchingTerms
    clauses: dict[str, Clause]
    name: str = ""

    def clause_title(self, number: str) -> str:
        """A clause as people write it: its number and title, or the number alone where the text is not in the document."""
        clause = self.clauses.get(number)
        return f"{number} {clause.title}" if clause else number
