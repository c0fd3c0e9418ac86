"""Disputes: the lifecycle as a table, whose each step is, the clocks, what may be paid meanwhile, and how one ends.

See docs/rules/settlement.md, section "Disputes".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from tollbook.core.agreement import DisputeTerms
from tollbook.core.money import HALF_UP, divide_rounded
from tollbook.core.period import add_business_days, roll_day
from tollbook.core.problem import refuse
from tollbook.core.rights import Actor, Right, allowed


@dataclass(frozen=True, slots=True)
class Transition:
    """In `state`, `event` leads to `next` when the guard holds. A guard is the name of a fact; empty means always."""

    state: str
    event: str
    guard: str
    next: str


_TABLE: Final = """
DRAFT               submit        in_window            SUBMITTED
DRAFT               submit        window_missed        TIME_BARRED
DRAFT               expire        window_missed        TIME_BARRED
DRAFT               withdraw      -                    WITHDRAWN
SUBMITTED           acknowledge   -                    ACKNOWLEDGED
SUBMITTED           withdraw      -                    WITHDRAWN
SUBMITTED           expire        silence_accepts      DEEMED_ACCEPTED
ACKNOWLEDGED        review        -                    UNDER_REVIEW
ACKNOWLEDGED        withdraw      -                    WITHDRAWN
UNDER_REVIEW        ask           -                    MORE_INFO
UNDER_REVIEW        accept        -                    ACCEPTED
UNDER_REVIEW        accept_part   -                    PARTIALLY_ACCEPTED
UNDER_REVIEW        reject        -                    REJECTED
UNDER_REVIEW        withdraw      -                    WITHDRAWN
MORE_INFO           answer        -                    UNDER_REVIEW
MORE_INFO           withdraw      -                    WITHDRAWN
ACCEPTED            settle        credit_note          SETTLED
PARTIALLY_ACCEPTED  settle        credit_note          SETTLED
PARTIALLY_ACCEPTED  escalate      -                    ESCALATED_L1
DEEMED_ACCEPTED     settle        credit_note          SETTLED
REJECTED            escalate      -                    ESCALATED_L1
REJECTED            settle        -                    SETTLED
ESCALATED_L1        settle        -                    SETTLED
ESCALATED_L1        escalate      -                    ESCALATED_L2
ESCALATED_L2        settle        -                    SETTLED
ESCALATED_L2        escalate      -                    ARBITRATION
ARBITRATION         settle        -                    SETTLED
SETTLED             close         -                    CLOSED
WITHDRAWN           close         -                    CLOSED
TIME_BARRED         close         -                    CLOSED
"""
TRANSITIONS: Final = tuple(
    Transition(state, event, "" if guard == "-" else guard, following)
    for state, event, guard, following in (line.split() for line in _TABLE.strip().splitlines())
)
STATES: Final = tuple(dict.fromkeys(each for row in TRANSITIONS for each in (row.state, row.next)))
GUARDS: Final = ("in_window", "window_missed", "silence_accepts", "credit_note")


@dataclass(frozen=True, slots=True)
class Step:
    """An event for people. `side` is whose it is; ours may record one of theirs that came by mail. `is_told`: its words are for both."""

    event: str
    side: str
    label: str
    recorded: str  # the label where ours records it for them
    done: str
    needs_reason: bool = False
    is_told: bool = False


OURS, THEIRS = "OURS", "THEIRS"
STEPS: Final = {
    each.event: each
    for each in (
        Step("submit", OURS, "Submit", "Submit", "submitted", is_told=True),
        Step("withdraw", OURS, "Withdraw", "Withdraw", "withdrawn", needs_reason=True),
        Step(
            "answer",
            OURS,
            "Send what they ask for",
            "Send what they ask for",
            "answered with more evidence",
            needs_reason=True,
            is_told=True,
        ),
        Step("escalate", OURS, "Escalate", "Escalate", "escalated", needs_reason=True, is_told=True),
        Step("settle", OURS, "Settle", "Settle", "settled"),
        Step("close", OURS, "Close", "Close", "closed"),
        Step("expire", OURS, "The window has passed", "The window has passed", "ended by its clock"),
        Step("acknowledge", THEIRS, "Acknowledge", "They acknowledged it", "acknowledged", is_told=True),
        Step("review", THEIRS, "Start the review", "They review it", "taken under review", is_told=True),
        Step("ask", THEIRS, "Ask for more", "They ask for more", "answered with a question", needs_reason=True, is_told=True),
        Step("accept", THEIRS, "Accept", "They accept", "accepted", is_told=True),
        Step("accept_part", THEIRS, "Accept a part", "They accept a part", "accepted in part", is_told=True),
        Step("reject", THEIRS, "Reject", "They reject it", "rejected", needs_reason=True, is_told=True),
    )
}
RIGHTS_OF_SIDE: Final = {OURS: (Right.WORK_DISPUTES,), THEIRS: (Right.ANSWER_DISPUTES, Right.WORK_DISPUTES)}
# The clock that runs in a state, as the column that holds when it ends.
CLOCK_OF_STATE: Final = {
    "DRAFT": "window_ends_at",
    "SUBMITTED": "acknowledge_by_at",
    "ACKNOWLEDGED": "answer_by_at",
    "UNDER_REVIEW": "answer_by_at",
    "MORE_INFO": "answer_by_at",
    "REJECTED": "escalate_l1_at",
    "PARTIALLY_ACCEPTED": "escalate_l1_at",
    "ESCALATED_L1": "escalate_l2_at",
}
# States that end a dispute without a credit: what was withheld is owed.
ENDED_WITHOUT_CREDIT: Final = ("WITHDRAWN", "TIME_BARRED")
# In these states the disputed amount is not paid. A rejected dispute is open until it is settled or escalated.
OPEN_STATES: Final = tuple(state for state in STATES if state not in ("SETTLED", "WITHDRAWN", "TIME_BARRED", "CLOSED"))


def next_state(state: str, event: str, facts: Mapping[str, bool]) -> str:
    """The state that follows; DISPUTE_STEP where the table has no such step or its guard does not hold."""
    rows = [row for row in TRANSITIONS if row.state == state and row.event == event]
    for row in rows:
        if not row.guard or facts.get(row.guard, False):
            return row.next
    needs = " or ".join(row.guard for row in rows)
    reason = f"From {state}, {event} needs {needs}." if rows else f"From {state} there is no step {event}."
    raise refuse("DISPUTE_STEP", reason, column=state, value=event)


def right_for(actor: Actor, event: str, partner: str) -> Right:
    """The right by which somebody takes a step: the first of its side that he has, else the last one, which then refuses him."""
    rights = RIGHTS_OF_SIDE[STEPS[event].side] if event in STEPS else (Right.WORK_DISPUTES,)
    return next((right for right in rights if allowed(actor, right, partner)), rights[-1])


def open_events(state: str, facts: Mapping[str, bool]) -> list[str]:
    """The events of a state whose guard holds, in the order of the table."""
    found = [row.event for row in TRANSITIONS if row.state == state and (not row.guard or facts.get(row.guard, False))]
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The clocks of a dispute: local days in the recipient's contract zone, each counted to its very end."""

    evidence_due: date
    submit_until: date
    acknowledge_by: date | None
    answer_by: date | None
    escalate_l1_on: date | None
    escalate_l2_on: date | None


