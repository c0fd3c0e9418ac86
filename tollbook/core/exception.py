"""Exceptions: what lies outside the error budget, who looks at it, what it is worth and which clause decides.

One exception has one class, one kind and one clause. What may be decided about it is a table here; a decision is an event that is only
ever added, and the state is what the events make. See docs/rules/reconciliation.md, sections "Exceptions" and "Decisions".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tollbook.core.agreement import Agreement
from tollbook.core.problem import Refusal, refuse

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


OPEN, SUPERSEDED = "OPEN", "SUPERSEDED"
DISPUTED, ACCEPTED, TOLERATED, OUR_ERROR = "DISPUTED", "ACCEPTED", "TOLERATED", "OUR_ERROR"
ASSIGN, COMMENT, DECIDE, UNDO, CARRY = "ASSIGN", "COMMENT", "DECIDE", "UNDO", "CARRY"


@dataclass(frozen=True, slots=True)
class Decision:
    """What may be decided. None of them posts money: a dispute, a credit or a corrected run does."""

    name: str
    label: str  # on a button
    done: str  # in a sentence about the past
    meaning: str
    needs_claim: bool = False  # something has to be at risk for us
    needs_reason: bool = True
    is_limited: bool = False  # above the guard of a line only with the right to sign off


DECISIONS: Final = {
    each.name: each
    for each in (
        Decision(
            DISPUTED,
            "Dispute",
            "disputed",
            "They bill what they should not. It stays in the dispute with the partner, which carries the evidence.",
            needs_claim=True,
            needs_reason=False,
        ),
        Decision(
            ACCEPTED,
            "Accept",
            "accepted",
            "Theirs is right, and the cost stands as they bill it. It leaves the dispute when that is submitted.",
        ),
        Decision(
            TOLERATED,
            "Tolerate",
            "tolerated",
            "The sides differ, and it is not worth pursuing. Up to the guard of a line in the agreement.",
            is_limited=True,
        ),
        Decision(
            OUR_ERROR, "Our error", "taken as our error", "Our records, our deck or our set-up is wrong. Mend it and run the period again."
        ),
    )
}
STATES: Final = (OPEN, *DECISIONS, SUPERSEDED)
EVENTS: Final = (ASSIGN, COMMENT, DECIDE, UNDO, CARRY)

_MOVES: Final = """
OPEN        DECIDE   DISPUTED    DISPUTED
OPEN        DECIDE   ACCEPTED    ACCEPTED
OPEN        DECIDE   TOLERATED   TOLERATED
OPEN        DECIDE   OUR_ERROR   OUR_ERROR
OPEN        CARRY    DISPUTED    DISPUTED
OPEN        CARRY    ACCEPTED    ACCEPTED
OPEN        CARRY    TOLERATED   TOLERATED
OPEN        CARRY    OUR_ERROR   OUR_ERROR
OPEN        CARRY    -           OPEN
DISPUTED    UNDO     DISPUTED    OPEN
ACCEPTED    UNDO     ACCEPTED    OPEN
TOLERATED   UNDO     TOLERATED   OPEN
OUR_ERROR   UNDO     OUR_ERROR   OPEN
"""
MOVES: Final = {
    (state, kind, "" if decision == "-" else decision): following
    for state, kind, decision, following in (line.split() for line in _MOVES.strip().splitlines())
}
# While the dispute of an exception is in one of these states, or there is none, the exception is ours to decide.
OURS_TO_DECIDE: Final = ("", "DRAFT", "WITHDRAWN", "TIME_BARRED")


@dataclass(frozen=True, slots=True)
class Event:
    """What was done, as far as it moves the state."""

    kind: str
    decision: str = ""


def next_state(state: str, kind: str, decision: str = "") -> str:
    """The state after an event. Comments are taken in every state and assignments in every one but SUPERSEDED; EXCEPTION_STEP for what
    the table does not have, EXCEPTION_DECISION for a word that is no decision."""
    if kind == COMMENT or (kind == ASSIGN and state != SUPERSEDED):
        return state
    if kind == DECIDE and decision not in DECISIONS:
        raise refuse("EXCEPTION_DECISION", value=decision)
    found = MOVES.get((state, kind, decision))
    if found is None:
        words = {SUPERSEDED: "A later run took its place.", OPEN: "Nothing was decided about it."}
        words |= {name: f"It was {rule.done} already." for name, rule in DECISIONS.items()}
        raise refuse("EXCEPTION_STEP", words[state], column=state, value=kind)
    return found


def state_after(events: Iterable[Event]) -> str:
    """The state that the events make of an exception, in their order."""
    state = OPEN
    for each in events:
        state = next_state(state, each.kind, each.decision)
    return state


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision depends on beside the state. `dispute_state` is empty where it is in no dispute; `limit_micros` is the amount up to
    which a difference may be tolerated, `may_exceed` whether the one who decides has the right to sign off."""

    amount_micros: int
    limit_micros: int
    dispute_state: str = ""
    may_exceed: bool = False


def check_decision(decision: str, given: Circumstances) -> None:
    """Refuses a decision that the circumstances do not allow: EXCEPTION_NO_CLAIM, EXCEPTION_LIMIT, EXCEPTION_IN_DISPUTE."""
    rule = DECISIONS[decision]
    if rule.needs_claim and given.amount_micros <= 0:
        raise refuse("EXCEPTION_NO_CLAIM")
    if rule.is_limited and given.amount_micros > given.limit_micros and not given.may_exceed:
        raise refuse("EXCEPTION_LIMIT", value=given.amount_micros)
    if decision != DISPUTED and given.dispute_state not in OURS_TO_DECIDE:
        raise refuse("EXCEPTION_IN_DISPUTE", value=given.dispute_state)


def check_undo(given: Circumstances) -> None:
    """Refuses to undo where a dispute that the partner has depends on it: EXCEPTION_IN_DISPUTE."""
    if given.dispute_state not in OURS_TO_DECIDE:
        raise refuse("EXCEPTION_IN_DISPUTE", value=given.dispute_state)


def open_decisions(state: str, given: Circumstances) -> dict[str, str]:
    """Every decision with what speaks against it now; empty where it is open. For those who choose."""
    found: dict[str, str] = {}
    for name in DECISIONS:
        try:
            next_state(state, DECIDE, name)
            check_decision(name, given)
            found[name] = ""
        except Refusal as refusal:
            found[name] = refusal.problems[0].reason
    return found


def conceded_micros(disputed_micros: int, decided: Iterable[tuple[str, int]]) -> int:
    """How much of a dispute we give up when it is submitted: the net difference of its exceptions that were decided otherwise (state,
    amount), never more than is disputed. What they left out makes the dispute smaller than the sum of its classes, hence the bound."""
    otherwise = sum(max(0, amount) for state, amount in decided if state in DECISIONS and state != DISPUTED)
    return min(disputed_micros, otherwise)


def carries(amount_micros: int, earlier_micros: int) -> bool:
    """Whether a decision stands in the run after: the same class of the same place over the same amount. Any other amount is looked at
    again, with the earlier decision beside it."""
    return amount_micros == earlier_micros
