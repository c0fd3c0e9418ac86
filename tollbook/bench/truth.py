"""`tollbook bench truth`: how many of the true pairs of two real switches the ladder finds and how many it makes up, by cause.

The truth comes from the ends of the calls, which neither carrier sees; it is used only to count.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tollbook.bench.matching_data import cdr_table
from tollbook.core.cdr import CDR
from tollbook.core.problem import refuse
from tollbook.core.zone import Zone
from tollbook.core.zone_document import read_zone
from tollbook.engine.database import open_database
from tollbook.engine.matching import MatchResult, match
from tollbook.engine.mediation import kept, mark

LAB = Path("examples/two-carriers/lab")
# What is withheld in each mode, beside nothing at all.
MODES: dict[str, tuple[str, ...]] = {
    "all identifiers": (),
    "no charging vector": ("icid",),
    "numbers and times only": ("icid", "call_id"),
    "numbers without callers": ("icid", "call_id", "a_raw", "a_e164", "a_class"),
}

OURS = """
SELECT id AS number, epoch_ms(start_time::TIMESTAMP) AS answered, epoch_ms(end_time::TIMESTAMP) AS released,
    round(duration::DECIMAL(12, 3) * 1000)::BIGINT AS duration_ms, nullif(callid, '') AS call_id, nullif(icid, '') AS icid,
    dst_trunk AS trunk, caller AS a_raw, callee AS b_raw, dst_number AS b_e164,
    nullif(regexp_replace(regexp_replace(coalesce(nullif(split_part(pai, '@', 1), ''), caller), '[^0-9]', '', 'g'), '^00', ''), '')
    AS a_e164,
    CASE end_by WHEN 'caller' THEN 'CALLER' WHEN 'callee' THEN 'CALLEE' ELSE 'TIMER' END AS party
FROM read_csv('{path}', all_varchar = true) ORDER BY number::BIGINT
"""
THEIRS = """
SELECT cdr_id AS number, epoch_ms(connect_ts::TIMESTAMP) AS answered, epoch_ms(release_ts::TIMESTAMP) AS released,
    bill_sec::BIGINT * 1000 AS duration_ms, nullif(call_ref, '') AS call_id, nullif(charging_id, '') AS icid, ingress_trunk AS trunk,
    a_number AS a_raw, nullif(ltrim(a_number, '0'), '') AS a_e164, b_number AS b_raw, b_number AS b_e164, NULL::VARCHAR AS party
FROM read_csv('{path}', all_varchar = true) ORDER BY number::BIGINT
"""
_TRUTH = """
SELECT a_cdr_id::BIGINT, b_cdr_id::BIGINT, cause FROM read_csv('{path}', all_varchar = true)
WHERE a_cdr_id IS NOT NULL AND b_cdr_id IS NOT NULL
"""


def records(query: str, path: Path, side: str, zone: Zone | None = None) -> pa.Table:
    """One side's file of the lab in the CDR schema; without a zone its local times are taken as UTC. The ids are the record numbers."""
    connection = open_database()
    try:
        found = connection.sql(query.format(path=path)).to_arrow_table()
    finally:
        connection.close()
    count = found.num_rows
    columns: dict[str, Any] = {name: found.column(name).combine_chunks() for name in found.column_names}
    for name, instant in (("answered", "answer_at"), ("released", "release_at")):
        local = columns.pop(name).to_numpy()
        columns[instant] = pa.array(local if zone is None else zone.local_to_utc(local)[0]).cast(pa.timestamp("ms", tz="UTC"))
    numbers = columns.pop("number").to_pylist()
    columns["cdr_id"] = pa.array([record_id(side, int(number)) for number in numbers], pa.binary(16))
    columns["release_party"] = columns.pop("party")
    columns["a_class"] = pa.array([None if number else "ANONYMOUS" for number in columns["a_e164"].to_pylist()])
    columns["record_no"] = pa.array(range(1, count + 1))
    for name, word in (("side", side), ("source", side.lower())):
        columns[name] = pa.array([word] * count)
    return cdr_table(columns, count)