EVIDENCE_BUSINESS_DAYS: Final = 3
ACKNOWLEDGE_BUSINESS_DAYS: Final = 2
ANSWER_BUSINESS_DAYS: Final = 10
ESCALATE_DAYS: Final = 15


def window_end(
    terms: DisputeTerms, issued_on: date, received_on: date | None, *, roll: str = "NONE", holidays: Collection[date] = ()
) -> date:
    """The last day on which an invoice can be disputed: 2025-04-03 with 30 days is 2025-05-03, although it is a Saturday."""
    start = received_on if terms.window_from == "INVOICE_RECEIVED" and received_on is not None else issued_on
    return roll_day(start + timedelta(days=terms.window_days), roll, frozenset(holidays))


def deadlines(
    terms: DisputeTerms,
    *,
    period_end: date,
    issued_on: date,
    received_on: date | None = None,
    submitted_on: date | None = None,
    holidays: Collection[date] = (),
) -> Deadlines:
    """The clocks that are known: those of the answer start when the dispute is submitted."""
    answer = answer_clocks(submitted_on, holidays) if submitted_on else None
    return Deadlines(
        add_business_days(period_end, EVIDENCE_BUSINESS_DAYS, holidays),
        window_end(terms, issued_on, received_on, holidays=holidays),
        answer.acknowledge_by if answer else None,
        answer.answer_by if answer else None,
        answer.escalate_l1_on if answer else None,
        answer.escalate_l2_on if answer else None,
    )


