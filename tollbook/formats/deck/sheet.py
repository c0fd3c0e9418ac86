"""Rows of text out of a rate sheet, whatever file it comes in, under limits. A cell is never evaluated."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from tollbook.core.deck_profile import DeckProfile
from tollbook.core.problem import Refusal, refuse
from tollbook.formats.deck.headers import HEADER_ROWS, Layout, find_layout

MOST_BYTES = 512 * 2**20
MOST_ROWS = 5_000_000
CHUNK_ROWS = 50_000
# A cell may hold line ends; a quote that has not closed after so many lines is a mistake of its first line.
MOST_QUOTED_LINES = 200
DELIMITERS = (",", ";", "\t", "|")
Row = list[str]


@dataclass(frozen=True)
class Sheet:
    """A sheet with its layout and its data rows, in chunks; the first data row has the number `first_row`, counted from 1.

    `open_quotes` fills while the chunks are read: number and text of each row whose quote never closes. It comes as an empty row.
    """

    layout: Layout
    chunks: Iterator[list[Row]]
    first_row: int
    open_quotes: list[tuple[int, str]] = field(default_factory=list)


def read_bytes(path: Path) -> bytes:
    """The whole file, when it is there, readable, not empty and not larger than a rate sheet may be."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise refuse("FILE_TOO_LARGE", f"The file has {size:,} bytes; the limit is {MOST_BYTES:,}.", file=path.name)
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise refuse("FILE_MISSING", f"There is no file {path}.", file=path.name) from error
    except OSError as error:
        raise refuse("FILE_UNREADABLE", f"The file cannot be read: {error.strerror}.", file=path.name) from error
    if not content.strip():
        raise refuse("FILE_EMPTY", file=path.name)
    return content


def open_csv(content: bytes, profile: DeckProfile, file: str) -> Sheet:
    """A delimited text: comma, semicolon, tab or bar, whichever shows a header with a code and a rate."""
    text = _decode(content, profile, file)
    layouts: list[tuple[int, str, Layout]] = []
    for delimiter in DELIMITERS:
        top = list(islice(_records(text, delimiter, file, []), max(HEADER_ROWS, profile.header_row or 0)))
        layout = find_layout(top, profile, file)
        if layout:
            layouts.append((max(map(len, top)), delimiter, layout))
    if not layouts:
        raise refuse("DECK_HEADER_NOT_FOUND", file=file)
    _, delimiter, layout = max(layouts, key=lambda each: each[0])
    open_quotes: list[tuple[int, str]] = []
    records = islice(_records(text, delimiter, file, open_quotes), layout.header_row, None)
    return Sheet(layout, chunked(records, file), layout.header_row + 1, open_quotes)


def chunked(records: Iterator[Row], file: str) -> Iterator[list[Row]]:
    """Rows in lists of at most CHUNK_ROWS; refuses a sheet with more rows than the limit."""
    total = 0
    while chunk := list(islice(records, CHUNK_ROWS)):
        total += len(chunk)
        if total > MOST_ROWS:
            raise refuse("DECK_TOO_MANY_ROWS", f"The deck has more than {MOST_ROWS:,} rows.", file=file)
        yield chunk


def _decode(content: bytes, profile: DeckProfile, file: str) -> str:
    encoding = profile.encoding
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif encoding == "utf-8":
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refuse("FILE_ENCODING", f"Line {line} is not {profile.encoding}.", file=file, line=line) from error


class _Lines:
    """The lines of a text, of which the last ones taken can be put back."""

    def __init__(self, text: str) -> None:
        self._rest = iter(io.StringIO(text, newline=""))
        self._back: list[str] = []
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) > MOST_QUOTED_LINES:
            raise csv.Error("a quote that does not close")
        line = self._back.pop() if self._back else next(self._rest)
        self.taken.append(line)
        return line

    def keep_first(self) -> str:
        """The first of the lines taken; the others will be taken again."""
        first, *others = self.taken
        self._back += reversed(others)
        return first


def _records(text: str, delimiter: str, file: str, open_quotes: list[tuple[int, str]]) -> Iterator[Row]:
    """The rows of a text. A blank behind a delimiter is for the eye, also before a quote.

    A quote that does not close costs its own line only, which goes into `open_quotes`: it must not swallow the rows behind it.
    """
    if '"' not in text:
        yield from _cut(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), file)
        return
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    number = 0
    while True:
        lines.taken.clear()
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if len(lines.taken) < 2:
                raise _unsplit(error, file, number) from error
            row = None
        if row is None or (len(lines.taken) > 1 and not _is_closed(lines.taken, delimiter)):
            open_quotes.append((number, lines.keep_first().strip()))
            row = []
        yield row


def _is_closed(lines: list[str], delimiter: str) -> bool:
    """Whether lines are one row whose quotes close where cells end."""
    try:
        return len(list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True))) == 1
    except csv.Error:
        return False


def _cut(rows: Iterator[Row], file: str) -> Iterator[Row]:
    number = 0
    try:
        for number, row in enumerate(rows, 1):  # noqa: B007 - the number is for the problem
            yield row
    except csv.Error as error:
        raise _unsplit(error, file, number + 1) from error


def _unsplit(error: csv.Error, file: str, row: int) -> Refusal:
    return refuse("FILE_UNREADABLE", f"The text cannot be split into cells: {error}.", file=file, row=row)


def peeked(rows: Iterator[Row], profile: DeckProfile, file: str) -> Sheet | None:
    """The sheet of a stream of rows whose first rows hold the header; None where none of them does."""
    top = list(islice(rows, max(HEADER_ROWS, profile.header_row or 0)))
    layout = find_layout(top, profile, file)
    if layout is None:
        return None
    return Sheet(layout, chunked(chain(top[layout.header_row :], rows), file), layout.header_row + 1)
