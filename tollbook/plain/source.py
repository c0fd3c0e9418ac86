"""Tries a CDR file against a format: what is in it, what is wrong with it, and whether it can be billed from."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.problem import CATALOGUE, Problem, Severity, problem
from tollbook.engine.collection import CdrBatch, canonical_batches
from tollbook.formats.cdr.profile import BUILT_IN, SourceProfile, built_in, detect_profile, find_profile

SHOWN_ROWS: Final = 10
SHOWN_PER_CODE: Final = 5
_SHOWN: Final = (
    "record_no",
    "leg",
    "partner",
    "trunk",
    "answer_at",
    "release_at",
    "duration_ms",
    "a_e164",
    "a_class",
    "b_raw",
    "b_e164",
    "b_class",
)


@dataclass
class SourceReport:
    """What reading a file once found. read = accepted + refused; `rows` are legs of the accepted records."""

    file: str
    profile: SourceProfile
    read: int = 0
    accepted: int = 0
    refused: int = 0
    rows: int = 0
    answered: int = 0
    duration_ms: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    qualities: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def health(self) -> str:
        """One sentence: can this file be billed from as it is?"""
        if self.read == 0:
            return "The file holds no records."
        if self.refused:
            share = max(1, (1000 * self.refused + self.read // 2) // self.read)
            part = f"{self.refused:,} of {self.read:,} records ({share // 10}.{share % 10} %)"
            return f"{part} cannot be used: mend them or the profile before you bill."
        if any(CATALOGUE[code].severity is Severity.WARNING for code in self.counts):
            return f"All {self.read:,} records can be used; look at the warnings before you bill."
        if self.qualities["ASSUMED_UTC"]:
            return f"All {self.read:,} records can be used; their times were taken as UTC because the profile declares no zone."
        if self.qualities["AMBIGUOUS_LOCAL"]:
            twice = self.qualities["AMBIGUOUS_LOCAL"]
            return f"All {self.read:,} records can be used; the clock showed the times of {twice:,} of them twice, and the first was taken."
        return f"All {self.read:,} records can be used."

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "file": self.file,
            "format": self.profile.name,
            "title": self.profile.title,
            "source": self.profile.source,
            "side": self.profile.side,
            "layer": self.profile.layer,
            "read": self.read,
            "accepted": self.accepted,
            "refused": self.refused,
            "rows": self.rows,
            "answered": self.answered,
            "duration_ms": self.duration_ms,
            "first_at": instant_text(self.first_ms),
            "last_at": instant_text(self.last_ms),
            "time_quality": dict(self.qualities),
            "counts": dict(self.counts),
            "health": self.health,
            "examples": self.examples,
            "problems": [each.as_dict() for each in self.problems],
        }


def try_source(path: Path, format_name: str | None = None) -> SourceReport:
    """Reads a whole CDR file and reports on it. Refuses where nothing can be read."""
    profile = find_profile(format_name) if format_name else detect_profile(path)
    report = SourceReport(path.name, profile)
    for batch in canonical_batches(path, profile, file_digest="-"):
        _add(report, batch)
    return report


def formats() -> list[SourceProfile]:
    """The formats that come with the package, in the order in which they are tried."""
    return [built_in(name) for name in BUILT_IN]


def instant_text(instant_ms: int | None) -> str:
    """An instant as ISO text with ms, empty where there is none."""
    if instant_ms is None:
        return ""
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=instant_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _add(report: SourceReport, batch: CdrBatch) -> None:
    report.read += batch.read
    report.accepted += batch.accepted
    report.refused += batch.refused
    _add_problems(report, batch.problems)
    cdrs = batch.cdrs
    if cdrs.num_rows == 0:
        return
    report.rows += cdrs.num_rows
    # Each call once, whatever its legs.
    calls = cdrs.filter(pc.equal(cdrs.column("leg").cast(pa.string()), cdrs.column("leg")[0].as_py()))
    report.answered += calls.num_rows - calls.column("answer_at").null_count
    report.duration_ms += pc.sum(calls.column("duration_ms")).as_py() or 0
    anchors = pc.coalesce(calls.column("answer_at"), calls.column("setup_at"), calls.column("release_at"), calls.column("alert_at"))
    limits = pc.min_max(anchors.cast(pa.int64())).as_py()
    report.first_ms = min(limits["min"], limits["min"] if report.first_ms is None else report.first_ms)
    report.last_ms = max(limits["max"], limits["max"] if report.last_ms is None else report.last_ms)
    for each in pc.value_counts(calls.column("time_quality").cast(pa.string())).to_pylist():
        report.qualities[each["values"]] += each["counts"]
    missing = SHOWN_ROWS - len(report.examples)
    if missing > 0:
        rows = cdrs.select(_SHOWN).sort_by("record_no").slice(0, missing).to_pylist()
        for row in rows:
            for name in ("answer_at", "release_at"):
                row[name] = "" if row[name] is None else row[name].isoformat(timespec="milliseconds").replace("+00:00", "Z")
        report.examples.extend(rows)


def _add_problems(report: SourceReport, problems: pa.Table) -> None:
    codes = problems.column("code").cast(pa.string())
    for each in pc.value_counts(codes).to_pylist():
        code = each["values"]
        shown = min(report.counts[code], SHOWN_PER_CODE)
        report.counts[code] += each["counts"]
        for row in problems.filter(pc.equal(codes, code)).slice(0, SHOWN_PER_CODE - shown).to_pylist():
            place = {"record": row["record_no"]} if row["record_no"] is not None else {}
            column, value = row["column"] or "", row["value"] or ""
            reason = f"{row['reason']} It holds {value[:80]}." if value else row["reason"] or ""
            report.problems.append(problem(code, reason, file=report.file, column=column, value=value, **place))
