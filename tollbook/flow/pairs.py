"""The calls behind a difference in the order people look at them, the heaviest first, with what the waterfall clicks down by: cause,
destination, local day, trunk and class of the pair.

Derived from a reconciliation run's own segments and the records it pins; made by a worker that has nothing else to do, or when the first
page asks.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import duckdb
import numpy as np
import pyarrow as pa

from tollbook.core.zone import find_zone
from tollbook.engine.database import open_database
from tollbook.flow import inputs, reference
from tollbook.flow.book import Book
from tollbook.store import column_file
from tollbook.store.files import SPOOL_FOLDER, make_folder, mapped
from tollbook.store.models import Head, Run, Segment

FOLDER: Final = Path("derived", "pairs")
VERSION: Final = 3
BATCH_ROWS: Final = 1024
MEMORY_LIMIT: Final = "1GB"
WAYS: Final = ("cause", "destination", "day", "trunk", "class")
SHOWN: Final = pa.schema(
    [
        *((name, pa.binary()) for name in ("our_call", "their_call")),
        *((name, pa.string()) for name in ("leg", "cause", "destination", "day", "trunk", "class", "currency", "called")),
        *((name, pa.int64()) for name in ("exact_60th_nanos", "minutes_ms", "at")),
    ]
)
# The match `m` of a variance `v`: of the same leg and the same records, either of which may be missing.
OF_THE_SAME_PAIR: Final = """m.leg = v.leg AND coalesce(m.our_cdr_id, ''::BLOB) = coalesce(v.our_cdr_id, ''::BLOB)
    AND coalesce(m.their_cdr_id, ''::BLOB) = coalesce(v.their_cdr_id, ''::BLOB)"""
# One join after the other, each into a table that may spill: together they would need the memory of all at once.
_STEPS: Final = (
    f"""
    CREATE TEMP TABLE p_classes AS
    SELECT v.our_cdr_id, v.their_cdr_id, v.leg::VARCHAR AS leg, v.cause::VARCHAR AS cause, v.currency::VARCHAR AS currency,
           coalesce(v.destination::VARCHAR, 'no destination') AS destination, m.class::VARCHAR AS class, m.offset_ms,
           v.exact_60th_nanos, v.minutes_ms
    FROM variances v LEFT JOIN matches m
    ON {OF_THE_SAME_PAIR}
    """,  # noqa: S608 - the condition is ours
    """
    CREATE TEMP TABLE p_places AS
    SELECT p.* EXCLUDE (offset_ms), epoch_ms(coalesce(c.answer_at, c.setup_at, c.release_at)) AS at,
           coalesce(c.trunk::VARCHAR, 'no trunk') AS trunk, coalesce(c.b_e164, c.b_raw)::VARCHAR AS called
    FROM p_classes p LEFT JOIN cdrs c ON c.cdr_id = p.our_cdr_id AND c.leg = p.leg AND c.side = 'OURS' AND c.leg_no <= 1
    WHERE p.our_cdr_id IS NOT NULL
    """,
    """
    INSERT INTO p_places
    SELECT p.* EXCLUDE (offset_ms), epoch_ms(coalesce(c.answer_at, c.setup_at, c.release_at)) - coalesce(p.offset_ms, 0),
           'theirs: ' || coalesce(c.trunk::VARCHAR, 'no trunk'), coalesce(c.b_e164, c.b_raw)::VARCHAR
    FROM p_classes p LEFT JOIN cdrs c ON c.cdr_id = p.their_cdr_id AND c.leg = p.leg AND c.side = 'THEIRS' AND c.leg_no <= 1
    WHERE p.our_cdr_id IS NULL
    """,
    "DROP TABLE p_classes",
)
_ORDERED: Final = """
SELECT our_cdr_id AS our_call, their_cdr_id AS their_call, * EXCLUDE (our_cdr_id, their_cdr_id)
FROM p_places ORDER BY exact_60th_nanos DESC, our_cdr_id NULLS LAST, their_cdr_id NULLS LAST, cause
"""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The rows of one run in their order. `codes` are the words of each way, as numbers for every row, and the exact amounts; `words` is
    what the numbers of a way stand for."""

    rows: int
    codes: dict[str, Any]
    words: dict[str, list[str]]
    shown: Any

    def places(self, wanted: dict[str, str]) -> Any:
        """The rows that have these words, in the order; every row's where nothing is wanted."""
        chosen: Any = None
        for way, word in wanted.items():
            if word not in self.words[way]:
                return np.zeros(0, dtype=np.int64)
            same = self.codes[way] == self.words[way].index(word)
            chosen = same if chosen is None else chosen & same
        return np.arange(self.rows) if chosen is None else np.flatnonzero(chosen)

    def show(self, places: Any) -> list[dict[str, Any]]:
        """The rows at some places, in the order given."""
        reader, batches = pa.ipc.open_file(self.shown), {}
        found = []
        for place in places.tolist():
            number = place // BATCH_ROWS
            if number not in batches:
                batches[number] = reader.get_batch(number)
            found.append({name: batches[number].column(name)[place % BATCH_ROWS].as_py() for name in SHOWN.names})
        return found


