"""Named columns of numbers in one file that is memory-mapped: a magic, a header in JSON, the columns one after the other."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np

from tollbook.store.files import SPOOL_FOLDER, make_folder, mapped

_MAGIC: Final = b"TBINDEX\x01"
Columns = dict[str, Any]


def content_of(header: dict[str, Any], columns: Columns) -> list[bytes]:
    """The bytes of a file."""
    described = {**header, "columns": [[name, values.dtype.str, len(values)] for name, values in columns.items()]}
    text = json.dumps(described, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    parts = [_MAGIC, len(text).to_bytes(8, "little"), text]
    for values in columns.values():
        content = values.tobytes()
        parts += [content, bytes(-len(content) % 8)]
    return parts


def read(path: Path) -> tuple[dict[str, Any], Columns]:
    """Header and columns of a file; OSError or ValueError where it is missing or not whole."""
    content = np.frombuffer(mapped(path), dtype=np.uint8)
    if bytes(content[:8]) != _MAGIC:
        raise ValueError(f"{path.name} is no file of columns")
    length = int.from_bytes(bytes(content[8:16]), "little")
    header = json.loads(bytes(content[16 : 16 + length]))
    columns, offset = {}, 16 + length
    for name, dtype, count in header["columns"]:
        size = np.dtype(dtype).itemsize * count
        columns[name] = content[offset : offset + size].view(dtype)
        offset += size + -size % 8
    if offset != len(content):
        raise ValueError(f"{path.name} is not whole")
    return header, columns


def write(book: Path, target: Path, header: dict[str, Any], columns: Columns) -> None:
    """A file under its name, or none."""
    unfinished = book / SPOOL_FOLDER / f"{uuid4().hex}.keys"
    make_folder(unfinished.parent)
    with unfinished.open("xb") as stream:
        for each in content_of(header, columns):
            stream.write(each)
    place(unfinished, target)


def place(written: Path, target: Path) -> None:
    """Makes a written file durable and gives it its name. What is derived may be replaced."""
    make_folder(target.parent)
    handle = os.open(written, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    os.replace(written, target)
