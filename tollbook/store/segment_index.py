"""What a segment is looked up by without reading it: sorted keys of ids, numbers and Call-IDs, and the few columns a list of calls shows.

Derived from the segment alone and named by its digest: derived/index/ab/<digest>.keys (sorted columns, memory-mapped) and .rows (the
shown columns of CDRs in small compressed batches). Written with the segment; made again from it wherever they are missing or of an
earlier layout. Nothing here knows the database.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tollbook.core.kpi import cause_class
from tollbook.engine import segment_keys
from tollbook.engine.segment_keys import MOST_ROWS
from tollbook.store import column_file
from tollbook.store.files import SPOOL_FOLDER, make_folder, mapped

FOLDER: Final = Path("derived", "index")
# The id columns of each kind that is looked up by them.
IDS: Final[dict[str, tuple[str, ...]]] = {
    "cdr": ("cdr_id",),
    "charge": ("cdr_id",),
    "match": ("our_cdr_id", "their_cdr_id"),
    "variance": ("our_cdr_id", "their_cdr_id"),
}
TEXTS: Final = ("call_id", "icid")
# The words of each kind that are kept as a number per row: what lists are narrowed by. `called` is how the called number begins.
WORDS: Final[dict[str, tuple[str, ...]]] = {"cdr": ("partner", "leg", "trunk", "cause", "called"), "charge": ("destination",)}
CALLED_DIGITS: Final = 3  # as many as the longest calling code has
VERSION: Final = 2
SHOWN: Final = pa.schema(
    [
        ("cdr_id", pa.binary(16)),
        ("leg", pa.string()),
        ("leg_no", pa.int16()),
        *((name, pa.string()) for name in ("partner", "trunk", "a", "b", "call_id")),
        ("at", pa.int64()),
        ("duration_ms", pa.int64()),
        ("sip_code", pa.int16()),
        ("q850", pa.int16()),
    ]
)
BATCH_ROWS: Final = 1024
NO_ROWS: Final = np.zeros(0, dtype=np.int64)
_COLUMNS_READ: Final = (
    *("cdr_id", "leg", "leg_no", "partner", "trunk", "a_e164", "a_raw", "b_e164", "b_raw", "call_id", "icid"),
    *("answer_at", "setup_at", "alert_at", "release_at", "duration_ms", "sip_code", "q850"),
)
_OF_CHARGES: Final = ("cdr_id", "leg_no", "destination")
UNDATED: Final = -(1 << 62)  # stands where a record has no time; it can be negated
_CACHED: Final = 8_192
_NO_CODE: Final = -(1 << 15)


def path_of(book: Path, digest: str, suffix: str) -> Path:
    return book / FOLDER / digest[:2] / f"{digest}{suffix}"


class IndexWriter:
    """Takes the rows of one segment in their order and writes its index beside the book. Memory grows with 8 bytes per key of a row."""

    def __init__(self, book: Path, kind: str) -> None:
        self._book, self._kind = book, kind
        self._rows = 0
        self._columns: dict[str, list[Any]] = {}
        self._words: dict[str, dict[str, int]] = {name: {} for name in WORDS.get(kind, ())}
        self._shown: Any = None
        self._left = SHOWN.empty_table()
        self._spool = book / SPOOL_FOLDER / f"{uuid4().hex}.rows"

    def add(self, rows: pa.Table) -> None:
        """Rows in the schema of the kind."""
        first, self._rows = self._rows, self._rows + rows.num_rows
        if self._rows > MOST_ROWS:
            self._columns.clear()
            return
        places = np.arange(first, self._rows)
        for name in IDS[self._kind]:
            ids = segment_keys.whole(rows.column(name).cast(pa.binary(16)))
            there = ids.is_valid().to_numpy(zero_copy_only=False) if ids.null_count else slice(None)
            content = np.frombuffer(ids.buffers()[1], dtype=np.uint8)[ids.offset * 16 : (ids.offset + len(ids)) * 16].reshape(-1, 16)
            self._keep(name, segment_keys.placed(segment_keys.id_keys(content[there]), places[there]))
            if self._kind in WORDS:
                self._keep("identity", _identities(content, rows.column("leg_no")))
        if self._kind == "cdr":
            self._add_shown(shown(rows), rows, places)
        elif self._kind == "charge":
            self._add_words("destination", rows.column("destination"))

    def _keep(self, name: str, values: Any) -> None:
        self._columns.setdefault(name, []).append(values)

    def _add_shown(self, table: pa.Table, cdrs: pa.Table, places: NDArray[np.int64]) -> None:
        for name in ("a", "b"):
            for word, keys in zip(("beginning", "end"), segment_keys.number_keys(table.column(name)), strict=True):
                there = keys > 0
                self._keep(word, segment_keys.placed(keys[there], places[there]))
        for name in TEXTS:
            column = cdrs.column(name)
            if column.null_count == len(column):
                continue
            present = column.is_valid().to_numpy()
            self._keep(name, segment_keys.placed(segment_keys.text_keys(column)[present], places[present]))
        self._keep("at", pc.fill_null(table.column("at"), UNDATED).to_numpy())
        seized = pc.coalesce(*(cdrs.column(name) for name in ("setup_at", "alert_at", "answer_at", "release_at")))
        self._keep("seized", pc.fill_null(seized.cast(pa.int64()), UNDATED).to_numpy())
        for name in ("partner", "leg", "trunk"):
            self._add_words(name, table.column(name))
        self._add_words("called", pc.utf8_slice_codeunits(cdrs.column("b_e164").cast(pa.string()), 0, CALLED_DIGITS))
        self._add_words("cause", causes(cdrs))
        if self._shown is None:
            make_folder(self._spool.parent)
            options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
            self._shown = pa.ipc.new_file(str(self._spool), SHOWN, options=options)
        # Batches of one length, however the rows came, so that a row's batch is known and the file made again is the same.
        whole = pa.concat_tables([self._left, table]).combine_chunks()
        full = whole.num_rows - whole.num_rows % BATCH_ROWS
        self._shown.write_table(whole.slice(0, full), max_chunksize=BATCH_ROWS)
        self._left = whole.slice(full)

    def _add_words(self, name: str, column: Any) -> None:
        known = self._words[name]
        encoded = segment_keys.whole(column.cast(pa.string())).dictionary_encode(null_encoding="encode")
        codes = np.array([known.setdefault(word or "", len(known)) for word in encoded.dictionary.to_pylist()], dtype=np.uint32)
        self._keep(name, codes[encoded.indices.to_numpy()])

    def publish(self, digest: str) -> None:
        """Gives the index the name of its segment. An index that is there already is left: it says the same."""
        if self._shown is not None:
            self._shown.write_table(self._left)
            self._shown.close()
            self._shown = None
            column_file.place(self._spool, path_of(self._book, digest, ".rows"))
        column_file.write(self._book, path_of(self._book, digest, ".keys"), *self._whole())

    def _whole(self) -> tuple[dict[str, Any], dict[str, Any]]:
        columns = {}
        for name in sorted(self._columns):
            values = np.concatenate(self._columns[name])
            if name in self._words:
                values = values.astype(np.uint16) if len(self._words[name]) <= 1 << 16 else values
            columns[name] = np.sort(values) if values.dtype == np.uint64 and name != "identity" else values
        words = {name: list(known) for name, known in self._words.items()}
        return {"kind": self._kind, "version": VERSION, "rows": self._rows, "words": words}, columns

    def content(self) -> bytes:
        """The bytes of the file of keys."""
        return b"".join(column_file.content_of(*self._whole()))

    def abandon(self) -> None:
        """Removes what was written and not published."""
        if self._shown is not None:
            self._shown.close()
        self._spool.unlink(missing_ok=True)


def shown(rows: pa.Table) -> pa.Table:
    """What a list of calls shows of CDR rows: the columns of SHOWN. `at` is UTC ms; a number is E.164 where known, else as it came."""
    at = pc.coalesce(*(rows.column(name) for name in ("answer_at", "setup_at", "alert_at", "release_at")))
    made = {
        "at": at.cast(pa.int64()),
        "a": pc.coalesce(rows.column("a_e164"), rows.column("a_raw")),
        "b": pc.coalesce(rows.column("b_e164"), rows.column("b_raw")),
    }
    columns = [made[field.name] if field.name in made else rows.column(field.name).cast(field.type) for field in SHOWN]
    return pa.table(columns, schema=SHOWN)


def _identities(content: NDArray[np.uint8], leg_no: Any) -> NDArray[np.uint64]:
    """What tells the legs of records apart, in 64 bits: the end of the id and the number of the leg."""
    ends = np.ascontiguousarray(content[:, 8:]).view(">u8").reshape(-1).astype(np.uint64)
    found: NDArray[np.uint64] = ends + leg_no.to_numpy().astype(np.uint64)
    return found


def causes(cdrs: pa.Table) -> pa.Array:
    """How each attempt ended, as the key figures count it (core.kpi.cause_class)."""
    flags = [cdrs.column(name).is_valid().to_numpy().astype(np.int64) for name in ("answer_at", "alert_at")]
    codes = [pc.fill_null(cdrs.column(name), _NO_CODE).to_numpy().astype(np.int64) - _NO_CODE for name in ("q850", "sip_code")]
    kinds, places = np.unique(((flags[0] << 1 | flags[1]) << 32) | codes[0] << 16 | codes[1], return_inverse=True)
    words = []
    for kind in kinds.tolist():
        q850, sip_code = (code + _NO_CODE if code else None for code in (kind >> 16 & 0xFFFF, kind & 0xFFFF))
        words.append(cause_class(bool(kind >> 33), bool(kind >> 32 & 1), q850, sip_code))
    return pa.array(words, pa.string()).take(pa.array(places.reshape(-1)))


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """The index of one segment, memory-mapped. `columns` are sorted keys with rows, and per row the codes of WORDS and the `identity`;
    of CDRs also `at` and `seized`."""

    kind: str
    rows: int
    words: dict[str, list[str]]
    columns: dict[str, Any]
    shown: Any

    def rows_within(self, name: str, within: Any) -> NDArray[np.int64]:
        """The rows of a column of keys within bounds (engine.segment_keys), in the order of the keys."""
        column = self.columns.get(name)
        return NO_ROWS if column is None else segment_keys.rows_within(column, within)

    def codes(self, name: str, word: str) -> int:
        """The code of a word in this segment; -1 where no row has it."""
        words = self.words[name]
        return words.index(word) if word in words else -1

    def show(self, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
        """The shown columns of rows, in the order given."""
        batches: dict[int, list[int]] = {}
        for place, row in enumerate(rows.tolist()):
            batches.setdefault(row // BATCH_ROWS, []).append(place)
        found: list[Any] = [None] * len(rows)
        reader = pa.ipc.open_file(self.shown)
        for number, places in batches.items():
            taken = reader.get_batch(number).take(pa.array([int(rows[place]) % BATCH_ROWS for place in places])).to_pylist()
            for place, row in zip(places, taken, strict=True):
                found[place] = row
        return found


_cache: OrderedDict[str, SegmentIndex] = OrderedDict()
_lock = threading.Lock()


def load(book: Path, digest: str, segment: str | Path, kind: str) -> SegmentIndex:
    """The index of a segment (its path below the book); where it is missing or broken it is made again from the segment."""
    with _lock:
        if digest in _cache:
            _cache.move_to_end(digest)
            return _cache[digest]
    try:
        found = _read(book, digest, kind)
    except (OSError, ValueError, KeyError, pa.ArrowInvalid):
        build(book, digest, book / segment, kind)
        found = _read(book, digest, kind)
    with _lock:
        _cache[digest] = found
        while len(_cache) > _CACHED:
            _cache.popitem(last=False)
    return found


def build(book: Path, digest: str, segment: Path, kind: str) -> None:
    """Makes the index of a published segment."""
    writer = read_into(IndexWriter(book, kind), segment, kind)
    try:
        writer.publish(digest)
    finally:
        writer.abandon()


def read_into(writer: IndexWriter, segment: Path, kind: str) -> IndexWriter:
    """The writer with all rows of a segment."""
    columns = list(_COLUMNS_READ if kind == "cdr" else _OF_CHARGES if kind == "charge" else IDS[kind])
    with pq.ParquetFile(segment) as file:
        for batch in file.iter_batches(batch_size=131_072, columns=columns):
            writer.add(pa.Table.from_batches([batch]))
    return writer


def _read(book: Path, digest: str, kind: str) -> SegmentIndex:
    header, columns = column_file.read(path_of(book, digest, ".keys"))
    if header["kind"] != kind or header.get("version") != VERSION:
        raise ValueError("an index of something else, or of an earlier layout")
    rows = mapped(path_of(book, digest, ".rows")) if kind == "cdr" else None
    return SegmentIndex(kind, header["rows"], header["words"], columns, rows)


def is_there(book: Path, digest: str, kind: str) -> bool:
    """Whether there is an index of the present layout; what it says is not looked into."""
    try:
        _read(book, digest, kind)
    except (OSError, ValueError, KeyError):
        return False
    return True


def is_whole(book: Path, digest: str, segment: Path, kind: str) -> bool:
    """Whether the index says what the segment says; it is made again to compare."""
    writer = read_into(IndexWriter(book, kind), segment, kind)
    try:
        return writer.content() == path_of(book, digest, ".keys").read_bytes()
    except OSError:
        return False
    finally:
        writer.abandon()
