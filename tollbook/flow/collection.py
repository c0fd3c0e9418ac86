"""Collection: bytes are sealed with digest and receipt time before anything reads them; then their records enter the book exactly once.

A CDR file enters in parts of a million records. Each part is one transaction, and an interrupted file goes on after its last part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from tollbook.core.problem import Problem, Refusal, problem
from tollbook.core.rights import Actor, Right, require
from tollbook.engine.collection import CdrBatch, canonical_batches
from tollbook.flow import clock
from tollbook.flow.book import Book
from tollbook.flow.command import Command, perform, rehearsal
from tollbook.flow.part import KnownDays, Part
from tollbook.formats.cdr.profile import SourceProfile
from tollbook.formats.cdr.reader import PIECE_BYTES
from tollbook.store import files, lease, manifest, raw_records
from tollbook.store.crash import crash_point
from tollbook.store.files import Stored
from tollbook.store.models import Batch
from tollbook.store.segments import read_batches

SHOWN_PROBLEMS: Final = 100

PUBLISHED: Final = "published"
REPEATED: Final = "repeated"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True)
class Cut:
    """How a CDR file is cut: records of a part, which is a transaction, and bytes read at a time. Results do not depend on it."""

    part_records: int = 1_000_000
    piece_bytes: int = PIECE_BYTES


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file. read = accepted + duplicates + problems, in records; all 0 for documents."""

    name: str
    kind: str
    digest: str
    status: str
    source: str = ""
    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    problems: int = 0
    found: tuple[Problem, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, the problems with it."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__ if name != "found"}
        return {**values, "found": [each.as_dict() for each in self.found]}


def right_to_seal(kind: str) -> Right:
    """What somebody needs to bring in a file of a kind."""
    if kind in ("CDR", "UNKNOWN"):
        return Right.INGEST
    return Right.WRITE_DECKS if kind in ("DECK", "DECK_PROFILE") else Right.WRITE_REFERENCE


def seal(book: Book, path: Path, *, kind: str, actor: Actor, name: str | None = None) -> Stored:
    """Seals a file's bytes with their receipt time. The same bytes again are the same sealed file, with their first receipt time."""
    right = right_to_seal(kind)
    require(actor, right)
    stored = files.put_file(book.folder, path)
    return seal_stored(stored, name=name or path.name, kind=kind, actor=actor, right=right)


def seal_stored(stored: Stored, *, name: str, kind: str, actor: Actor, right: Right) -> Stored:
    """The row of bytes that are in the sealed folder already: a file received, or one the book itself made."""
    now = clock.now_ms()

    def work() -> dict[str, Any]:
        manifest.add_sealed_file(stored, name=name, kind=kind, received_at=now, received_by=str(actor))
        return {"digest": stored.digest}

    if not manifest.is_sealed(stored.digest):
        command = Command("seal file", right, name, actor, {"digest": stored.digest, "kind": kind, "size": str(stored.size)})
        perform(command, work)
    return stored


def ingest_cdrs(
    book: Book,
    path: Path,
    *,
    source: str,
    profile: SourceProfile,
    actor: Actor,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
    cursor: tuple[str, str] | None = None,
    cut: Cut | None = None,
) -> FileReport:
    """Seals a CDR file and brings its records into the book. Ingesting the same bytes again for the same source adds nothing (DUP_FILE).

    Refuses with LEASE_HELD or LEASE_LOST where another process writes for this source, and with whatever makes the file unreadable;
    what was published before stays, and the next call goes on from there.
    """
    require(actor, Right.INGEST)
    with _dry(book, dry_run) as new_files:
        stored = seal(book, path, kind="CDR", actor=actor)
        if stored.is_new:
            new_files.append(stored.path)
        held = lease.acquire(f"source {source}", now_ms=clock.now_ms())
        try:
            work = _Ingest(book, stored, path.name, source, profile, actor, held, progress, cursor, new_files, cut or Cut())
            return work.run()
        finally:
            lease.release(held)


@contextmanager
def _dry(book: Book, dry_run: bool) -> Iterator[list[Path]]:
    """For a dry run: everything is rolled back, and the files written meanwhile are removed."""
    new_files: list[Path] = []
    if not dry_run:
        yield new_files
        return
    try:
        with rehearsal():
            yield new_files
    finally:
        for each in new_files:
            each.unlink(missing_ok=True)


@dataclass(slots=True)
class _Ingest:
    """One file being ingested."""

    book: Book
    stored: Stored
    name: str
    source: str
    profile: SourceProfile
    actor: Actor
    held: lease.Held
    progress: Callable[[int], None] | None
    cursor: tuple[str, str] | None
    new_files: list[Path]
    cut: Cut

    def run(self) -> FileReport:
        parts = list(Batch.objects.filter(source=self.source, file_id=self.stored.digest).order_by("part_no"))
        if parts and parts[-1].is_last:
            found = problem("DUP_FILE", f"It was ingested before as {parts[-1].file.name}.", file=self.name, value=self.stored.digest)
            return FileReport(self.name, "CDR", self.stored.digest, REPEATED, self.source, found=(found,))
        done = parts[-1].last_record_no if parts else 0
        with files.unpacked(self.book.folder, self.stored.path) as plain, raw_records.mapped(plain) as content:
            self._read(plain, content, done, len(parts) + 1)
        return self._report()

    def _read(self, plain: Path, content: memoryview, done: int, part_no: int) -> None:
        known = KnownDays.of(self.book, self.source)
        part = self._part(known, content, part_no)
        seen = 0
        try:
            for batch in self._batches(plain):
                first, seen = seen + 1, seen + batch.read
                if seen <= done and batch.read:
                    continue
                if part.read >= self.cut.part_records:
                    self._publish(part, is_last=False)
                    part_no += 1
                    known = KnownDays.of(self.book, self.source)
                    part = self._part(known, content, part_no)
                cdrs, problems = batch.cdrs, self._named(batch.problems)
                if first <= done:
                    cdrs, problems = (_after(each, done) for each in (cdrs, problems))
                    first = done + 1
                part.add(cdrs, problems, first, seen - first + 1)
                if self.progress is not None:
                    self.progress(seen)
            part.last_record_no = seen
            self._publish(part, is_last=True)
        finally:
            part.abandon()

    def _batches(self, plain: Path) -> Iterator[CdrBatch]:
        digest, size = self.stored.digest, self.cut.piece_bytes
        return canonical_batches(plain, self.profile, self.source, file_digest=digest, piece_bytes=size)

    def _part(self, known: KnownDays, content: memoryview, part_no: int) -> Part:
        maker = manifest.batch_id(self.source, self.stored.digest, part_no)
        return Part(self.book, known, content, source=self.source, file_digest=self.stored.digest, part_no=part_no, maker=maker)

    def _named(self, problems: pa.Table) -> pa.Table:
        """The problems under the digest of the sealed file, whatever the reader called it."""
        column = pa.array([self.stored.digest] * problems.num_rows, type=pa.string()).dictionary_encode()
        place = problems.schema.get_field_index("file_digest")
        return problems.set_column(place, problems.schema.field("file_digest"), column.cast(problems.schema.field("file_digest").type))

    def _publish(self, part: Part, *, is_last: bool) -> None:
        rows = part.finish(
            is_last=is_last, layer=self.profile.layer, profile_digest=self.profile.digest, cursor=self.cursor if is_last else None
        )
        self.new_files.extend(part.new_files)
        replaced: list[str] = []

        def work() -> dict[str, Any]:
            replaced.extend(manifest.publish_batch(self.book.folder, rows, self.held, now_ms=clock.now_ms()))
            return {
                "batch": rows.id,
                "read": rows.read,
                "accepted": rows.accepted,
                "duplicates": rows.duplicates,
                "problems": rows.problems,
            }

        crash_point("batch.before_transaction")
        parameters = {"file": rows.file_digest, "part": rows.part_no, "segments": sorted(each.digest for each in rows.segments)}
        perform(Command("publish batch", Right.INGEST, f"{self.source}: {self.name}", self.actor, parameters), work)
        crash_point("batch.after_commit")
        self._remove(replaced)

    def _remove(self, replaced: list[str]) -> None:
        """Known-id files that are no longer current; inside a dry run they still are."""
        from django.db import connection

        if not connection.in_atomic_block:
            for each in replaced:
                self.book.path(each).unlink(missing_ok=True)

    def _report(self) -> FileReport:
        parts = list(Batch.objects.filter(source=self.source, file_id=self.stored.digest).order_by("part_no"))
        totals = {name: sum(getattr(each, name) for each in parts) for name in ("read", "accepted", "duplicates", "problems")}
        found = tuple(problems_of(self.book, parts, self.name))
        return FileReport(self.name, "CDR", self.stored.digest, PUBLISHED, self.source, found=found, **totals)


def problems_of(book: Book, batches: list[Batch], name: str, *, limit: int = SHOWN_PROBLEMS) -> Iterator[Problem]:
    """The first problems of these batches, in the order of their records as far as one segment goes."""
    left = limit
    for batch in batches:
        for segment in batch.segments.filter(kind="problem").order_by("path"):
            for rows in read_batches(book.path(segment.path)):
                for row in rows.slice(0, left).to_pylist():
                    yield problem(
                        row["code"],
                        row["reason"] or "",
                        file=name,
                        record=row["record_no"],
                        column=row["column"] or "",
                        value=row["value"] or "",
                    )
                    left -= 1
                if left <= 0:
                    return


def refused(path: Path, kind: str, refusal: Refusal, source: str = "") -> FileReport:
    """The report of a file nothing could be done with."""
    return FileReport(path.name, kind, "", REFUSED, source, found=tuple(refusal.problems))


def _after(table: pa.Table, record_no: int) -> pa.Table:
    import pyarrow.compute as pc

    return table.filter(pc.fill_null(pc.greater(table.column("record_no"), record_no), False))
