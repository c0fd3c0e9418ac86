"""Reconciliation over many records: every pair priced step by step, every record in one class, every part of the difference in one cause.

Works on views of a DuckDB connection and leaves its results there as temporary tables, so that memory stays bounded at any size.
See docs/rules/reconciliation.md.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from tollbook.core.agreement import Agreement
from tollbook.core.cdr import MATCH, VARIANCE
from tollbook.core.money import ROUNDING_MODES, SIXTIETHS_PER_NANO
from tollbook.core.period import period_of_day
from tollbook.core.problem import Problem, problem
from tollbook.core.reconciliation import MOST_AMOUNT_NANOS, MOST_BILLED_S
from tollbook.core.zone import Zone
from tollbook.engine.database import sql
from tollbook.engine.reconciliation_pairs import (
    MINUTES_ONLY,
    OUR_PRICES,
    STATED,
    Rules,
    call_step,
    explain_pairs,
    integers,
    round_calls,
    stated_terms,
)
from tollbook.engine.reconciliation_prices import NoPrices, Prices

BATCH_ROWS = 100_000
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Inputs:
    """Names of views or tables of the connection; an empty name is an empty table.

    `ours` and `theirs` are the kept records (CDR) of the leg and of the agreement's partner; `matches` is MATCH; `charges` is CHARGE of
    our kept records. The duplicates are CDR with two more columns, `mark` and `kept_cdr_id`. `other_block` holds records of ours that
    belong to another partner.
    """

    ours: str
    theirs: str
    matches: str
    charges: str = ""
    our_duplicates: str = ""
    their_duplicates: str = ""
    other_block: str = ""


@dataclass(frozen=True)
class Reconciled:
    """What was found, as temporary tables of the connection: r_pairs, r_alone, r_variances. `basis` says where their money comes from."""

    connection: duckdb.DuckDBPyConnection
    rules: Rules
    leg: str

    @property
    def basis(self) -> str:
        return self.rules.basis

    def matches(self) -> pa.Table:
        """The matches with their final class, and the records without a counterpart, in the MATCH schema."""
        return self.connection.sql(sql("reconciliation_matches")).to_arrow_table().cast(MATCH)

    def problems(self) -> list[Problem]:
        """What stands in their records that cannot be compared as it is."""
        query = f"""
            SELECT count(*) FILTER (their_currency <> o.currency),
                   count(*) FILTER (abs(their_amount_nanos) > {MOST_AMOUNT_NANOS} OR their_billed_s NOT BETWEEN 0 AND {MOST_BILLED_S})
            FROM (SELECT their_currency, their_amount_nanos, their_billed_s FROM r_theirs
                  UNION ALL SELECT their_currency, their_amount_nanos, their_billed_s FROM r_their_duplicates), r_options o
        """
        foreign, large = self.connection.execute(query).fetchall()[0]
        counted = (("RECONCILE_CURRENCY", foreign), ("RECONCILE_STATED_TOO_LARGE", large))
        return [problem(code, f"{count:,} of their records.", value=count) for code, count in counted if count]

    def variances(self) -> pa.Table:
        """One row per pair or record and cause, in the VARIANCE schema."""
        query = """
            SELECT our_cdr_id, their_cdr_id, leg, cause, value AS exact_60th_nanos, minutes_ms, currency,
                   nullif(destination, '') AS destination
            FROM r_variances, r_options ORDER BY our_cdr_id NULLS LAST, their_cdr_id NULLS LAST, cause
        """
        return self.connection.sql(query).to_arrow_table().cast(VARIANCE)


def reconcile(
    connection: duckdb.DuckDBPyConnection, inputs: Inputs, agreement: Agreement, zone: Zone, prices: Prices | None, *, leg: str
) -> Reconciled:
    """Classes, causes and values of everything in `inputs`. `zone` is the agreement's; `prices` None leaves the money out.

    `prices` prices a call by our deck (`tollbook.engine.reconciliation_prices`).
    """
    rules = _open(connection, inputs, agreement, prices, leg)
    _days(connection, agreement, zone)
    connection.execute(sql("reconciliation_units"))
    connection.execute(sql("reconciliation_singles"))
    price_function = prices or NoPrices()
    _explain_units(connection, price_function, rules)
    _price_theirs_alone(connection, price_function, rules)
    connection.execute(sql("reconciliation_results"))
    return Reconciled(connection, rules, leg)


def _open(connection: duckdb.DuckDBPyConnection, inputs: Inputs, agreement: Agreement, prices: Prices | None, leg: str) -> Rules:
    """The views the statements read, and the rules both files and the agreement make."""
    empty_marks = "SELECT *, NULL::BLOB AS kept_cdr_id, NULL::VARCHAR AS mark FROM {} WHERE false"
    views = {
        "r_ours": f"SELECT * FROM {inputs.ours}",
        "r_theirs": f"SELECT * FROM {inputs.theirs}",
        "r_matches": f"SELECT * FROM {inputs.matches}",
        "r_our_duplicates": f"SELECT * FROM {inputs.our_duplicates}" if inputs.our_duplicates else empty_marks.format(inputs.ours),
        "r_their_duplicates": f"SELECT * FROM {inputs.their_duplicates}" if inputs.their_duplicates else empty_marks.format(inputs.theirs),
        "r_other_block": f"SELECT * FROM {inputs.other_block or f'{inputs.ours} WHERE false'}",
        "r_charges": _charges_view(inputs.charges if prices else "", per_call=agreement.rating.round_at.point == "CALL"),
    }
    for name, query in views.items():
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")
    rules = _rules(connection, agreement, prices)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE r_options AS SELECT ? AS currency, ?::BIGINT AS band, ?::BOOLEAN AS money",
        [rules.currency, rules.band, rules.basis != MINUTES_ONLY],
    )
    return rules


def _charges_view(charges: str, *, per_call: bool) -> str:
    """Our charges with `value`, what counts: the rounded amount where the contract rounds per call, else the exact charge."""
    if not charges:
        return """
            SELECT NULL::BLOB AS cdr_id, 0::BIGINT AS value, 0::BIGINT AS exact, 0::BIGINT AS billed_s,
                   NULL::BIGINT AS rate_nanos_per_minute, NULL::VARCHAR AS code, NULL::VARCHAR AS destination,
                   NULL::VARCHAR AS status WHERE false
        """
    value = "amount_micros * 60000" if per_call else "exact_60th_nanos"
    return (
        f"SELECT cdr_id, CASE WHEN status = 'RATED' THEN {value} ELSE 0 END AS value,"
        " CASE WHEN status = 'RATED' THEN exact_60th_nanos ELSE 0 END AS exact, billed_s, rate_nanos_per_minute,"
        f" code::VARCHAR AS code, destination::VARCHAR AS destination, status::VARCHAR AS status FROM {charges}"
    )


def _rules(connection: duckdb.DuckDBPyConnection, agreement: Agreement, prices: Prices | None) -> Rules:
    """Where their money comes from, and the last digit of their amounts: the finest any amount of the file is written to."""
    found = connection.execute(
        """
        SELECT count(their_amount_nanos) + count(their_rate_text), max(length(split_part(their_amount_text, '.', 2)))
        FROM (SELECT their_amount_nanos, their_rate_text, their_amount_text FROM r_theirs
              UNION ALL SELECT their_amount_nanos, their_rate_text, their_amount_text FROM r_their_duplicates)
        """
    ).fetchall()
    stated, places = found[0]
    basis = STATED if stated and prices else OUR_PRICES if prices else MINUTES_ONLY
    round_at = agreement.rating.round_at
    step = call_step(min(round_at.places, 6)) if round_at.point == "CALL" else 0
    unit = call_step(min(int(places), 9)) if places is not None else max(step, SIXTIETHS_PER_NANO)
    return Rules(basis, agreement.currency, unit, step, ROUNDING_MODES[agreement.rating.rounding])


def _days(connection: duckdb.DuckDBPyConnection, agreement: Agreement, zone: Zone) -> None:
    """The macro r_day, an instant's local day in the agreement's zone, and r_days: the period of the agreement each day lies in."""
    times = " UNION ALL ".join(
        f"SELECT coalesce(answer_at, setup_at, release_at) AS at_time FROM {view}"
        for view in ("r_ours", "r_theirs", "r_our_duplicates", "r_their_duplicates", "r_other_block")
    )
    low, high = connection.execute(f"SELECT epoch_ms(min(at_time)), epoch_ms(max(at_time)) FROM ({times})").fetchall()[0]
    connection.execute(f"CREATE OR REPLACE TEMP MACRO r_day(t) AS {_day_expression(zone, low or 0, high or 0)}")
    days: list[dt.date] = []
    if low is not None:
        first, last = zone.local_day(low), zone.local_day(high)
        days = [first + each * _DAY for each in range((last - first).days + 1)]
    periods = [period_of_day(day, agreement.period.cycle, zone).name for day in days]
    _store(connection, "r_days", pa.table({"day": pa.array(days, pa.date32()), "period": pa.array(periods, pa.string())}))


def _day_expression(zone: Zone, low: int, high: int) -> str:
    """The local day of `t` in SQL: the offsets of the zone that are in force between two instants, written out."""
    inside = [number for number, change in enumerate(zone.changes_ms) if low < change <= high]
    first = inside[0] if inside else sum(1 for change in zone.changes_ms if change <= low)
    cases = "".join(f" WHEN epoch_ms(t) < {zone.changes_ms[number]} THEN {zone.offsets_s[number] * 1000}" for number in inside)
    last = zone.offsets_s[first + len(inside)] * 1000
    offset = f"CASE{cases} ELSE {last} END" if cases else str(last)
    return f"(DATE '1970-01-01' + ((epoch_ms(t) + {offset}) // 86400000)::INTEGER)"


def _explain_units(connection: duckdb.DuckDBPyConnection, prices: Prices, rules: Rules) -> None:
    """r_pairs, batch by batch."""
    units = connection.execute("SELECT count(*) FROM r_units").fetchall()[0][0]
    for first in range(1, max(units, 1) + 1, BATCH_ROWS):
        batch = connection.sql(sql("reconciliation_batch").format(first=first, last=first + BATCH_ROWS - 1)).to_arrow_table()
        found = explain_pairs(batch, prices, rules)
        for name in found.column_names:
            batch = batch.append_column(name, found.column(name))
        _store(connection, "r_pairs", batch, append=first > 1, query=sql("reconciliation_pairs"))
    connection.execute("DROP TABLE r_units")


def _price_theirs_alone(connection: duckdb.DuckDBPyConnection, prices: Prices, rules: Rules) -> None:
    """r_their_prices: what a record of theirs without a counterpart is worth, as they state it, and where our deck puts it."""
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE r_theirs_alone AS
        SELECT row_number() OVER () AS place, cdr_id, b_e164, setup_at, answer_at, release_at, duration_ms AS their_ms, their_amount_nanos,
               their_rate_text, their_billed_s, their_currency
        FROM (SELECT * FROM r_theirs UNION ALL BY NAME SELECT * EXCLUDE (mark, kept_cdr_id) FROM r_their_duplicates)
        SEMI JOIN r_singles s USING (cdr_id)
        """
    )
    records = connection.execute("SELECT count(*) FROM r_theirs_alone").fetchall()[0][0]
    for first in range(1, max(records, 1) + 1, BATCH_ROWS):
        query = f"SELECT * FROM r_theirs_alone WHERE place BETWEEN {first} AND {first + BATCH_ROWS - 1}"
        batch = connection.sql(query).to_arrow_table()
        _store(connection, "r_their_prices", _value_alone(batch, prices, rules), append=first > 1)


