"""Keys that records are looked up by: the beginning and the end of a number, the hash of a text, the beginning of an id, each with the
place of its row in one sorted column of 64 bits: the key above, the row below.

A key is shorter than what it stands for, so whoever looks up compares what is found with what was meant.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.engine.compiled import compiled

ROW_BITS: Final = 26
KEY_BITS: Final = 64 - ROW_BITS
MOST_ROWS: Final = 1 << ROW_BITS
DIGITS: Final = 10  # as many digits of base 11 as a key holds; a digit is its value plus one, so that nothing sorts before a 0
Keys = npt.NDArray[np.uint64]
_POWERS: Final = np.array([11 ** (DIGITS - count) for count in range(DIGITS + 1)], dtype=np.int64)
_FNV_OFFSET: Final = np.uint64(0xCBF29CE484222325)
_FNV_PRIME: Final = np.uint64(0x100000001B3)


@compiled
def _number_keys(offsets: Any, data: Any, powers: Any, forward: Any, backward: Any) -> None:
    for index in range(len(forward)):
        start, end = offsets[index], offsets[index + 1]
        key, count, place = 0, 0, start
        while place < end and count < 10:
            digit = data[place] - 48
            if 0 <= digit <= 9:
                key = key * 11 + digit + 1
                count += 1
            place += 1
        forward[index] = key * powers[count]
        key, count, place = 0, 0, end - 1
        while place >= start and count < 10:
            digit = data[place] - 48
            if 0 <= digit <= 9:
                key = key * 11 + digit + 1
                count += 1
            place -= 1
        backward[index] = key * powers[count]


@compiled
def _text_keys(offsets: Any, data: Any, start_value: Any, prime: Any, shift: Any, keys: Any) -> None:
    for index in range(len(keys)):
        value = start_value
        for place in range(offsets[index], offsets[index + 1]):
            value = (value ^ np.uint64(data[place])) * prime
        keys[index] = (value ^ (value >> np.uint64(32))) >> shift


def _buffers(texts: pa.Array) -> tuple[Any, Any]:
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    content = texts.buffers()[2]
    return offsets, np.frombuffer(content, dtype=np.uint8) if content and content.size else np.zeros(1, dtype=np.uint8)


def whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    combined = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def number_keys(texts: pa.Array | pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first and the last DIGITS digits of each text as keys, the last ones from the end; 0 for a text without digits or a null."""
    array = whole(texts)
    forward, backward = np.zeros((2, len(array)), dtype=np.int64)
    if len(array) and array.null_count < len(array):
        _number_keys(*_buffers(array), _POWERS, forward, backward)
    if array.null_count:
        absent = array.is_null().to_numpy(zero_copy_only=False)
        forward[absent] = backward[absent] = 0
    return forward, backward


def number_range(digits: str) -> tuple[int, int]:
    """The keys from which on, and below which, numbers begin with these digits."""
    known = digits[:DIGITS]
    key = 0
    for digit in known:
        key = key * 11 + int(digit) + 1
    span = int(_POWERS[len(known)])
    return key * span, (key + 1) * span


def text_keys(texts: pa.Array | pa.ChunkedArray) -> Keys:
    """A hash of each text (FNV-1a over its bytes, folded to KEY_BITS)."""
    array = whole(texts)
    keys = np.zeros(len(array), dtype=np.uint64)
    if len(array) and array.null_count < len(array):
        _text_keys(*_buffers(array), _FNV_OFFSET, _FNV_PRIME, np.uint64(ROW_BITS), keys)
    return keys


def id_keys(content: npt.NDArray[np.uint8]) -> Keys:
    """The first KEY_BITS bits of each id, from a table of its bytes."""
    high = np.ascontiguousarray(content[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
    return high >> np.uint64(ROW_BITS)


def placed(keys: Any, rows: Any) -> Keys:
    """Keys with the places of their rows, not sorted yet."""
    joined: Keys = (np.asarray(keys).astype(np.uint64) << np.uint64(ROW_BITS)) | np.asarray(rows).astype(np.uint64)
    return joined


def bounds(low: int, high: int) -> tuple[np.uint64, np.uint64 | None]:
    """What stands before and behind the keys from low to below high in a sorted column; None where nothing can stand behind."""
    end = high << ROW_BITS
    return np.uint64(low << ROW_BITS), np.uint64(end) if end < 1 << 64 else None


def rows_within(column: Keys, within: tuple[np.uint64, np.uint64 | None]) -> npt.NDArray[np.int64]:
    """The rows of the keys within bounds of a sorted column."""
    first = column.searchsorted(within[0])
    last = len(column) if within[1] is None else column.searchsorted(within[1])
    return (column[first:last] & np.uint64(MOST_ROWS - 1)).astype(np.int64)


def id_bounds(low: bytes, high: bytes) -> tuple[np.uint64, np.uint64 | None]:
    """The bounds of the ids from low to high."""
    first, last = (int.from_bytes(each[:8], "big") >> ROW_BITS for each in (low, high))
    return bounds(first, last + 1)


def text_bounds(text: str) -> tuple[np.uint64, np.uint64 | None]:
    """The bounds of one text."""
    key = int(text_keys(pa.array([text]))[0])
    return bounds(key, key + 1)


def number_bounds(digits: str) -> tuple[np.uint64, np.uint64 | None]:
    """The bounds of the numbers that begin with these digits."""
    return bounds(*number_range(digits))