@dataclass(frozen=True, slots=True)
class AnswerClocks:
    """The clocks that start when a dispute is submitted."""

    acknowledge_by: date
    answer_by: date
    escalate_l1_on: date
    escalate_l2_on: date


def answer_clocks(submitted_on: date, holidays: Collection[date] = ()) -> AnswerClocks:
    """When a submitted dispute has to be acknowledged and answered, and from when it may be escalated."""
    answer = add_business_days(submitted_on, ANSWER_BUSINESS_DAYS, holidays)
    first = answer + timedelta(days=ESCALATE_DAYS)
    return AnswerClocks(
        add_business_days(submitted_on, ACKNOWLEDGE_BUSINESS_DAYS, holidays), answer, first, first + timedelta(days=ESCALATE_DAYS)
    )


def is_in_window(last_day: date, submitted_on: date) -> bool:
    """Whether a submission is in time; `submitted_on` is the day in the recipient's contract zone, and the last day counts in full."""
    return submitted_on <= last_day


@dataclass(frozen=True, slots=True)
class Release:
    """What of an invoice is paid on its due date and what waits, in micro-units."""

    payable_net: int
    payable_tax: int
    withheld_net: int
    withheld_tax: int

    @property
    def payable_gross(self) -> int:
        return self.payable_net + self.payable_tax

    @property
    def withheld_gross(self) -> int:
        return self.withheld_net + self.withheld_tax


def undisputed_release(net_micros: int, tax_micros: int, disputed_net_micros: int, minor_micros: int = 10_000) -> Release:
    """Undisputed money moves, disputed money waits, with the tax that belongs to it, in whole minor units of the currency.

    118,000.00 with 7,350.00 disputed and 20 % tax: 132,780.00 is paid and 8,820.00 is withheld. DISPUTE_TOO_LARGE where more is
    disputed than was invoiced.
    """
    if not 0 <= disputed_net_micros <= net_micros:
        raise refuse("DISPUTE_TOO_LARGE", value=disputed_net_micros)
    withheld_tax = divide_rounded(tax_micros * disputed_net_micros, net_micros * minor_micros, HALF_UP) * minor_micros if net_micros else 0
    return Release(net_micros - disputed_net_micros, tax_micros - withheld_tax, disputed_net_micros, withheld_tax)


def credit_note_micros(disputed_micros: int, accepted_micros: int, already_credited_micros: int = 0) -> int:
    """What the credit note of a settled dispute is over: never more than what is still open of the line (DISPUTE_TOO_LARGE)."""
    if accepted_micros < 0 or accepted_micros > disputed_micros - already_credited_micros:
        raise refuse("DISPUTE_TOO_LARGE", "The credit is larger than what is open of the disputed amount.", value=accepted_micros)
    return accepted_micros


def tax_of(part_micros: int, net_micros: int, tax_micros: int) -> int:
    """The tax that belongs to a part of a net amount, cut to whole micro-units."""
    return tax_micros * part_micros // net_micros if net_micros else 0


def share(part_micros: int, whole_micros: int) -> str:
    """A part as a percentage with two decimals, half up, for people: 7,350 of 118,000 is 6.23."""
    hundredths = divide_rounded(part_micros * 10_000, whole_micros, HALF_UP) if whole_micros else 0
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def already_disputed(invoice: str, calls: Collection[str], open_or_settled: Mapping[str, Collection[str]]) -> list[str]:
    """Calls of an invoice that were disputed before: a call is disputed once per invoice. The result is in order."""
    return sorted(set(calls) & set(open_or_settled.get(invoice, ())))
