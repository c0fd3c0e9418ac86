"""Adds up what a reconciliation left in its tables: by cause, class, destination, day, trunk, reason. Sums are exact, in 128 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import duckdb

from tollbook.core.reconciliation import CAUSES, CLASSES, OTHER_BLOCK
from tollbook.engine.database import sql
from tollbook.engine.reconciliation import Reconciled

Row = dict[str, Any]
LARGEST_PAIRS: Final = 5
TOP_DESTINATIONS: Final = 8
TOP_DETAILS: Final = 12

_BOTH = """
    sum(our_calls)::BIGINT AS our_calls, sum(their_calls)::BIGINT AS their_calls,
    sum(our_ms)::BIGINT AS our_ms, sum(their_ms)::BIGINT AS their_ms,
    sum(our_billed_s)::BIGINT AS our_billed_s, sum(their_billed_s)::BIGINT AS their_billed_s,
    sum(our_value)::HUGEINT AS ours, sum(their_value)::HUGEINT AS theirs
"""
_VALUE_APART = "abs(sum(their_value) - sum(our_value))"
_TIME_APART = "abs(sum(their_ms) - sum(our_ms))"
_SIGNED = """
    count(*) FILTER (value <> 0) AS calls, sum(minutes_ms)::BIGINT AS minutes_ms, sum(value)::HUGEINT AS value,
    coalesce(sum(value) FILTER (value > 0), 0)::HUGEINT AS plus, coalesce(sum(value) FILTER (value < 0), 0)::HUGEINT AS minus
