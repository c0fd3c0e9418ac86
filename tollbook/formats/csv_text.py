"""Writes tables as CSV at the speed of columns: quotes only where a text needs them, a line feed after every line."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.problem import Refusal, refuse

_NEEDS_QUOTES = '[",\r\n]'
_LINES = 200_000


class CsvWriter:
    """A CSV file under construction; use it in a `with` block. Texts, integers and nulls only: money is formatted by the caller."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        self.columns = columns
        self._path = path
        try:
            self._file: BinaryIO = path.open("wb")
        except OSError as error:
            raise self._unwritable(error) from error
        self._put(",".join(columns) + "\n")

    def _unwritable(self, error: OSError) -> Refusal:
        return refuse("OUTPUT_UNWRITABLE", f"{self._path}: {error.strerror}.", file=self._path.name)

    def _put(self, text: str) -> None:
        """Write, and say it with its code where the disk is full."""
        try:
            self._file.write(text.encode())
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> CsvWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._file.close()
        except OSError as unwritten:
            # A refusal on its way out has said the same already.
            if kind is None:
                raise self._unwritable(unwritten) from unwritten

    def write(self, table: pa.Table) -> None:
        """Append the rows of a table that has the columns of the file."""
        for start in range(0, table.num_rows, _LINES):
            part = table.slice(start, _LINES)
            cells = [_cells(part.column(name)) for name in self.columns]
            lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*cells, ","), "", "\n")
            for chunk in lines.chunks:
                self._put("".join(chunk.to_pylist()))


def _cells(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as the texts of its cells; null is empty. Repeated texts are quoted once."""
    if pa.types.is_dictionary(column.type):
        return pa.chunked_array([_quoted(chunk.dictionary).take(chunk.indices).fill_null("") for chunk in column.chunks], pa.string())
    if pa.types.is_string(column.type):
        return _quoted(column).fill_null("")
    return column.cast(pa.string()).fill_null("")


def _quoted(texts: Any) -> Any:
    special = pc.match_substring_regex(texts, _NEEDS_QUOTES)
    if not pc.any(special).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), texts)
