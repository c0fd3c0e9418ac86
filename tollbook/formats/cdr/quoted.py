"""The careful way through lines with quotes: cells may hold line ends, and a quote that never closes costs its own line only."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from tollbook.formats.cdr.lines import Lines, lines_of

# So many lines may belong to one record; a quote that has not closed by then is a mistake of its first line.
MOST_LINES: Final = 200


class Row(NamedTuple):
    """A record: its first and last line, its cells, and the code of its problem where it has one."""

    first: int
    last: int
    cells: list[str]
    code: str = ""


def quoted_rows(text: bytes, delimiter: str, quote: str, codes: dict[int, str], width: int) -> Iterator[Row]:
    """The records among the lines of a text. A line that has a code already is a record without cells."""
    lines = lines_of(text, quote.encode())
    odd = lines.odd if lines.odd is not None else np.zeros(len(lines.starts), dtype=np.bool_)
    odd_lines = np.flatnonzero(odd)
    number, count = 0, len(lines.starts)
    while number < count:
        last = number
        if number in codes:
            yield Row(number, number, [], codes[number])
        elif odd[number]:
            place = int(np.searchsorted(odd_lines, number, side="right"))
            last = int(odd_lines[place]) if place < len(odd_lines) else number
            cells = _cells(text, lines, number, last, delimiter, quote) if 0 < last - number <= MOST_LINES else []
            last = last if len(cells) == width else number
            yield Row(number, last, cells) if len(cells) == width else Row(number, number, [], "CDR_QUOTE_OPEN")
        elif not lines.blank[number]:
            cells = _cells(text, lines, number, number, delimiter, quote)
            yield Row(number, number, cells, "" if len(cells) == width else "CDR_LINE_MALFORMED")
        number = last + 1


def _cells(text: bytes, lines: Lines, first: int, last: int, delimiter: str, quote: str) -> list[str]:
    """The cells of the record from one line to another; none where they are more than one record."""
    part = text[int(lines.starts[first]) : int(lines.starts[last] + lines.lengths[last])].decode()
    if not quote:
        return part.split(delimiter)
    try:
        # Over several lines a quote closes before a delimiter or not at all: two stray quotes must not swallow the records between them.
        rows = list(csv.reader([part], delimiter=delimiter, quotechar=quote, strict=last > first))
    except csv.Error:
        return []
    return rows[0] if len(rows) == 1 else []