"""


@dataclass(frozen=True)
class Totals:
    """Every sum of the summary. Amounts are 1/60 nanos, durations milliseconds, `value` is always theirs - ours."""

    whole: Row  # both sides without our duplicates and other partners' records: what is compared in money
    files: Row  # both sides with everything: what is compared in minutes
    causes: list[Row]
    details: list[Row]
    cause_destinations: list[Row]
    classes: list[Row]
    destinations: list[Row]
    days: list[Row]
    trunks: list[Row]
    unmatched: list[Row]
    rules: list[Row]
    currencies: list[Row]
    boundary_calls: int
    clock_moved_calls: int


def add_up(found: Reconciled) -> Totals:
    """The sums, each from one pass over the tables of a reconciliation."""
    connection = found.connection
    connection.execute(sql("reconciliation_both"))
    order_of_class = f"list_position({[*CLASSES, OTHER_BLOCK]!r}, class)"
    order_of_cause = f"list_position({list(CAUSES)!r}, cause)"
    return Totals(
        whole=rows(connection, f"SELECT {_BOTH} FROM r_both WHERE counted")[0],
        files=rows(connection, f"SELECT {_BOTH} FROM r_both")[0],
        causes=rows(connection, f"SELECT cause, {_SIGNED} FROM r_variances GROUP BY cause ORDER BY {order_of_cause}"),
        details=rows(
            connection,
            f"""SELECT cause, detail, {_SIGNED} FROM r_variances WHERE detail IS NOT NULL GROUP BY cause, detail
                QUALIFY row_number() OVER (PARTITION BY cause ORDER BY abs(sum(value)) DESC, detail) <= {TOP_DETAILS}
                ORDER BY {order_of_cause}, abs(sum(value)) DESC, detail""",
        ),
        cause_destinations=rows(
            connection,
            f"""SELECT cause, destination, {_SIGNED} FROM r_variances WHERE value <> 0 GROUP BY cause, destination
                QUALIFY row_number() OVER (PARTITION BY cause ORDER BY abs(sum(value)) DESC, destination) <= {TOP_DESTINATIONS}
                ORDER BY {order_of_cause}, abs(sum(value)) DESC, destination""",
        ),
        classes=rows(
            connection,
            f"""SELECT class, count(*) AS calls,
                       coalesce(sum(their_ms - our_ms) FILTER (their_ms > our_ms), 0)::BIGINT AS plus_ms,
                       coalesce(sum(their_ms - our_ms) FILTER (their_ms < our_ms), 0)::BIGINT AS minus_ms,
                       coalesce(sum(their_value - our_value) FILTER (their_value > our_value), 0)::HUGEINT AS plus,
                       coalesce(sum(their_value - our_value) FILTER (their_value < our_value), 0)::HUGEINT AS minus
                FROM (SELECT class, our_ms, their_ms, their_value, CASE WHEN counted THEN our_value ELSE 0 END AS our_value FROM r_both)
                GROUP BY class ORDER BY {order_of_class}""",
        ),
        destinations=_grouped(
            connection, "destination", "abs(sum(their_value) - sum(our_value)) DESC, abs(sum(their_ms) - sum(our_ms)) DESC, 1"
        ),
        days=_grouped(connection, "day::VARCHAR", "1"),
        trunks=_grouped(connection, "coalesce(trunk, 'no trunk')", "abs(sum(our_ms) + sum(their_ms)) DESC, 1"),
        unmatched=rows(
            connection,
            f"""SELECT class, reason, at_side AS side, partner, trunk, count(*) AS calls, sum(duration_ms)::BIGINT AS minutes_ms,
                       sum(value)::HUGEINT AS value
                FROM r_alone GROUP BY class, reason, at_side, partner, trunk
                ORDER BY {order_of_class}, reason, count(*) DESC, partner, trunk""",
        ),
        rules=rows(connection, "SELECT rule, count(*) AS pairs FROM r_pairs GROUP BY rule ORDER BY pairs DESC, rule"),
        currencies=rows(
            connection,
            """SELECT their_currency AS currency, count(*) AS calls, sum(their_amount_nanos)::HUGEINT AS nanos
               FROM (SELECT their_currency, their_amount_nanos FROM r_theirs
                     UNION ALL SELECT their_currency, their_amount_nanos FROM r_their_duplicates), r_options o
               WHERE their_currency <> o.currency GROUP BY ALL ORDER BY 1""",
        ),
        boundary_calls=rows(connection, "SELECT count(*) AS n FROM r_pairs WHERE boundary")[0]["n"],
        clock_moved_calls=rows(connection, "SELECT count(*) AS n FROM r_pairs WHERE clock_moves_row")[0]["n"],
    )


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    """A small result as dicts. Sums of nothing are 0."""
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _grouped(connection: duckdb.DuckDBPyConnection, by: str, order: str) -> list[Row]:
    return rows(connection, f"SELECT {by} AS name, {_BOTH} FROM r_both WHERE counted GROUP BY 1 ORDER BY {order}")


def largest(found: Reconciled) -> dict[str, list[Row]]:
    """The pairs and records that weigh most in each cause, both sides with what they say; by cause, the heaviest first."""
    query = f"""
        WITH top AS (
            SELECT cause, our_cdr_id, their_cdr_id, value, detail, row_number() OVER (
                PARTITION BY cause ORDER BY abs(value) DESC, our_cdr_id NULLS LAST, their_cdr_id NULLS LAST
            ) AS place
            FROM r_variances WHERE value <> 0 QUALIFY place <= {LARGEST_PAIRS}
        ),
        ours_all AS (
            SELECT * FROM r_ours SEMI JOIN top ON r_ours.cdr_id = top.our_cdr_id
            UNION ALL BY NAME SELECT * FROM r_our_duplicates SEMI JOIN top ON r_our_duplicates.cdr_id = top.our_cdr_id
        ),
        theirs_all AS (
            SELECT * FROM r_theirs SEMI JOIN top ON r_theirs.cdr_id = top.their_cdr_id
            UNION ALL BY NAME SELECT * FROM r_their_duplicates SEMI JOIN top ON r_their_duplicates.cdr_id = top.their_cdr_id
        )
        SELECT top.cause, top.value, top.detail, p.rule,
               o.record_no AS our_record_no, o.a_e164 AS our_a, o.b_e164 AS our_b,
               epoch_ms(coalesce(o.answer_at, o.setup_at)) AS our_answer,
               o.duration_ms AS our_ms, c.billed_s AS our_billed_s, c.code AS our_code, c.destination AS our_destination,
               c.rate_nanos_per_minute AS our_rate, c.value AS our_value,
               t.record_no AS their_record_no, t.a_e164 AS their_a, t.b_e164 AS their_b,
               epoch_ms(coalesce(t.answer_at, t.setup_at)) AS their_answer,
               t.duration_ms AS their_ms, t.their_billed_s, t.their_code, t.their_destination, t.their_rate_text, t.their_amount_text
        FROM top
        LEFT JOIN r_pairs p ON p.our_cdr_id = top.our_cdr_id AND p.their_cdr_id = top.their_cdr_id
        LEFT JOIN ours_all o ON o.cdr_id = top.our_cdr_id
        LEFT JOIN theirs_all t ON t.cdr_id = top.their_cdr_id
        LEFT JOIN r_charges c ON c.cdr_id = top.our_cdr_id
        ORDER BY top.cause, top.place
    """
    heaviest: dict[str, list[Row]] = {}
    for row in rows(found.connection, query):
        heaviest.setdefault(row["cause"], []).append(row)
    return heaviest
