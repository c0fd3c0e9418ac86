"""Cuts bytes into pieces at line ends, and a piece into its lines, with the place of each. Nothing is decoded here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tollbook.core.problem import refuse
from tollbook.formats.cdr.opening import Content, Limits

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NEWLINE: Final = 10
RETURN: Final = 13
# A quoted cell with line ends in it is looked for so far back from the end of a piece.
QUOTED_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of a file: their bytes, where they begin in it, the number of the first, and whether the file ends with them."""

    data: bytes
    offset: int
    first_line: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a piece: where each begins, how long it is without its line end, which are blank, and quotes in each."""

    starts: Int64s
    lengths: Int64s
    blank: Bools
    odd: Bools | None  # lines with an odd number of quotes; None where there are no quotes at all


def pieces(
    content: Content, first: bytes, offset: int, first_line: int, size: int, quote: bytes, limits: Limits, file: str
) -> Iterator[Piece]:
    """The rest of a file in pieces of about `size` bytes; `first` are bytes of it that were read already, at `offset`."""
    held, at_end, window = first, False, size
    while held or not at_end:
        if len(held) < window and not at_end:
            more = content.read(window)
            at_end = len(more) < window
            held += more
        data = held[:window]
        is_last = at_end and len(data) == len(held)
        cut = len(data) if is_last else _cut(data, quote)
        if cut == 0:
            if len(data) > limits.line_bytes:
                raise refuse("CDR_LINE_TOO_LONG", f"A line has more than {limits.line_bytes:,} bytes.", file=file, line=first_line)
            window *= 2
            continue
        piece, held, window = data[:cut], held[cut:], size
        yield Piece(piece, offset, first_line, is_last)
        first_line += piece.count(b"\n")
        offset += len(piece)


def _cut(data: bytes, quote: bytes) -> int:
    """Where to cut: behind the last line end that is not inside a quoted cell, as far as these bytes can tell; 0 for not yet."""
    last = data.rfind(b"\n") + 1
    if last == 0 or not quote or data.count(quote, 0, last) % 2 == 0:
        return last
    cut = last
    while cut > max(0, last - QUOTED_BYTES):
        earlier = data.rfind(b"\n", 0, cut - 1) + 1
        if earlier and data.count(quote, earlier, last) % 2 == 1:
            return earlier
        cut = earlier
    return last if len(data) > QUOTED_BYTES else 0


def lines_of(data: bytes, quote: bytes) -> Lines:
    """The lines of a piece. A line end is LF or CR LF; blank lines are counted, because they are lines, and are no records."""
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(bytes_ == NEWLINE).astype(np.int64)
    if len(data) and (len(ends) == 0 or ends[-1] != len(data) - 1):
        ends = np.append(ends, len(data))
    starts = np.zeros(len(ends), dtype=np.int64)
    starts[1:] = ends[:-1] + 1
    lengths = ends - starts
    has_return = np.zeros(len(ends), dtype=np.bool_)
    filled = lengths > 0
    has_return[filled] = bytes_[ends[filled] - 1] == RETURN
    lengths -= has_return
    odd = None
    if quote and quote in data:
        before = np.searchsorted(np.flatnonzero(bytes_ == quote[0]), np.append(starts, len(data)))
        odd = (np.diff(before) & 1).astype(np.bool_)
    return Lines(starts, lengths, lengths == 0, odd)
