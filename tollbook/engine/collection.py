"""Collection: a CDR file of any source to canonical CDRs, in bounded memory, with every record accounted for.

    for batch in canonical_batches(path, profile): batch.cdrs, batch.problems, batch.read

Records read = accepted + refused in every batch; a refused record has exactly one problem of severity error.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from tollbook.core.cdr import CDR
from tollbook.core.problem import Problem, problem, refuse
from tollbook.engine.collection_events import event_batches, event_options
from tollbook.engine.collection_findings import problem_table
from tollbook.engine.collection_identity import Identifier
from tollbook.engine.collection_rows import Options, Rows, record_rows
from tollbook.formats.cdr.drift import RETYPED_LEAST, RETYPED_PERCENT, check_columns
from tollbook.formats.cdr.opening import Limits
from tollbook.formats.cdr.profile import SourceProfile, detect_profile
from tollbook.formats.cdr.reader import PIECE_BYTES, RawBatch, SourceFile, open_source

THREADS: Final = 2


@dataclass(frozen=True)
class CdrBatch:
    """Canonical CDRs (schema CDR, one row per leg), problems (schema PROBLEM), and how many records they come from."""

    cdrs: pa.Table
    problems: pa.Table
    read: int
    refused: int

    @property
    def accepted(self) -> int:
        return self.read - self.refused


def canonical_batches(
    path: Path,
    profile: SourceProfile | None = None,
    source: str | None = None,
    *,
    side: str | None = None,
    leg: str | None = None,
    file_digest: str | None = None,
    limits: Limits | None = None,
    piece_bytes: int = PIECE_BYTES,
    threads: int = THREADS,
) -> Iterator[CdrBatch]:
    """The records of a CDR file, in order, a batch at a time. Without a profile the file's columns decide.

    `source`, `side` and `leg` go before what the profile says, `file_digest` spares reading the file twice. The first batch carries the
    problems of the file as a whole (no record number). Refuses where the file cannot be used, also in the middle of it.
    """
    profile = profile or detect_profile(path)
    limits = limits or Limits()
    digest = file_digest or digest_of(path)
    profile = replace(profile, side=side or profile.side, source=source or profile.source)
    identifier = Identifier()
    try:
        with open_source(path, profile, limits) as file:
            notes = check_columns(file.columns, profile, path.name)
            options = Options(profile, frozenset(file.columns), leg, digest)
            if profile.layer == "EVENTS":
                paired = event_options(options)
                parts: Iterator[Rows] = (record_rows(each, paired) for each in event_batches(file, options))
            else:
                parts = _in_threads(file, piece_bytes, threads, lambda raw: record_rows(raw, options))
            yield from _numbered(parts, identifier, notes, path.name, digest, limits)
    finally:
        identifier.close()


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes as they are, in hexadecimal."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise refuse("FILE_MISSING", file=str(path)) from None
    except OSError as error:
        raise refuse("FILE_UNREADABLE", f"{error.strerror}.", file=str(path)) from None


def _in_threads(file: SourceFile, piece_bytes: int, threads: int, work: Callable[[RawBatch], Rows]) -> Iterator[Rows]:
    """The pieces of a file worked on at the same time and given in their order; never more than threads + 1 of them in memory."""
    if not file.is_text:
        yield from (work(raw) for raw in file.batches())
        return
    waiting: deque[Future[Rows]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for piece in file.pieces(piece_bytes):
                waiting.append(pool.submit(lambda each: work(file.parse(each)), piece))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()


def _numbered(
    parts: Iterator[Rows], identifier: Identifier, notes: list[Problem], file: str, digest: str, limits: Limits
) -> Iterator[CdrBatch]:
    """Batches with record numbers through the whole file and with ids; the problems of the file come with the first."""
    seen = 0
    for number, part in enumerate(parts):
        if number == 0:
            notes = [*notes, *_retyped(part, file)]
        if seen + part.read > limits.records:
            raise refuse("CDR_ROWS_LIMIT", f"More than {limits.records:,} records.", file=file)
        ids = identifier.ids(part.source, part.identity, part.given_ids, part.without_identity, part.raw_records)
        cdrs = _with_ids(part.cdrs, ids, part.rows, seen)
        problems = (
            pa.concat_tables([problem_table(notes, digest), _shifted(part.problems, seen)]) if notes else _shifted(part.problems, seen)
        )
        yield CdrBatch(cdrs, problems, part.read, part.refused)
        notes, seen = [], seen + part.read
    if notes:
        yield CdrBatch(CDR.empty_table(), problem_table(notes, digest), 0, 0)


def _retyped(part: Rows, file: str) -> list[Problem]:
    """Columns of which the first batch could not use most cells: their meaning has changed."""
    found = []
    for column, count in sorted(part.errors_by_column.items()):
        if column and count >= RETYPED_LEAST and count * 100 >= part.read * RETYPED_PERCENT:
            reason = f"{count:,} of the first {part.read:,} records have no usable value in {column}."
            found.append(problem("CDR_COLUMN_RETYPED", reason, file=file, column=column))
    return found


def _with_ids(cdrs: pa.Table, ids: pa.Array, rows: pa.Array, seen: int) -> pa.Table:
    place = cdrs.schema.get_field_index("cdr_id")
    cdrs = cdrs.set_column(place, CDR.field("cdr_id"), ids.take(rows))
    return _shifted(cdrs, seen)


def _shifted(table: pa.Table, seen: int) -> pa.Table:
    if seen == 0 or table.num_rows == 0:
        return table
    place = table.schema.get_field_index("record_no")
    column = table.column(place)
    numbers = (
        pa.array(column.to_numpy() + seen)
        if column.null_count == 0
        else pa.array([None if n is None else n + seen for n in column.to_pylist()])
    )
    return table.set_column(place, table.schema.field(place), numbers)
