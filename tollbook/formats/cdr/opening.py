"""Opens CDR files, plain or gzip, behind limits: size, expansion, a whole end."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tollbook.core.problem import refuse

GZIP_MAGIC: Final = b"\x1f\x8b"
PARQUET_MAGIC: Final = b"PAR1"
UTF8_BOM: Final = b"\xef\xbb\xbf"
_SMALL_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may be; beyond them it is refused, or the record is."""

    file_bytes: int = 64 << 30
    records: int = 1_000_000_000
    line_bytes: int = 1 << 20
    field_bytes: int = 1 << 16


class Stream(Protocol):
    """Anything that gives bytes."""

    def read(self, size: int, /) -> bytes: ...


class Content:
    """The bytes of a file, unpacked, read forward once. Counts them against the limits."""

    def __init__(self, stream: Stream, path: Path, limits: Limits, gz_ratio: int, packed: bool) -> None:
        self._stream, self._path, self._limits, self._packed = stream, path, limits, packed
        self._most = min(limits.file_bytes, max(_SMALL_BYTES, path.stat().st_size * gz_ratio)) if packed else limits.file_bytes
        self.read_bytes = 0

    def read(self, size: int) -> bytes:
        """The next bytes, fewer only at the end. Refuses where the file is cut off, damaged, or beyond a limit."""
        try:
            data = self._stream.read(size)
        except EOFError:
            raise refuse("CDR_FILE_TRUNCATED", file=self._path.name) from None
        except (OSError, zlib.error) as error:
            raise refuse("FILE_UNREADABLE", f"{error}.", file=self._path.name) from None
        self.read_bytes += len(data)
        if self.read_bytes > self._most:
            code = "FILE_TOO_LARGE" if self._most == self._limits.file_bytes else "FILE_COMPRESSION_RATIO"
            raise refuse(code, f"More than {self._most:,} bytes.", file=self._path.name)
        return data


@contextmanager
def open_content(path: Path, limits: Limits, gz_ratio: int) -> Iterator[Content]:
    """The unpacked bytes of a file; gzip is known by its first bytes, whatever the file is called."""
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield Content(unpacked, path, limits, gz_ratio, packed)
            else:
                yield Content(raw, path, limits, gz_ratio, packed)
    except FileNotFoundError:
        raise refuse("FILE_MISSING", file=str(path)) from None
    except IsADirectoryError:
        raise refuse("FILE_UNREADABLE", "It is a folder.", file=str(path)) from None
    except PermissionError:
        raise refuse("FILE_UNREADABLE", "Permission denied.", file=str(path)) from None


def is_parquet(path: Path) -> bool:
    """Whether the file begins as Parquet does."""
    try:
        with path.open("rb") as raw:
            return raw.read(4) == PARQUET_MAGIC
    except OSError:
        return False
