"""Rows of text out of a rate sheet, whatever file it comes in, under limits. A cell is never evaluated."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from tollbook.core.deck_profile import DeckProfile
from tollbook.core.problem import refuse
from tollbook.formats.deck.headers import HEADER_ROWS, Layout, find_layout

MOST_BYTES = 512 * 2**20
MOST_ROWS = 5_000_000
CHUNK_ROWS = 50_000
DELIMITERS = (",", ";", "\t", "|")
Row = list[str]


@dataclass(frozen=True)
class Sheet:
    """A sheet with its layout and its data rows, in chunks; the first data row has the number `first_row`, counted from 1."""

    layout: Layout
    chunks: Iterator[list[Row]]
    first_row: int


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
        top = list(islice(_records(text, delimiter, file), max(HEADER_ROWS, profile.header_row or 0)))
        layout = find_layout(top, profile, file)
        if layout:
            layouts.append((max(map(len, top)), delimiter, layout))
    if not layouts:
        raise refuse("DECK_HEADER_NOT_FOUND", file=file)
    _, delimiter, layout = max(layouts, key=lambda each: each[0])
    records = islice(_records(text, delimiter, file), layout.header_row, None)
    return Sheet(layout, chunked(records, file), layout.header_row + 1)


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


def _records(text: str, delimiter: str, file: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from reader
    except csv.Error as error:
        raise refuse("FILE_UNREADABLE", f"The text cannot be split into cells: {error}.", file=file, line=reader.line_num) from error


def peeked(rows: Iterator[Row], profile: DeckProfile, file: str) -> Sheet | None:
    """The sheet of a stream of rows whose first rows hold the header; None where none of them does."""
    top = list(islice(rows, max(HEADER_ROWS, profile.header_row or 0)))
    layout = find_layout(top, profile, file)
    if layout is None:
        return None
    return Sheet(layout, chunked(chain(top[layout.header_row :], rows), file), layout.header_row + 1)
