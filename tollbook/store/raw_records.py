"""Raw records by their place in a file: their digests, and their text where a person has to look."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

RAW_DIGEST_BYTES: Final = 16
LONGEST_TEXT: Final = 4_000
SEPARATOR: Final = "\x1f"
# Columns that hold what the source wrote, whatever its profile makes of zones, numbers and trunks.
VALUES: Final = (
    *("leg", "raw_times", "duration_ms", "a_raw", "b_raw", "call_id", "from_tag", "to_tag", "icid", "session_id", "sequence_no"),
    *("q850", "sip_code", "reason_raw", "their_rate_text", "their_amount_text", "their_billed_s"),
)
PLACES: Final = ("cdr_id", "record_no", "byte_offset", "byte_length", *VALUES)


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """A file's bytes, memory-mapped and read only; an empty file is empty bytes."""
    with path.open("rb") as stream:
        if path.stat().st_size == 0:
            yield memoryview(b"")
            return
        view = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        content = memoryview(view)
        try:
            yield content
        finally:
            content.release()
            view.close()


def record_digests(records: pa.Table | pa.RecordBatch, content: memoryview) -> NDArray[np.uint8]:
    """The raw digest of each canonical record (columns PLACES): of its bytes in the file, or, where the file has no lines (Parquet), of the
    values it wrote itself, which no profile changes."""
    offsets = records.column("byte_offset").to_numpy().astype(np.int64)
    lengths = records.column("byte_length").to_numpy().astype(np.int64)
    if len(lengths) and not lengths.any():
        return _value_digests(records)
    return raw_digests(content, offsets, lengths)


def _value_digests(records: pa.Table | pa.RecordBatch) -> NDArray[np.uint8]:
    texts = [records.column(name).cast(pa.string()) for name in VALUES]
    joined = pc.binary_join_element_wise(*texts, SEPARATOR, null_handling="replace", null_replacement="")
    digests = [hashlib.sha256(text.encode("utf-8")).digest() for text in joined.to_pylist()]
    return _first_halves(digests)


def raw_digests(content: memoryview, offsets: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The first 16 bytes of the SHA-256 of each record, as a byte table in the order given."""
    # A loop over the standard library's hash took half the time of the database's columnar one, which returns hexadecimal text.
    sha256 = hashlib.sha256
    ends = (offsets + lengths).tolist()
    digests = [sha256(content[start:end]).digest() for start, end in zip(offsets.tolist(), ends, strict=True)]
    return _first_halves(digests)


def _first_halves(digests: list[bytes]) -> NDArray[np.uint8]:
    table = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(digests), 32)
    return np.ascontiguousarray(table[:, :RAW_DIGEST_BYTES])


def raw_text(content: memoryview, offset: int, length: int, *, limit: int = LONGEST_TEXT) -> str:
    """A record as text for people; bytes that are no UTF-8 are shown as escapes."""
    return bytes(content[offset : offset + min(length, limit)]).decode("utf-8", "backslashreplace")
