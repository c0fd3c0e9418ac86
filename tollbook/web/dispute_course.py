"""The course of a dispute as people see it: where it came from, where it stands, which clock runs, and what each side said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tollbook.core.dispute import CLOCK_OF_STATE, OPEN_STATES, STEPS, THEIRS
from tollbook.core.rights import Actor
from tollbook.store.models import Dispute, DisputeEvent
from tollbook.web.words import human

MS_PER_DAY: Final = 86_400_000
_STOPS: Final = (
    ("Draft", ("DRAFT",)),
    ("Submitted", ("SUBMITTED",)),
    ("Acknowledged", ("ACKNOWLEDGED",)),
    ("Under review", ("UNDER_REVIEW", "MORE_INFO")),
    ("Answered", ("ACCEPTED", "PARTIALLY_ACCEPTED", "REJECTED", "DEEMED_ACCEPTED")),
    ("Escalated", ("ESCALATED_L1", "ESCALATED_L2", "ARBITRATION")),
    ("Settled", ("SETTLED",)),
    ("Closed", ("CLOSED",)),
)
_ENDS: Final = {"WITHDRAWN": "Withdrawn", "TIME_BARRED": "Window missed"}
CLOCKS: Final = (
    ("window_ends_at", "Submit by"),
    ("acknowledge_by_at", "Acknowledge by"),
    ("answer_by_at", "Answer by"),
    ("escalate_l1_at", "Settle or escalate by"),
    ("escalate_l2_at", "Settle or escalate again by"),
)


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop: done, here, or still to come; `note` says when it was, or which clock runs towards it."""

    name: str
    is_done: bool
    is_here: bool
    at: int | None = None
    note: str = ""
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """A deadline. `words` say how it stands where it is the one that runs."""

    name: str
    at: int
    words: str = ""
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """A step that was taken: what, by whom, and the words that are for the reader."""

    words: str
    who: str
    at: int
    remark: str
    amount_micros: int | None


def due(at: int, now: int) -> tuple[str, bool]:
    """How a deadline stands, and whether it has passed."""
    if at < now:
        days = (now - at) // MS_PER_DAY
        return ("overdue" if not days else f"overdue by {days} day{'s' if days > 1 else ''}"), True
    days = (at - now) // MS_PER_DAY
    return ("due within a day" if not days else f"due in {days} day{'s' if days > 1 else ''}"), False


def clocks(row: Dispute, now: int) -> list[Clock]:
    """The deadlines that are known, the running one with how it stands."""
    running, found = CLOCK_OF_STATE.get(row.state, ""), []
    for column, name in CLOCKS:
        at = getattr(row, column)
        if at is None:
            continue
        words, is_late = due(at, now) if column == running else ("", False)
        found.append(Clock(name, at, words, is_late))
    return found


def course(row: Dispute, events: Sequence[DisputeEvent], now: int) -> list[Stop]:
    """The stops of a dispute, in order. A stop that was passed over (an escalation nobody needed) is left out."""
    reached = {each.to_state: each.at for each in events}
    reached.setdefault("DRAFT", row.raised_at or 0)
    stops = [(name, states) for name, states in _STOPS if name != "Escalated" or row.state in states or reached.keys() & set(states)]
    end = next((state for state in _ENDS if state == row.state or state in reached), None)
    if end is not None:
        passed = [(name, states) for name, states in stops if reached.keys() & set(states) and name != "Closed"]
        stops = [*passed, (_ENDS[end], (end,)), ("Closed", ("CLOSED",))]
    here = next((number for number, (_, states) in enumerate(stops) if row.state in states), 0)
    words, is_late = _running(row, now)
    found = []
    for number, (name, states) in enumerate(stops):
        at = max((reached[state] for state in states if state in reached), default=None)
        if number == here + 1:
            found.append(Stop(name, False, False, None, words, is_late))
        else:
            note = human(row.state) if number == here and len(states) > 1 and human(row.state) != name else ""
            found.append(Stop(name, number < here, number == here, at if number <= here else None, note))
    return found


def _running(row: Dispute, now: int) -> tuple[str, bool]:
    at = getattr(row, CLOCK_OF_STATE[row.state], None) if row.state in CLOCK_OF_STATE and row.state in OPEN_STATES else None
    return due(at, now) if at is not None else ("", False)


def is_recorded_for_them(event: DisputeEvent) -> bool:
    """Whether ours wrote down a step of theirs, which came by mail or over the phone."""
    return event.side == THEIRS and not event.partner


def said(events: Sequence[DisputeEvent], viewer: Actor, operator: str) -> list[Said]:
    """What was done, the newest first. A partner's user reads what was meant for both sides, and nobody's name of ours."""
    found = []
    for each in sorted(events, key=lambda event: -event.number):
        own = viewer.partner is None or each.partner == viewer.partner
        step = STEPS[each.event]
        recorded = " (recorded for them)" if viewer.partner is None and is_recorded_for_them(each) else ""
        words = step.done[0].upper() + step.done[1:] + recorded
        remark = each.remark if each.is_told or own else ""
        found.append(Said(words, each.actor if own else operator, each.at, remark, each.amount_micros))
    return found
