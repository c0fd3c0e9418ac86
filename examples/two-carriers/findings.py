"""What a closed book found, beside what really happened to each call: counts per fault of the lab, planted differences, invoices.

The book's answers are read from its sealed Parquet files; the truth comes from lab/ and oracle/, which the book never saw.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

HERE = Path(__file__).parent
SCOPE = "aurora/OUT/2026-11"
PHANTOMS = 247
ZERO_SECONDS = 7


@dataclass
class Check:
    """One thing that must be so."""

    name: str
    expected: Any
    found: Any

    @property
    def holds(self) -> bool:
        return bool(self.expected == self.found)


@dataclass
class Findings:
    """Per fault of the lab (both, only ours, only theirs), expected and found; causes with records, money and milliseconds; the checks."""

    expected: dict[str, Counter[str]] = field(default_factory=dict)
    found: dict[str, Counter[str]] = field(default_factory=dict)
    causes: dict[str, dict[str, int]] = field(default_factory=dict)
    planted: dict[str, dict[str, Any]] = field(default_factory=dict)
    zero_seconds: list[str] = field(default_factory=list)
    invoices: dict[str, tuple[int, int]] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    example_call: str = ""


def read_findings(book_folder: Path, closed: dict[str, Any]) -> Findings:
    """Everything the demonstration shows about a book that was closed; `closed` is what `tollbook close --json` printed."""
    findings = Findings(planted=written_down("planted.toml"))
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    findings.summary = open_book_views(connection, book_folder)
    open_truth(connection)
    count_faults(connection, findings)
    add_up_causes(connection, findings)
    check_pairs(connection, findings)
    check_minutes(connection, findings)
    check_planted(findings)
    check_invoices(findings, closed)
    connection.close()
    return findings


def written_down(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / "oracle" / name).read_text(encoding="utf-8"))


def open_book_views(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, Any]:
    """The records and results of the reconciliation with Aurora as views; gives its summary."""
    from tollbook.flow import inputs
    from tollbook.flow.book import open_book
    from tollbook.flow.run import current_run

    book = open_book(folder)
    run = current_run(book, "reconciliation", SCOPE)
    assert run is not None, f"there is no reconciliation of {SCOPE}"
    paths = {
        "matches": run.paths("match"),
        "variances": run.paths("variance"),
        "ours": inputs.cdr_segments(book, "OURS", 0, 2**53).paths,
        "theirs": inputs.cdr_segments(book, "THEIRS", 0, 2**53).paths,
    }
    for name, files in paths.items():
        listed = ", ".join(f"'{file}'" for file in files)
        connection.execute(f"CREATE VIEW all_{name} AS SELECT * FROM read_parquet([{listed}], union_by_name = true)")
    for side in ("ours", "theirs"):
        connection.execute(f"CREATE TABLE {side} AS SELECT cdr_id, sequence_no AS number, icid, partner FROM all_{side} WHERE leg = 'OUT'")
    return run.summary


def open_truth(connection: duckdb.DuckDBPyConnection) -> None:
    """truth: a row per call that either carrier has a record of, with the numbers of the records and the cause."""
    connection.execute(
        f"""CREATE TABLE truth AS SELECT TRY_CAST(a_cdr_id AS BIGINT) AS ours, TRY_CAST(b_cdr_id AS BIGINT) AS theirs, icid, cause,
                   TRY_CAST(a_duration AS DOUBLE) = 0 AS no_time
            FROM read_csv('{HERE / "lab" / "truth_pairs.csv.gz"}', all_varchar = true) WHERE a_cdr_id <> '' OR b_cdr_id <> ''"""
    )


def count_faults(connection: duckdb.DuckDBPyConnection, findings: Findings) -> None:
    """Per cause of the lab: what truth says, and what the book found. A pair counts only if it is the true pair."""
    kind = "CASE WHEN theirs IS NULL THEN 'only ours' WHEN ours IS NULL THEN 'only theirs' ELSE 'both' END"
    for cause, where, number in connection.execute(f"SELECT cause, {kind}, count(*) FROM truth GROUP BY ALL").fetchall():
        findings.expected.setdefault(cause, Counter())[where] += number
    found = connection.execute(
        """SELECT cause, 'both', count(*) FROM all_matches m
                  JOIN ours o ON o.cdr_id = m.our_cdr_id JOIN theirs t ON t.cdr_id = m.their_cdr_id
                  JOIN truth ON truth.ours = o.number AND truth.icid = t.icid WHERE m.class NOT LIKE 'DUPLICATE%' GROUP BY cause
           UNION ALL
           SELECT cause, 'only ours', count(*) FROM (
               SELECT our_cdr_id FROM all_matches WHERE class = 'MISSING_THEIRS'
               UNION ALL SELECT our_cdr_id FROM all_variances WHERE cause = 'OTHER_BLOCK') m
                  JOIN ours o ON o.cdr_id = m.our_cdr_id JOIN truth ON truth.ours = o.number GROUP BY cause
           UNION ALL
           SELECT cause, 'only theirs', count(*) FROM all_matches m JOIN theirs t ON t.cdr_id = m.their_cdr_id
                  JOIN truth ON truth.theirs = t.number WHERE m.class = 'MISSING_OURS' GROUP BY cause"""
    ).fetchall()
    for cause, where, number in found:
        findings.found.setdefault(cause, Counter())[where] += number
    for cause, counts in findings.expected.items():
        for where, number in counts.items():
            findings.checks.append(Check(f"{cause}: {where}", number, findings.found.get(cause, Counter())[where]))


def add_up_causes(connection: duckdb.DuckDBPyConnection, findings: Findings) -> None:
    """Records, money (1/60 nanos) and milliseconds by cause, added up from the sealed variances."""
    rows = connection.execute(
        "SELECT cause, count(*), sum(exact_60th_nanos)::HUGEINT::VARCHAR, sum(minutes_ms)::BIGINT FROM all_variances GROUP BY cause"
    ).fetchall()
    findings.causes = {cause: {"records": records, "money": int(money), "ms": ms} for cause, records, money, ms in rows}
    first = connection.execute("SELECT min(lower(hex(our_cdr_id))) FROM all_variances WHERE cause = 'RATE'").fetchall()[0][0]
    findings.example_call = first or ""
    expected = written_down("expected.toml")["money_60th_nanos"]
    for cause, value in expected.items():
        findings.checks.append(Check(f"money by cause: {cause}", value, findings.causes.get(cause, {}).get("money", 0)))


def check_pairs(connection: duckdb.DuckDBPyConnection, findings: Findings) -> None:
    """Totals of the table, phantoms, and the records of no length that nothing explains."""
    totals = {where: sum(counts[where] for counts in findings.found.values()) for where in ("both", "only ours", "only theirs")}
    findings.checks += [
        Check("pairs", 14_551, totals["both"]),
        Check("only at Boreal", 1_329, totals["only ours"]),
        Check("only at Aurora", 131, totals["only theirs"]),
        Check("with the other supplier, told by the trunk", 326, findings.causes.get("OTHER_BLOCK", {}).get("records", 0)),
    ]
    phantoms = connection.execute(
        """SELECT count(*), count(truth.ours) FROM all_matches m JOIN ours o ON o.cdr_id = m.our_cdr_id
           LEFT JOIN truth ON truth.ours = o.number WHERE m.class = 'DUPLICATE_OURS'"""
    ).fetchall()[0]
    findings.checks.append(Check("phantom second records, and real ones among them", (PHANTOMS, 0), phantoms))
    rows = connection.execute(
        """SELECT o.number FROM all_matches m JOIN ours o ON o.cdr_id = m.our_cdr_id JOIN truth ON truth.ours = o.number
           WHERE m.class = 'MISSING_THEIRS' AND truth.no_time AND truth.cause = 'none' ORDER BY o.number"""
    ).fetchall()
    findings.zero_seconds = [str(number) for (number,) in rows]
    findings.checks.append(Check("records of no length that no fault explains", ZERO_SECONDS, len(rows)))


def check_minutes(connection: duckdb.DuckDBPyConnection, findings: Findings) -> None:
    """The causes add up to the whole difference of recorded time, over every record of either side."""
    whole = connection.execute(
        """SELECT (SELECT sum(duration_ms) FROM all_theirs WHERE leg = 'OUT')::BIGINT
                - (SELECT sum(duration_ms) FROM all_ours WHERE leg = 'OUT')::BIGINT"""
    ).fetchall()[0][0]
    explained = sum(sums["ms"] for sums in findings.causes.values())
    findings.checks.append(Check("residual of the minutes waterfall in ms", 0, whole - explained))


def check_planted(findings: Findings) -> None:
    """Each planted difference is all there is in its cause, call by call and to the last unit."""
    for name, planted in findings.planted.items():
        found = findings.causes.get(planted["cause"], {"records": 0, "money": 0})
        findings.checks += [
            Check(f"planted {name}: calls", planted["calls_pairs_with_value"], found["records"]),
            Check(f"planted {name}: value", planted["value_pairs_60th_nanos"], found["money"]),
        ]
    findings.checks.append(Check("UNEXPLAINED", 0, findings.causes.get("UNEXPLAINED", {}).get("money", 0)))


def check_invoices(findings: Findings, closed: dict[str, Any]) -> None:
    """The total of every invoice against the oracle's, in cents."""
    accounts = written_down("accounts.toml")
    agreements = (HERE / "inbox" / "agreements").glob("*.toml")
    named = {terms["name"]: terms["partner"] for terms in (tomllib.loads(path.read_text(encoding="utf-8")) for path in agreements)}
    for row in closed["invoices"]:
        wanted = accounts[named[row["partner"]]]["invoice_cents"]
        cents = int(row["payable"].replace(",", "").replace(".", ""))
        findings.invoices[row["number"]] = (wanted, cents)
        findings.checks.append(Check(f"invoice {row['number']} to {row['partner']}, in cents", wanted, cents))
    findings.checks.append(Check("invoices issued", 6, len(closed["invoices"])))
    # The one call to Ascension Island, which nobody here has a rate for: once for the customer, once for Cirrus.
    unpriced = sorted((found["code"], found["value"]) for found in closed["problems"])
    wanted = [("UNRATED", "cirrus/OUT/2026-11"), ("UNRATED", "gulfrt/IN/2026-11-B")]
    findings.checks.append(Check("problems named by the close", wanted, unpriced))
