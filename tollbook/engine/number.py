"""Called numbers and codes as integers that sort like digits: 15 digits of base 11, a digit as its value plus one, nothing as zero.

The zero tells a short number from one that goes on with a 0: "4474" does not fall into the code 44740, as it would in base 10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tollbook.engine.compiled import callable_when_compiled, compiled, inlined_when_compiled

DIGITS = 15
BASE = 11
NO_NUMBER = -1
Integers = npt.NDArray[np.int64]
POWERS: Integers = np.array([BASE ** (DIGITS - length) for length in range(DIGITS + 1)], dtype=np.int64)  # what a code of a length spans

_COSMETIC = tuple(ord(each) for each in "+-.() \t\xa0")


def encode_cosmetic(data: Any, start: int, end: int, powers: Any) -> int:
    """Like `encode_digits`, but signs that only help the eye are passed over."""
    key = 0
    count = 0
    digits = 0
    for place in range(start, end):
        digit = data[place] - 48
        if 0 <= digit <= 9:
            digits += 1
            if count < 15:
                key = key * 11 + digit + 1
                count += 1
        elif data[place] not in _COSMETIC:
            return -1
    return key * powers[count] if digits > 0 else -1


def encode_digits(data: Any, start: int, end: int, powers: Any) -> int:
    """The key of the digits between two offsets, NO_NUMBER where there are none or anything else stands among them.

    Digits beyond the fifteenth cannot belong to a code.
    """
    key = 0
    length = min(end - start, 15)
    if length == 0:
        return -1
    for place in range(start, end):
        digit = data[place] - 48
        if digit < 0 or digit > 9:
            return -1
        if place < start + length:
            key = key * 11 + digit + 1
    padded: int = key * powers[length]
    return padded


inlined_when_compiled(encode_digits)
callable_when_compiled(encode_cosmetic)


@compiled
def _encode_all(offsets: Any, data: Any, valid: Any, cosmetic: bool, powers: Any, keys: Any) -> None:
    for index in range(len(keys)):
        if not valid[index]:
            keys[index] = -1
        elif cosmetic:
            keys[index] = encode_cosmetic(data, offsets[index], offsets[index + 1], powers)
        else:
            keys[index] = encode_digits(data, offsets[index], offsets[index + 1], powers)


def number_keys(texts: pa.Array | pa.ChunkedArray, *, cosmetic: bool = False) -> Integers:
    """The keys of a column of texts; NO_NUMBER for a null, an empty text or anything that is not digits."""
    whole: Any = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    if pa.types.is_dictionary(whole.type):
        distinct = number_keys(whole.dictionary, cosmetic=cosmetic)
        indices = whole.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        keys: Integers = np.append(distinct, np.int64(NO_NUMBER))[indices]
        return keys
    if pa.types.is_null(whole.type):
        return np.full(len(whole), NO_NUMBER, dtype=np.int64)
    keys = np.empty(len(whole), dtype=np.int64)
    if len(whole):
        width = np.int64 if pa.types.is_large_string(whole.type) else np.int32
        buffers = whole.buffers()
        offsets = np.frombuffer(buffers[1], dtype=width)[whole.offset : whole.offset + len(whole) + 1]
        data = np.frombuffer(buffers[2], dtype=np.uint8) if buffers[2] else np.empty(0, dtype=np.uint8)
        valid = whole.is_valid().to_numpy(zero_copy_only=False) if whole.null_count else np.ones(len(whole), dtype=np.bool_)
        _encode_all(offsets, data, valid, cosmetic, POWERS, keys)
    return keys
