"""Text columns as bytes and offsets, for compiled functions that read them in place, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int32]


def plain_text(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array of type string, whatever its chunks and encoding."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def text_buffers(column: pa.Array) -> tuple[Bytes, Offsets]:
    """The bytes and the n + 1 offsets of a string array; a null is an empty text. Nothing is copied."""
    _, offsets, data = column.buffers()
    if len(column) == 0 or offsets is None:
        return _NO_BYTES, _read_only(np.zeros(len(column) + 1, dtype=np.int32))
    places = np.frombuffer(offsets, dtype=np.int32, count=len(column) + 1, offset=column.offset * 4)
    return _read_only(np.frombuffer(data, dtype=np.uint8) if data is not None and data.size else _NO_BYTES), _read_only(places)


def _read_only(array: Any) -> Any:
    """The array unwritable, as all buffers are: compiled functions are made once for each kind of array."""
    array.flags.writeable = False
    return array


_NO_BYTES: Bytes = _read_only(np.zeros(0, dtype=np.uint8))


def text_array(data: Bytes, offsets: Offsets, null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A string array over bytes and offsets, without a copy of the text; `null` marks rows without a value."""
    count = len(offsets) - 1
    validity: Any = None
    if null is not None and null.any():
        validity = pa.py_buffer(np.packbits(~null, bitorder="little").tobytes())
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data), validity, -1)


def word_array(codes: npt.NDArray[Any], words: tuple[str, ...], null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A dictionary-encoded column from positions in a closed list."""
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=null), pa.array(words, pa.string()))


def constant_word(word: str | None, count: int) -> pa.Array:
    """A dictionary-encoded column of one word, or of nulls."""
    if word is None:
        return pa.nulls(count, pa.dictionary(pa.int32(), pa.string()))
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([word], pa.string()))


def as_word(column: pa.Array) -> pa.Array:
    """A text column dictionary-encoded."""
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