def _path(book: Book, run_key: str, suffix: str) -> Path:
    return book.folder / FOLDER / f"{run_key}-{VERSION}{suffix}"


def pairs_of(book: Book, run: Run) -> Pairs:
    """The pairs of a run; made where they are missing."""
    try:
        return _read(book, run.run_key)
    except (OSError, ValueError, KeyError):
        build(book, run)
        return _read(book, run.run_key)


def build_missing(book: Book) -> int:
    """Makes the files of current runs that have none, before somebody asks for them; how many runs there were."""
    runs = [head.run for head in Head.objects.filter(stage="reconciliation").select_related("run").order_by("scope")]
    missing = [run for run in runs if not _path(book, run.run_key, ".keys").is_file()]
    for run in missing:
        build(book, run)
    return len(missing)


def _read(book: Book, run_key: str) -> Pairs:
    header, codes = column_file.read(_path(book, run_key, ".keys"))
    return Pairs(header["rows"], codes, header["words"], mapped(_path(book, run_key, ".rows")))


def build(book: Book, run: Run) -> None:
    """Makes the files of a run. They say nothing but what its segments say."""
    paths = {
        kind: [book.path(path) for path in Segment.objects.filter(run=run, kind=kind).order_by("path").values_list("path", flat=True)]
        for kind in ("variance", "match")
    }
    cdrs = Segment.objects.filter(kind="cdr", digest__in=run.inputs).order_by("path").values_list("path", flat=True)
    agreement = reference.agreement_by_digest(book, str(run.parameters.get("agreement", "")))
    zone = find_zone(agreement.zone if agreement else book.zone)
    with closing(open_database(memory_limit=MEMORY_LIMIT, spill_folder=book.folder / SPOOL_FOLDER / "duckdb")) as connection:
        inputs.view(connection, "variances", "variance", paths["variance"])
        inputs.view(connection, "matches", "match", paths["match"])
        inputs.view(connection, "cdrs", "cdr", [book.path(path) for path in cdrs])
        _write(book, run, connection, zone)


def _write(book: Book, run: Run, connection: duckdb.DuckDBPyConnection, zone: Any) -> None:
    spool = book.folder / SPOOL_FOLDER / f"{uuid4().hex}.rows"
    make_folder(spool.parent)
    words: dict[str, dict[str, int]] = {way: {} for way in WAYS}
    codes: dict[str, list[Any]] = {name: [] for name in (*WAYS, "exact_60th_nanos")}
    left = SHOWN.empty_table()
    rows = 0
    try:
        for step in _STEPS:
            connection.execute(step)
        found = connection.sql(_ORDERED)
        with pa.ipc.new_file(str(spool), SHOWN, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            for batch in found.to_arrow_reader(100 * BATCH_ROWS):
                table = _with_day(pa.Table.from_batches([batch]), zone)
                rows += table.num_rows
                for way in WAYS:
                    codes[way].append(_coded(table.column(way), words[way]))
                codes["exact_60th_nanos"].append(table.column("exact_60th_nanos").to_numpy())
                whole = pa.concat_tables([left, table]).combine_chunks()
                full = whole.num_rows - whole.num_rows % BATCH_ROWS
                writer.write_table(whole.slice(0, full), max_chunksize=BATCH_ROWS)
                left = whole.slice(full)
            writer.write_table(left)
        column_file.place(spool, _path(book, run.run_key, ".rows"))
    finally:
        spool.unlink(missing_ok=True)
    columns = {name: np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64) for name, parts in codes.items()}
    header = {"run": run.run_key, "rows": rows, "words": {way: list(known) for way, known in words.items()}}
    column_file.write(book.folder, _path(book, run.run_key, ".keys"), header, columns)


def _with_day(table: pa.Table, zone: Any) -> pa.Table:
    """The rows with the local day of their time in the agreement's zone."""
    at = table.column("at")
    known = at.is_valid().to_numpy()
    days = zone.utc_to_local_day(at.fill_null(0).to_numpy())
    texts = pa.array(days.astype(np.int32), pa.int32(), mask=~known).cast(pa.date32()).cast(pa.string())
    columns = [texts if name == "day" else table.column(name).cast(SHOWN.field(name).type) for name in SHOWN.names]
    return pa.table(columns, schema=SHOWN)


def _coded(column: pa.ChunkedArray, known: dict[str, int]) -> Any:
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    whole = pa.chunked_array(encoded.chunks).combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = np.array([known.setdefault(word or "", len(known)) for word in whole.dictionary.to_pylist()], dtype=np.uint32)
    return codes[whole.indices.to_numpy()] if len(whole) else np.zeros(0, dtype=np.uint32)
