"""Files of a book: written beside their place, synced, renamed, and the folder synced, so that a name never shows half a file.

Sealed files are content-addressed: sealed/ab/<digest><suffix>. Nothing here knows the database.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

import pyarrow as pa

from tollbook.core.problem import refuse
from tollbook.store.crash import crash_point

CHUNK_BYTES: Final = 1 << 20
SEALED_FOLDER: Final = "sealed"
SPOOL_FOLDER: Final = "spool"
SUFFIX = re.compile(r"(\.[a-z0-9]{1,8}){1,2}$")
LARGEST_FILE_BYTES: Final = 64 << 30
# A CDR file of text packs to a tenth or a twentieth; far beyond that it is an attack or a defect.
LARGEST_EXPANSION: Final = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a content lies and what it is. `is_new` says that this call wrote it, so that an undone command can take it away again."""

    digest: str
    path: Path
    size: int
    suffix: str
    is_new: bool


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """The folder and its parents, each new name made durable."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync_folder(each.parent)


@contextmanager
def writing(spool: Path) -> Iterator[BinaryIO]:
    """A new file in the spool folder; it is removed again unless `publish` moved it away."""
    make_folder(spool)
    path = spool / f"{uuid4().hex}.tmp"
    crash_point("file.before_write")
    try:
        with path.open("xb") as stream:
            yield stream
    finally:
        path.unlink(missing_ok=True)


def publish(stream: BinaryIO, target: Path) -> bool:
    """Syncs a written file and gives it its final name; False where a file of that name is there already."""
    stream.flush()
    crash_point("file.before_fsync")
    os.fsync(stream.fileno())
    return publish_path(Path(stream.name), target)


def publish_path(written: Path, target: Path) -> bool:
    """The same for a file that was written and synced by path."""
    make_folder(target.parent)
    crash_point("file.before_rename")
    if target.exists():
        return False
    os.rename(written, target)
    crash_point("file.after_rename")
    sync_folder(target.parent)
    crash_point("file.after_folder_fsync")
    return True


def sync_path(path: Path) -> None:
    """Makes the content of a file durable that a library wrote by path."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def suffix_of(name: str) -> str:
    """The last one or two suffixes of a file name in lower case (.csv, .csv.gz), or nothing where they are not plain."""
    found = SUFFIX.search(name.lower())
    if not found:
        return ""
    parts = found[0].rsplit(".", 2)
    packed = parts[-1] in ("gz", "bz2", "xz", "zst", "zip")
    return found[0] if packed else f".{parts[-1]}"


def sealed_path(book: Path, digest: str, suffix: str) -> Path:
    return book / SEALED_FOLDER / digest[:2] / f"{digest}{suffix}"


def put(book: Path, source: BinaryIO, name: str, *, limit_bytes: int = LARGEST_FILE_BYTES) -> Stored:
    """Seals a stream under the digest of its bytes. The same bytes twice are one file. FILE_TOO_LARGE beyond the limit."""
    total, size, suffix = hashlib.sha256(), 0, suffix_of(name)
    with writing(book / SPOOL_FOLDER) as stream:
        while chunk := source.read(CHUNK_BYTES):
            size += len(chunk)
            if size > limit_bytes:
                raise refuse("FILE_TOO_LARGE", f"It is larger than {limit_bytes:,} bytes.", file=name)
            total.update(chunk)
            stream.write(chunk)
        digest = total.hexdigest()
        present = find(book, digest)
        if present is not None:
            return Stored(digest, present, size, present.name[len(digest) :], False)
        target = sealed_path(book, digest, suffix)
        is_new = publish(stream, target)
    return Stored(digest, target, size, suffix, is_new)


def put_file(book: Path, path: Path, *, limit_bytes: int = LARGEST_FILE_BYTES) -> Stored:
    """Seals a file by its path; FILE_MISSING or FILE_UNREADABLE where it cannot be read."""
    try:
        with path.open("rb") as source:
            return put(book, source, path.name, limit_bytes=limit_bytes)
    except FileNotFoundError as error:
        raise refuse("FILE_MISSING", file=str(path)) from error
    except (PermissionError, IsADirectoryError) as error:
        raise refuse("FILE_UNREADABLE", f"{error.strerror}.", file=str(path)) from error


def find(book: Path, digest: str) -> Path | None:
    """The sealed file of a digest, whatever its suffix; None where the folder has none."""
    folder = book / SEALED_FOLDER / digest[:2]
    return next(iter(sorted(folder.glob(f"{digest}*"))), None) if folder.is_dir() else None


def get(book: Path, digest: str) -> Path:
    """The path of a sealed file; SEALED_FILE_MISSING where it is gone. The bytes are not checked: see `verify`."""
    path = find(book, digest)
    if path is None:
        raise refuse("SEALED_FILE_MISSING", file=f"{SEALED_FOLDER}/{digest[:2]}/{digest}")
    return path


def digest_of(path: Path) -> str:
    """SHA-256 of a file, read in chunks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verify(path: Path, digest: str) -> bool:
    """Whether a file is there and still holds the bytes its digest says."""
    return path.is_file() and digest_of(path) == digest


@contextmanager
def unpacked(book: Path, path: Path, *, largest_expansion: int = LARGEST_EXPANSION) -> Iterator[Path]:
    """The content of a file as a file: itself, or for .gz an unpacked copy in the spool folder that is removed afterwards."""
    if path.suffix != ".gz":
        yield path
        return
    packed_bytes, size = max(path.stat().st_size, 1024), 0
    folder = book / SPOOL_FOLDER
    make_folder(folder)
    plain = folder / f"{uuid4().hex}{Path(path.stem).suffix}"
    try:
        with gzip.open(path, "rb") as source, plain.open("xb") as target:
            while chunk := source.read(CHUNK_BYTES):
                size += len(chunk)
                if size > packed_bytes * largest_expansion:
                    raise refuse("FILE_COMPRESSION_RATIO", file=path.name)
                target.write(chunk)
        yield plain
    except (OSError, EOFError, zlib.error) as error:
        if not isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
            raise
        raise refuse("FILE_UNREADABLE", f"It does not unpack: {error}.", file=path.name) from error
    finally:
        plain.unlink(missing_ok=True)


def mapped(path: Path) -> pa.Buffer:
    """A file's bytes, memory-mapped without keeping it open: there may be thousands of them."""
    with pa.memory_map(str(path)) as file:
        return file.read_buffer()
