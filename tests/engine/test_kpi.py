"""The cube against core's own functions, attempt by attempt, and the traps of counting."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pyarrow as pa
import pytest

from tollbook.core import cdr
from tollbook.core.deck import DECK_ROW, Deck
from tollbook.core.kpi import PDD_EDGES_MS, Q850_CLASS, SIP_Q850, cause_class
from tollbook.engine import kpi
from tollbook.engine.database import open_database
from tollbook.engine.deck import compile_timeline

DAY = dt.date(2026, 11, 21)
NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
_EMPTY: dict[str, Any] = {"source": "switch", "partner": "aurora", "trunk": "T1", "leg": "OUT", "leg_no": 1, "b_e164": "639171234567"}


def _row(schema: pa.Schema, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in schema:
        plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        row[field.name] = values.get(field.name, None if field.nullable else "" if pa.types.is_string(plain) else 0)
    return row


def call(number: int, **values: Any) -> dict[str, Any]:
    given = {"cdr_id": number.to_bytes(16, "big"), "setup_at": NOON, "release_at": NOON + dt.timedelta(seconds=10), **_EMPTY, **values}
    return _row(cdr.CDR, **given)


def answered(number: int, seconds: int = 60, **values: Any) -> dict[str, Any]:
    times = {"answer_at": NOON + dt.timedelta(seconds=4), "release_at": NOON + dt.timedelta(seconds=4 + seconds)}
    return call(number, **{**times, "duration_ms": seconds * 1000, **values})


def charge(number: int, amount: int, **values: Any) -> dict[str, Any]:
    given = {"cdr_id": number.to_bytes(16, "big"), "leg": "OUT", "leg_no": 1, "duration_ms": 60_000, "billed_s": 60, "currency": "USD"}
    return _row(
        cdr.CHARGE, **{**given, "amount_micros": amount, "status": "RATED", "destination": "Philippines mobile", "sign": 1, **values}
    )


def cube(calls: list[dict[str, Any]], charges: Any = (), marks: Any = (), events: Any = (), terms: Any = ()) -> list[dict[str, Any]]:
    connection = open_database()
    try:
        for name, schema, rows in (
            ("calls", cdr.CDR, calls),
            ("events", cdr.CDR, events),
            ("charges", cdr.CHARGE, charges),
            ("marks", cdr.MARK, marks),
        ):
            connection.register(f"{name}_arrow", pa.Table.from_pylist(list(rows), schema=schema))
            words = ", ".join(f'"{field.name}"::VARCHAR AS "{field.name}"' for field in schema if pa.types.is_dictionary(field.type))
            others = ", ".join(f'"{field.name}"' for field in schema if not pa.types.is_dictionary(field.type))
            connection.execute(f"CREATE VIEW {name} AS SELECT {words}, {others} FROM {name}_arrow")
        records = kpi.with_events(connection, "calls", "events") if events else "calls"
        table = kpi.cube(connection, records=records, marks="marks", charges="charges", terms=terms, day=DAY)
        assert table.schema.equals(cdr.KPI)
        return table.to_pylist()
    finally:
        connection.close()


def total(rows: list[dict[str, Any]], name: str = "seizures", **where: Any) -> int:
    return sum(row[name] for row in rows if all(row[key] == value for key, value in where.items()))


def test_every_cause_is_the_one_core_says() -> None:
    causes = [None, *Q850_CLASS, 25, 27, 49]
    codes = [None, *SIP_Q850, 488, 699]
    cases = list(itertools.product([False, True], [False, True], causes, codes))
    alert = NOON + dt.timedelta(seconds=1)
    calls, wanted = [], {}
    for number, (is_answered, alerted, q850, sip_code) in enumerate(cases):
        make = answered if is_answered else call
        calls.append(make(number, alert_at=alert if alerted else None, q850=q850, sip_code=sip_code))
        name = cause_class(is_answered, alerted, q850, sip_code)
        wanted[name] = wanted.get(name, 0) + 1
    found: dict[str, int] = {}
    for row in cube(calls):
        found[row["cause"]] = found.get(row["cause"], 0) + row["seizures"]
    assert found == wanted


def test_the_caller_asked_once() -> None:
    """Route advance: two suppliers were tried, the caller's leg is one seizure; a call without an identifier is its own."""
    same = {"call_id": "abc@switch", "b_raw": "0063", "leg": "IN", "partner": "nordtel", "trunk": "N"}
    calls = [
        call(1, **same, sip_code=503),
        answered(1, **same) | {"cdr_id": (2).to_bytes(16, "big")},
        call(3, call_id="abc@switch", sip_code=503),
        answered(4, call_id="abc@switch", trunk="T2"),
        call(5, **{**same, "call_id": None}),
        call(6, **{**same, "call_id": None}),
        call(7, **{**same, "b_raw": "0049"}),
    ]
    rows = cube(calls)
    assert total(rows, leg="IN") == 4
    assert total(rows, "answers", leg="IN") == 1
    assert total(rows, leg="OUT") == 2