def record_id(side: str, number: int) -> bytes:
    """The id of a record of the lab: its side and its number, so that pairs can be looked up in the truth."""
    return f"{side:<6.6}{number:010d}".encode()


def without(table: pa.Table, columns: tuple[str, ...]) -> pa.Table:
    """The table with nothing in some columns."""
    for name in columns:
        table = table.set_column(CDR.get_field_index(name), CDR.field(name), pa.nulls(table.num_rows, CDR.field(name).type))
    return table


def matched(ours: pa.Table, theirs: pa.Table, zone: Zone | None = None) -> MatchResult:
    """Both sides without their duplicates and phantoms, through the ladder."""
    connection = open_database()
    try:
        connection.register("ours", ours)
        connection.register("theirs", theirs)
        names = [kept(connection, side, mark(connection, side), f"kept_{side}") for side in ("ours", "theirs")]
        return match(connection, *names, theirs_zone=zone)
    finally:
        connection.close()


def table(ours_path: Path, theirs_path: Path, truth_path: Path, zone_path: Path | None = None) -> list[dict[str, Any]]:
    """Recall and precision of every mode, over all and by the cause written in the truth.

    With a zone the times of theirs are read in it; else they are taken as UTC and the ladder has to find the zone. A wrong pair
    counts under the cause of our record's call. Shares are in percent with three decimals, rounded down.
    """
    zone = read_zone(zone_path.read_text(encoding="utf-8"), zone_path.name)[0] if zone_path else None
    ours, theirs = records(OURS, ours_path, "OURS"), records(THEIRS, theirs_path, "THEIRS", zone)
    truth = {}
    with duckdb.connect() as connection:
        for our_no, their_no, cause in connection.execute(_TRUTH.format(path=truth_path)).fetchall():
            truth[record_id("OURS", our_no)] = (record_id("THEIRS", their_no), cause)
    rows = []
    for mode, withheld in MODES.items():
        hidden = tuple(name for name in withheld if not name.startswith("a_"))
        result = matched(without(ours, hidden), without(theirs, withheld), zone)
        rows += counted(mode, pairs(result), truth)
    return rows


def pairs(result: MatchResult) -> list[tuple[bytes, bytes]]:
    """The pairs of a result as ids."""
    both = zip(result.matches.column("our_cdr_id").to_pylist(), result.matches.column("their_cdr_id").to_pylist(), strict=True)
    return [(our, their) for our, their in both if our and their]


def counted(mode: str, found: list[tuple[bytes, bytes]], truth: dict[bytes, tuple[bytes, str]]) -> list[dict[str, Any]]:
    """True pairs, found, missed and wrong: a row for all and one per cause."""
    tally: dict[str, list[int]] = {"(all)": [0, 0, 0]}
    for _, cause in truth.values():
        tally.setdefault(cause, [0, 0, 0])[0] += 1
        tally["(all)"][0] += 1
    for our, their in found:
        expected, cause = truth.get(our, (b"", "none"))
        place = 1 if expected == their else 2
        tally.setdefault(cause, [0, 0, 0])[place] += 1
        tally["(all)"][place] += 1
    return [
        {
            "mode": mode,
            "cause": cause,
            "true_pairs": true,
            "found": right,
            "missed": true - right,
            "wrong": wrong,
            "recall_percent": _percent(right, true),
            "precision_percent": _percent(right, right + wrong),
        }
        for cause, (true, right, wrong) in sorted(tally.items())
    ]


def _percent(part: int, whole: int) -> str:
    thousandths = 100_000 * part // whole if whole else 100_000
    return f"{thousandths // 1000}.{thousandths % 1000:03d}"


def run(rows: int) -> dict[str, Any]:
    """The table of the lab in the example's folder, found from the folder the command runs in; `rows` is of no use here.

    Refuses with FILE_UNREADABLE where the folder is not there.
    """
    del rows
    if not LAB.is_dir():
        raise refuse("FILE_UNREADABLE", "The lab's records are not here; run this in the project's folder.", file=str(LAB))
    found = table(LAB / "carrier_a_cdr.csv.gz", LAB / "carrier_b_cdr.csv.gz", LAB / "truth_pairs.csv.gz")
    return {"tables": {"True pairs of the lab": found}}
