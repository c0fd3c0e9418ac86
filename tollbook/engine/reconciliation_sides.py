"""The two sides of a comparison as views: kept records, repeats, other partners' records, and our charges.

What is read here lies in Parquet files on disk, so that any size fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tollbook.core.agreement import Agreement
from tollbook.core.cdr import CDR, CHARGE
from tollbook.core.problem import Problem, problem
from tollbook.core.zone import Zone
from tollbook.engine import mediation
from tollbook.engine.database import paths_list
from tollbook.engine.deck import CompiledDeck
from tollbook.engine.rating import rate

OURS: Final = "side_ours"
THEIRS: Final = "side_theirs"
OUR_DUPLICATES: Final = "side_our_duplicates"
THEIR_DUPLICATES: Final = "side_their_duplicates"
OTHER_BLOCK: Final = "side_other"
CHARGES: Final = "side_charges"
MIRRORED: Final = {"OUT": "IN", "IN": "OUT"}
RATED_ROWS: Final = 250_000
# What the price of a record depends on, and what names it.
RATED: Final = pa.schema(
    [CDR.field(name) for name in ("cdr_id", "leg", "leg_no", "b_e164", "setup_at", "answer_at", "release_at", "duration_ms")]
)


def prepare(
    connection: duckdb.DuckDBPyConnection, folder: Path, sides: Sequence[tuple[str, Sequence[Path]]], partner: str, leg: str
) -> list[Problem]:
    """Makes the views of this module from the Parquet files of (OURS, ...) and (THEIRS, ...), in the CDR schema.

    Kept records go to files in `folder`. What is odd about the sides comes back as problems.
    """
    problems: list[Problem] = []
    for side, files in sides:
        name = side.lower()
        connection.execute(f"CREATE VIEW every_{name} AS SELECT * FROM read_parquet({paths_list(list(files))})")
        counted = connection.execute(f"SELECT leg::VARCHAR, count(*) FROM every_{name} GROUP BY 1").fetchall()
        legs = {str(row[0]): int(row[1]) for row in counted}
        chosen = leg_of(side, leg, legs)
        if not legs.get(chosen):
            problems.append(problem("RECONCILE_LEG_EMPTY", f"There is no {leg} leg in {name}.", file=name))
        connection.execute(f"CREATE VIEW raw_{name} AS SELECT * REPLACE ('{leg}' AS leg) FROM every_{name} WHERE leg = '{chosen}'")
        _mark(connection, folder, name)
    return problems + _blocks(connection, partner)


def leg_of(side: str, leg: str, legs: dict[str, int]) -> str:
    """Which of a file's legs is compared. A mapping says OUT for our OUT; a switch of theirs that writes both legs has it as its IN."""
    if side == "OURS" or (len(legs) == 1 and leg in legs):
        return leg
    return MIRRORED[leg]


def _mark(connection: duckdb.DuckDBPyConnection, folder: Path, name: str) -> None:
    """kept_<side>: what goes on. copies_<side>: the repeats with the record they repeat; the very same record twice is a repeat too.
    parts_<side>: the later parts of calls, with the first, which stands for the call."""
    marks = mediation.mark(connection, f"raw_{name}")
    kept = mediation.kept(connection, f"raw_{name}", marks, f"going_{name}")
    connection.register("side_marks", marks)
    connection.execute(
        f"""
        CREATE TEMP TABLE twice_{name} AS SELECT cdr_id, leg_no FROM raw_{name} GROUP BY 1, 2 HAVING count(*) > 1;
        CREATE TEMP TABLE copies_{name} AS
        SELECT c.*, m.mark::VARCHAR AS mark, m.kept_cdr_id
        FROM raw_{name} c JOIN side_marks m ON m.cdr_id = c.cdr_id AND m.leg_no = c.leg_no WHERE m.mark IN ('DUP_EXACT', 'DUP_RELOAD')
        UNION ALL BY NAME
        SELECT c.* REPLACE (unhex(md5(hex(c.cdr_id) || ' ' || c.record_no || ' ' || c.file_digest)) AS cdr_id),
               'DUP_EXACT' AS mark, c.cdr_id AS kept_cdr_id
        FROM (SELECT * FROM raw_{name} SEMI JOIN twice_{name} USING (cdr_id, leg_no)
              QUALIFY row_number() OVER (PARTITION BY cdr_id, leg_no ORDER BY file_digest, record_no) > 1) c
        """
    )
    connection.execute(
        f"""
        CREATE TEMP TABLE parts_{name} AS SELECT c.*, m.kept_cdr_id
        FROM raw_{name} c JOIN side_marks m ON m.cdr_id = c.cdr_id AND m.leg_no = c.leg_no WHERE m.mark = 'PARTIAL'
        """
    )
    connection.unregister("side_marks")
    source = kept
    if connection.execute(f"SELECT count(*) FROM copies_{name}").fetchall()[0][0] or marks.num_rows:
        # Who is left out is found out once, not by every statement that reads the side.
        target = folder / f"kept-{name}.parquet"
        quoted = str(target).replace("'", "''")
        connection.execute(f"COPY (SELECT * FROM {kept}) TO '{quoted}' (FORMAT parquet)")
        source = f"read_parquet({paths_list([target])})"
    connection.execute(f"CREATE VIEW kept_{name} AS SELECT * FROM {source}")


