"""Columns of integers and bytes as the texts people read, without an object per value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.money import format_scaled

_HEX = np.frombuffer("".join(f"{value:02x}" for value in range(256)).encode(), dtype=np.uint16)


def hex_texts(ids: pa.ChunkedArray) -> pa.Array:
    """Ids of 16 bytes as 32 lower-case hex digits."""
    count = len(ids)
    if not count:
        return pa.array([], pa.string())
    whole: Any = ids.combine_chunks()
    whole = pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole
    raw = np.frombuffer(whole.buffers()[1], dtype=np.uint8)[whole.offset * 16 : (whole.offset + count) * 16]
    offsets = np.arange(0, 32 * (count + 1), 32, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(_HEX[raw]))


def decimal_texts(values: pa.ChunkedArray | pa.Array, places: int) -> pa.Array | pa.ChunkedArray:
    """Integers of 10^-places as plain decimals without trailing zeros; null stays null. For columns that repeat themselves, as rates do."""
    encoded = pc.dictionary_encode(values)
    chunks = encoded.chunks if isinstance(encoded, pa.ChunkedArray) else [encoded]
    texts = [
        pa.array([format_scaled(each, places) for each in chunk.dictionary.to_pylist()], pa.string()).take(chunk.indices)
        for chunk in chunks
    ]
    return pa.chunked_array(texts, pa.string())


def micros_texts(values: pa.ChunkedArray | pa.Array) -> pa.Array | pa.ChunkedArray:
    """Amounts of micro-units with all six decimals; null stays null. Amounts are positive."""
    whole = pc.divide(values, 1_000_000)
    fraction = pc.subtract(values, pc.multiply(whole, 1_000_000))
    return pc.binary_join_element_wise(whole.cast(pa.string()), pc.utf8_lpad(fraction.cast(pa.string()), 6, "0"), ".")
