"""What can be dropped and made again from segments and sealed files: known ids and running usage."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow.compute as pc

from tollbook.flow.book import Book
from tollbook.flow.part import usage_lines, usage_of
from tollbook.flow.run import Run, current_runs
from tollbook.store import files, known_ids, raw_records
from tollbook.store.known_ids import Ids
from tollbook.store.manifest import COLLECTION_ORIGIN, KnownFile, Usage
from tollbook.store.models import Batch, SealedFile, Segment
from tollbook.store.segments import read_batches


def known_ids_of(book: Book, source: str) -> dict[str, Ids]:
    """The ids of every accepted record of a source by raw local day, from its segments and the sealed bytes they point at."""
    parts: dict[str, list[Ids]] = defaultdict(list)
    for digest in Batch.objects.filter(source=source).order_by("file_id").values_list("file_id", flat=True).distinct():
        file = SealedFile.objects.get(digest=digest)
        sealed = files.sealed_path(book.folder, file.digest, file.suffix)
        with files.unpacked(book.folder, sealed) as plain, raw_records.mapped(plain) as content:
            for segment in Segment.objects.filter(kind="cdr", batch__source=source, batch__file=file).order_by("path"):
                for rows in read_batches(book.path(segment.path), columns=list(raw_records.PLACES)):
                    _collect(rows, content, parts)
    return {day: _unique(known_ids.merge(found)) for day, found in parts.items()}


def _collect(rows: Any, content: memoryview, parts: dict[str, list[Ids]]) -> None:
    _, first = np.unique(rows.column("record_no").to_numpy(), return_index=True)
    records = rows.take(first)
    ids = known_ids.ids_of(known_ids.id_bytes(records.column("cdr_id")), raw_records.record_digests(records, content))
    days = known_ids.raw_days(records.column("raw_times")).dictionary_encode()
    codes = days.indices.to_numpy()
    for code, day in enumerate(days.dictionary.to_pylist()):
        parts[day].append(ids.take(np.flatnonzero(codes == code)))


def _unique(ids: Ids) -> Ids:
    """Both legs of one record lie in two rows, and sometimes in two segments; the record is known once."""
    if len(ids) < 2:
        return ids
    again = np.zeros(len(ids), dtype=bool)
    again[1:] = (ids.high[1:] == ids.high[:-1]) & (ids.low[1:] == ids.low[:-1])
    return ids.take(np.flatnonzero(~again))


def write_known_ids(book: Book, source: str, by_day: dict[str, Ids]) -> dict[str, KnownFile]:
    """Publishes the files; rows are the caller's."""
    return {day: KnownFile(known_ids.write(book.folder, source, day, ids), len(ids)) for day, ids in sorted(by_day.items())}


def usage(book: Book) -> dict[str, list[Usage]]:
    """The running usage by origin: from collected records, and from the charges of the current rating runs."""
    found: dict[str, list[Usage]] = {COLLECTION_ORIGIN: _collected(book)}
    for run in current_runs(book, "rating"):
        lines = usage_of_charges(run)
        if lines:
            found[run.scope] = lines
    return found


def _collected(book: Book) -> list[Usage]:
    totals: dict[tuple[str, str, Any], list[int]] = defaultdict(lambda: [0, 0, 0])
    columns = ["partner", "leg", "answer_at", "setup_at", "alert_at", "release_at", "duration_ms"]
    for segment in Segment.objects.filter(kind="cdr", side="OURS", batch__isnull=False).order_by("path"):
        for rows in read_batches(book.path(segment.path), columns=columns):
            for line in usage_of(rows):
                total = totals[(line.partner, line.leg, line.day)]
                total[0] += line.records
                total[1] += line.answered
                total[2] += line.duration_ms
    return list(usage_lines(totals))


def usage_of_charges(run: Run) -> list[Usage]:
    """The rated usage of a rating run: by partner, leg, currency and the contract's local day, in micro-units. Only our own side counts."""
    totals: dict[tuple[str, str, str, Any], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    if "/THEIRS/" in f"/{run.scope}/":
        return []
    for path in run.paths("charge"):
        for rows in read_batches(
            path, columns=["partner", "leg", "currency", "period_day", "billed_s", "duration_ms", "amount_micros", "status"]
        ):
            rated = rows.filter(pc.equal(rows.column("status").cast("string"), "RATED"))
            grouped = _plain(rated).group_by(["partner", "leg", "currency", "period_day"])
            for line in grouped.aggregate(
                [("leg", "count"), ("answered", "sum"), ("duration_ms", "sum"), ("amount_micros", "sum")]
            ).to_pylist():
                total = totals[(line["partner"], line["leg"], line["currency"], line["period_day"])]
                for place, name in enumerate(("leg_count", "answered_sum", "duration_ms_sum", "amount_micros_sum")):
                    total[place] += line[name]
    return [
        Usage(partner, leg, day, records, answered, duration_ms, currency, amount_micros)
        for (partner, leg, currency, day), (records, answered, duration_ms, amount_micros) in sorted(totals.items())
    ]


def _plain(rows: Any) -> Any:
    import pyarrow as pa

    words = {name: pc.fill_null(rows.column(name).cast(pa.string()), "") for name in ("partner", "leg", "currency")}
    answered = pc.greater(rows.column("billed_s"), 0).cast(pa.int64())
    return pa.table(
        {
            **words,
            "period_day": rows.column("period_day"),
            "answered": answered,
            "duration_ms": rows.column("duration_ms"),
            "amount_micros": rows.column("amount_micros"),
        }
    )
