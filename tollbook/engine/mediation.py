"""Mediation in bulk: marks over one side's sealed records, and the records that go on. See docs/rules/mediation.md."""

from __future__ import annotations

from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.cdr import MARK, NON_PAYABLE_MARKS
from tollbook.core.mediation import ACCEPTANCE, CONTIGUOUS_MS, NEAR_WITHIN_MS, PARTS_APART_MS, RELOAD_WITHIN_MS, SIGNALLED
from tollbook.engine.database import sql

# A bucket is several windows wide: a record meets each neighbour in one or two of them.
BUCKET_WINDOWS: Final = 4
TABLES: Final = ("mediation_row", "mediation_mark", "mediation_part")


def mark(connection: duckdb.DuckDBPyConnection, cdrs: str) -> pa.Table:
    """The verdicts on the records of one side (a DuckDB view in the CDR schema), in the MARK schema, ordered by cdr_id.

    A record without a verdict goes on as it is. The order of the records does not matter.
    """
    signalled = ", ".join(f"'{party}'" for party in SIGNALLED)
    connection.execute(sql("mediation_rows").format(cdrs=cdrs, signalled=signalled))
    connection.execute("CREATE OR REPLACE TEMP TABLE mediation_mark (n INTEGER, mark VARCHAR, kept BLOB, reason VARCHAR)")
    # One pass says which rules have anything to look at: most legs have neither repeats nor parts, and each rule costs a join.
    [(repeats, unsignalled, parts)] = connection.execute(
        "SELECT count(call_id) - count(DISTINCT call_id), count(answer) FILTER (NOT signalled),"
        " count(*) FILTER (partial_seq IS NOT NULL OR NOT partial_last) FROM mediation_row"
    ).fetchall()
    if repeats:
        connection.execute(sql("mediation_exact"))
    if unsignalled:
        connection.execute(sql("mediation_reload").format(within=RELOAD_WITHIN_MS, bucket=BUCKET_WINDOWS * RELOAD_WITHIN_MS))
    connection.execute(sql("mediation_near").format(within=NEAR_WITHIN_MS, bucket=BUCKET_WINDOWS * NEAR_WITHIN_MS))
    if parts:
        connection.execute(sql("mediation_parts").format(contiguous=CONTIGUOUS_MS, apart=PARTS_APART_MS))
        connection.execute(sql("mediation_partial"))
    acceptance = " ".join(f"WHEN '{name}' THEN '{word}'" for name, word in ACCEPTANCE.items())
    found = connection.sql(
        f"SELECT cdr_id, leg, leg_no, mark, kept AS kept_cdr_id, CASE mark {acceptance} END AS acceptance, reason"
        " FROM mediation_mark JOIN mediation_row USING (n) ORDER BY cdr_id, leg, leg_no, mark"
    ).to_arrow_table()
    for table in TABLES:
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    return pa.table([found.column(field.name).cast(field.type) for field in MARK], schema=MARK)


def kept(connection: duckdb.DuckDBPyConnection, cdrs: str, marks: pa.Table, name: str = "mediation_kept") -> str:
    """Makes the view `name` of the records that go on, in the CDR schema, and gives back its name.

    Duplicates and phantoms are left out. A call written in parts is one record: the first part's, with the union of all parts as its
    duration. A record that is in the view twice, because its file was read twice, goes on once.
    """
    connection.register(f"{name}_marks", marks)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name}_mark AS SELECT * FROM {name}_marks")
    connection.unregister(f"{name}_marks")
    words = ", ".join(f"'{word}'" for word in NON_PAYABLE_MARKS)
    going = (
        f"SELECT * FROM {cdrs} c WHERE NOT EXISTS (SELECT 1 FROM {name}_mark m WHERE m.cdr_id = c.cdr_id AND m.leg = c.leg"
        f" AND m.leg_no = c.leg_no AND m.mark IN ({words}))"
    )
    [(twice,)] = connection.execute(f"SELECT count(*) - count(DISTINCT (cdr_id, leg, leg_no)) FROM {cdrs}").fetchall()
    if twice:
        going += " QUALIFY row_number() OVER (PARTITION BY cdr_id, leg, leg_no ORDER BY file_digest, record_no) = 1"
    if pc.any(pc.equal(marks.column("mark").cast(pa.string()), "PARTIAL")).as_py():
        connection.execute(sql("mediation_collapsed").format(table=f"{name}_call", cdrs=cdrs, marks=f"{name}_mark"))
        going = (
            "SELECT c.* REPLACE (coalesce(p.first_answer, c.answer_at) AS answer_at, coalesce(p.last_release, c.release_at) AS release_at,"
            " coalesce(p.talked, c.duration_ms) AS duration_ms,"
            " CASE WHEN p.talked IS NULL THEN c.duration_source::VARCHAR ELSE 'COMPUTED' END AS duration_source)"
            f" FROM ({going}) c LEFT JOIN {name}_call p ON p.cdr_id = c.cdr_id AND p.leg = c.leg AND p.leg_no = c.leg_no"
        )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {going}")
    return name
