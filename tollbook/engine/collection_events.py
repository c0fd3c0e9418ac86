"""Accounting events to calls: an answered INVITE and the first BYE with its Call-ID and tags, in whichever order the tags stand.

The whole file is needed, so events go through the database, which spills to disk. A record here is a call or an attempt, numbered by its
first event; a half without its other half is a record with a problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from tollbook.core.problem import Part, Problem, problem
from tollbook.engine.collection_rows import Options
from tollbook.engine.database import open_database, sql
from tollbook.engine.text import plain_text
from tollbook.formats.cdr.profile_words import Cell, SourceProfile, TimeCell
from tollbook.formats.cdr.reader import RawBatch, SourceFile

_BATCH_ROWS: Final = 65_536
_ANSWER, _RELEASE, ENDED_BY = "answer ", "release ", "ended by"
_RENAMED: Final = {"answer_at": _ANSWER, "release_at": _RELEASE}
_REASONS: Final = {"OPEN": "The answer has no release in this file.", "LOOSE": "The release has no answer in this file."}


def event_options(options: Options) -> Options:
    """What reads the paired records: the same profile with the answer's and the release's own time columns."""
    profile = options.profile
    times = {
        name: tuple(replace(cell, column=prefix + cell.column, micros=prefix + cell.micros if cell.micros else "") for cell in cells)
        for name, cells in profile.times.items()
        if (prefix := _RENAMED.get(name)) is not None
    }
    columns = {**profile.columns, "release_party": Cell((ENDED_BY,))}
    header = options.header | {ENDED_BY} | {prefix + name for prefix in (_ANSWER, _RELEASE) for name in options.header}
    return replace(options, profile=replace(profile, times=times, columns=columns), header=header)


def event_batches(file: SourceFile, options: Options) -> Iterator[RawBatch]:
    """The calls and attempts of a file of events, with the malformed lines before them."""
    with closing(open_database()) as connection:
        connection.execute("SET preserve_insertion_order = true")
        seen = others = 0
        for raw in file.batches():
            others += _store(connection, raw, file.profile, seen)
            seen += raw.read
            of_records = [each for each in raw.problems if each.place.part == Part.RECORD]
            of_file = [each for each in raw.problems if each.place.part != Part.RECORD]
            numbered = [replace(each, place=replace(each.place, number=number)) for number, each in enumerate(of_records, start=1)]
            if raw.problems:
                yield _only_problems([*numbered, *of_file], len(numbered), file)
        if seen == 0:
            return
        connection.execute(sql("collection_events"))
        yield _only_problems([_summary(connection, seen, others, file)], 0, file)
        yield from _paired(connection, file, options)


def _only_problems(problems: list[Problem], read: int, file: SourceFile) -> RawBatch:
    nothing = np.zeros(0, dtype=np.int64)
    columns = pa.table({name: pa.array([], pa.string()) for name in file.columns})
    return RawBatch(columns, nothing, nothing, nothing, problems, read, b" ")


def _store(connection: duckdb.DuckDBPyConnection, raw: RawBatch, profile: SourceProfile, seen: int) -> int:
    """Puts a batch of events into the database; how many of them are of other methods than INVITE and BYE."""
    places = dict.fromkeys(raw.columns.column_names, 0)
    columns = {"record": pa.array(raw.record_no + seen), "byte_offset": pa.array(raw.byte_offset), "byte_length": pa.array(raw.byte_length)}
    for name in ("method", "call_id", "from_tag", "to_tag", "code", "order"):
        column = profile.pairing.get(name, Cell()).column_in(places)
        columns[name] = pa.nulls(raw.columns.num_rows, pa.string()) if column is None else plain_text(raw.columns.column(column))
    for name in raw.columns.column_names:
        columns[f"cell {name}"] = plain_text(raw.columns.column(name))
    connection.register("batch", pa.table(columns))
    selected = 'SELECT * EXCLUDE ("order"), TRY_CAST("order" AS BIGINT) AS place FROM batch'
    exists = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'events'").fetchall()[0][0]
    connection.execute(f"INSERT INTO events {selected}" if exists else f"CREATE TABLE events AS {selected}")
    others = connection.execute("SELECT count(*) FROM batch WHERE method IS NULL OR method NOT IN ('INVITE', 'BYE')").fetchall()[0][0]
    connection.unregister("batch")
    return int(others)


def _summary(connection: duckdb.DuckDBPyConnection, seen: int, others: int, file: SourceFile) -> Problem:
    counts = dict(connection.execute("SELECT kind, count(*) FROM paired GROUP BY kind").fetchall())
    reason = (
        f"{seen:,} events are {counts.get('CALL', 0):,} calls, {counts.get('ATTEMPT', 0):,} attempts, {counts.get('OPEN', 0):,} answers "
        f"without release and {counts.get('LOOSE', 0):,} releases without answer; {others:,} are of other methods."
    )
    return problem("CDR_EVENTS_JOINED", reason, file=file.path.name)


def _paired(connection: duckdb.DuckDBPyConnection, file: SourceFile, options: Options) -> Iterator[RawBatch]:
    cells = [name for name in file.columns if name in file.profile.read_columns]
    times = sorted({name for each in _time_cells(file.profile) for name in (each.column, each.micros) if name in options.header})
    own = ", ".join(f'first."cell {name}" AS "{name}"' for name in cells)
    answer = ", ".join(f'CASE WHEN kind = \'CALL\' THEN first."cell {name}" END AS "{_ANSWER}{name}"' for name in times)
    release = ", ".join(f'last."cell {name}" AS "{_RELEASE}{name}"' for name in times)
    query = (
        f'SELECT kind, ended_by AS "{ENDED_BY}", first.record, first.byte_offset, first.byte_length, {own}, {answer}, {release} '
        "FROM paired JOIN events AS first ON first.record = paired.record "
        "LEFT JOIN events AS last ON last.record = paired.release_record ORDER BY first.record"
    )
    reader = connection.sql(query).to_arrow_reader(_BATCH_ROWS)
    for batch in reader:
        yield _raw(pa.Table.from_batches([batch]), file)


def _time_cells(profile: SourceProfile) -> list[TimeCell]:
    return [cell for name in _RENAMED for cell in profile.times.get(name, ())]


def _raw(table: pa.Table, file: SourceFile) -> RawBatch:
    kinds = table.column("kind").to_pylist()
    numbers = np.arange(1, table.num_rows + 1, dtype=np.int64)
    whole = np.array([kind not in _REASONS for kind in kinds], dtype=np.bool_)
    events = table.column("record").to_pylist()
    problems = [
        problem("CDR_EVENT_UNPAIRED", f"Event {events[row]}: {_REASONS[kinds[row]]}", file=file.path.name, record=row + 1)
        for row in np.flatnonzero(~whole).tolist()
    ]
    kept = table.filter(pa.array(whole))
    offsets, lengths = kept.column("byte_offset").to_numpy(), kept.column("byte_length").to_numpy()
    columns = kept.drop_columns(["kind", "record", "byte_offset", "byte_length"])
    return RawBatch(columns, numbers[whole], offsets, lengths, problems, table.num_rows)
