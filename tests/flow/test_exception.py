"""Working on exceptions, on both databases: one and many, who was quicker, undone, and what a later run and the dispute make of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tollbook.core import ledger
from tollbook.core.exception import Event, state_after
from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Right, Role
from tollbook.flow import clock, exception_opening, intake
from tollbook.flow import exception as work
from tollbook.flow.book import Book, init_book
from tollbook.flow.close import close_period
from tollbook.flow.dispute import advance
from tollbook.flow.exception import Seen
from tollbook.flow.issue import postings_of
from tollbook.flow.pairs import pairs_of
from tollbook.store.models import Dispute, Document, ExceptionCase, ExceptionEvent, Journal, Partner, Run, User

from . import closing

BILLING, OLGA = Actor("ben", Role.BILLING), Actor("olga", Role.BILLING)
OWNER = Actor("ines", Role.OWNER)
AT = clock.parse_instant_ms(closing.NOW)
A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def fill() -> None:
    """Three exceptions: 3.00, 30.00 and nothing at risk; and people."""
    Partner.objects.create(id="aurora")
    run = Run.objects.create(
        run_key="r" * 64,
        stage="reconciliation",
        scope="aurora/OUT/2026-11",
        semantics_version=1,
        inputs=[],
        parameters={},
        known_at=AT,
        result_digest="d" * 64,
        results={},
        summary={},
        package_version="0",
        started_at=AT,
        finished_at=AT,
    )
    for key, cause, amount in ((A, "RATE_VARIANCE", 3_000_000), (B, "MISSING_OURS", 30_000_000), (C, "MISSING_THEIRS", 0)):
        ExceptionCase.objects.create(
            id=key,
            run=run,
            partner_id="aurora",
            period="2026-11",
            leg="OUT",
            exception_class="DATA",
            cause=cause,
            agreement_digest="e" * 64,
            currency="USD",
            amount_micros=amount,
            minutes_ms=60_000,
            records=1,
            state="OPEN",
            owner="billing",
            opened_at=AT,
        )
    for name, role, active in (("ben", "billing", True), ("olga", "billing", True), ("noel", "noc", True), ("gone", "billing", False)):
        User.objects.create(name=name, kind="PERSON", role=role, is_active=active, created_at=AT)


@pytest.fixture
def filled(book: Book) -> Iterator[Book]:
    with clock.pinned(AT):
        fill()
        yield book


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Book:
    monkeypatch.setenv("TOLLBOOK_DATABASE_URL", "")
    monkeypatch.setenv("TOLLBOOK_BOOK", "")
    return init_book(tmp_path / "book", name="boreal")


def seen(*ids: str) -> list[Seen]:
    return [Seen(row.id, row.last_event) for row in ExceptionCase.objects.filter(id__in=ids)]


def codes(refused: pytest.ExceptionInfo[Refusal]) -> list[str]:
    return [each.code for each in refused.value.problems]


def states() -> dict[str, str]:
    return {row.id[0]: row.state for row in ExceptionCase.objects.all()}


def test_the_course_of_one_exception(filled: Book) -> None:
    """Given to somebody, talked about, decided, undone, decided otherwise: every step an event and a journal row, the state their sum."""
    work.assign(seen(A), "ben", actor=OLGA)
    work.comment([A], "their deck of March says 0.12", actor=BILLING)
    work.decide(filled, seen(A), "ACCEPTED", actor=BILLING, reason="notice was in time")
    row = ExceptionCase.objects.get(id=A)
    assert (row.state, row.assignee, row.decided_by, row.decided_at, row.last_event) == ("ACCEPTED", "ben", "ben", AT, 3)
    work.undo(seen(A), actor=OLGA, reason="the notice was a day late")
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.decided_at) == ("OPEN", "", None)
    work.decide(filled, seen(A), "DISPUTED", actor=OLGA)
    events = list(row.events.order_by("number"))
    assert [(each.kind, each.decision, each.reverses) for each in events] == [
        ("ASSIGN", "", None),
        ("COMMENT", "", None),
        ("DECIDE", "ACCEPTED", None),
        ("UNDO", "ACCEPTED", 3),
        ("DECIDE", "DISPUTED", None),
    ]
    assert state_after(Event(each.kind, each.decision) for each in events) == "DISPUTED"
    rows = Journal.objects.filter(subject=A).order_by("seq")
    assert [(each.action, each.reason) for each in rows][2:4] == [
        ("decide exception", "notice was in time"),
        ("undo exception", "the notice was a day late"),
    ]
    assert rows.count() == 5


def test_many_at_once_or_none(filled: Book) -> None:
    """Above the guard of a line only the owner tolerates: one that cannot be decided keeps the others from it, and is named."""
    with pytest.raises(Refusal) as refused:
        work.decide(filled, seen(A, B, C), "TOLERATED", actor=BILLING, reason="small")
    assert codes(refused) == ["EXCEPTION_LIMIT"]
    assert "aurora 2026-11" in refused.value.problems[0].reason
    assert (set(states().values()), ExceptionEvent.objects.count(), Journal.objects.count()) == ({"OPEN"}, 0, 0)
    done = work.decide(filled, seen(A, B, C), "TOLERATED", actor=OWNER, reason="agreed with the CFO")
    assert (len(done), states(), Journal.objects.count()) == (3, {"a": "TOLERATED", "b": "TOLERATED", "c": "TOLERATED"}, 3)


def test_the_same_key_decides_once(filled: Book) -> None:
    cases = seen(A, B)
    first = work.decide(filled, cases, "DISPUTED", actor=BILLING, idempotency_key="k1")
    again = work.decide(filled, cases, "DISPUTED", actor=BILLING, idempotency_key="k1")
    assert [each.seq for each in again] == [each.seq for each in first]
    assert all(each.is_repeated for each in again)
    assert ExceptionEvent.objects.count() == 2
    for other in (seen(C), seen(A), seen(A, B, C)):
        with pytest.raises(Refusal) as refused:
            work.decide(filled, other, "ACCEPTED", actor=BILLING, reason="x", idempotency_key="k1")
        assert "IDEMPOTENCY_CONFLICT" in codes(refused)
    assert ExceptionEvent.objects.count() == 2


def test_a_dry_run_says_what_would_be_and_leaves_nothing(filled: Book) -> None:
    done = work.decide(filled, seen(A), "DISPUTED", actor=BILLING, dry_run=True)
    assert (done[0].result["state"], done[0].seq, states()["a"]) == ("DISPUTED", None, "OPEN")
    assert (ExceptionEvent.objects.count(), Journal.objects.count()) == (0, 0)


def test_who_comes_second_is_told_who_came_first(filled: Book) -> None:
    """A decision about what was seen before somebody's comment is refused too: it may have changed the mind."""
    before = seen(A, B)
    work.comment([A], "wait", actor=OLGA)
    tries: list[Callable[[], Any]] = [
        lambda: work.decide(filled, before, "ACCEPTED", actor=BILLING, reason="x"),
        lambda: work.assign(before, "ben", actor=BILLING),
        lambda: work.undo(before, actor=BILLING, reason="x"),
    ]
    for do in tries:
        with pytest.raises(Refusal) as refused:
            do()
        assert "EXCEPTION_STALE" in codes(refused)
        assert "olga" in str(refused.value)
    assert states() == {"a": "OPEN", "b": "OPEN", "c": "OPEN"}
    work.comment([A], "all right", actor=BILLING)


