"""The head of a CDR file: encoding mark, delimiter, column names, where the records begin."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tollbook.core.problem import refuse
from tollbook.formats.cdr.opening import UTF8_BOM, Content, Limits, open_content
from tollbook.formats.cdr.profile_words import FileForm

DELIMITERS: Final = (",", ";", "\t", "|")
HEAD_BYTES: Final = 1 << 16
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_WORKBOOK_MARKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True, slots=True)
class Head:
    """Column names in their order, the delimiter, and the bytes that were read beyond the header with their place and line number."""

    columns: tuple[str, ...]
    delimiter: str
    rest: bytes
    offset: int
    line: int

    @property
    def places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.columns)}


def read_head(content: Content, form: FileForm, file: str) -> Head:
    """The head of a file that was just opened. Refuses where it is empty, in another encoding, or names a column twice."""
    data = content.read(HEAD_BYTES)
    if data[:2] in _UTF16_MARKS:
        raise refuse("FILE_ENCODING", "The file is UTF-16; save it as UTF-8.", file=file)
    if data.startswith(_WORKBOOK_MARKS):
        raise refuse("FILE_UNREADABLE", "It is a workbook or an archive and no text: save the sheet as CSV.", file=file)
    if b"\r" in data and b"\n" not in data:
        raise refuse("FILE_UNREADABLE", "Its lines end with a carriage return alone: save it with line feeds.", file=file, line=1)
    offset = len(UTF8_BOM) if data.startswith(UTF8_BOM) else 0
    line = 1
    for _ in range(form.skip_lines):
        end = data.find(b"\n", offset)
        if end < 0:
            raise refuse("FILE_EMPTY", file=file)
        offset, line = end + 1, line + 1
    if not data[offset:].strip():
        raise refuse("FILE_EMPTY", file=file)
    first = data[offset:].split(b"\n", 1)[0]
    if len(first) >= HEAD_BYTES - offset:
        raise refuse("CDR_LINE_TOO_LONG", f"The first line has more than {HEAD_BYTES:,} bytes.", file=file, line=line)
    try:
        text = first.decode(form.encoding).rstrip("\r")
    except UnicodeDecodeError:
        raise refuse("FILE_ENCODING", f"The first line is not {form.encoding}.", file=file, line=line) from None
    delimiter = form.delimiter if form.delimiter != "auto" else likeliest_delimiter(text)
    if not form.header:
        return Head(form.columns, delimiter, data[offset:], offset, line)
    try:
        names = form.columns or _names(text, delimiter, form.quote)
    except (csv.Error, StopIteration) as error:
        raise refuse("FILE_UNREADABLE", f"The header cannot be split into columns: {error}.", file=file, line=line) from error
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise refuse("CDR_COLUMN_DOUBLE", f"{double[0]!r} stands there twice.", file=file, line=line, column=double[0])
    end = min(offset + len(first) + 1, len(data))
    return Head(names, delimiter, data[end:], end, line + 1)


def likeliest_delimiter(text: str) -> str:
    """The delimiter that cuts a line into most pieces; a comma where none does."""
    return max(DELIMITERS, key=lambda each: text.count(each))


def _names(text: str, delimiter: str, quote: str) -> tuple[str, ...]:
    if quote == "none":
        return tuple(cell.strip() for cell in text.split(delimiter))
    cells = next(csv.reader([text], delimiter=delimiter, quotechar=quote, skipinitialspace=True))
    return tuple(cell.strip() for cell in cells)


def peek_head(path: Path, form: FileForm | None = None) -> Head:
    """The head of a file, and as many of its bytes as were read with it."""
    with open_content(path, Limits(), FileForm().gz_ratio) as content:
        return read_head(content, form or FileForm(), path.name)
