"""Makes a book of as many calls as wanted for the web bench: a small month goes through the real close, then every record and every result
of it is copied under other ids, numbers, Call-IDs and times, and published by the store's own functions. Columnar, with bounded memory."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from tollbook.bench import web_base, web_papers
from tollbook.bench.web_base import A_WIDTH, B_WIDTH, DAY_MS, NOW_MS, PERIOD, SOURCES, START_MS, Array, hexadecimal
from tollbook.core.digest import json_digest
from tollbook.core.rights import Actor, Right, Role
from tollbook.core.tables import KINDS

BASE_CALLS: Final = 20_000
SEED: Final = 7
FILES_PER_DAY: Final = 4
CHUNK_ROWS: Final = 200_000
# What the files of the small month have: the columns that are more than constants.
_WRITTEN: Final = (
    *("cdr_id", "leg", "leg_no", "side", "partner", "trunk", "setup_at", "answer_at", "release_at", "zone", "duration_ms"),
    *("a_raw", "a_e164", "b_raw", "b_e164", "call_id", "icid", "sip_code"),
)
LATEST_SHIFT_MS: Final = 3_599_000
ACTOR: Final = Actor("bench", Role.OWNER)


class Copies:
    """How copy k of a row differs from the first: its ids by exclusive or, its numbers by their last digits, its times by a shift."""

    def __init__(self, copies: int, random: np.random.Generator) -> None:
        self.number = copies
        self.salts = random.integers(0, 256, (copies, 16), dtype=np.uint8)
        self.shifts = np.sort(random.integers(0, LATEST_SHIFT_MS, copies))
        self.salts[0], self.shifts[0] = 0, 0

    def spread(self, table: pa.Table, places: Array | None = None, *, begin: int = 0) -> Iterator[pa.Table]:
        """Every row (or those at `places`) once per copy from `begin` on, in chunks; a row of the base and its results change alike."""
        chosen = np.arange(table.num_rows) if places is None else places
        each = max(1, CHUNK_ROWS // max(len(chosen), 1))
        for first in range(begin, self.number, each):
            copies = np.arange(first, min(first + each, self.number))
            rows = table.take(pa.array(np.tile(chosen, len(copies))))
            yield self._changed(rows, np.repeat(copies, len(chosen)))

    def _changed(self, rows: pa.Table, copy: Array) -> pa.Table:
        for index, field in enumerate(rows.schema):
            column = rows.column(index)
            if field.name.endswith("cdr_id"):
                rows = rows.set_column(index, field, _salted(column, self.salts[copy]))
            elif pa.types.is_timestamp(field.type):
                moved = pc.add(column.cast(pa.int64()), pa.array(self.shifts[copy]))
                rows = rows.set_column(index, field, moved.cast(field.type))
            elif field.name in ("b_e164", "b_raw", "a_e164", "a_raw"):
                rows = rows.set_column(index, field, _renumbered(column, copy, B_WIDTH if field.name[0] == "b" else A_WIDTH))
            elif field.name in ("call_id", "icid"):
                rows = rows.set_column(index, field, _renamed(column, copy))
        return rows


def _whole(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def _salted(column: pa.ChunkedArray, salts: Array) -> pa.Array:
    """Ids under the salt of their copy; a missing id stays missing."""
    array = _whole(column.cast(pa.binary(16)))
    content = np.frombuffer(array.buffers()[1], dtype=np.uint8)[array.offset * 16 : (array.offset + len(array)) * 16].reshape(-1, 16)
    changed = pa.py_buffer((content ^ salts).tobytes())
    valid = array.buffers()[0] if array.null_count else None
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(array), [valid, changed], array.null_count)


def _matrix(column: pa.ChunkedArray, width: int) -> Array:
    """Texts of one width as their bytes."""
    array = _whole(column)
    start = int(np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset]) if len(array) else 0
    return np.frombuffer(array.buffers()[2], dtype=np.uint8)[start : start + len(array) * width].reshape(-1, width).copy()


def _renumbered(column: pa.ChunkedArray, copy: Array, width: int) -> pa.Array:
    """The last five digits moved on by the copy, so that the code of the number stays."""
    digits = _matrix(column, width)
    powers = 10 ** np.arange(4, -1, -1, dtype=np.int64)
    tail = ((digits[:, -5:].astype(np.int64) - 48) @ powers + copy * 7919) % 100_000
    digits[:, -5:] = (tail[:, None] // powers) % 10 + 48
    return web_base._texts(digits)


def _renamed(column: pa.ChunkedArray, copy: Array) -> pa.Array:
    """The first four digits of a Call-ID are those of its copy."""
    letters = _matrix(column, web_base.CALL_ID_WIDTH)
    changed = hexadecimal((copy.astype(">u2").view(np.uint8).reshape(-1, 2) ^ 0) if len(copy) else np.zeros((0, 2), np.uint8))
    letters[:, :4] = np.where((copy > 0)[:, None], changed, letters[:, :4])
    return web_base._texts(letters)


def make_book(folder: Path, calls: int) -> Any:
    """A book with so many of our calls over a month, and what the close of the month left. Gives the book."""
    from tollbook.flow import clock, kpi
    from tollbook.flow.book import init_book
    from tollbook.flow.close import close_period
    from tollbook.flow.documents import add_document

    random = np.random.default_rng(SEED)
    book = init_book(folder, name="Bench")
    documents = web_base.write_documents(folder.parent / f"{folder.name}-documents", random)
    for path, kind in documents:
        first = START_MS - (40 if "_v1" in path.name or kind == "AGREEMENT" else 5) * DAY_MS
        with clock.pinned(first):
            add_document(book, path, kind, actor=ACTOR)
    ours, theirs = web_base.records(BASE_CALLS, random)
    copies = Copies(max(1, round(calls / ours.num_rows)), random)
    with clock.pinned(NOW_MS):
        for table in (ours, theirs):
            _ingest(book, table, folder.parent / f"{folder.name}-documents")
        for path, kind in web_papers.supplier_invoice(theirs, folder.parent / f"{folder.name}-documents"):
            add_document(book, path, kind, actor=ACTOR)
        close_period(book, PERIOD, actor=ACTOR)
        web_papers.submit_disputes(book, ACTOR)
        for side in ("OURS", "THEIRS"):
            _publish_side(book, _sealed(book, side), copies, side)
        _publish_runs(book, copies)
    with clock.pinned(NOW_MS + 1_000):
        kpi.refresh(book, actor=ACTOR)
        web_papers.invoice_copies(book, ACTOR)
    return book


def _ingest(book: Any, table: pa.Table, folder: Path) -> None:
    """The small month enters as files do, one of each source."""
    from tollbook.flow.collection import ingest_cdrs
    from tollbook.formats.cdr.profile import built_in

    names = pc.unique(table.column("source").cast(pa.string())).to_pylist()
    for source in sorted(names):
        path = folder / f"{source}_{PERIOD}.csv"
        rows = table.filter(pc.equal(table.column("source").cast(pa.string()), source))
        csv.write_csv(rows.select(_WRITTEN).set_column(0, "cdr_id", _texts_of_ids(rows)), path)
        ingest_cdrs(book, path, source=source, profile=built_in("canonical"), actor=ACTOR)


def _texts_of_ids(rows: pa.Table) -> pa.Array:
    return pa.array([value.hex() for value in rows.column("cdr_id").to_pylist()])


def _sealed(book: Any, side: str) -> pa.Table:
    """The records of the small month as the book has them."""
    from tollbook.store.models import Segment

    paths = Segment.objects.filter(kind="cdr", side=side).order_by("day", "path").values_list("path", flat=True)
    schema = KINDS["cdr"].schema
    tables = [pq.read_table(book.path(path)).select(schema.names).cast(schema) for path in paths]
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _publish_side(book: Any, table: pa.Table, copies: Copies, side: str) -> None:
    """Our switches write four files a day, a partner sends one a day."""
    at = table.column("answer_at").cast(pa.int64()).to_numpy()
    sources = table.column("source").cast(pa.string()).to_numpy(zero_copy_only=False)
    slots = FILES_PER_DAY if side == "OURS" else 1
    days, hours = (at - START_MS) // DAY_MS, (at - START_MS) % DAY_MS // (web_base.SPREAD_MS // slots + 1)
    for source in SOURCES if side == "OURS" else sorted(set(sources)):
        for day in range(web_base.DAYS):
            kept: list[Any] = []
            for slot in range(slots):
                places = np.flatnonzero((sources == source) & (days == day) & (hours == slot))
                name = f"{source}_{_date(day)}_{slot}.csv"
                _publish_file(book, table, places, copies, source, side, name, kept, is_last=slot == slots - 1)


def _date(day: int) -> dt.date:
    return dt.date(2026, 10, 1) + dt.timedelta(days=day)


def _publish_file(
    book: Any, table: pa.Table, places: Array, copies: Copies, source: str, side: str, name: str, kept: list[Any], *, is_last: bool
) -> None:
    from tollbook.flow.command import Command, perform
    from tollbook.flow.part import usage_of
    from tollbook.store import files, known_ids, lease, manifest
    from tollbook.store.models import KnownIds, SealedFile
    from tollbook.store.segments import SegmentWriter

    raw = io.BytesIO()
    parts = []
    for rows in copies.spread(table, places, begin=1):
        lines = _lines(rows, source)
        start, width = raw.tell(), lines.shape[1]
        raw.write(lines.tobytes())
        parts.append((rows, start, width))
    raw.seek(0)
    stored = files.put(book.folder, raw, name)
    SealedFile.objects.get_or_create(
        digest=stored.digest, defaults={"name": name, "suffix": ".csv", "size": stored.size, "kind": "CDR", "received_at": NOW_MS - DAY_MS}
    )
    maker = manifest.batch_id(source, stored.digest, 1)
    writer = SegmentWriter(book.folder, KINDS["cdr"], side, maker)
    usage, count = [], 0
    for rows, start, width in parts:
        whole = _placed(rows, stored.digest, count, start, width)
        writer.write(whole)
        ids = known_ids.id_bytes(whole.column("cdr_id"))
        kept.append(known_ids.ids_of(ids, ids))
        count += whole.num_rows
        usage += usage_of(whole) if side == "OURS" else []
    known = {}
    day = name.removeprefix(f"{source}_")[:10]
    if is_last and kept:
        before = KnownIds.objects.filter(source=source, day=day).first()
        if before is not None:
            kept.append(known_ids.load(book.path(before.path)))
        ids_of_day = known_ids.merge(kept)
        known = {day: manifest.KnownFile(known_ids.write(book.folder, source, day, ids_of_day), len(ids_of_day))}
    batch = manifest.BatchRows(
        source=source,
        file_digest=stored.digest,
        part_no=1,
        is_last=True,
        last_record_no=count,
        read=count,
        accepted=count,
        duplicates=0,
        problems=0,
        layer="BILLING",
        profile_digest="0" * 64,
        segments=tuple(writer.finish()),
        known=known,
        usage=tuple(usage),
    )
    held = lease.acquire(f"source {source}", now_ms=NOW_MS)
    replaced: list[str] = []
    command = Command("publish batch", Right.INGEST, f"{source}: {name}", ACTOR, {"file": stored.digest})

    def work() -> dict[str, Any]:
        replaced.extend(manifest.publish_batch(book.folder, batch, held, now_ms=NOW_MS))
        return {"batch": batch.id}

    perform(command, work)
    lease.release(held)
    for path in replaced:
        book.path(path).unlink(missing_ok=True)


def _lines(rows: pa.Table, source: str) -> Array:
    """The records as a switch would write them: fields of fixed width, a line each."""
    count = rows.num_rows
    comma = np.full((count, 1), ord(";"), dtype=np.uint8)
    at = web_base._digits(rows.column("answer_at").cast(pa.int64()).to_numpy(), 13)
    duration = web_base._digits(rows.column("duration_ms").to_numpy(), 9)
    head = np.tile(np.frombuffer(source.encode(), dtype=np.uint8), (count, 1))
    numbers = _matrix(rows.column("a_e164"), A_WIDTH), _matrix(rows.column("b_e164"), B_WIDTH)
    call_id = _matrix(rows.column("call_id"), web_base.CALL_ID_WIDTH)
    cells = [head, at, duration, *numbers, call_id]
    end = np.full((count, 1), 10, dtype=np.uint8)
    return np.concatenate([*(each for cell in cells[:-1] for each in (cell, comma)), cells[-1], end], axis=1)


def _placed(rows: pa.Table, digest: str, before: int, start: int, width: int) -> pa.Table:
    count = rows.num_rows
    places = np.arange(count, dtype=np.int64)
    changed = {
        "file_digest": pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([digest])),
        "record_no": pa.array(before + places + 1),
        "byte_offset": pa.array(start + places * width),
        "byte_length": pa.array(np.full(count, width, dtype=np.int64)),
    }
    for name, array in changed.items():
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, rows.schema.field(name), array)
    return rows


def _publish_runs(book: Any, copies: Copies) -> None:
    """For every current run of the small month one over all copies of its rows, which becomes the current one."""
    from tollbook.flow.rebuild import usage_of_charges
    from tollbook.flow.run import current_runs
    from tollbook.store import manifest
    from tollbook.store.models import Segment
    from tollbook.store.segments import SegmentWriter

    cdrs = sorted(Segment.objects.filter(kind="cdr").values_list("digest", flat=True))
    for stage in ("rating", "matching", "reconciliation"):
        for run in current_runs(book, stage):
            key = json_digest({"copies": copies.number, "of": run.run_key})
            segments = []
            for kind in sorted(run.files):
                writer = SegmentWriter(book.folder, KINDS[kind], "OURS" if stage == "rating" else "", key)
                for path in run.paths(kind):
                    for rows in copies.spread(pq.read_table(path).select(KINDS[kind].schema.names)):
                        writer.write(rows)
                segments += writer.finish()
            results = {
                kind: {"td1": json_digest(sorted(each.digest for each in segments if each.kind == kind)), "rows": _rows(segments, kind)}
                for kind in run.files
            }
            rows = manifest.RunRows(
                run_key=key,
                stage=stage,
                scope=run.scope,
                semantics_version=run.semantics_version,
                inputs=(*run.inputs, *cdrs),
                parameters=run.parameters,
                known_at=run.known_at,
                result_digest=json_digest(results),
                results=results,
                summary=run.summary,
                started_at=NOW_MS,
                finished_at=NOW_MS,
                segments=tuple(segments),
            )
            _make_current(book, rows, usage_of_charges if stage == "rating" else None)


def _rows(segments: list[Any], kind: str) -> int:
    return sum(each.rows for each in segments if each.kind == kind)


def _make_current(book: Any, rows: Any, usage: Any) -> None:
    from tollbook.flow.command import Command, perform
    from tollbook.flow.run import run_of
    from tollbook.store import manifest

    def work() -> dict[str, Any]:
        row = manifest.publish_run(rows)
        manifest.set_head(row)
        if usage is not None:
            made = run_of(book, rows.run_key)
            assert made is not None
            manifest.replace_usage(rows.scope, usage(made))
        return {"run_key": rows.run_key}

    perform(Command(f"run {rows.stage}", Right.RUN, rows.scope, ACTOR, {"run_key": rows.run_key}), work)
