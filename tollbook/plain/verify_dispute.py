"""The figures of a dispute's pack, computed again: our price of each call from the deck rows inside, the causes of each call, the sums."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from tollbook.core.agreement_reader import read_agreement
from tollbook.core.deck import RATE_UNITS, TERMS
from tollbook.core.evidence import Pack
from tollbook.core.money import SIXTIETHS_PER_MICRO
from tollbook.core.rating import NO_CEILING, RowTerms, price, price_terms
from tollbook.engine.database import open_database
from tollbook.plain.verification import Verification

CALLS, DIFFERENCES, RATES, VALUATION, AGREEMENT = "calls.csv", "differences.csv", "rates.csv", "valuation.json", "agreement.toml"


def verify_dispute(pack: Pack, folder: Path, found: Verification) -> None:
    """Adds the checks of the figures. Raises KeyError, TypeError or ValueError where the pack does not have the form of one."""
    for name in (CALLS, DIFFERENCES, RATES):
        (folder / name).write_bytes(pack.part(name))
    valuation = json.loads(pack.part(VALUATION))
    connection = open_database(spill_folder=folder / "spill")
    try:
        for name in (CALLS, DIFFERENCES, RATES):
            path = str(folder / name).replace("'", "''")
            table = name.partition(".")[0]
            connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_csv('{path}', header = true, all_varchar = true, nullstr = '')")  # noqa: S608
        _check_clauses(pack, found)
        _check_prices(connection, pack, found)
        _check_calls(connection, found)
        _check_sums(connection, pack, valuation, found)
        _check_privacy(connection, found)
    finally:
        connection.close()


def _check_clauses(pack: Pack, found: Verification) -> None:
    agreement, _ = read_agreement(pack.part(AGREEMENT).decode("utf-8"), AGREEMENT)
    found.add("agreement", "The agreement inside is the one the dispute names.", pack.manifest["agreement_digest"], agreement.digest)
    clauses = {number: [clause.title, clause.text] for number, clause in agreement.clauses.items()}
    quoted = {number: list(each) for number, each in pack.manifest["clauses"].items()}
    holds = all(clauses.get(number) == each for number, each in quoted.items())
    found.add("clauses", f"The {len(quoted)} clauses are quoted word by word.", True, holds)


def _check_prices(connection: duckdb.DuckDBPyConnection, pack: Pack, found: Verification) -> None:
    """Each of our prices again, from the recorded duration and the deck row. Calls written in several records are sums and are left out."""
    agreement, _ = read_agreement(pack.part(AGREEMENT).decode("utf-8"), AGREEMENT)
    terms = price_terms(agreement.rating)
    per_call = agreement.rating.round_at.point == "CALL"
    rows = {(row["deck_digest"], row["deck_row"]): _row_terms(row) for row in _rows(connection, "SELECT * FROM rates")}
    query = """SELECT call, our_deck_digest, our_deck_row, our_charged_ms, our_billed_s, our_60th_nanos FROM calls
               WHERE our_deck_row IS NOT NULL AND our_calls = '1' AND CAST(our_60th_nanos AS BIGINT) <> 0 ORDER BY CAST(call AS BIGINT)"""
    checked, wrong = 0, []
    for call in _rows(connection, query):
        billed, exact, amount = price(int(call["our_charged_ms"]), rows[call["our_deck_digest"], call["our_deck_row"]], terms)
        value = amount * SIXTIETHS_PER_MICRO if per_call else exact
        checked += 1
        if (billed, value) != (int(call["our_billed_s"]), int(call["our_60th_nanos"])):
            wrong.append(call["call"])
    found.add("prices", f"Our price of {checked:,} calls follows from their duration and the deck rows inside.", "", ", ".join(wrong[:10]))


def _row_terms(row: dict[str, Any]) -> RowTerms:
    values = [int(row[name]) for name in TERMS[:-1]]
    ceiling = NO_CEILING if row["max_charge_nanos"] is None else int(row["max_charge_nanos"])
    return RowTerms._make([*values, ceiling, RATE_UNITS.index(row["rate_unit"])])


def _check_calls(connection: duckdb.DuckDBPyConnection, found: Verification) -> None:
    """Theirs less ours is the difference, and the causes of a call add up to it."""
    apart = connection.execute(
        """SELECT count(*) FROM calls
           WHERE CAST(their_60th_nanos AS HUGEINT) - CAST(our_60th_nanos AS HUGEINT) <> CAST(difference_60th_nanos AS HUGEINT)"""
    ).fetchall()
    found.add("calls", "On every call, their amount less ours is the difference.", 0, apart[0][0])
    open_calls = connection.execute(
        """SELECT count(*) FROM (SELECT call, sum(CAST(difference_60th_nanos AS HUGEINT)) AS value FROM differences GROUP BY call) d
           FULL JOIN calls c USING (call) WHERE d.value IS DISTINCT FROM CAST(c.difference_60th_nanos AS HUGEINT)"""
    ).fetchall()
    found.add("causes", "On every call, the causes add up to the difference.", 0, open_calls[0][0])


def _check_sums(connection: duckdb.DuckDBPyConnection, pack: Pack, valuation: dict[str, Any], found: Verification) -> None:
    by_class = connection.execute(
        "SELECT class, CAST(sum(CAST(difference_60th_nanos AS HUGEINT)) AS VARCHAR) FROM calls GROUP BY 1 ORDER BY 1"
    ).fetchall()
    sealed = [(row["name"], row["difference_60th_nanos"]) for row in valuation["classes"]]
    found.add("classes", "The classes add up as stated.", sealed, [tuple(row) for row in by_class])
    by_cause = connection.execute(
        "SELECT cause, CAST(sum(CAST(difference_60th_nanos AS HUGEINT)) AS VARCHAR) FROM differences GROUP BY 1 ORDER BY 1"
    ).fetchall()
    sealed = [(row["name"], row["difference_60th_nanos"]) for row in valuation["causes"]]
    found.add("waterfall", "The causes add up as stated.", sealed, [tuple(row) for row in by_cause])
    total = sum(int(value) for _, value in by_class)
    found.add("total", "All calls together are the difference in dispute.", valuation["difference_60th_nanos"], str(total))
    found.add(
        "letter", "The amount of the dispute is the one in the valuation.", pack.manifest["disputed_micros"], valuation["disputed_micros"]
    )


def _check_privacy(connection: duckdb.DuckDBPyConnection, found: Verification) -> None:
    """No number of a caller stands in the pack in full."""
    shown = connection.execute(
        """SELECT count(*) FROM calls
           WHERE NOT regexp_full_match(a_number, '[0-9]{0,5}[*]+') OR (a_number_hmac IS NOT NULL AND length(a_number_hmac) <> 32)"""
    ).fetchall()
    found.add("privacy", "The numbers of callers are masked or keyed.", 0, shown[0][0])


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
