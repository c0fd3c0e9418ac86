"""Cuts a CDR file into records and text columns: nothing is interpreted here, nothing is lost, and memory is bounded.

A record is a line (or several, where a quoted cell holds line ends). Every record comes out either as a row of text columns with its
place in the file, or as a problem. Pieces of a file are independent, so they can be parsed in threads.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from tollbook.core.problem import CATALOGUE, Problem, problem, refuse
from tollbook.formats.cdr.header import Head, read_head
from tollbook.formats.cdr.lines import Lines, Piece, lines_of, pieces
from tollbook.formats.cdr.opening import Content, Limits, is_parquet, open_content
from tollbook.formats.cdr.profile_words import FileForm, SourceProfile
from tollbook.formats.cdr.quoted import Row, quoted_rows

Int64s = npt.NDArray[np.int64]
PIECE_BYTES: Final = 8 << 20
_PARQUET_ROWS: Final = 65_536
_UTF8: Final = ("utf-8", "utf8", "utf-8-sig", "ascii")


@dataclass(frozen=True)
class RawBatch:
    """Records as text columns named as in the file, and the problems of those that are none.

    `record_no` counts from 1 within the batch and includes the records that became problems, whose numbers are in the same count.
    """

    columns: pa.Table
    record_no: Int64s
    byte_offset: Int64s
    byte_length: Int64s
    problems: list[Problem]
    read: int
    source: bytes = field(default=b"", repr=False)
    source_offset: int = 0

    def raw_records(self, rows: Int64s) -> list[bytes]:
        """The bytes of some records, without their line ends."""
        starts = self.byte_offset[rows] - self.source_offset
        ends = starts + self.byte_length[rows]
        return [self.source[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


@dataclass(frozen=True)
class SourceFile:
    """An opened file: its column names, and its records in pieces or batches."""

    path: Path
    profile: SourceProfile
    columns: tuple[str, ...]
    limits: Limits
    _content: Content | None = None
    _head: Head | None = None

    def pieces(self, size: int = PIECE_BYTES) -> Iterator[Piece]:
        """Whole lines in their order. Only for text files."""
        assert self._content is not None
        assert self._head is not None
        head = self._head
        quote = self._quote
        return pieces(self._content, head.rest, head.offset, head.line, size, quote, self.limits, self.path.name)

    @property
    def is_text(self) -> bool:
        return self._content is not None

    @property
    def _quote(self) -> bytes:
        return b"" if self.profile.file.quote == "none" else self.profile.file.quote.encode()

    def parse(self, piece: Piece) -> RawBatch:
        """The records of a piece; may be called from any thread."""
        assert self._head is not None
        wanted = [name for name in self.columns if name in self.profile.read_columns]
        return _Piece(self.profile.file, self._head.delimiter, self._quote, self.columns, wanted, self.limits, self.path.name).parse(piece)

    def batches(self, size: int = PIECE_BYTES) -> Iterator[RawBatch]:
        """All records in order, in one thread."""
        if self.is_text:
            for piece in self.pieces(size):
                yield self.parse(piece)
        else:
            yield from _parquet_batches(self.path, [name for name in self.columns if name in self.profile.read_columns])


@contextmanager
def open_source(path: Path, profile: SourceProfile, limits: Limits | None = None) -> Iterator[SourceFile]:
    """Opens a CDR file under a profile. Refuses where nothing of it can be read."""
    limits = limits or Limits()
    if is_parquet(path):
        try:
            names = tuple(pq.read_schema(path).names)
        except (OSError, pa.ArrowException) as error:
            raise refuse("FILE_UNREADABLE", f"{error}.", file=path.name) from None
        yield SourceFile(path, profile, names, limits)
        return
    with open_content(path, limits, profile.file.gz_ratio) as content:
        head = read_head(content, profile.file, path.name)
        yield SourceFile(path, profile, head.columns, limits, content, head)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What parsing a piece needs to know."""

    form: FileForm
    delimiter: str
    quote: bytes
    columns: tuple[str, ...]
    wanted: list[str]
    limits: Limits
    file: str

    def parse(self, piece: Piece) -> RawBatch:
        lines = lines_of(piece.data, self.quote)
        text, codes = self._readable(piece.data, lines)
        odd = lines.odd
        simple = odd is None or not np.delete(odd, list(codes)).any()
        batch = self._plain(text, lines, codes, piece) if simple else None
        batch = batch or self._quoted(text, lines, codes, piece)
        if piece.is_last and not piece.data.endswith(b"\n"):
            line = piece.first_line + len(lines.starts) - 1
            batch.problems.append(
                problem("CDR_LAST_LINE_OPEN", file=self.file, line=line, value=piece.data[-80:].decode("utf-8", "replace"))
            )
        return batch

    def _readable(self, data: bytes, lines: Lines) -> tuple[bytes, dict[int, str]]:
        """The bytes as UTF-8, and the lines that cannot be read, made blank, each with the code of its problem."""
        codes = dict.fromkeys(np.flatnonzero(lines.lengths > self.limits.field_bytes).tolist(), "CDR_FIELD_TOO_LONG")
        try:
            decoded = data.decode(self.form.encoding)
            text = data if self.form.encoding.lower() in _UTF8 else decoded.encode()
        except UnicodeDecodeError:
            kept = []
            for number, line in enumerate(data.split(b"\n")):
                try:
                    kept.append(line.decode(self.form.encoding))
                except UnicodeDecodeError:
                    kept.append("")
                    codes[number] = "CDR_TEXT_ENCODING"
            text = "\n".join(kept).encode()
        if codes:
            blanked = text.split(b"\n")
            for number in codes:
                blanked[number] = b""
            text = b"\n".join(blanked)
        return text, codes

    def _problem(self, code: str, piece: Piece, lines: Lines, number: int, record: int, columns: int = 0) -> Problem:
        """A problem of one line, with its text."""
        start = int(lines.starts[number])
        raw = piece.data[start : start + min(int(lines.lengths[number]), 400)].decode("utf-8", "backslashreplace")
        reason = f"{columns} columns, the header has {len(self.columns)}." if columns else CATALOGUE[code].meaning
        return problem(code, f"Line {piece.first_line + number}: {reason}", file=self.file, record=record, value=raw)

    def _plain(self, text: bytes, lines: Lines, codes: dict[int, str], piece: Piece) -> RawBatch | None:
        """Every line a record. None where the parser counts other lines than we do."""
        malformed: list[tuple[int, int]] = []

        def skip(row: Any) -> str:
            malformed.append((row.number - 1, row.actual_columns))
            return "skip"

        try:
            table = pacsv.read_csv(
                io.BytesIO(text),
                read_options=pacsv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=list(self.columns)),
                parse_options=pacsv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char=self.quote.decode() if lines.odd is not None else False,
                    ignore_empty_lines=False,
                    invalid_row_handler=skip,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types={name: pa.string() for name in self.wanted},
                    include_columns=self.wanted,
                    null_values=list(self.form.nulls),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid:
            return None
        if table.num_rows + len(malformed) != len(lines.starts):
            return None
        rows = np.delete(np.arange(len(lines.starts)), [number for number, _ in malformed])
        refused = lines.blank.copy()
        refused[list(codes)] = True
        kept = ~refused[rows]
        if not kept.all():
            table, rows = table.filter(pa.array(kept)), rows[kept]
        numbers = np.cumsum(~lines.blank, dtype=np.int64)
        problems = [self._problem(code, piece, lines, number, int(numbers[number])) for number, code in sorted(codes.items())]
        problems += [
            self._problem("CDR_LINE_MALFORMED", piece, lines, number, int(numbers[number]), found)
            for number, found in malformed
            if not refused[number]
        ]
        read = int(numbers[-1]) if len(numbers) else 0
        return _batch(piece, table, problems, read, lines.starts[rows], lines.lengths[rows], numbers[rows])

    def _quoted(self, text: bytes, lines: Lines, codes: dict[int, str], piece: Piece) -> RawBatch:
        """Line by line, for pieces in which quoted cells hold line ends or quotes do not close."""
        rows = list(quoted_rows(text, self.delimiter, self.quote.decode(), codes, len(self.columns)))
        problems = [
            self._problem(row.code, piece, lines, row.first, record, len(row.cells)) for record, row in enumerate(rows, start=1) if row.code
        ]
        kept = [(record, row) for record, row in enumerate(rows, start=1) if not row.code]
        first = np.array([row.first for _, row in kept], dtype=np.int64)
        last = np.array([row.last for _, row in kept], dtype=np.int64)
        starts = lines.starts[first]
        lengths = lines.starts[last] + lines.lengths[last] - starts
        numbers = np.array([record for record, _ in kept], dtype=np.int64)
        return _batch(piece, self._table([row for _, row in kept]), problems, len(rows), starts, lengths, numbers)

    def _table(self, rows: Sequence[Row]) -> pa.Table:
        nulls = frozenset(self.form.nulls)
        columns = {}
        for name in self.wanted:
            place = self.columns.index(name)
            columns[name] = pa.array([None if row.cells[place] in nulls else row.cells[place] for row in rows], pa.string())
        return pa.table(columns)


def _batch(piece: Piece, table: pa.Table, problems: list[Problem], read: int, starts: Int64s, lengths: Int64s, numbers: Int64s) -> RawBatch:
    return RawBatch(table, numbers, starts + piece.offset, lengths, problems, read, piece.data, piece.offset)


def _parquet_batches(path: Path, wanted: list[str]) -> Iterator[RawBatch]:
    """The rows of a Parquet file as text; a row has no bytes of its own, so its place is its number."""
    seen = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=wanted):
                table = pa.table({name: _as_text(batch.column(name)) for name in wanted})
                numbers = np.arange(batch.num_rows, dtype=np.int64)
                yield RawBatch(table, numbers + 1, numbers + seen, np.zeros_like(numbers), [], batch.num_rows)
                seen += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        raise refuse("FILE_UNREADABLE", f"{error}.", file=path.name) from None


def _as_text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_binary(column.type) or pa.types.is_fixed_size_binary(column.type):
        return pa.array([None if each is None else each.hex() for each in column.to_pylist()], pa.string())
    return column.cast(pa.string())