def _blocks(connection: duckdb.DuckDBPyConnection, partner: str) -> list[Problem]:
    """Splits ours by partner. Where no record of ours names the partner, the file is taken to be about it alone."""
    named, records = connection.execute("SELECT count(*) FILTER (partner = ?), count(*) FROM raw_ours", [partner]).fetchall()[0]
    problems = []
    inside = "coalesce(partner = '" + partner.replace("'", "''") + "', false)"
    if not named:
        inside = "true"
        if records:
            problems.append(problem("RECONCILE_PARTNER_ABSENT", f"No record of ours is with {partner}.", value=partner))
    for statement in (
        f"CREATE VIEW {OURS} AS SELECT * FROM kept_ours WHERE {inside}",
        f"CREATE VIEW {OUR_DUPLICATES} AS SELECT * FROM copies_ours WHERE {inside}",
        f"""CREATE VIEW {OTHER_BLOCK} AS SELECT * FROM kept_ours WHERE NOT {inside}
            UNION ALL BY NAME SELECT * EXCLUDE (mark, kept_cdr_id) FROM copies_ours WHERE NOT {inside}""",
        f"CREATE VIEW {THEIRS} AS SELECT * FROM kept_theirs",
        f"CREATE VIEW {THEIR_DUPLICATES} AS SELECT * FROM copies_theirs",
    ):
        connection.execute(statement)
    return problems


def charge(
    connection: duckdb.DuckDBPyConnection, folder: Path, deck: CompiledDeck, agreement: Agreement, zone: Zone, *, payable: bool
) -> list[Problem]:
    """Rates our kept records by the agreement's deck, batch by batch to disk, and tells how many have no price."""
    target = folder / "charges.parquet"
    terms = (agreement.buy if payable else agreement.sell) or agreement.rating
    with pq.ParquetWriter(target, CHARGE) as writer:
        reader = connection.sql(f"SELECT {', '.join(RATED.names)} FROM {OURS}").to_arrow_reader(RATED_ROWS)
        for batch in reader:
            charges = rate(
                pa.Table.from_batches([batch]).cast(RATED),
                deck,
                agreement.rating,
                sign=-1 if payable else 1,
                zone=zone,
                partner=agreement.partner,
                agreement_digest=agreement.digest,
                clause=terms.clause or agreement.rating.clause,
                currency=agreement.currency,
            )
            writer.write_table(charges)
    connection.execute(f"CREATE VIEW {CHARGES} AS SELECT * FROM read_parquet({paths_list([target])})")
    counted = connection.execute(
        f"""SELECT c.status::VARCHAR, count(*), min(o.b_e164) FROM {CHARGES} c JOIN {OURS} o USING (cdr_id)
            WHERE c.status IN ('UNRATED', 'BLOCKED', 'HELD') GROUP BY 1 ORDER BY 1"""
    ).fetchall()
    return [
        problem(status, f"{count:,} of our calls, {f'the first to {number}' if number else 'without a called number'}.", value=number or "")
        for status, count, number in counted
    ]
