"""What a reconciliation leaves in a folder: the summary, the tables as CSV, and the report. The same comparison writes the same bytes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.problem import CATALOGUE, Problem, Severity, refuse
from tollbook.engine.database import sql
from tollbook.engine.reconciliation import Reconciled
from tollbook.formats.csv_text import CsvWriter
from tollbook.formats.report.reconciliation import reconciliation_report

EXAMPLES: Final = 5
CSV_ROWS: Final = 50_000
WATERFALL_COLUMNS: Final = ("cause", "calls", "minutes_ms", "amount", "exact_60th_nanos", "more", "less", "currency", "share_pct", "clause")
PROBLEM_COLUMNS: Final = ("code", "severity", "side", "file", "record_no", "column", "value", "reason", "remedy")


def write_folder(
    found: Reconciled,
    summary: dict[str, Any],
    problems: Sequence[Problem],
    record_problems: Sequence[tuple[str, pa.Table]],
    files: dict[str, str],
    folder: Path,
) -> Path:
    """Writes everything into a folder, which is made where it is not there, and gives the path of the report."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _file_names(found, files)
        found.connection.execute(sql("reconciliation_macros"))
        _write_query(found, "reconciliation_matches_csv", folder / "matches.csv")
        _write_query(found, "reconciliation_unmatched_csv", folder / "unmatched.csv")
        _write_rows(folder / "waterfall.csv", WATERFALL_COLUMNS, waterfall_rows(summary))
        _write_problems(folder / "problems.csv", problems, record_problems, files)
        (folder / "summary.json").write_text(json.dumps(summary, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        report = folder / "report.html"
        report.write_text(reconciliation_report(summary), encoding="utf-8")
    except OSError as error:
        raise refuse("OUTPUT_UNWRITABLE", f"{error.strerror or error}.", file=str(folder)) from error
    return report


def waterfall_rows(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """OURS, one row per cause, THEIRS. Without money the rows are the classes and their minutes."""
    money = summary["money"]
    minutes = summary["minutes"]
    if not money:
        classes = [{"cause": each["class"], "calls": each["calls"], "minutes_ms": each["net_ms"]} for each in minutes["classes"]]
        return [{"cause": "OURS", "minutes_ms": minutes["ours_ms"]}, *classes, {"cause": "THEIRS", "minutes_ms": minutes["theirs_ms"]}]
    currency = money["currency"]

    def total(cause: str, side: str) -> dict[str, Any]:
        values = summary["totals"][side]
        exact = money[f"{side}_60th_nanos"]
        return {
            "cause": cause,
            "calls": values["calls"],
            "minutes_ms": values["minutes_ms"],
            "amount": money[side],
            "exact_60th_nanos": exact,
            "currency": currency,
        }

    causes = [
        {name: each[name] for name in ("cause", "calls", "minutes_ms", "amount", "exact_60th_nanos", "share_pct", "clause")}
        | {"more": each["plus"], "less": each["minus"], "currency": currency}
        for each in money["causes"]
    ]
    return [total("OURS", "ours"), *causes, total("THEIRS", "theirs")]


def problem_rows(
    problems: Iterable[Problem], record_problems: Iterable[tuple[str, pa.Table]], files: dict[str, str]
) -> list[dict[str, Any]]:
    """The problems by code, worst first, with the first few of each: for the summary."""
    counts: dict[str, int] = defaultdict(int)
    examples: dict[str, list[dict[str, str]]] = defaultdict(list)

    def add(code: str, count: int, found: list[dict[str, str]]) -> None:
        counts[code] += count
        examples[code] += found[: EXAMPLES - len(examples[code])]

    for each in problems:
        add(each.code, 1, [{"place": str(each.place), "reason": each.reason, "value": each.value}])
    for _, table in record_problems:
        for entry in table.column("code").cast(pa.string()).value_counts().to_pylist():
            code = entry["values"]
            first = table.filter(pc.equal(table.column("code").cast(pa.string()), code)).slice(0, EXAMPLES).to_pylist()
            add(code, entry["counts"], [_example(row, files) for row in first])
    order = list(Severity)
    rows = [
        {
            "code": code,
            "severity": str(CATALOGUE[code].severity),
            "count": count,
            "meaning": CATALOGUE[code].meaning,
            "remedy": CATALOGUE[code].remedy,
            "examples": examples[code],
        }
        for code, count in counts.items()
    ]
    return sorted(rows, key=lambda row: (-order.index(CATALOGUE[row["code"]].severity), row["code"]))


def _example(row: dict[str, Any], files: dict[str, str]) -> dict[str, str]:
    place = [files.get(row["file_digest"], "")]
    place += [f"record {row['record_no']}"] if row["record_no"] is not None else []
    place += [f"column {row['column']}"] if row["column"] else []
    return {"place": ", ".join(filter(None, place)), "reason": row["reason"] or "", "value": row["value"] or ""}


def _file_names(found: Reconciled, files: dict[str, str]) -> None:
    names = pa.table({"digest": pa.array(list(files), pa.string()), "file": pa.array(list(files.values()), pa.string())})
    found.connection.register("r_files_given", names)
    found.connection.execute("CREATE OR REPLACE TEMP TABLE r_files AS SELECT * FROM r_files_given")
    found.connection.unregister("r_files_given")


def _write_query(found: Reconciled, statement: str, path: Path) -> None:
    reader = found.connection.sql(sql(statement)).to_arrow_reader(CSV_ROWS)
    with CsvWriter(path, reader.schema.names) as writer:
        for batch in reader:
            writer.write(pa.Table.from_batches([batch]))


def _write_rows(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    texts = {name: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in columns}
    with CsvWriter(path, list(columns)) as writer:
        if rows:
            writer.write(pa.table(texts))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _write_problems(
    path: Path, problems: Sequence[Problem], record_problems: Sequence[tuple[str, pa.Table]], files: dict[str, str]
) -> None:
    rows = [
        {"code": each.code, "severity": str(each.severity), "file": each.place.file, "record_no": each.place.number}
        | {"column": each.place.column, "value": each.value, "reason": each.reason, "remedy": each.remedy}
        for each in problems
    ]
    for side, table in record_problems:
        for row in table.to_pylist():
            rows.append(row | {"side": side, "file": files.get(row["file_digest"], ""), "remedy": CATALOGUE[row["code"]].remedy})
    _write_rows(path, PROBLEM_COLUMNS, rows)
