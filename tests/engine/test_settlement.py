"""Lines and annex over many calls: exact sums, an annex whose amounts are the line to the last unit, the same bytes in any order."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tollbook.core.agreement import RatingTerms, RoundAt
from tollbook.core.cdr import CDR, CHARGE
from tollbook.core.invoice import Line, line_net, make_lines
from tollbook.core.money import HALF_UP, divide_rounded
from tollbook.engine.database import open_database
from tollbook.engine.settlement import RATES_SCHEMA, annex_sums, rates_of, usages, write_annex
from tollbook.formats.deck.reader import read_deck

DECK = "d" * 64
START_MS = 1_763_769_600_000
RATES = pa.table(
    {"deck_digest": [DECK, DECK], "deck_row": [2, 3], "increments": ["1/1", "30/6"], "version": ["v1", "v1"]}, schema=RATES_SCHEMA
)


def filled(schema: pa.Schema, columns: dict[str, list[object]], count: int) -> pa.Table:
    """A table of the schema: the given columns, nulls where a column may be null, and plain fillings elsewhere."""
    arrays = []
    for field in schema:
        if field.name in columns:
            arrays.append(pa.array(columns[field.name], field.type))
        elif field.nullable:
            arrays.append(pa.nulls(count, field.type))
        else:
            value = "X" if pa.types.is_dictionary(field.type) or pa.types.is_string(field.type) else 0
            arrays.append(pa.array([value] * count, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def world(count: int, seed: int = 7) -> tuple[pa.Table, pa.Table]:
    """Charges and their CDRs: two destinations at two rates, every seventh call not payable, every fifth of no length."""
    random = np.random.default_rng(seed)
    ids = [hashlib.sha256(b"%d" % i).digest()[:16] for i in range(count)]
    billed = [0 if i % 5 == 4 else int(random.integers(1, 400)) for i in range(count)]
    second = [i % 2 for i in range(count)]
    rates = [11_900_000 if flag else 125_000_007 for flag in second]
    exact = [b * r for b, r in zip(billed, rates, strict=True)]
    charges = filled(
        CHARGE,
        {
            "cdr_id": ids,
            "leg": ["IN"] * count,
            "deck_digest": [DECK] * count,
            "deck_row": [2 + flag for flag in second],
            "code": ["4420" if flag else "4850" for flag in second],
            "destination": ["UK Mobile" if flag else "Poland, Mobile" for flag in second],
            "anchor_at": [START_MS + 1000 * (i % 60) for i in range(count)],
            "duration_ms": [b * 1000 for b in billed],
            "billed_s": billed,
            "rate_nanos_per_minute": rates,
            "exact_60th_nanos": exact,
            "amount_micros": [divide_rounded(each, 60_000, HALF_UP) for each in exact],
            "currency": ["USD"] * count,
            "sign": [1] * count,
            "status": ["RATED"] * count,
            "acceptance": ["NON_PAYABLE" if i % 7 == 6 else "PAYABLE" for i in range(count)],
        },
        count,
    )
    cdrs = filled(
        CDR,
        {
            "cdr_id": ids,
            "leg": ["IN"] * count,
            "answer_at": [START_MS + 1000 * (i % 60) for i in range(count)],
            "a_e164": [f"4420794{i:05d}" for i in range(count)],
            "b_e164": ["48500100200"] * count,
            "call_id": [f'say "{i}",\n' for i in range(count)],
        },
        count,
    )
    return charges, cdrs


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return open_database(memory_limit="256MB", threads=2)


def register(connection: duckdb.DuckDBPyConnection, charges: pa.Table, prior: str = "") -> None:
    connection.register("charges", charges.append_column("prior_period", pa.array([prior] * charges.num_rows, pa.string())))


def made(
    connection: duckdb.DuckDBPyConnection, charges: pa.Table, cdrs: pa.Table, terms: RatingTerms, target: Path
) -> tuple[list[Line], str, int]:
    register(connection, charges)
    connection.register("cdrs", cdrs)
    lines = list(make_lines(usages(connection, "charges", RATES), terms))
    digest, rows = write_annex(connection, "charges", "cdrs", RATES, lines, target)
    return lines, digest, rows


@pytest.mark.parametrize("terms", [RatingTerms(), RatingTerms(round_at=RoundAt("LINE", 2)), RatingTerms(round_at=RoundAt("DOCUMENT", 2))])
def test_the_annex_gives_every_line_exactly(connection: duckdb.DuckDBPyConnection, terms: RatingTerms, tmp_path: Path) -> None:
    charges, cdrs = world(4000)
    lines, digest, rows = made(connection, charges, cdrs, terms, tmp_path / "annex.csv")
    billable = [r for r in charges.to_pylist() if r["acceptance"] == "PAYABLE" and r["billed_s"] > 0]
    assert [line.usage.destination for line in lines] == ["Poland, Mobile", "UK Mobile"]
    assert [line.usage.increments for line in lines] == ["1/1", "30/6"]
    assert rows == sum(line.usage.calls for line in lines) == len(billable)
    assert sum(line.usage.exact_60th_nanos for line in lines) == sum(row["exact_60th_nanos"] for row in billable)
    for number, (calls, billed, exact, amount) in annex_sums(connection, tmp_path / "annex.csv").items():
        usage = lines[number - 1].usage
        assert (calls, billed, exact, amount) == (usage.calls, usage.billed_s, usage.exact_60th_nanos, usage.amount_micros)
        assert line_net(usage, terms) == lines[number - 1].net_micros
    assert hashlib.sha256((tmp_path / "annex.csv").read_bytes()).hexdigest() == digest


def test_the_order_of_charges_changes_no_byte(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    charges, cdrs = world(3000)
    order = np.random.default_rng(1).permutation(3000)
    first = made(connection, charges, cdrs, RatingTerms(), tmp_path / "a.csv")
    again = made(connection, charges.take(pa.array(order)), cdrs, RatingTerms(), tmp_path / "b.csv")
    assert first == again


def test_the_annex_is_in_order_and_shows_no_whole_a_number(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    charges, cdrs = world(500)
    made(connection, charges, cdrs, RatingTerms(), tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["answer_at"] for row in rows] == sorted(row["answer_at"] for row in rows)
    assert {row["a_number"] for row in rows} == {"44207*******"}
    assert rows[0]["answer_at"] == "2025-11-22T00:00:00.000Z"
    assert {row["rate_per_minute"] for row in rows} == {"0.011900000", "0.125000007"}
    assert {row["call_id"] for row in rows} <= {f'say "{i}",\n' for i in range(500)}


def test_exact_sums_beyond_64_bits(connection: duckdb.DuckDBPyConnection) -> None:
    charges, _ = world(10)
    huge = 2**62
    index = charges.schema.get_field_index("exact_60th_nanos")
    register(connection, charges.set_column(index, charges.schema.field(index), pa.array([huge] * 10, pa.int64())))
    found = usages(connection, "charges", RATES)
    payable = sum(each == "PAYABLE" for each in charges.column("acceptance").to_pylist())
    assert sum(each.exact_60th_nanos for each in found) == huge * payable > 2**64


def test_late_calls_of_an_earlier_period_are_lines_of_their_own(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    charges, cdrs = world(40)
    now, late = charges.slice(0, 30), charges.slice(30)
    columns = [
        each.append_column("prior_period", pa.array([name] * each.num_rows, pa.string())) for each, name in ((now, ""), (late, "2025-10"))
    ]
    connection.register("charges", pa.concat_tables(columns))
    connection.register("cdrs", cdrs)
    lines = make_lines(usages(connection, "charges", RATES), RatingTerms())
    assert [(line.usage.prior_period, line.usage.destination) for line in lines] == [
        ("", "Poland, Mobile"),
        ("", "UK Mobile"),
        ("2025-10", "Poland, Mobile"),
        ("2025-10", "UK Mobile"),
    ]
    _, rows = write_annex(connection, "charges", "cdrs", RATES, lines, tmp_path / "annex.csv")
    assert rows == sum(line.usage.calls for line in lines)


def test_a_row_of_a_sheet_that_lists_many_codes_counts_once(tmp_path: Path) -> None:
    # Three codes in one cell are three rows of the deck from one row of the sheet; a call must not be billed three times.
    sheet = tmp_path / "deck.csv"
    sheet.write_text('Code,Destination,Rate,Billing Increment,Effective Date\n"4470,4471,4472",UK Mobile,0.0119,30/6,2026-01-01\n')
    deck, _ = read_deck(sheet)
    assert deck.rows.num_rows == 3
    assert rates_of([deck, deck]).to_pylist() == [{"deck_digest": deck.digest, "deck_row": 2, "increments": "30/6", "version": ""}]
