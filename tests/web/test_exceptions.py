"""Working exceptions and disputes in the browser's words: decide, undo, many at once, who was quicker, whose step it is, wrong input."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .seed import NOW_MS, digest

RATE, DURATION = digest("aurora RATE_VARIANCE"), digest("aurora DURATION_VARIANCE")
OTHERS = digest("cirrus DURATION_VARIANCE")
QUEUE, DISPUTE = "/exceptions/", "/disputes/D-aurora-2026-11/"
DAY_MS = 86_400_000


def row(key: str = DURATION) -> Any:
    from tollbook.store.models import ExceptionCase

    return ExceptionCase.objects.get(id=key)


def case(key: str = DURATION) -> str:
    from tollbook.web.exception_actions import case_value

    return case_value(key, row(key).last_event)


def state(**values: Any) -> Any:
    from tollbook.store.models import Dispute

    Dispute.objects.filter(id="D-aurora-2026-11").update(**values)
    return Dispute.objects.get(id="D-aurora-2026-11")


def test_an_exception_is_decided_and_undone(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client, address = log_in("billing"), f"/exceptions/{DURATION}/"
    sent = {"do": "decide", "case": case(), "decision": "ACCEPTED", "reason": "they started at the alert", "key": "k" * 32}
    assert client.post(address, sent).status_code == 302
    assert (row().state, row().decided_by) == ("ACCEPTED", "billing")
    text = client.get(address).content.decode()
    assert "1 exception accepted." in text
    assert "they started at the alert" in text
    found = re.search(r'<form class="notice[^>]*>(.*?)</form>', text, re.DOTALL)
    assert found
    fields = dict(re.findall(r'name="(case|reason|key)" value="([^"]*)"', found[1]))
    assert "1 exception accepted." not in client.get(address).content.decode(), "the undo is offered once"
    assert client.post(address, {**fields, "do": "undo"}).status_code == 302
    assert row().state == "OPEN"
    assert [each.kind for each in row().events.order_by("number")] == ["DECIDE", "UNDO"]


def test_sent_twice_it_is_done_once(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("billing")
    sent = {"do": "comment", "case": case(), "reason": "asked their NOC", "key": "k" * 32}
    for _ in range(2):
        assert client.post(f"/exceptions/{DURATION}/", sent).status_code == 302
    assert row().events.count() == 1


def test_many_are_decided_in_the_queue(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("owner")
    both = [case(DURATION), case(OTHERS)]
    text = client.get(QUEUE).content.decode()
    assert all(f'value="{each}" form="bulk"' in text for each in both)
    assert client.post(QUEUE, {"do": "assign", "case": both, "assignee": "billing"}).status_code == 302
    both = [case(DURATION), case(OTHERS)]
    sent = {"do": "decide", "case": both, "decision": "TOLERATED", "reason": "agreed"}
    response = client.post(f"{QUEUE}?show=all", sent)
    assert (response.status_code, response["Location"]) == (302, f"{QUEUE}?show=all")
    assert {row(key).state for key in (DURATION, OTHERS)} == {"TOLERATED"}
    text = client.get(f"{QUEUE}?show=decided").content.decode()
    assert "2 exceptions tolerated." in text
    assert "1 to 2 of 2" in text


def test_the_views_of_the_queue(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("billing")
    client.post(QUEUE, {"do": "assign", "case": case(), "assignee": "billing"})
    client.post(QUEUE, {"do": "decide", "case": case(OTHERS), "decision": "DISPUTED"})
    for view, number in (("", 3), ("?show=waiting", 3), ("?show=mine", 1), ("?show=unassigned", 2), ("?show=decided", 1), ("?show=all", 4)):
        assert f"1 to {number} of {number}" in client.get(QUEUE + view).content.decode(), view
    assert "1 to 1 of 1" in client.get(f"{QUEUE}?t-state=DISPUTED").content.decode()
    assert "1 to 1 of 1" in client.get(f"{QUEUE}?t-assignee=billing&t-owner=billing").content.decode()
    assert "1 to 3 of 3" in client.get(f"{QUEUE}?show=%27%22%3E").content.decode()
    exported = b"".join(client.get(f"{QUEUE}?show=all&t-export=csv").streaming_content).decode()
    assert exported.startswith("\ufeffDifference,")
    assert "checkbox" not in exported


def test_an_empty_view_says_that_there_is_more(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("billing")
    assert "Nothing is with you" in client.get(f"{QUEUE}?show=mine").content.decode()
    decided = client.get(f"{QUEUE}?show=decided").content.decode()
    assert "Nothing is decided yet" in decided
    assert "with somebody else" not in decided, "that is said of what waits"


def test_who_was_quicker_is_said(full_book: Path, log_in: Callable[[str], Any]) -> None:
    before = case()
    log_in("owner").post(f"/exceptions/{DURATION}/", {"do": "comment", "case": before, "reason": "wait for me"})
    response = log_in("billing").post(
        f"/exceptions/{DURATION}/", {"do": "decide", "case": before, "decision": "ACCEPTED", "reason": "so be it"}
    )
    text = response.content.decode()
    assert response.status_code == 409
    assert "owner (owner) was quicker" in text
    assert "so be it" in text, "what was written is not lost"
    assert row().state == "OPEN"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"case": ""}, 422, "EXCEPTION_UNKNOWN"),
        ({"case": "'; DROP TABLE exception--"}, 422, "EXCEPTION_UNKNOWN"),
        ({"case": f"{'0' * 64}.0"}, 422, "EXCEPTION_UNKNOWN"),
        ({"case": f"{DURATION}.99999999999999999999"}, 422, "EXCEPTION_UNKNOWN"),
        ({"decision": ""}, 422, "EXCEPTION_DECISION"),
        ({"decision": "SUPERSEDED"}, 422, "EXCEPTION_DECISION"),
        ({"decision": "TOLERATED"}, 422, "EXCEPTION_LIMIT"),
        ({"reason": " "}, 422, "REMARK_MISSING"),
        ({"reason": "x" * 2_001}, 422, "REMARK_UNUSABLE"),
        ({"reason": "a\0b"}, 422, "REMARK_UNUSABLE"),
        ({"do": ""}, 422, "EXCEPTION_DECISION"),
        ({"do": "assign", "assignee": "<script>"}, 422, "EXCEPTION_ASSIGNEE"),
        ({"do": "assign", "assignee": "noc"}, 422, "EXCEPTION_ASSIGNEE"),
        ({"do": "undo"}, 409, "EXCEPTION_STEP"),
        ({"do": "comment", "reason": ""}, 422, "REMARK_MISSING"),
    ],
)
@pytest.mark.parametrize("address", [QUEUE, f"/exceptions/{DURATION}/"], ids=["queue", "one"])
def test_wrong_input_says_what_to_do(
    full_book: Path, log_in: Callable[[str], Any], address: str, change: dict[str, str], status: int, code: str
) -> None:
    client = log_in("billing")
    response = client.post(address, {"do": "decide", "case": case(), "decision": "ACCEPTED", "reason": "x", **change})
    text = response.content.decode()
    assert (response.status_code, code in text) == (status, True), re.findall(r"<code>([A-Z_]+)</code>", text)
    assert "<script>" not in text
    assert (row().state, row().last_event) == ("OPEN", 0)


def test_nothing_chosen_is_said(full_book: Path, log_in: Callable[[str], Any]) -> None:
    response = log_in("billing").post(QUEUE, {"do": "decide", "decision": "ACCEPTED", "reason": "x"})
    assert (response.status_code, b"No exception was chosen." in response.content) == (422, True)


@pytest.mark.parametrize("person", ["noc", "routes", "cfo", "auditor", "aurora-user", "cirrus-user"])
def test_only_those_who_work_them_decide(full_book: Path, log_in: Callable[[str], Any], person: str) -> None:
    client = log_in(person)
    for address in (QUEUE, f"/exceptions/{DURATION}/"):
        for do in ("decide", "assign", "comment", "undo"):
            response = client.post(address, {"do": do, "case": case(), "decision": "ACCEPTED", "reason": "x"})
            assert response.status_code == 403, f"{person} {do}"
    assert row().last_event == 0
    if person in ("cfo", "auditor"):
        assert b'name="case"' not in client.get(QUEUE).content
        assert b"Who looks at it" not in client.get(f"/exceptions/{DURATION}/").content


def test_what_the_partner_has_cannot_be_decided_away(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """The dispute of RATE_VARIANCE was submitted: the other decisions are closed, and the page says why."""
    client = log_in("billing")
    text = client.get(f"/exceptions/{RATE}/").content.decode()
    assert text.count(" disabled>") + text.count(" disabled ") == 3
    sent = {"do": "decide", "case": case(RATE), "decision": "ACCEPTED", "reason": "x"}
    response = client.post(f"/exceptions/{RATE}/", sent)
    assert (response.status_code, b"EXCEPTION_IN_DISPUTE" in response.content) == (409, True)


def test_a_partner_answers_its_own_dispute(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """Acknowledges, reviews, accepts a part with its words; sees nothing of what ours wrote for themselves, and no name of ours."""
    from tollbook.store.models import Dispute

    own, other, ours = log_in("aurora-user"), log_in("cirrus-user"), log_in("billing")
    assert other.post(DISPUTE, {"event": "acknowledge"}).status_code == 404
    for event in ("withdraw", "settle", "close"):
        assert own.post(DISPUTE, {"event": event, "reason": "x", "credit": "1"}).status_code in (403, 422), event
    text = own.get(DISPUTE).content.decode()
    assert 'value="acknowledge"' in text
    assert 'value="withdraw"' not in text
    for event in ("acknowledge", "review"):
        assert own.post(DISPUTE, {"event": event}).status_code == 302
    assert own.post(DISPUTE, {"event": "accept_part", "credit": "4312.18"}).status_code == 422
    sent = {"event": "accept_part", "credit": "1000.50", "reason": "our deck was late <b>", "seen": "UNDER_REVIEW"}
    assert own.post(DISPUTE, sent).status_code == 302
    found = Dispute.objects.get(id="D-aurora-2026-11")
    assert (found.state, found.accepted_micros) == ("PARTIALLY_ACCEPTED", 1_000_500_000)
    assert "our deck was late &lt;b&gt;" in ours.get(DISPUTE).content.decode()
    assert ours.post(DISPUTE, {"event": "settle", "credit": "1000.50", "reason": "not worth more"}).status_code == 302
    text = own.get(DISPUTE).content.decode()
    assert "not worth more" not in text
    assert "billing" not in text.replace("billing (", "")
    assert "not worth more" in ours.get(DISPUTE).content.decode()


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"event": ""}, 422, "DISPUTE_STEP"),
        ({"event": "<script>"}, 422, "DISPUTE_STEP"),
        ({"event": "close"}, 409, "DISPUTE_STEP"),
        ({"event": "settle", "credit": ""}, 422, "DISPUTE_AMOUNT"),
        ({"event": "settle", "credit": "-1"}, 422, "DISPUTE_AMOUNT"),
        ({"event": "settle", "credit": "12,50"}, 422, "DISPUTE_AMOUNT"),
        ({"event": "settle", "credit": "9" * 40}, 422, "DISPUTE_AMOUNT"),
        ({"event": "settle", "credit": "1e5"}, 422, "DISPUTE_AMOUNT"),
        ({"event": "withdraw"}, 422, "REMARK_MISSING"),
        ({"event": "withdraw", "reason": "a\0"}, 422, "REMARK_UNUSABLE"),
        ({"event": "acknowledge", "seen": "DRAFT"}, 409, "DISPUTE_MOVED"),
        ({"event": "acknowledge", "seen": "x" * 5_000}, 409, "DISPUTE_MOVED"),
    ],
)
def test_a_step_that_cannot_be_taken_says_why(
    full_book: Path, log_in: Callable[[str], Any], sent: dict[str, str], status: int, code: str
) -> None:
    response = log_in("billing").post(DISPUTE, sent)
    text = response.content.decode()
    assert (response.status_code, code in text) == (status, True), re.findall(r"<code>([A-Z_]+)</code>", text)
    assert "<script>" not in text
    assert state().state == "SUBMITTED"


def test_the_pack_is_checked_in_the_page(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """The seeded file is no pack, and that is what the page says; nobody needs a right beyond reading it."""
    for person in ("auditor", "aurora-user"):
        response = log_in(person).post(DISPUTE, {"verify": "1"})
        assert response.status_code == 409
        assert b"PACK_UNREADABLE" in response.content
        assert b"Course of the dispute" in response.content
    assert log_in("cirrus-user").post(DISPUTE, {"verify": "1"}).status_code == 404


def test_the_clock_of_a_dispute(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.web.dispute_course import due

    assert due(NOW_MS + DAY_MS - 1, NOW_MS) == ("due within a day", False)
    assert due(NOW_MS + DAY_MS, NOW_MS) == ("due in 1 day", False)
    assert due(NOW_MS + 3 * DAY_MS, NOW_MS) == ("due in 3 days", False)
    assert due(NOW_MS - 1, NOW_MS) == ("overdue", True)
    assert due(NOW_MS - 2 * DAY_MS, NOW_MS) == ("overdue by 2 days", True)
    state(acknowledge_by_at=NOW_MS - 2 * DAY_MS)
    text = log_in("aurora-user").get(DISPUTE).content.decode()
    assert "overdue by 2 days" in text
    assert 'aria-current="step"' in text


@pytest.mark.parametrize(
    "of", ["DRAFT", "SUBMITTED", "MORE_INFO", "REJECTED", "ESCALATED_L2", "WITHDRAWN", "TIME_BARRED", "SETTLED", "CLOSED"]
)
def test_the_course_stands_where_the_dispute_does(full_book: Path, of: str) -> None:
    from tollbook.web.dispute_course import course

    stops = course(state(state=of), [], NOW_MS)
    here = [each.name for each in stops if each.is_here]
    assert len(here) == 1
    number = [each.is_here for each in stops].index(True)
    assert all(each.is_done for each in stops[:number])
    assert not any(each.is_done for each in stops[number:])
    assert ("Escalated" in [each.name for each in stops]) == of.startswith("ESCALATED")
