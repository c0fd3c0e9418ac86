"""What the forms of exceptions do: read the fields, ask flow, and say what was done, with the way back beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest
from django.utils.crypto import get_random_string

from tollbook.core.exception import DECISIONS
from tollbook.core.problem import Refusal, refuse
from tollbook.core.rights import Actor
from tollbook.flow import exception as work
from tollbook.flow.exception import Seen
from tollbook.web import book

UNDO_KEPT: Final = "exception-undo"
_CASE: Final = re.compile(r"([0-9a-f]{64})\.([0-9]{1,9})")
_KEY: Final = re.compile(r"[A-Za-z0-9]{16,64}")
_CONFLICTS: Final = {"EXCEPTION_STALE", "EXCEPTION_STEP", "EXCEPTION_IN_DISPUTE", "IDEMPOTENCY_CONFLICT", "DISPUTE_MOVED", "DISPUTE_STEP"}


def case_value(key: str, last_event: int) -> str:
    """An exception as a form names it: with the last event that was shown, so that nobody decides about what he has not seen."""
    return f"{key}.{last_event}"


def new_key() -> str:
    """An idempotency key for a form: sent twice it is done once."""
    return get_random_string(32)


def status_of(refusal: Refusal) -> int:
    """403 where a right is missing, 409 where somebody was quicker or the state does not allow it, 422 for what was entered."""
    codes = {each.code for each in refusal.problems}
    return 403 if "RIGHT_MISSING" in codes else 409 if codes & _CONFLICTS else 422


def act(request: HttpRequest, viewer: Actor) -> None:
    """Does what the form asks for and leaves a message; Refusal where it cannot be done."""
    given = request.POST
    cases = _cases(given.getlist("case"))
    reason, action = given.get("reason", ""), given.get("do", "")
    key = given.get("key", "")
    options: dict[str, Any] = {"actor": viewer, "idempotency_key": f"web {viewer.name} {key}" if _KEY.fullmatch(key) else None}
    if action == "decide":
        decision = given.get("decision", "")
        work.decide(book.current(), cases, decision, reason=reason, **options)
        _keep_for_undo(request, cases, f"{_number(cases)} {DECISIONS[decision].done}.")
    elif action == "undo":
        work.undo(cases, reason=reason, **options)
        messages.success(request, f"The decision about {_number(cases)} was undone.")
    elif action == "assign":
        assignee = given.get("assignee", "").strip()
        work.assign(cases, assignee, reason=reason, **options)
        messages.success(
            request, f"{_number(cases)} given to {assignee}." if assignee else f"{_number(cases)} taken back: with nobody now."
        )
    elif action == "comment":
        work.comment([each.id for each in cases], reason, **options)
        messages.success(request, f"Your comment stands on {_number(cases)}.")
    else:
        raise refuse("EXCEPTION_DECISION", "The form does not say what to do.", value=action)


def undo_offered(request: HttpRequest) -> dict[str, Any] | None:
    """What was just decided, for the undo beside the message; shown once."""
    found: dict[str, Any] | None = request.session.pop(UNDO_KEPT, None)
    return found


def _keep_for_undo(request: HttpRequest, cases: Sequence[Seen], words: str) -> None:
    """Undoing names the event that the decision became: the one after what was seen."""
    kept = [case_value(each.id, each.last_event + 1) for each in cases]
    request.session[UNDO_KEPT] = {"words": words[0].upper() + words[1:], "cases": kept}


def _cases(values: Sequence[str]) -> list[Seen]:
    found = [_CASE.fullmatch(each) for each in values[: work.MOST_AT_ONCE + 1]]
    if not found:
        raise refuse("EXCEPTION_CHOICE", "No exception was chosen.")
    if not all(found):
        raise refuse("EXCEPTION_UNKNOWN")
    return [Seen(each[1], int(each[2])) for each in found if each]


def _number(cases: Sequence[Seen]) -> str:
    return "1 exception" if len(cases) == 1 else f"{len(cases)} exceptions"
