"""Exceptions: what lies outside the error budget, who looks at it, what it is worth and which clause decides.

One exception has one class, one kind and one clause. See docs/rules/reconciliation.md, section "Exceptions".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tollbook.core.agreement import Agreement

FRAUD: Final = "FRAUD"
QUALITY: Final = "QUALITY"
DATA: Final = "DATA"
KINDS: Final = (FRAUD, QUALITY, DATA)

# Who looks at a class. What is not here clears itself: rounding inside its band, and pairs that agree.
KIND_OF_CLASS: Final = {
    "DUPLICATE_THEIRS": DATA,
    "DUPLICATE_OURS": DATA,
    "ANSWER_MISMATCH": QUALITY,  # one side says that nobody answered: false answer supervision is what it looks like
    "MISSING_OURS": DATA,
    "MISSING_THEIRS": DATA,
    "TIME_SHIFT": DATA,
    "CURRENCY_MISMATCH": DATA,
    "DESTINATION_MISMATCH": DATA,
    "DURATION_VARIANCE": QUALITY,
    "INCREMENT_VARIANCE": DATA,
    "RATE_VARIANCE": DATA,
}
OWNER_OF_KIND: Final = {FRAUD: "fraud desk", QUALITY: "network operations", DATA: "billing"}

_DECK: Final = ("RATE", "DESTINATION", "TIME_SHIFT", "RATE_VARIANCE", "DESTINATION_MISMATCH")
_RATING: Final = (
    *("DURATION", "INCREMENT", "ROUNDING", "FEE", "ANSWER_MISMATCH"),
    *("DURATION_VARIANCE", "INCREMENT_VARIANCE"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """All pairs and records of one class: an exception, where the error budget does not cover it. Amounts in 1/60 nanos."""

    class_: str
    kind: str
    owner: str
    clause: str
    calls: int
    minutes_ms: int
    difference: int  # theirs - ours, net
    at_risk: int  # the part that costs us: what they bill too much, or what they leave out of what they owe


def kind_of(class_: str, *, fraud_flag: bool = False) -> str | None:
    """FRAUD, QUALITY or DATA; None where the class clears itself. Evidence of fraud changes the desk, not the class."""
    kind = KIND_OF_CLASS.get(class_)
    return FRAUD if kind is not None and fraud_flag else kind


def clause_of(agreement: Agreement, name: str, *, payable: bool) -> str:
    """The clause that decides a class or a cause: of the deck for prices, of rating for seconds, else of the disputes."""
    deck = agreement.buy if payable else agreement.sell
    if name in _DECK:
        return (deck.clause if deck else "") or agreement.rating.clause
    if name in _RATING:
        return agreement.rating.clause
    return agreement.dispute.clause or agreement.rating.clause


def case(
    agreement: Agreement, class_: str, calls: int, minutes_ms: int, gross_plus: int, gross_minus: int, *, payable: bool
) -> Case | None:
    """The exception of a class with its money, from the differences above and below zero; None for a class that clears itself."""
    kind = kind_of(class_)
    if kind is None or not calls:
        return None
    at_risk = gross_plus if payable else -gross_minus
    return Case(
        class_,
        kind,
        OWNER_OF_KIND[kind],
        clause_of(agreement, class_, payable=payable),
        calls,
        minutes_ms,
        gross_plus + gross_minus,
        at_risk,
    )
