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
# The bits of the first bytes of a word, by how many bytes count.
_KEPT = np.array([2 ** (8 * count) - 1 for count in range(9)], dtype=np.uint64)
_NO_WORDS = np.frombuffer(b"", dtype=np.uint64)
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


def eight_digits(word: Any, kept: Any) -> Any:
    """The value in base 11 of the first digits of eight bytes, the first in the lowest byte, and whether any of them is no digit.

    `kept` has all bits of those bytes that count. Neighbours are joined all at once: bytes to pairs, pairs to fours, fours to eight.
    """
    tens = (word + np.uint64(0x0606060606060606)) ^ np.uint64(0x3030303030303030)  # a digit leaves nothing in the upper half of its byte,
    wrong = ((word ^ np.uint64(0x3030303030303030)) | tens) & np.uint64(0xF0F0F0F0F0F0F0F0) & kept  # neither with 6 more nor without
    value = ((word & np.uint64(0x0F0F0F0F0F0F0F0F)) + np.uint64(0x0101010101010101)) & kept
    value = (value * np.uint64(BASE) + (value >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    value = (value * np.uint64(BASE**2) + (value >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    value = (value * np.uint64(BASE**4) + (value >> np.uint64(32))) & np.uint64(0x00000000FFFFFFFF)
    return np.int64(value), wrong != 0


inlined_when_compiled(encode_digits)
callable_when_compiled(encode_cosmetic, eight_digits)


@compiled
def _encode_all(offsets: Any, data: Any, words: Any, valid: Any, cosmetic: bool, powers: Any, kept: Any, keys: Any) -> None:
    """`words` are the same bytes as `data`, eight at once; the last of them, which may be cut off, are read one by one."""
    safe = 8 * (len(words) - 3)
    for index in range(len(keys)):
        start, end = offsets[index], offsets[index + 1]
        length = end - start
        if not valid[index]:
            keys[index] = -1
        elif cosmetic:
            keys[index] = encode_cosmetic(data, start, end, powers)
        elif 0 < length <= 15 and start < safe:
            # Two aligned words are shifted together where the text begins inside of the first.
            first, shift = start >> 3, np.uint64(8 * (start & 7))
            back = np.uint64(63) - shift
            head, head_wrong = eight_digits((words[first] >> shift) | (words[first + 1] << np.uint64(1) << back), kept[min(length, 8)])
            tail, tail_wrong = eight_digits(
                (words[first + 1] >> shift) | (words[first + 2] << np.uint64(1) << back), kept[max(length - 8, 0)]
            )
            # A key has fifteen places, and sixteen were read.
            keys[index] = -1 if head_wrong or tail_wrong else head * powers[8] + tail // BASE
        else:
            keys[index] = encode_digits(data, start, end, powers)


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
        words = data[: len(data) // 8 * 8].view(np.uint64) if data.ctypes.data % 8 == 0 else _NO_WORDS
        valid = whole.is_valid().to_numpy(zero_copy_only=False) if whole.null_count else np.ones(len(whole), dtype=np.bool_)
        _encode_all(offsets, data, words, valid, cosmetic, POWERS, _KEPT, keys)
    return keys