@pytest.mark.parametrize(
    ("do", "code"),
    [
        (lambda book: work.decide(book, [Seen(A, 0)], "SOMETHING", actor=BILLING, reason="x"), "EXCEPTION_DECISION"),
        (lambda book: work.decide(book, [Seen(A, 0)], "ACCEPTED", actor=BILLING), "REMARK_MISSING"),
        (lambda book: work.decide(book, [Seen(A, 0)], "ACCEPTED", actor=BILLING, reason="a\0b"), "REMARK_UNUSABLE"),
        (lambda book: work.decide(book, [Seen(C, 0)], "DISPUTED", actor=BILLING), "EXCEPTION_NO_CLAIM"),
        (lambda book: work.decide(book, [Seen("nothing", 0)], "DISPUTED", actor=BILLING), "EXCEPTION_UNKNOWN"),
        (lambda book: work.decide(book, [], "DISPUTED", actor=BILLING), "EXCEPTION_CHOICE"),
        (lambda book: work.decide(book, [Seen(f"{n}", 0) for n in range(201)], "DISPUTED", actor=BILLING), "EXCEPTION_CHOICE"),
        (lambda book: work.undo([Seen(A, 0)], actor=BILLING, reason="x"), "EXCEPTION_STEP"),
        (lambda book: work.undo([Seen(A, 0)], actor=BILLING, reason="  "), "REMARK_MISSING"),
        (lambda book: work.comment([A], "  ", actor=BILLING), "REMARK_MISSING"),
        (lambda book: work.assign([Seen(A, 0)], "noel", actor=BILLING), "EXCEPTION_ASSIGNEE"),
        (lambda book: work.assign([Seen(A, 0)], "gone", actor=BILLING), "EXCEPTION_ASSIGNEE"),
        (lambda book: work.assign([Seen(A, 0)], "nobody", actor=BILLING), "EXCEPTION_ASSIGNEE"),
        *(
            (lambda book, role=role: work.decide(book, [Seen(A, 0)], "DISPUTED", actor=Actor("x", role)), "RIGHT_MISSING")
            for role in (Role.NOC, Role.ROUTES, Role.CFO, Role.AUDITOR)
        ),
        (lambda book: work.comment([A], "x", actor=Actor("x", Role.PARTNER, "aurora")), "RIGHT_MISSING"),
        (lambda book: work.comment([A], "x", actor=Actor("t", Role.OWNER, None, frozenset({Right.RUN}))), "RIGHT_MISSING"),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(filled: Book, do: Any, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        do(filled)
    assert codes(refused) == [code]
    assert (ExceptionEvent.objects.count(), Journal.objects.count()) == (0, 0)


def test_two_at_once_decide_once(filled: Book) -> None:
    """Two people decide the same exceptions at the same instant, in another order: one is first, the other hears of it, nobody hangs."""
    from django.db import connections

    both, start, ended = seen(A, B), threading.Barrier(2), []

    def one(actor: Actor, cases: list[Seen], decision: str) -> None:
        start.wait()
        try:
            work.decide(filled, cases, decision, actor=actor, reason="at once")
            ended.append("done")
        except Refusal as refusal:
            ended.append(refusal.problems[0].code)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=one, args=(BILLING, both, "DISPUTED")),
        threading.Thread(target=one, args=(OLGA, both[::-1], "ACCEPTED")),
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert sorted(ended) == ["EXCEPTION_STALE", "done"]
    assert states()["a"] == states()["b"] != "OPEN"
    assert ExceptionEvent.objects.count() == 2


def closed(book: Book, folder: Path) -> None:
    with clock.pinned(AT):
        closing.fill(book, folder)
        close_period(book, closing.PERIOD, actor=OWNER)


def of(cause: str) -> ExceptionCase:
    return ExceptionCase.objects.exclude(state="SUPERSEDED").get(cause=cause)


def decided(book: Book, cause: str, decision: str) -> None:
    row = of(cause)
    work.decide(book, [Seen(row.id, row.last_event)], decision, actor=BILLING, reason="looked at it")


def test_an_exception_knows_its_heaviest_calls(local: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the pairs of the run, which are made another way: the calls of its class, the heaviest first, and no more than so many."""
    monkeypatch.setattr(exception_opening, "EXAMPLES", 2)
    closed(local, tmp_path / "files")
    rows = list(ExceptionCase.objects.all())
    assert {"RATE_VARIANCE", "MISSING_OURS"} <= {row.cause for row in rows}
    for row in rows:
        pairs = pairs_of(local, row.run)
        weights: dict[str, int] = {}
        for each in pairs.show(pairs.places({"class": row.cause})):
            call = (each["our_call"] or each["their_call"]).hex()
            weights[call] = weights.get(call, 0) + each["exact_60th_nanos"]
        assert len(weights) == row.records
        heaviest = sorted(weights, key=lambda call: (-abs(weights[call]), call))
        assert row.examples == heaviest[:2], row.cause


def test_a_decision_stands_in_the_next_run_where_the_amount_is_the_same(local: Book, tmp_path: Path) -> None:
    """A late record of theirs makes MISSING_OURS 2.40; RATE_VARIANCE is 0.30 as before. What went back to an earlier run is as it was."""
    closed(local, tmp_path / "files")
    User.objects.create(name="ben", kind="PERSON", role="billing", is_active=True, created_at=AT)
    decided(local, "RATE_VARIANCE", "TOLERATED")
    decided(local, "MISSING_OURS", "OUR_ERROR")
    old = of("MISSING_OURS")
    work.assign([Seen(old.id, old.last_event)], "ben", actor=BILLING)
    late = {**closing.their_calls()[-1], "cdr_id": "f" * 32, "call_id": "c98@boreal", "a_e164": "46700000098", "b_e164": "447900000098"}
    late |= {"answer_at": closing.instant(40, 6), "release_at": closing.instant(40, 66)}
    (tmp_path / "late.csv").write_text(closing.table(closing.THEIR_COLUMNS, [late]), encoding="utf-8")
    with clock.pinned(AT + 86_400_000):
        reports = intake.ingest(local, [tmp_path / "late.csv"], actor=OWNER, source="aurora")
        assert [each.status for each in reports] == ["published"]
        close_period(local, closing.PERIOD, actor=OWNER)
    rate, missing = of("RATE_VARIANCE"), of("MISSING_OURS")
    assert (rate.state, rate.amount_micros, rate.decided_by, rate.dispute_id) == ("TOLERATED", 300_000, "ben", "DSP-aurora-2026-11")
    assert list(rate.events.values_list("kind", "decision")) == [("CARRY", "TOLERATED")]
    assert (missing.state, missing.amount_micros, missing.assignee, missing.earlier_id) == ("OPEN", 2_400_000, "ben", old.id)
    old.refresh_from_db()
    assert old.state == "SUPERSEDED"
    with pytest.raises(Refusal, match="EXCEPTION_STEP"):
        work.undo([Seen(old.id, old.last_event)], actor=BILLING, reason="x")
    work.undo([Seen(rate.id, rate.last_event)], actor=BILLING, reason="again")
    assert (of("RATE_VARIANCE").state, rate.events.get(kind="UNDO").reverses) == ("OPEN", 1)


def balances() -> dict[tuple[str, str], int]:
    found = ledger.balances([line for row in Document.objects.all() for line in postings_of(row)])
    return {(account, state): amount for (account, partner, _, state), amount in found.items() if partner == "aurora"}


def test_submitting_gives_up_what_was_decided_otherwise(local: Book, tmp_path: Path) -> None:
    """Of 1.70 in dispute 0.30 is accepted: that becomes payable, 1.40 is claimed. They credit 1.00, so 0.40 is owed after all."""
    closed(local, tmp_path / "files")
    name = "DSP-aurora-2026-11"
    decided(local, "RATE_VARIANCE", "ACCEPTED")
    assert balances()[ledger.PAYABLE, "PENDING"] == 1_700_000
    with clock.pinned(AT):
        advance(local, name, "submit", actor=OWNER)
    row = Dispute.objects.get()
    assert (row.state, row.conceded_micros, row.submitted_at) == ("SUBMITTED", 300_000, AT)
    # 2026-12-02 is a Wednesday: two business days on is Friday the 4th, ten are Wednesday the 16th; then 15 and 15 days.
    ends = ["2026-12-04", "2026-12-16", "2026-12-31", "2027-01-15"]
    assert [row.acknowledge_by_at, row.answer_by_at, row.escalate_l1_at, row.escalate_l2_at] == [
        clock.parse_instant_ms(f"{day}T23:59:59.999Z") for day in ends
    ]
    assert (balances()[ledger.PAYABLE, "POSTED"], balances()[ledger.PAYABLE, "PENDING"]) == (14_700_000, 1_400_000)
    assert {each.state for each in ExceptionCase.objects.filter(dispute=row).exclude(cause="RATE_VARIANCE")} == {"DISPUTED"}
    rate = of("RATE_VARIANCE")
    with pytest.raises(Refusal, match="EXCEPTION_IN_DISPUTE"):
        work.undo([Seen(rate.id, rate.last_event)], actor=BILLING, reason="after all")
    partner = Actor("aurora-user", Role.PARTNER, "aurora")
    for event in ("acknowledge", "review"):
        advance(local, name, event, actor=partner)
    with pytest.raises(Refusal, match="DISPUTE_AMOUNT"):
        advance(local, name, "accept_part", actor=partner, credit_micros=1_400_000)
    advance(local, name, "accept_part", actor=partner, credit_micros=1_000_000, reason="the duplicate is ours")
    with pytest.raises(Refusal, match="DISPUTE_TOO_LARGE"):
        advance(local, name, "settle", actor=OWNER, credit_micros=1_400_001)
    advance(local, name, "settle", actor=OWNER, credit_micros=1_000_000)
    assert (balances()[ledger.PAYABLE, "POSTED"], balances()[ledger.PAYABLE, "PENDING"]) == (15_100_000, 0)
    assert [(each.event, each.side, each.partner, each.amount_micros) for each in row.events.order_by("number")] == [
        ("submit", "OURS", "", 1_400_000),
        ("acknowledge", "THEIRS", "aurora", None),
        ("review", "THEIRS", "aurora", None),
        ("accept_part", "THEIRS", "aurora", 1_000_000),
        ("settle", "OURS", "", 1_000_000),
    ]


def test_a_dispute_that_is_withdrawn_leaves_nothing_pending(local: Book, tmp_path: Path) -> None:
    """All of it is owed then, and its exceptions are ours to decide again. Nothing left to claim is not submitted at all."""
    closed(local, tmp_path / "files")
    name = "DSP-aurora-2026-11"
    with clock.pinned(AT):
        for cause in ("DUPLICATE_THEIRS", "MISSING_OURS"):
            decided(local, cause, "ACCEPTED")
        with pytest.raises(Refusal, match="DISPUTE_NOTHING_LEFT"):
            advance(local, name, "submit", actor=OWNER)
        assert (Dispute.objects.get().state, of("RATE_VARIANCE").state) == ("DRAFT", "OPEN")
        row = of("MISSING_OURS")
        work.undo([Seen(row.id, row.last_event)], actor=BILLING, reason="one of them is not")
        advance(local, name, "submit", actor=OWNER)
        with pytest.raises(Refusal, match="DISPUTE_MOVED"):
            advance(local, name, "withdraw", actor=OWNER, reason="x", seen_state="DRAFT")
        with pytest.raises(Refusal, match="REMARK_MISSING"):
            advance(local, name, "withdraw", actor=OWNER)
        advance(local, name, "withdraw", actor=OWNER, reason="their records are right")
    assert (balances()[ledger.PAYABLE, "POSTED"], balances()[ledger.PAYABLE, "PENDING"]) == (16_100_000, 0)
    row = of("MISSING_OURS")
    work.undo([Seen(row.id, row.last_event)], actor=BILLING, reason="withdrawn")
    decided(local, "MISSING_OURS", "ACCEPTED")


def test_a_window_that_was_missed_leaves_nothing_pending(local: Book, tmp_path: Path) -> None:
    closed(local, tmp_path / "files")
    with clock.pinned(clock.parse_instant_ms("2027-01-01T00:00:00Z")):
        assert advance(local, "DSP-aurora-2026-11", "submit", actor=OWNER) == "TIME_BARRED"
    assert (balances()[ledger.PAYABLE, "POSTED"], balances()[ledger.PAYABLE, "PENDING"]) == (16_100_000, 0)


def test_a_partner_learns_nothing_of_what_is_not_its_own(local: Book, tmp_path: Path) -> None:
    closed(local, tmp_path / "files")
    name = "DSP-aurora-2026-11"
    own, other = Actor("aurora-user", Role.PARTNER, "aurora"), Actor("cirrus-user", Role.PARTNER, "cirrus")
    said = set()
    for actor, which in ((own, name), (other, name), (own, "DSP-nobody")):
        with pytest.raises(Refusal) as refused:
            advance(local, which, "acknowledge", actor=actor)
        said.add((codes(refused)[0], refused.value.problems[0].value))
    assert said == {("RIGHT_MISSING", "answer-disputes")}
    with clock.pinned(AT):
        advance(local, name, "submit", actor=OWNER)
        for event in ("withdraw", "settle", "close", "escalate"):
            with pytest.raises(Refusal, match="RIGHT_MISSING"):
                advance(local, name, event, actor=own, reason="x")
        with pytest.raises(Refusal, match="RIGHT_MISSING"):
            advance(local, name, "acknowledge", actor=other)
        with pytest.raises(Refusal, match="DISPUTE_STEP"):
            advance(local, name, "accept", actor=own)
        assert advance(local, name, "acknowledge", actor=own) == "ACKNOWLEDGED"