def _value_alone(records: pa.Table, prices: Prices, rules: Rules) -> pa.Table:
    ours = prices.calls(records, integers(records, "their_ms"))
    stated = stated_terms(records, rules)
    billed = np.where(stated.has_billed, stated.billed, ours.billed_s)
    exact = np.where(stated.has_rate, prices.seconds(ours, billed, stated.rate), ours.exact if rules.basis == OUR_PRICES else 0)
    value = np.where(stated.has_amount, stated.amount, round_calls(exact, rules.step, rules.mode))
    return pa.table(
        {
            "cdr_id": records.column("cdr_id"),
            "value": np.where(stated.other_currency, 0, value),
            "billed_s": billed,
            "code": pa.array(prices.codes(ours.row), pa.string()),
            "destination": pa.array(prices.destinations(ours.row), pa.string()),
        }
    )


def _store(
    connection: duckdb.DuckDBPyConnection, name: str, part: pa.Table, *, append: bool = False, query: str = "SELECT * FROM r_incoming"
) -> None:
    """An Arrow table, as r_incoming through a query, into a temporary table of the connection."""
    connection.register("r_incoming", part)
    verb = f"INSERT INTO {name}" if append else f"CREATE OR REPLACE TEMP TABLE {name} AS"
    connection.execute(f"{verb} {query}")
    connection.unregister("r_incoming")
