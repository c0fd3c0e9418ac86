"""The manifest: rows that make files part of the book. Each function runs inside the caller's transaction and publishes all or nothing.

Files are written, synced and renamed before; a crash in between leaves files without a row, which `check` sweeps, and never a row
without its file.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import F

from tollbook import __version__
from tollbook.core.digest import json_digest
from tollbook.store import lease
from tollbook.store.crash import crash_point
from tollbook.store.files import Stored
from tollbook.store.models import Batch, Cursor, Head, KnownIds, Run, SealedFile, Segment, UsageTotal
from tollbook.store.segments import SegmentFile

COLLECTION_ORIGIN = "COLLECTION"


@dataclass(frozen=True, slots=True)
class Usage:
    """One line of running usage. Counts, milliseconds and micro-units of the currency."""

    partner: str
    leg: str
    day: datetime.date
    records: int
    answered: int
    duration_ms: int
    currency: str = ""
    amount_micros: int = 0


@dataclass(frozen=True, slots=True)
class KnownFile:
    """The file of known ids that becomes the current one of a day, and how many ids it holds."""

    stored: Stored
    rows: int


@dataclass(frozen=True, slots=True)
class BatchRows:
    """Everything one part of a CDR file publishes."""

    source: str
    file_digest: str
    part_no: int
    is_last: bool
    last_record_no: int
    read: int
    accepted: int
    duplicates: int
    problems: int
    layer: str
    profile_digest: str
    segments: tuple[SegmentFile, ...]
    known: Mapping[str, KnownFile]
    usage: tuple[Usage, ...]
    cursor: tuple[str, str] | None = None

    @property
    def id(self) -> str:
        return batch_id(self.source, self.file_digest, self.part_no)


def batch_id(source: str, file_digest: str, part_no: int) -> str:
    """The name of a part: the same part of the same file has the same name, whenever it is read."""
    return json_digest({"source": source, "file": file_digest, "part": part_no})


def add_sealed_file(stored: Stored, *, name: str, kind: str, received_at: int, received_by: str) -> bool:
    """The row of a sealed file; False where the same bytes are there already, whose first receipt stands."""
    if SealedFile.objects.filter(digest=stored.digest).exists():
        return False
    crash_point("seal.before_row")
    SealedFile.objects.create(
        digest=stored.digest,
        name=name[-500:],
        suffix=stored.suffix,
        size=stored.size,
        kind=kind,
        received_at=received_at,
        received_by=received_by,
    )
    crash_point("seal.after_row")
    return True


def publish_batch(book: Path, rows: BatchRows, held: lease.Held, *, now_ms: int) -> list[str]:
    """Makes a part of the file part of the book. Returns the paths of the known-id files it replaced, to be removed after the commit.

    LEASE_LOST where another writer took over: then nothing of this part is published.
    """
    assert connection.in_atomic_block
    lease.check(held, now_ms=now_ms)
    crash_point("batch.after_lease")
    file = SealedFile.objects.get(digest=rows.file_digest)
    crash_point("batch.after_file")
    batch = Batch.objects.create(
        id=rows.id,
        source=rows.source,
        file=file,
        part_no=rows.part_no,
        is_last=rows.is_last,
        last_record_no=rows.last_record_no,
        read=rows.read,
        accepted=rows.accepted,
        duplicates=rows.duplicates,
        problems=rows.problems,
        layer=rows.layer,
        profile_digest=rows.profile_digest,
        published_at=now_ms,
        package_version=__version__,
    )
    crash_point("batch.after_batch")
    add_segments(rows.segments, batch=batch)
    crash_point("batch.after_segments")
    replaced = set_known_ids(book, rows.source, rows.known)
    crash_point("batch.after_known_ids")
    add_usage(COLLECTION_ORIGIN, rows.usage)
    crash_point("batch.after_usage")
    if rows.cursor is not None:
        Cursor.objects.update_or_create(name=rows.cursor[0], defaults={"position": rows.cursor[1]})
    crash_point("batch.after_cursor")
    return replaced


def add_segments(segments: Iterable[SegmentFile], *, batch: Batch | None = None, run: Run | None = None) -> None:
    """Rows of published segment files, made by a batch or by a run."""
    Segment.objects.bulk_create(
        Segment(
            digest=each.digest,
            kind=each.kind,
            side=each.side,
            day=each.day,
            rows=each.rows,
            size=each.size,
            min_anchor_at=each.min_anchor_at,
            max_anchor_at=each.max_anchor_at,
            schema_version=each.schema_version,
            path=each.path,
            batch=batch,
            run=run,
        )
        for each in segments
    )


def set_known_ids(book: Path, source: str, known: Mapping[str, KnownFile]) -> list[str]:
    """Points each day at its new file; the paths of the files that are no longer current."""
    replaced = []
    for day, file in known.items():
        path = str(file.stored.path.relative_to(book))
        before = KnownIds.objects.filter(source=source, day=day).first()
        if before is not None and before.path != path:
            replaced.append(before.path)
        KnownIds.objects.update_or_create(source=source, day=day, defaults={"digest": file.stored.digest, "path": path, "rows": file.rows})
    return replaced


def add_usage(origin: str, usage: Iterable[Usage]) -> None:
    """Adds to the running usage of an origin."""
    for each in usage:
        row, made = UsageTotal.objects.get_or_create(
            origin=origin,
            partner=each.partner,
            leg=each.leg,
            currency=each.currency,
            day=each.day,
            defaults={
                "records": each.records,
                "answered": each.answered,
                "duration_ms": each.duration_ms,
                "amount_micros": each.amount_micros,
            },
        )
        if not made:
            UsageTotal.objects.filter(pk=row.pk).update(
                records=F("records") + each.records,
                answered=F("answered") + each.answered,
                duration_ms=F("duration_ms") + each.duration_ms,
                amount_micros=F("amount_micros") + each.amount_micros,
            )


def replace_usage(origin: str, usage: Iterable[Usage]) -> None:
    """The running usage of an origin, made anew."""
    UsageTotal.objects.filter(origin=origin).delete()
    add_usage(origin, usage)


@dataclass(frozen=True, slots=True)
class RunRows:
    """Everything one run publishes."""

    run_key: str
    stage: str
    scope: str
    semantics_version: int
    inputs: tuple[str, ...]
    parameters: Mapping[str, Any]
    known_at: int | None
    result_digest: str
    results: Mapping[str, Any]
    summary: Mapping[str, Any]
    started_at: int
    finished_at: int
    segments: tuple[SegmentFile, ...] = field(default=())


def publish_run(rows: RunRows) -> Run:
    """The row of a run and its segments. A run of that key whose files were lost gets the files that were made again."""
    assert connection.in_atomic_block
    run = Run.objects.filter(run_key=rows.run_key).first()
    if run is None:
        run = Run.objects.create(
            run_key=rows.run_key,
            stage=rows.stage,
            scope=rows.scope,
            semantics_version=rows.semantics_version,
            inputs=list(rows.inputs),
            parameters=dict(rows.parameters),
            known_at=rows.known_at,
            result_digest=rows.result_digest,
            results=dict(rows.results),
            summary=dict(rows.summary),
            package_version=__version__,
            started_at=rows.started_at,
            finished_at=rows.finished_at,
        )
    else:
        Segment.objects.filter(run=run).delete()
    crash_point("run.after_run")
    add_segments(rows.segments, run=run)
    crash_point("run.after_segment_rows")
    return run


def set_head(run: Run) -> bool:
    """Makes a run the current one of its stage and scope; False where it is already."""
    head = Head.objects.select_for_update().filter(stage=run.stage, scope=run.scope).first()
    if head is not None and head.run_id == run.run_key:
        return False
    Head.objects.update_or_create(stage=run.stage, scope=run.scope, defaults={"run": run})
    crash_point("run.after_head")
    return True


def is_sealed(digest: str) -> bool:
    """Whether a digest has its row."""
    return SealedFile.objects.filter(digest=digest).exists()
