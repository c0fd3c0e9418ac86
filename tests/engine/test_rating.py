"""Rating of columns: equal to the price of single calls, whatever the order, the split and the threads."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deck_rows import deck, instant, nanos, row

from tollbook.core.agreement import RatingTerms, RoundAt
from tollbook.core.cdr import CHARGE, INSTANT, WORD
from tollbook.core.rating import price, price_terms
from tollbook.core.rating_explain import PricedCall, explain
from tollbook.core.zone import find_zone
from tollbook.engine import rating
from tollbook.engine.deck import CompiledDeck, compile_timeline
from tollbook.engine.rating import rate

START = instant("2025-06-01") or 0
HOUR = 3_600_000


def calls(rows: list[dict[str, Any]]) -> pa.Table:
    """Records with the columns that prices depend on; times in ms since START."""
    count = len(rows)

    def instants(name: str) -> pa.Array:
        values = [each.get(name) for each in rows]
        return pa.array([None if value is None else START + value for value in values], pa.int64()).cast(INSTANT)

    return pa.table(
        {
            "cdr_id": pa.array([index.to_bytes(16, "big") for index in range(count)], pa.binary(16)),
            "leg": pa.array(["IN"] * count, pa.string()).cast(WORD),
            "leg_no": pa.array([0] * count, pa.int16()),
            "b_e164": pa.array([each.get("number") for each in rows], pa.string()),
            "setup_at": instants("setup"),
            "answer_at": instants("answer"),
            "release_at": instants("release"),
            "duration_ms": pa.array([each.get("ms", 0) for each in rows], pa.int64()),
        }
    )


def call(number: str | None = "447700900123", ms: int = 60_000, answer: int | None = 0, **more: Any) -> dict[str, Any]:
    release = None if answer is None else answer + ms
    return {"number": number, "ms": ms, "setup": -5_000, "answer": answer, "release": release, **more}


@pytest.fixture(scope="module")
def compiled() -> CompiledDeck:
    rows = [
        row("44", "0.0050", destination="United Kingdom"),
        row("447", "0.0200", increment="30/6", destination="UK Mobile", connect_nanos=nanos("0.01")),
        row("4479", "0", status="BLOCKED", destination="UK Special"),
        row("447", "0.0300", "2025-06-10", "60/60", destination="UK Mobile"),
    ]
    return compile_timeline([deck(*rows, currency="GBP")])


def rated(compiled: CompiledDeck, *rows: dict[str, Any], **terms: Any) -> list[dict[str, Any]]:
    agreed = RatingTerms(**terms)
    charges: list[dict[str, Any]] = rate(
        calls(list(rows)), compiled, agreed, sign=1, zone="Europe/London", partner="p", clause="1.1"
    ).to_pylist()
    return charges


def test_a_charge_says_what_it_was_made_from(compiled: CompiledDeck) -> None:
    (found,) = rated(compiled, call())
    # 60 s on 30/6 at 0.02 and a fee of 0.01: 0.03.
    assert (found["status"], found["billed_s"], found["amount_micros"], found["code"], found["destination"]) == (
        "RATED",
        60,
        30_000,
        "447",
        "UK Mobile",
    )
    assert (found["deck_row"], found["deck_digest"], found["partner"], found["clause"]) == (3, compiled.digests[0], "p", "1.1")
    assert (found["currency"], found["sign"], found["acceptance"], found["rate_nanos_per_minute"]) == ("GBP", 1, "PAYABLE", nanos("0.02"))


@pytest.mark.parametrize(
    ("record", "status", "code"),
    [
        (call("33123"), "UNRATED", None),
        (call(None), "UNRATED", None),
        (call("44x"), "UNRATED", None),
        (call(""), "UNRATED", None),
        (call("447900000000"), "BLOCKED", "4479"),
        (call(answer=None), "NOT_BILLABLE", "447"),
        (call(release=-1), "HELD", "447"),
        (call(ms=-5, release=None), "HELD", "447"),
        (call(ms=10**15, release=None), "HELD", "447"),
        (call(ms=0), "RATED", "447"),
    ],
)
def test_what_has_no_price_is_named_and_costs_nothing(
    compiled: CompiledDeck, record: dict[str, Any], status: str, code: str | None
) -> None:
    (found,) = rated(compiled, record)
    assert (found["status"], found["code"], found["billed_s"], found["amount_micros"], found["exact_60th_nanos"]) == (status, code, 0, 0, 0)


def test_the_anchor_decides_the_row() -> None:
    """Setup at 22:59:50Z, answer at 23:00:05Z, the change from 0.0100 to 0.0150 between them, 60 s."""
    versions = compile_timeline([deck(row("44", "0.0100"), row("44", "0.0150", "2025-03-31T23:00:00Z"))])
    change = (instant("2025-03-31T23:00:00Z") or 0) - START
    record = call("44", setup=change - 10_000, answer=change + 5_000, release=change + 65_000)
    amounts = {anchor: rated(versions, record, price_anchor=anchor)[0]["amount_micros"] for anchor in rating.ANCHORS}
    assert amounts == {"SETUP": 10_000, "ANSWER": 15_000, "RELEASE": 15_000}


def test_an_answer_exactly_at_the_change_has_the_new_row() -> None:
    versions = compile_timeline([deck(row("44", "0.01"), row("44", "0.02", "2025-06-10"))])
    change = (instant("2025-06-10") or 0) - START
    found = [each["amount_micros"] for each in rated(versions, call("44", answer=change), call("44", answer=change - 1))]
    assert found == [20_000, 10_000]


def test_duration_is_recorded_or_computed(compiled: CompiledDeck) -> None:
    record = call("44123", ms=30_000, release=60_000)
    assert rated(compiled, record)[0]["billed_s"] == 30
    assert rated(compiled, record, duration_basis="COMPUTED")[0]["billed_s"] == 60
    assert rated(compiled, {**record, "release": None}, duration_basis="COMPUTED")[0]["status"] == "HELD"


def test_the_day_is_local(compiled: CompiledDeck) -> None:
    # 23:30Z on 31 May is 1 June in London.
    (found,) = rated(compiled, call(answer=-HOUR // 2))
    assert str(found["period_day"]) == "2025-06-01"


def test_a_line_contract_keeps_the_exact_charge(compiled: CompiledDeck) -> None:
    (found,) = rated(compiled, call("44123", ms=7_000), round_at=RoundAt("LINE", 2))
    # 0.005 x 7/60 = 0.000583333...
    assert found["exact_60th_nanos"] == nanos("0.005") * 7
    assert found["amount_micros"] == 583


def random_world(count: int) -> tuple[CompiledDeck, pa.Table]:
    chooser = random.Random(11)
    rows = {}
    for _ in range(400):
        code = "".join(chooser.choice("0123456") for _ in range(chooser.randint(1, 5)))
        rows[code] = row(
            code,
            str(chooser.randint(1, 9_999) / 10_000),
            increment=chooser.choice(["1/1", "6/6", "30/6", "60/60", "10/6", "0/1"]),
            connect_nanos=chooser.choice([0, 10**7]),
            grace_s=chooser.choice([0, 0, 3]),
            free_s=chooser.choice([0, 0, 4]),
            min_charge_nanos=chooser.choice([0, 10**7]),
            max_charge_nanos=chooser.choice([None, 10**9]),
            rate_unit=chooser.choice(["PER_MINUTE", "PER_SECOND", "PER_INCREMENT"]),
        )
    records = []
    for _ in range(count):
        number = "".join(chooser.choice("01234567") for _ in range(chooser.randint(1, 9)))
        records.append(call(number, ms=chooser.randint(0, 300_000), answer=chooser.choice([None, chooser.randint(0, HOUR)])))
    return compile_timeline([deck(*rows.values())]), calls(records)


def test_columns_equal_single_calls() -> None:
    compiled, records = random_world(3_000)
    agreed = RatingTerms(duration_mode="THRESHOLD", round_at=RoundAt("CALL", 4), rounding="HALF_EVEN", free_keeps_connect=True)
    charges = rate(records, compiled, agreed, sign=-1, zone="UTC").to_pylist()
    assert {each["status"] for each in charges} == {"RATED", "UNRATED", "NOT_BILLABLE"}
    by_code = {code: place for place, code in enumerate(compiled.rows.column("code").to_pylist())}
    for charge, record in zip(charges, records.to_pylist(), strict=True):
        if charge["status"] == "RATED":
            expected = price(record["duration_ms"], compiled.terms_of(by_code[charge["code"]]), price_terms(agreed))
            assert (charge["billed_s"], charge["exact_60th_nanos"], charge["amount_micros"]) == expected


def test_order_split_and_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled, records = random_world(5_000)
    agreed = RatingTerms()

    def run(table: pa.Table, threads: int = 1) -> pa.Table:
        return rate(table, compiled, agreed, sign=1, zone="America/Bogota", threads=threads)

    whole = run(records)
    assert whole.schema.equals(CHARGE)
    monkeypatch.setattr(rating, "BLOCK", 333)
    assert run(records, threads=4).to_pylist() == whole.to_pylist()
    parts = [run(records.slice(start, 777)) for start in range(0, 5_000, 777)]
    assert [each for part in parts for each in part.to_pylist()] == whole.to_pylist()
    order = np.random.default_rng(3).permutation(5_000)
    shuffled = run(records.take(pa.array(order)))
    assert shuffled.take(pa.array(np.argsort(order))).to_pylist() == whole.to_pylist()


def test_chosen_places_of_prepared_calls() -> None:
    compiled, records = random_world(500)
    whole = rate(records, compiled, RatingTerms(), sign=1, zone="Europe/London")
    places = np.random.default_rng(5).permutation(500)[:200].astype(np.int32)
    chosen = rate(rating.prepare(records), compiled, RatingTerms(), sign=1, zone="Europe/London", places=places)
    assert chosen.to_pylist() == whole.take(pa.array(places)).to_pylist()


def test_a_deck_that_prices_nothing_leaves_everything_without_a_price() -> None:
    ended = compile_timeline([deck(row("44", "0.01", status="DELETED"))])
    (found,) = rated(ended, call("44123"))
    assert (found["status"], found["code"], found["amount_micros"]) == ("UNRATED", None, 0)


def test_no_records_give_no_charges(compiled: CompiledDeck) -> None:
    charges = rate(calls([]), compiled, RatingTerms(), sign=1, zone=find_zone("UTC"))
    assert charges.schema.equals(CHARGE)
    assert charges.num_rows == 0


def test_an_explanation_ends_at_the_amount_of_the_charge() -> None:
    terms = RatingTerms(round_at=RoundAt("CALL", 4))
    fees = {"connect_nanos": nanos("0.01"), "surcharge_call_nanos": nanos("0.002"), "surcharge_minute_nanos": nanos("0.25")}
    compiled = compile_timeline([deck(row("447", "0.0850", "2025-01-01", "30/6", destination="UK Mobile", **fees), currency="USD")])
    (charge,) = rated(compiled, call(ms=95_400), round_at=RoundAt("CALL", 4))
    told = PricedCall("447700900123", "ANSWER", START, 95_400, charge["status"], "USD", "A3.2")
    steps = explain(told, compiled.priced_by(0), compiled.terms_of(0), terms)
    by_label = {step.label: step for step in steps}
    assert by_label["Amount"].value == "0.548 USD"
    assert charge["amount_micros"] == 548_000
    assert by_label["Billed seconds"].value == "96 s"
    assert compiled.digests[0][:12] in by_label["Deck row"].formula
    assert "row 2" in by_label["Deck row"].formula
    assert "A3.2" in by_label["Anchor"].formula


def test_an_explanation_without_a_price_says_why() -> None:
    told = PricedCall("33123", "ANSWER", START, 60_000, "UNRATED", "USD")
    assert explain(told, None, None, RatingTerms())[-1].value == "UNRATED"