def test_phantoms_and_events_are_not_counted_twice() -> None:
    mark = _row(cdr.MARK, cdr_id=(2).to_bytes(16, "big"), leg="OUT", leg_no=1, mark="DUP_RELOAD", acceptance="NON_PAYABLE")
    near = _row(cdr.MARK, cdr_id=(3).to_bytes(16, "big"), leg="OUT", leg_no=1, mark="DUP_NEAR", acceptance="PAYABLE")
    calls = [answered(1, call_id="one"), answered(2, call_id="one"), answered(3, call_id="three")]
    events = [answered(8, call_id="one", source="proxy"), call(9, call_id="nine", source="proxy")]
    rows = cube(calls, marks=[mark, near], events=events)
    assert total(rows) == 3
    assert total(rows, source="proxy") == 1


def test_the_money_of_both_legs_stands_once() -> None:
    calls = [answered(1, leg="IN", partner="nordtel"), answered(1), answered(2, leg="IN", partner="nordtel"), answered(2)]
    charges = [charge(1, 300, leg="IN"), charge(1, 200), charge(2, 500, leg="IN"), charge(2, 0, status="UNRATED", currency=None)]
    rows = cube(calls, charges)
    assert total(rows, "amount_micros", leg="IN", currency="USD") == 800
    assert total(rows, "other_micros", leg="IN", other_currency="USD") == 200
    assert total(rows, "other_micros", leg="OUT", other_currency="USD") == 800
    assert total(rows, "unpriced", leg="OUT") == 1
    assert total(rows, "unpriced", leg="IN") == 0


def test_a_call_with_two_answered_routes_has_its_revenue_once() -> None:
    calls = [answered(1, leg="IN", session_id="s"), answered(2, session_id="s"), answered(3, session_id="s", trunk="T2")]
    charges = [charge(1, 900, leg="IN"), charge(2, 300), charge(3, 400)]
    rows = cube(calls, charges)
    assert total(rows, "other_micros", leg="IN") == 700
    assert total(rows, "other_micros", leg="OUT") == 900


def test_durations_delays_and_short_calls() -> None:
    def ringing(number: int, delay_ms: int) -> dict[str, Any]:
        return answered(number, 30, alert_at=NOON + dt.timedelta(milliseconds=delay_ms))

    calls = [answered(1, 6), answered(2, 7), answered(3, 15), answered(4, 16), call(5)]
    calls += [ringing(10 + place, edge) for place, edge in enumerate(PDD_EDGES_MS)] + [ringing(30, 20_001), ringing(31, -5)]
    rows = cube(calls)
    assert (total(rows, "short_6"), total(rows, "short_15")) == (1, 3)
    assert total(rows, "conversation_ms") == (6 + 7 + 15 + 16) * 1000 + 12 * 30_000
    assert total(rows, "holding_ms", cause="OTHER") == 10_000
    assert total(rows, "rung") == len(PDD_EDGES_MS) + 1
    assert [total(rows, f"pdd_{place:02d}") for place in range(len(PDD_EDGES_MS) + 1)] == [1] * (len(PDD_EDGES_MS) + 1)


def test_places_come_from_the_charge_else_from_the_deck() -> None:
    columns = {"code": ["63", "639"], "destination": ["Philippines", "Philippines mobile"], "status": ["ACTIVE"] * 2}
    base = {"country": "", "a_zone": "*", "band": "*", "rate_unit": "PER_MINUTE", "row": 1, "rate_text": "0.1", "minimum_s": 1, "step_s": 1}
    rows = [_row(DECK_ROW, **base, **{name: values[place] for name, values in columns.items()}) for place in range(2)]
    deck = compile_timeline([Deck(pa.Table.from_pylist(rows, schema=DECK_ROW), partner="aurora", currency="USD")])
    at = int(NOON.timestamp()) * 1000
    terms = [kpi.Terms("aurora", "OUT", at - 1, at + 1, deck)]
    calls = [
        call(1),
        call(2, b_e164="6321234567"),
        call(3, partner="cirrus"),
        answered(4),
        call(5, b_e164=None),
        call(6, b_e164="12125551234"),
    ]
    found = cube(calls, [charge(4, 1, destination="As the charge says")], terms=terms)
    assert {(row["destination"], row["country"]) for row in found} == {
        ("Philippines mobile", "63"),
        ("Philippines", "63"),
        ("", "63"),
        ("As the charge says", "63"),
        ("", ""),
        ("", "1"),
    }


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_cubes_add_up(parts: int) -> None:
    calls = [answered(number, number, source=f"s{number % 2}") for number in range(1, 30)] + [call(40 + number) for number in range(9)]
    whole = cube(calls)
    split = [row for part in range(parts) for row in cube(calls[part::parts])]
    for name in ("seizures", "answers", "conversation_ms", "short_6", "short_15", "holding_ms"):
        assert total(whole, name, source="s1") == total(split, name, source="s1")


def test_no_record_is_an_empty_cube() -> None:
    assert cube([]) == []
