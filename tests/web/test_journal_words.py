"""The journal by the words of people: exceptions by their names, whom one was given to, and the sealing of a close by its own word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import transaction

from tollbook.core.rights import Actor, Role
from tollbook.flow import exception as work
from tollbook.store import journal
from tollbook.store.models import ExceptionCase, Journal
from tollbook.web.journal_words import matching, told

from . import seed

OWNER = Actor("owner", Role.OWNER)


def _shown() -> dict[str, str]:
    rows = Journal.objects.order_by("seq").values("seq", "action", "subject")
    return {each["subject"]: each["action"] for each in told(list(rows))}


def _written(action: str = "issue document", subject: str = "CLOSE close 2026-11 1") -> None:
    """A journal row as flow writes it; that of a sealed close where nothing else is asked for."""
    with transaction.atomic():
        journal.append(
            at=seed.NOW_MS,
            actor="owner",
            action=action,
            subject=subject,
            reason="",
            idempotency_key=None,
            input_hash="0" * 64,
            result={"number": 1},
        )


def test_an_exception_is_called_by_its_class_partner_and_period(full_book: Path) -> None:
    case = ExceptionCase.objects.get(id=seed.digest("aurora DURATION_VARIANCE"))
    work.assign([work.Seen(case.id, case.last_event)], "billing", actor=OWNER)
    case.refresh_from_db()
    work.assign([work.Seen(case.id, case.last_event)], "", actor=OWNER)
    shown = _shown()
    assert shown[f"Duration, Aurora Voice {case.period}, to billing"] == "Assign exception"
    assert shown[f"Duration, Aurora Voice {case.period}, to nobody"] == "Assign exception"


def test_an_exception_is_found_by_its_name(full_book: Path) -> None:
    case = ExceptionCase.objects.get(id=seed.digest("aurora DURATION_VARIANCE"))
    work.comment([case.id], "asked them", actor=OWNER)
    for text in ("duration", "Aurora Voice", f"Duration, aurora {case.period}", case.id[:12]):
        assert case.id in matching({"subject": text})[0].values_list("subject", flat=True), text
    assert not matching({"subject": "duration boreal"})[0].filter(subject=case.id).exists()


def test_the_sealing_of_a_close_is_found_as_such(full_book: Path) -> None:
    _written()
    assert _shown()["Close 2026-11 1"] == "Seal close"
    for filters in ({"action": "seal"}, {"action": "close"}, {"action": "seal close"}, {"subject": "close"}):
        assert "CLOSE close 2026-11 1" in matching(filters)[0].values_list("subject", flat=True), filters


def test_an_action_is_found_by_the_words_that_are_shown(full_book: Path) -> None:
    _written("user.invite", "user/noc")
    journal_rows = dict(matching({"action": "Invite user"})[0].values_list("subject", "action"))
    assert set(journal_rows.values()) == {"user.invite"}
    assert "user/noc" in journal_rows
    assert matching({"action": "invite", "actor": "owner"})[1] == {"actor": "owner"}, "other filters are left to the table"


def test_the_page_says_the_same_and_keeps_what_is_written(full_book: Path, log_in: Callable[[str], Any]) -> None:
    _written()
    client = log_in("auditor")
    page = client.get("/journal/?t-action=seal+close").content.decode()
    assert "Seal close" in page
    seq = Journal.objects.get(subject="CLOSE close 2026-11 1").seq
    row = client.get(f"/journal/{seq}/").content.decode()
    assert "Seal close" in row
    assert "CLOSE close 2026-11 1" in row
    assert "<details>" in row, "the result as it is written is folded"
