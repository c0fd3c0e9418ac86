"""Terse records for the tests of matching and mediation: seconds around a noon, ids that are their own names."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pyarrow as pa

from tollbook.core.cdr import CDR, MARK
from tollbook.engine.database import open_database
from tollbook.engine.matching import MatchResult, match
from tollbook.engine.mediation import kept, mark

NOON_MS = int(dt.datetime(2025, 3, 10, 12, tzinfo=dt.UTC).timestamp()) * 1000
B = "447700900123"
A = "31201234567"
INSTANTS = ("setup_at", "alert_at", "answer_at", "release_at")
DEFAULTS: dict[str, Any] = {
    "leg": "OUT",
    "leg_no": 1,
    "side": "OURS",
    "source": "switch",
    "tech": "SIP",
    "file_digest": "f",
    "byte_offset": 0,
    "byte_length": 0,
    "raw_times": "",
    "zone": "UTC",
    "time_quality": "EXACT",
    "duration_source": "RECORDED",
    "record_no": 1,
}


def record(
    name: str, at: float | str | None = None, lasts: float | str = 60, a: str | None = A, b: str | None = B, **more: Any
) -> dict[str, Any]:
    """A record of so many seconds that was answered so long after noon; `setup` in seconds too. Other names are CDR columns."""
    row: dict[str, Any] = {
        "cdr_id": name.encode().ljust(16),
        "duration_ms": _ms(lasts),
        "a_e164": a,
        "b_e164": b,
        "a_class": None if a else "MISSING",
    }
    if at is not None:
        row["answer_at"] = NOON_MS + _ms(at)
        row["release_at"] = row["answer_at"] + row["duration_ms"]
    if "setup" in more:
        row["setup_at"] = NOON_MS + _ms(more.pop("setup"))
    return {**DEFAULTS, **row, **more}


def _ms(seconds: float | str) -> int:
    """Seconds, or h:mm:ss from noon, to ms."""
    if isinstance(seconds, str):
        hours, minutes, rest = seconds.split(":")
        return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(rest) * 1000)
    return round(seconds * 1000)


def cdrs(rows: list[dict[str, Any]]) -> pa.Table:
    arrays = [pa.array([row.get(field.name) for row in rows], field.type if field.name not in INSTANTS else pa.int64()) for field in CDR]
    return pa.table([array.cast(field.type) for array, field in zip(arrays, CDR, strict=True)], schema=CDR)


def run(ours: pa.Table | list[dict[str, Any]], theirs: pa.Table | list[dict[str, Any]], **more: Any) -> MatchResult:
    """Matches two sides on a connection of their own."""
    connection = open_database(threads=1)
    try:
        for name, rows in (("ours", ours), ("theirs", theirs)):
            connection.register(name, rows if isinstance(rows, pa.Table) else cdrs(rows))
        return match(connection, "ours", "theirs", **more)
    finally:
        connection.close()


def name_of(cdr_id: bytes | None) -> str | None:
    return None if cdr_id is None else cdr_id.decode().strip()


def pairs(result: MatchResult) -> dict[tuple[str | None, str | None], str | None]:
    """(our name, their name) to rule; a name is None for a record without a partner."""
    return {(name_of(row["our_cdr_id"]), name_of(row["their_cdr_id"])): row["rule"] for row in result.matches.to_pylist()}


def joined(result: MatchResult) -> dict[str, str]:
    return {str(our): str(their) for our, their in pairs(result) if our and their}


def marks(rows: list[dict[str, Any]]) -> dict[str, tuple[str, str | None]]:
    """name to (mark, name of the record kept)."""
    connection = open_database(threads=1)
    try:
        connection.register("cdrs", cdrs(rows))
        found = mark(connection, "cdrs")
    finally:
        connection.close()
    assert found.schema.equals(MARK)
    return {str(name_of(row["cdr_id"])): (row["mark"], name_of(row["kept_cdr_id"])) for row in found.to_pylist()}


def going_on(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records that go on after mediation, by name, with answer, release and duration in ms from noon."""
    connection: duckdb.DuckDBPyConnection = open_database(threads=1)
    try:
        connection.register("cdrs", cdrs(rows))
        view = kept(connection, "cdrs", mark(connection, "cdrs"))
        found = connection.sql(
            f"SELECT cdr_id, epoch_ms(answer_at) - {NOON_MS} AS answer, epoch_ms(release_at) - {NOON_MS} AS release, duration_ms,"
            f" duration_source FROM {view} ORDER BY cdr_id"
        ).to_arrow_table()
    finally:
        connection.close()
    return [{**row, "cdr_id": name_of(row["cdr_id"])} for row in found.to_pylist()]
