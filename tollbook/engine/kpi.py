"""The kpi cube in bulk: sums per hour, source, trunk, leg, destination and cause over the records of a day. See docs/rules/kpi.md."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.cdr import KPI
from tollbook.core.kpi import PDD_CLASSES, PDD_EDGES_MS, Q850_CLASS, RUNG_OUT_Q850, RUNG_OUT_SIP, SHORT_S, SIP_Q850
from tollbook.core.number_plan import plan_at
from tollbook.engine.database import sql
from tollbook.engine.deck import CompiledDeck
from tollbook.engine.number import number_keys

FOUND = pa.schema([("n", pa.int64()), ("destination", pa.string())])
TABLES = ("kpi_found", "kpi_sip", "kpi_class", "kpi_country")


@dataclass(frozen=True, slots=True)
class Terms:
    """The deck that names the destinations of one partner's leg while it is in force; instants are milliseconds UTC."""

    partner: str
    leg: str
    from_ms: int
    until_ms: int
    deck: CompiledDeck


def cube(
    connection: duckdb.DuckDBPyConnection, *, records: str, marks: str, charges: str, terms: Sequence[Terms], day: dt.date
) -> pa.Table:
    """The cube of these records (views in the CDR, MARK and CHARGE schemas) in the KPI schema, ordered by its key; `day` says which
    calling codes there were. Cubes are sums: those of several days add up.
    """
    connection.execute(sql("kpi_attempts").format(records=records, marks=marks, charges=charges))
    try:
        connection.register("kpi_found", _destinations(connection, terms))
        connection.register("kpi_sip", _pairs(SIP_Q850, "sip_code", "q850", pa.int16()))
        connection.register("kpi_class", _pairs(Q850_CLASS, "q850", "class", pa.string()))
        connection.register("kpi_country", _countries(day))
        query = sql("kpi_cube").format(
            found="kpi_found",
            sip="kpi_sip",
            classes="kpi_class",
            countries="kpi_country",
            rung_sip=_listed(RUNG_OUT_SIP),
            rung_q850=_listed(RUNG_OUT_Q850),
            short_first=SHORT_S[0] * 1000,
            short_second=SHORT_S[1] * 1000,
            pdd_classes=_pdd_classes(),
        )
        found = connection.sql(f"SELECT * FROM ({query}) ORDER BY ALL").to_arrow_table()
    finally:
        for table in TABLES:
            connection.unregister(table)
        connection.execute("DROP TABLE IF EXISTS kpi_attempt")
    return pa.Table.from_arrays([found.column(field.name).cast(field.type) for field in KPI], schema=KPI)


def with_events(connection: duckdb.DuckDBPyConnection, cdrs: str, events: str) -> str:
    """A view of the records and of those events whose call has no record; gives its name."""
    connection.execute(sql("kpi_records").format(cdrs=cdrs, events=events))
    return "kpi_records"


def cause_of(answer: str = "answer_at", alert: str = "alert_at", q850: str = "q850", sip_code: str = "sip_code") -> str:
    """The class of an attempt's cause as an expression over columns of the CDR schema."""
    sip = " ".join(f"WHEN {code} THEN {cause}" for code, cause in SIP_Q850.items())
    causes = " ".join(f"WHEN {cause} THEN '{name}'" for cause, name in Q850_CLASS.items())
    return (
        f"CASE WHEN {answer} IS NOT NULL THEN 'ANSWER'"
        f" WHEN {alert} IS NOT NULL AND (coalesce({sip_code} IN ({_listed(RUNG_OUT_SIP)}), false)"
        f" OR coalesce({q850} IN ({_listed(RUNG_OUT_Q850)}), false)) THEN 'NO_ANSWER'"
        f" ELSE CASE coalesce({q850}, CASE {sip_code} {sip} END) {causes} ELSE 'OTHER' END END"
    )


def _listed(numbers: frozenset[int]) -> str:
    return ", ".join(str(each) for each in sorted(numbers))


def _pairs(values: dict[int, int] | dict[int, str], key: str, value: str, kind: pa.DataType) -> pa.Table:
    return pa.table({key: pa.array(list(values), pa.int16()), value: pa.array(list(values.values()), kind)})


def _countries(day: dt.date) -> pa.Table:
    """The calling code of every beginning of three digits that has one."""
    lengths, _ = plan_at(day).arrays()
    beginnings = [f"{each:03d}" for each in np.flatnonzero(lengths)]
    codes = [each[: int(lengths[int(each)])] for each in beginnings]
    return pa.table({"beginning": pa.array(beginnings, pa.string()), "country": pa.array(codes, pa.string())})


def _pdd_classes() -> str:
    edges = (-1, *PDD_EDGES_MS)
    parts = [f"count(*) FILTER (pdd > {low} AND pdd <= {high})" for low, high in zip(edges, PDD_EDGES_MS, strict=False)]
    parts.append(f"count(*) FILTER (pdd > {PDD_EDGES_MS[-1]})")
    return ",\n    ".join(f"{part} AS {name}" for part, name in zip(parts, PDD_CLASSES, strict=True))


def _destinations(connection: duckdb.DuckDBPyConnection, terms: Sequence[Terms]) -> pa.Table:
    """What the decks call the places of calls that have no charge, which is every call nobody took."""
    parts = []
    for each in terms:
        rows = connection.sql(
            "SELECT n, b_e164, epoch_ms(seized_at) AS at FROM kpi_attempt WHERE destination IS NULL AND b_e164 IS NOT NULL"
            " AND partner = ? AND leg = ? AND epoch_ms(seized_at) >= ? AND epoch_ms(seized_at) < ?",
            params=[each.partner, each.leg, each.from_ms, each.until_ms],
        ).to_arrow_table()
        if rows.num_rows:
            parts.append(_looked_up(rows, each.deck))
    return pa.concat_tables(parts) if parts else FOUND.empty_table()


def _looked_up(rows: pa.Table, deck: CompiledDeck) -> pa.Table:
    places = deck.find(number_keys(rows.column("b_e164")), np.ascontiguousarray(rows.column("at").to_numpy(), dtype=np.int64))
    none = places < 0
    places[none] = 0
    words = deck.word("destination", places, none).cast(pa.string())
    found = pa.table({"n": rows.column("n"), "destination": words}).cast(FOUND)
    return found.filter(pc.is_valid(found.column("destination")))
