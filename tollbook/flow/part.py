"""One part of a CDR file on its way into the book: classified, split by day and written; nothing shows until it is published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tollbook.core import cdr
from tollbook.core.problem import CATALOGUE, refuse
from tollbook.core.tables import KINDS, anchor_of
from tollbook.flow.book import Book
from tollbook.store import known_ids, raw_records, segment_index
from tollbook.store.known_ids import CONFLICT, NEW, REPEAT, Ids
from tollbook.store.manifest import BatchRows, KnownFile, Usage
from tollbook.store.models import KnownIds
from tollbook.store.segments import SegmentFile, SegmentWriter


@dataclass(slots=True)
class KnownDays:
    """The known ids of one source: the published file of each day, opened when it is first needed."""

    book: Book
    source: str
    paths: dict[str, Path]
    opened: dict[str, Ids] = field(default_factory=dict)

    @classmethod
    def of(cls, book: Book, source: str) -> KnownDays:
        rows = KnownIds.objects.filter(source=source).values_list("day", "path")
        return cls(book, source, {day: book.path(path) for day, path in rows})

    def near(self, days: Iterable[str]) -> list[Ids]:
        """The ids an identity of one of these days is looked up in."""
        wanted = {other for day in days for other in known_ids.days_around(day, self.paths)}
        return [self.day(each) for each in sorted(wanted)]

    def day(self, day: str) -> Ids:
        if day not in self.opened:
            self.opened[day] = known_ids.load(self.paths[day])
        return self.opened[day]


class Part:
    """Collects batches of canonical records until they are published together. Memory grows with 32 bytes per record of the part."""

    def __init__(
        self, book: Book, known: KnownDays, content: memoryview, *, source: str, file_digest: str, part_no: int, maker: str
    ) -> None:
        self.book, self.known, self.content = book, known, content
        self.source, self.file_digest, self.part_no, self.maker = source, file_digest, part_no, maker
        self.read = self.accepted = self.duplicates = self.conflicts = 0
        self.last_record_no = 0
        self.new_files: list[Path] = []
        self._cdrs: dict[str, SegmentWriter] = {}
        self._problems = SegmentWriter(book.folder, KINDS["problem"], "", maker)
        self._pending: dict[str, list[Ids]] = defaultdict(list)
        self._usage: dict[tuple[str, str, Any], list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, cdrs: pa.Table, problems: pa.Table, first_record_no: int, read: int) -> None:
        """Takes the rows of the records first_record_no and on, `read` of them, each of which is a CDR row or a problem."""
        self._account_for(cdrs, problems, first_record_no, read)
        self.read += read
        self.last_record_no = first_record_no + read - 1
        if cdrs.num_rows == 0:
            self._problems.write(problems)
            return
        cdrs = _with_digest(cdrs, self.file_digest)
        rows_of, first_rows = _records(cdrs)
        records = cdrs.take(pa.array(first_rows))
        verdict = self._classify(records)
        self.accepted += int(np.count_nonzero(verdict == NEW))
        self.duplicates += int(np.count_nonzero(verdict == REPEAT))
        # What was found about a repeated record was found when it first came.
        repeated = records.column("record_no").to_numpy()[verdict == REPEAT]
        again = pc.is_in(problems.column("record_no"), value_set=pa.array(repeated, type=pa.int64()))
        self._problems.write(problems.filter(pc.invert(again)))
        conflicting = np.flatnonzero(verdict == CONFLICT)
        self.conflicts += len(conflicting)
        if len(conflicting):
            self._problems.write(self._conflicts(records.take(pa.array(conflicting))))
        kept = cdrs if (verdict == NEW).all() else cdrs.filter(pa.array((verdict == NEW)[rows_of]))
        self._write(kept)

    @property
    def problems(self) -> int:
        """Records that are problems: those the reader could not use and those in conflict with a known one."""
        return self.read - self.accepted - self.duplicates

    def _account_for(self, cdrs: pa.Table, problems: pa.Table, first_record_no: int, read: int) -> None:
        numbers = [np.asarray(each.column("record_no").drop_null().to_numpy(), dtype=np.int64) for each in (cdrs, problems)]
        present = np.unique(np.concatenate(numbers))
        inside = present[(present >= first_record_no) & (present < first_record_no + read)]
        if len(inside) != read or len(inside) != len(present):
            raise refuse(
                "RECORD_UNACCOUNTED",
                f"{read} records were read from record {first_record_no} on, {len(present)} came out.",
                record=first_record_no,
            )

    def _classify(self, records: pa.Table) -> NDArray[np.uint8]:
        ids = known_ids.ids_of(known_ids.id_bytes(records.column("cdr_id")), raw_records.record_digests(records, self.content))
        days = known_ids.raw_days(records.column("raw_times")).dictionary_encode()
        names = days.dictionary.to_pylist()
        pending = [each for day in _near(names, self._pending) for each in self._pending[day]]
        verdict = known_ids.classify(ids, [*self.known.near(names), *pending])
        codes = days.indices.to_numpy()
        for code, day in enumerate(names):
            chosen = np.flatnonzero((codes == code) & (verdict == NEW))
            if len(chosen):
                self._pending[day].append(ids.take(chosen).sort())
        return verdict

    def _conflicts(self, records: pa.Table) -> pa.Table:
        kind = CATALOGUE["CDR_CONFLICT"]
        total = records.num_rows
        places = zip(records.column("byte_offset").to_pylist(), records.column("byte_length").to_pylist(), strict=True)
        ids = [value.hex() for value in records.column("cdr_id").to_pylist()]
        columns: dict[str, list[Any] | pa.ChunkedArray] = {
            "code": ["CDR_CONFLICT"] * total,
            "severity": [str(kind.severity)] * total,
            "file_digest": [self.file_digest] * total,
            "record_no": records.column("record_no"),
            "column": [None] * total,
            "value": [raw_records.raw_text(self.content, offset, length) for offset, length in places],
            "reason": [f"Record {each} is known with another content." for each in ids],
            "remedy": [kind.remedy] * total,
        }
        return pa.table(columns).cast(cdr.PROBLEM)

    def _write(self, rows: pa.Table) -> None:
        if rows.num_rows == 0:
            return
        for side in pc.unique(rows.column("side").cast(pa.string())).to_pylist():
            part = rows.filter(pc.equal(rows.column("side").cast(pa.string()), side))
            if side not in self._cdrs:
                self._cdrs[side] = SegmentWriter(self.book.folder, KINDS["cdr"], side, self.maker)
            self._cdrs[side].write(part)
            if side == "OURS":
                self._count(part)

    def _count(self, rows: pa.Table) -> None:
        for line in usage_of(rows):
            total = self._usage[(line.partner, line.leg, line.day)]
            total[0] += line.records
            total[1] += line.answered
            total[2] += line.duration_ms

    def finish(self, *, is_last: bool, layer: str, profile_digest: str, cursor: tuple[str, str] | None) -> BatchRows:
        """Publishes the files and gives the rows that make them part of the book."""
        segments: list[SegmentFile] = list(self._problems.finish())
        for side in sorted(self._cdrs):
            segments.extend(self._cdrs[side].finish())
        for each in segments:
            if each.is_new:
                self.new_files.append(self.book.path(each.path))
                self.new_files.extend(segment_index.path_of(self.book.folder, each.digest, suffix) for suffix in (".keys", ".rows"))
        known: dict[str, KnownFile] = {}
        for day, parts in sorted(self._pending.items()):
            before = [self.known.day(day)] if day in self.known.paths else []
            merged = known_ids.merge([*before, *parts])
            stored = known_ids.write(self.book.folder, self.source, day, merged)
            if stored.is_new:
                self.new_files.append(stored.path)
            known[day] = KnownFile(stored, len(merged))
        return BatchRows(
            source=self.source,
            file_digest=self.file_digest,
            part_no=self.part_no,
            is_last=is_last,
            last_record_no=self.last_record_no,
            read=self.read,
            accepted=self.accepted,
            duplicates=self.duplicates,
            problems=self.problems,
            layer=layer,
            profile_digest=profile_digest,
            segments=tuple(segments),
            known=known,
            usage=usage_lines(self._usage),
            cursor=cursor,
        )

    def abandon(self) -> None:
        """Removes what was written and not published."""
        self._problems.abandon()
        for each in self._cdrs.values():
            each.abandon()


def usage_lines(totals: Mapping[tuple[str, str, Any], list[int]]) -> tuple[Usage, ...]:
    """Totals by partner, leg and day as lines, in their order."""
    lines = []
    for (partner, leg, day), (records, answered, duration_ms) in sorted(totals.items()):
        lines.append(Usage(partner, leg, day, records, answered, duration_ms))
    return tuple(lines)


def usage_of(rows: pa.Table) -> list[Usage]:
    """Running usage of canonical records, by partner, leg and UTC day of the anchor."""
    anchors = anchor_of(rows, KINDS["cdr"])
    assert anchors is not None
    table = pa.table(
        {
            "partner": pc.fill_null(rows.column("partner").cast(pa.string()), ""),
            "leg": rows.column("leg").cast(pa.string()),
            "day": anchors.cast(pa.timestamp("ms")).cast(pa.date32(), safe=False),
            "answered": rows.column("answer_at").is_valid().cast(pa.int64()),
            "duration_ms": rows.column("duration_ms"),
        }
    )
    grouped = table.group_by(["partner", "leg", "day"]).aggregate([("leg", "count"), ("answered", "sum"), ("duration_ms", "sum")])
    return [
        Usage(line["partner"], line["leg"], line["day"], line["leg_count"], line["answered_sum"], line["duration_ms_sum"])
        for line in grouped.to_pylist()
    ]


def _near(names: list[str], present: dict[str, list[Ids]]) -> list[str]:
    return sorted({other for day in names for other in known_ids.days_around(day, present)})


def _with_digest(rows: pa.Table, file_digest: str) -> pa.Table:
    """The rows with the digest of the sealed file as their provenance."""
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows.num_rows, dtype=np.int32)), pa.array([file_digest]))
    return rows.set_column(rows.schema.get_field_index("file_digest"), rows.schema.field("file_digest"), column)


def _records(rows: pa.Table) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each row the place of its record among the records, and for each record its first row."""
    numbers = rows.column("record_no").to_numpy()
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return inverse, first
