"""One batch of raw records to canonical rows: times, columns, legs, identity. Pure of files; runs in any thread."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.cdr import CDR, DURATION_SOURCES, LEGS, SIDES, TECHS, TIME_QUALITIES
from tollbook.engine.collection_columns import per_record, record_columns
from tollbook.engine.collection_findings import Findings, problem_table
from tollbook.engine.collection_identity import identity_text
from tollbook.engine.collection_legs import LegRows, record_legs
from tollbook.engine.collection_times import RecordTimes, record_times
from tollbook.engine.scan import read_decimals
from tollbook.engine.text import constant_word, plain_text, text_buffers, word_array
from tollbook.formats.cdr.profile_words import TIMES, SourceProfile
from tollbook.formats.cdr.reader import RawBatch

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Options:
    """What holds for every batch of a file. `leg` is the leg of records that do not say theirs."""

    profile: SourceProfile
    header: frozenset[str]
    leg: str | None
    file_digest: str


@dataclass(frozen=True)
class Rows:
    """Canonical rows without their ids, and what makes the ids: `rows` is the record of each CDR row in the identity columns."""

    cdrs: pa.Table
    rows: pa.Array
    source: pa.Array
    identity: pa.Array
    given_ids: pa.Array | None
    without_identity: Int64s
    raw_records: list[bytes]
    problems: pa.Table
    read: int
    refused: int
    errors_by_column: Counter[str] = field(default_factory=Counter)


class _Columns:
    """The text columns of a batch, each made plain once; an absent one is nulls."""

    def __init__(self, raw: RawBatch) -> None:
        self._raw, self._made = raw, dict[str, pa.Array]()

    def __call__(self, name: str) -> pa.Array:
        if name not in self._made:
            given = self._raw.columns
            self._made[name] = plain_text(given.column(name)) if name in given.column_names else pa.nulls(given.num_rows, pa.string())
        return self._made[name]


def record_rows(raw: RawBatch, options: Options) -> Rows:
    """The canonical rows of a batch of raw records."""
    profile, text, count = options.profile, _Columns(raw), raw.columns.num_rows
    header = set(options.header)
    findings = Findings(raw.record_no)
    zones = _named(text, header, profile, "zone")
    times = record_times(text, header, profile, count, findings, zones)
    shared = _shared(raw, text, header, options, times, findings)
    legs = list(record_legs(text, header, profile, times.anchor_ms, findings))
    kept = ~findings.refused
    tables, places = [], []
    for leg in legs:
        table, rows = _leg_table(leg, shared, text, header, options, kept, findings)
        tables.append(table)
        places.append(rows)
    rows, cdrs = np.concatenate(places), pa.concat_tables(tables).unify_dictionaries()
    source = per_record(text, header, profile, "source", profile.source, (), count, Findings(raw.record_no))
    given = _named(text, header, profile, "cdr_id")
    identity, without = _identity(text, header, profile, times, given, count)
    without = without[kept[without]]
    errors = Counter({each.column: findings.share_of(each.column) for each in findings.found})
    problems = pa.concat_tables([problem_table(raw.problems, options.file_digest), findings.table(options.file_digest)])
    refused = raw.read - count + int(np.count_nonzero(findings.refused))
    raw_records = _raw_records(raw, without)
    return Rows(cdrs, pa.array(rows), source, identity, given, without, raw_records, _sorted(problems), raw.read, refused, errors)


def _sorted(problems: pa.Table) -> pa.Table:
    return problems if problems.num_rows < 2 else problems.sort_by("record_no")


def _named(text: _Columns, header: set[str], profile: SourceProfile, name: str) -> pa.Array | None:
    cell = profile.per_record.get(name)
    column = cell.column_in(dict.fromkeys(header, 0)) if cell else None
    return None if column is None else text(column)


def _shared(
    raw: RawBatch, text: _Columns, header: set[str], options: Options, times: RecordTimes, findings: Findings
) -> dict[str, pa.Array]:
    """The columns that are the same for every leg of a record."""
    profile, count = options.profile, raw.columns.num_rows
    columns = {
        "side": per_record(text, header, profile, "side", profile.side, SIDES, count, findings),
        "source": per_record(text, header, profile, "source", profile.source, (), count, findings),
        "tech": per_record(text, header, profile, "tech", profile.tech, TECHS, count, findings),
        "file_digest": constant_word(options.file_digest, count),
        "record_no": pa.array(raw.record_no),
        "byte_offset": pa.array(raw.byte_offset),
        "byte_length": pa.array(raw.byte_length),
        "raw_times": times.raw,
        "zone": times.zone,
        "time_quality": word_array(times.quality, TIME_QUALITIES),
        "duration_ms": pa.array(times.duration_ms),
        "duration_source": word_array(times.computed.astype(np.int32), DURATION_SOURCES),
    }
    columns |= {name: times.instants[name].column() for name in TIMES}
    if profile.sequence and profile.sequence in header:
        values, good, cut = read_decimals(*text_buffers(text(profile.sequence)), 0)
        columns["sequence_no"] = pa.array(values, mask=~good | cut)
    return columns | record_columns(text, header, profile, count, findings)


def _leg_table(
    leg: LegRows,
    shared: dict[str, pa.Array],
    text: _Columns,
    header: set[str],
    options: Options,
    kept: npt.NDArray[np.bool_],
    findings: Findings,
) -> tuple[pa.Table, Int64s]:
    """The CDR rows of one leg, without ids, and the record of each."""
    stay = kept[leg.rows]
    rows = leg.rows[stay]
    count = len(kept)
    words = per_record(text, header, options.profile, "leg", options.leg or leg.leg, LEGS, count, findings)
    everyone = {**shared, "leg": words, "leg_no": _leg_numbers(text, header, options.profile, count)}
    whole, mask = len(rows) == count, None if stay.all() else pa.array(stay)
    order = None if whole else pa.array(rows)
    columns = []
    for schema_field in CDR:
        own = leg.columns.get(schema_field.name)
        if own is not None and not (schema_field.name in ("routing_number", "npdi") and schema_field.name in everyone):
            column = own if mask is None else own.filter(mask)
        elif schema_field.name in everyone:
            column = everyone[schema_field.name] if order is None else everyone[schema_field.name].take(order)
        elif schema_field.name == "cdr_id":
            column = pa.nulls(len(rows), schema_field.type)
        else:
            column = pa.nulls(len(rows), schema_field.type)
        columns.append(_typed(column, schema_field.type))
    return pa.Table.from_arrays(columns, schema=CDR), rows


def _typed(column: pa.Array, kind: pa.DataType) -> pa.Array:
    if column.type == kind:
        return column
    if pa.types.is_dictionary(kind):
        return column.dictionary_encode() if pa.types.is_string(column.type) else column.cast(kind)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column.cast(kind)


def _leg_numbers(text: _Columns, header: set[str], profile: SourceProfile, count: int) -> pa.Array:
    given = _named(text, header, profile, "leg_no")
    if given is None:
        return pa.array(np.ones(count, dtype=np.int16))
    values, good, _ = read_decimals(*text_buffers(given), 0)
    return pa.array(np.where(good & (values > 0) & (values < 2**15), values, 1).astype(np.int16))


def _identity(
    text: _Columns, header: set[str], profile: SourceProfile, times: RecordTimes, given: pa.Array | None, count: int
) -> tuple[pa.Array, Int64s]:
    """The identity of each record, and the records that have none but their bytes.

    The declared columns where the first of them has a value; else Call-ID, tags and raw times where there is a Call-ID.
    """
    declared = [text(name) for name in profile.identity] if profile.identity and set(profile.identity) <= header else []
    if given is not None:
        declared = [given]
    if declared and declared[0].null_count == 0:
        return identity_text(declared), np.zeros(0, dtype=np.int64)
    names = [
        profile.columns[name].column_in(dict.fromkeys(header, 0)) if name in profile.columns else None
        for name in ("call_id", "from_tag", "to_tag")
    ]
    call = [text(name) if name is not None else pa.nulls(count, pa.string()) for name in names]
    by_call = pc.if_else(pc.is_valid(call[0]), identity_text([*call, times.raw]), pa.scalar(None, pa.string()))
    identity = by_call if not declared else pc.if_else(pc.is_valid(declared[0]), identity_text(declared), by_call)
    without = np.flatnonzero(identity.is_null().to_numpy(zero_copy_only=False))
    return identity.fill_null(""), without


def _raw_records(raw: RawBatch, rows: Int64s) -> list[bytes]:
    """The bytes of some records; where a file has none for a record (Parquet), its cells as text."""
    if raw.source:
        return raw.raw_records(rows)
    cells = raw.columns.take(pa.array(rows))
    joined = identity_text([plain_text(column) for column in cells.columns])
    return [each.encode() for each in joined.to_pylist()]
