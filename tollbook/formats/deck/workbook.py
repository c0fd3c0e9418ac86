"""Rate sheets in workbooks (XLSX, XLS, ODS): cells as a person would have typed them into a CSV. Nothing is evaluated.

A number has the 15 digits that a spreadsheet shows at most, so 0.0235 stays 0.0235 and a computed 0.1 + 0.2 is 0.3; a date is written
year first. A workbook is looked at before it is opened: an archive that unpacks to far more than it weighs, or a sheet with cells far
apart, would exhaust the memory.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from tollbook.core.deck_profile import DeckProfile
from tollbook.core.problem import Refusal, refuse
from tollbook.formats.deck.sheet import Row, Sheet, peeked

MOST_UNPACKED_BYTES = 2 * 2**30
MOST_RATIO = 200
SMALL_BYTES = 2**20  # below this a ratio says nothing
MOST_CELLS = 60_000_000
_CELL = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"')
_BLOCK = 2**20
_OVERLAP = 512


def open_workbook(content: bytes, profile: DeckProfile, file: str) -> Sheet:
    """The sheet the profile names, else the only one that has a header with a code and a rate."""
    if content.startswith(b"PK"):
        _check_archive(content, file)
    book = _opened(content, file)
    names = [profile.sheet] if profile.sheet else list(book.sheet_names)
    if profile.sheet and profile.sheet not in book.sheet_names:
        raise refuse("DECK_SHEET_MISSING", f"There is no sheet {profile.sheet}.", file=file, value=", ".join(book.sheet_names))
    found = []
    for name in names:
        sheet = peeked(_rows(book, name, profile, file), profile, file)
        if sheet:
            found.append((name, sheet))
    if len(found) > 1:
        named = ", ".join(name for name, _ in found)
        raise refuse("DECK_SHEET_MISSING", f"Several sheets look like a deck: {named}.", file=file, value=named)
    if not found:
        raise refuse("DECK_HEADER_NOT_FOUND", file=file)
    return found[0][1]


def _check_archive(content: bytes, file: str) -> None:
    """Refuse a damaged archive, one that expands too much, and a sheet whose cells are too far apart."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > MOST_UNPACKED_BYTES or (unpacked > SMALL_BYTES and unpacked > MOST_RATIO * len(content)):
                raise refuse("FILE_COMPRESSION_RATIO", f"{len(content):,} bytes expand to {unpacked:,}.", file=file)
            for entry in entries:
                # Every part is read to its end once: the archive's own checksums find what the reader would pass over.
                _check_extent(archive, entry, file)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise refuse("FILE_UNREADABLE", f"The workbook is damaged: {error}.", file=file) from error
    except Exception as error:
        # A broken deflate stream raises zlib.error, which is no class of its own base.
        if isinstance(error, Refusal):
            raise
        raise refuse("FILE_UNREADABLE", f"The workbook is damaged: {error}.", file=file) from error


def _check_extent(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: str) -> None:
    """The sheet is held as one rectangle, so a single far cell would make it huge."""
    columns, rows = 0, 0
    rest = b""
    is_sheet = re.fullmatch(r"xl/worksheets/[^/]+\.xml", entry.filename) is not None
    with archive.open(entry) as stream:
        while block := stream.read(_BLOCK):
            cells = _CELL.findall(rest + block) if is_sheet else []
            if cells:
                columns = max(columns, *map(_column_number, {name for name, _ in cells}))
                rows = max(rows, *map(int, {row for _, row in cells}))
            rest = block[-_OVERLAP:]
    if columns * rows > MOST_CELLS:
        raise refuse("FILE_TOO_LARGE", f"{entry.filename} spans {rows:,} rows and {columns:,} columns.", file=file)


def _column_number(name: bytes) -> int:
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number


def _opened(content: bytes, file: str) -> Any:
    from python_calamine import CalamineWorkbook

    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(content))
    except BaseException as error:
        raise _unreadable(error, file) from error


def _unreadable(error: BaseException, file: str) -> BaseException:
    """What to raise for a failure of the reader. It is a compiled library: a panic in it is no Exception."""
    if isinstance(error, KeyboardInterrupt | SystemExit | Refusal):
        return error
    return refuse("FILE_UNREADABLE", f"The workbook is damaged: {error}.", file=file)


def _rows(book: Any, name: str, profile: DeckProfile, file: str) -> Iterator[Row]:
    """The rows of a sheet from its first row on, as texts."""
    try:
        sheet = book.get_sheet_by_name(name)
        rows = sheet.iter_rows()
    except BaseException as error:
        raise _unreadable(error, file) from error
    known: dict[Any, str] = {}
    for cells in rows:
        yield [cell if type(cell) is str else _known_text(cell, known, profile) for cell in cells]


def _known_text(cell: Any, known: dict[Any, str], profile: DeckProfile) -> str:
    key = (type(cell), cell)
    text = known.get(key)
    if text is None:
        text = known[key] = cell_text(cell, profile)
    return text


def cell_text(cell: Any, profile: DeckProfile) -> str:
    """A cell as text: numbers plain, with the profile's decimal separator; dates year first; a time only where there is one."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, dt.datetime):
        return cell.isoformat() if cell.time() != dt.time() else cell.date().isoformat()
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    if isinstance(cell, dt.timedelta):
        return str(cell)
    if isinstance(cell, int):
        return str(cell)
    number = f"{Decimal(format(cell, '.15g')):f}"
    whole, _, fraction = number.partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}{profile.decimal}{fraction}" if fraction else whole
