"""`explain`: from the raw line to the amount, with the deck row and the clause."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Role
from tollbook.flow.book import Book
from tollbook.flow.explain import Explanation, explain_record
from tollbook.flow.rating import rate_period
from tollbook.store.models import Segment

from .small_book import DATA, OWNER, PERIOD, cdrs, lines, terms


def _id_of(book: Book, call_id: str) -> str:
    for row in Segment.objects.filter(kind="cdr", side="OURS"):
        for record in pq.read_table(book.path(row.path), columns=["cdr_id", "call_id"]).to_pylist():
            if record["call_id"] == call_id:
                return str(record["cdr_id"].hex())
    raise AssertionError(call_id)


def _explain(book: Book, call_id: str, digits: int = 32) -> Explanation:
    return explain_record(book, _id_of(book, call_id)[:digits], actor=OWNER)


def test_a_rated_call(book: Book) -> None:
    terms(book)
    cdrs(book, DATA / "ours.csv")
    run = rate_period(book, PERIOD, actor=OWNER).runs["aurora", "OUT"]
    found = _explain(book, "c1@boreal", digits=12)
    assert (found.record_no, found.file, found.raw) == (1, "ours.csv", lines("ours.csv")[1][0])
    assert found.record["answer_at"] == "2026-11-10T10:00:04.000Z"
    (leg,) = found.legs
    assert (leg.leg, leg.partner, leg.status, leg.amount, leg.currency) == ("OUT", "aurora", "RATED", "0.122", "USD")
    assert (leg.clause, leg.deck_row, leg.run_key) == ("A3.2 Charges", 2, run.run_key)
    assert leg.clause_text.startswith("Calls are charged per minute")
    assert [step.value for step in leg.steps][-1] == "0.122 USD"
    # 61 s of 1/1 at 0.12 per minute.
    assert (leg.code, leg.rate_nanos_per_minute, leg.billed_s, leg.amount_micros) == ("63917", 120_000_000, 61, 122_000)
    told = found.as_dict()["legs"][0]
    assert (told["steps"][0]["label"], told["rate_nanos_per_minute"], told["amount_micros"]) == ("Anchor", "120000000", "122000")


def test_a_call_without_a_price_and_an_attempt(book: Book) -> None:
    terms(book)
    cdrs(book, DATA / "ours.csv")
    rate_period(book, PERIOD, actor=OWNER)
    assert [leg.status for leg in _explain(book, "c5@boreal").legs] == ["UNRATED"]
    (attempt,) = _explain(book, "c4@boreal").legs
    assert attempt.status == "NOT_BILLABLE"
    assert (attempt.billed_s, attempt.amount_micros, attempt.as_dict()["amount_micros"]) == (None, None, None)


def test_before_rating_it_says_so(book: Book) -> None:
    cdrs(book, DATA / "ours.csv")
    (leg,) = _explain(book, "c1@boreal").legs
    assert (leg.status, leg.steps) == ("UNRATED", ())
    assert "No agreement with aurora" in leg.note
    terms(book)
    (leg,) = _explain(book, "c1@boreal").legs
    assert leg.run_key == ""
    assert "No current rating run" in leg.note
    assert leg.steps[-1].value == "0.122 USD", "what it would cost under the terms in force"


@pytest.mark.parametrize("cdr_id", ["", "abc", "0" * 32, "not hexadecimal", "f" * 33])
def test_an_unknown_id_is_refused(book: Book, cdr_id: str) -> None:
    with pytest.raises(Refusal) as refusal:
        explain_record(book, cdr_id, actor=OWNER)
    assert refusal.value.problems[0].code == "CDR_UNKNOWN"


@pytest.mark.parametrize("role", [Role.NOC, Role.PARTNER])
def test_who_may_not_see_both_prices_sees_nothing(book: Book, role: Role) -> None:
    cdrs(book, DATA / "ours.csv")
    with pytest.raises(Refusal) as refusal:
        explain_record(book, _id_of(book, "c1@boreal"), actor=Actor("x", role, "aurora" if role is Role.PARTNER else None))
    assert refusal.value.problems[0].code == "RIGHT_MISSING"
