"""Problems of records as columns: found by masks over a batch, one error at most for each record, so that the books balance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.core.cdr import PROBLEM
from tollbook.core.problem import CATALOGUE, Problem, Severity

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Finding:
    """One code found in some rows of a batch, with the offending values as given."""

    code: str
    rows: Int64s
    column: str
    values: pa.Array | None
    reason: str


@dataclass
class Findings:
    """What was found in the records of one batch. `refused` are the records that an error keeps out."""

    record_no: Int64s
    refused: Bools = field(init=False)
    found: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.refused = np.zeros(len(self.record_no), dtype=np.bool_)

    def error(self, code: str, mask: Bools, column: str = "", values: pa.Array | None = None, reason: str = "") -> None:
        """Keeps the records of a mask out; a record that is out already keeps its first error."""
        new = mask & ~self.refused
        self.refused |= new
        self.note(code, new, column, values, reason)

    def note(self, code: str, mask: Bools, column: str = "", values: pa.Array | None = None, reason: str = "") -> None:
        """Marks the records of a mask without keeping them out."""
        if mask.any():
            rows = np.flatnonzero(mask)
            self.found.append(Finding(code, rows, column, None if values is None else values.take(pa.array(rows)), reason))

    def share_of(self, column: str) -> int:
        """Errors of one column, in records."""
        return sum(len(each.rows) for each in self.found if each.column == column and CATALOGUE[each.code].severity is Severity.ERROR)

    def table(self, file_digest: str) -> pa.Table:
        """The problems in PROBLEM's columns; notes of records that an error keeps out are left out with them."""
        parts = []
        for each in self.found:
            rows, values = each.rows, each.values
            if CATALOGUE[each.code].severity is not Severity.ERROR and self.refused[rows].any():
                stay = ~self.refused[rows]
                rows, values = rows[stay], None if values is None else values.filter(pa.array(stay))
            if len(rows):
                parts.append(_rows(each, self.record_no[rows], values, file_digest))
        return pa.concat_tables(parts) if parts else PROBLEM.empty_table()


def _rows(finding: Finding, record_no: Int64s, values: pa.Array | None, file_digest: str) -> pa.Table:
    count, kind = len(record_no), CATALOGUE[finding.code]
    return pa.Table.from_arrays(
        [
            _word(finding.code, count),
            _word(str(kind.severity), count),
            _word(file_digest, count),
            pa.array(record_no),
            _word(finding.column or None, count),
            pa.nulls(count, pa.string()) if values is None else values.cast(pa.string()),
            pa.array([finding.reason or kind.meaning], pa.string()).take(pa.array(np.zeros(count, dtype=np.int64))),
            _word(kind.remedy, count),
        ],
        schema=PROBLEM,
    )


def _word(text: str | None, count: int) -> pa.Array:
    codes = pa.array(np.zeros(count, dtype=np.int32), mask=np.full(count, text is None))
    return pa.DictionaryArray.from_arrays(codes, pa.array([text or ""], pa.string()))


def problem_table(problems: list[Problem], file_digest: str) -> pa.Table:
    """Problems as rows of PROBLEM."""
    if not problems:
        return PROBLEM.empty_table()
    columns: dict[str, list[Any]] = {
        "code": [each.code for each in problems],
        "severity": [str(each.severity) for each in problems],
        "file_digest": [file_digest for _ in problems],
        "record_no": [each.place.number if each.place.part == "record" else None for each in problems],
        "column": [each.place.column or None for each in problems],
        "value": [each.value or None for each in problems],
        "reason": [each.reason for each in problems],
        "remedy": [each.remedy for each in problems],
    }
    return pa.table({name: pa.array(columns[name], PROBLEM.field(name).type) for name in PROBLEM.names}, schema=PROBLEM)
