"""The canonical archive: a ZIP file in which nothing is left to choose, so that the same parts always give the same bytes.

Entries are in the order of their names, with the entry ROOT last; stored, not compressed; dated 1980-01-01; no comments, no attributes,
no extra fields (but the ZIP64 field where a number does not fit into 32 bits, and only there). Names are plain ASCII paths.
Reading rebuilds every byte that is not the content of an entry and compares it. See docs/rules/evidence.md.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

LAST_ENTRY: Final = "ROOT"
BLOCK_BYTES: Final = 1 << 20
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")

_FITS_32: Final = 0xFFFFFFFF  # this value itself means: see the ZIP64 field
_FITS_16: Final = 0xFFFF
_DATE_1980: Final = 0x0021
_LOCAL, _CENTRAL, _END, _END_64, _LOCATOR_64 = (
    struct.pack("<I", each) for each in (0x04034B50, 0x02014B50, 0x06054B50, 0x06064B50, 0x07064B50)
)


class ArchiveError(ValueError):
    """The bytes are not what the canonical archive of their entries would be. The text says where, in bytes from the start."""


@dataclass(frozen=True, slots=True)
class Content:
    """An entry to be written: what its bytes are known by, and how to get them."""

    name: str
    size: int
    sha256: str
    crc32: int
    open: Callable[[], BinaryIO]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it was found: `offset` is where its content starts, in bytes from the start of the archive."""

    name: str
    size: int
    sha256: str
    crc32: int
    offset: int


def blocks(stream: BinaryIO, size: int | None = None) -> Iterator[bytes]:
    """The stream in blocks, to its end or for exactly `size` bytes; ArchiveError where it ends early."""
    left = size
    while left is None or left > 0:
        block = stream.read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left))
        if not block:
            if left:
                raise ArchiveError(f"the file ends {left} bytes early")
            return
        if left is not None:
            left -= len(block)
        yield block


def measure(name: str, opener: Callable[[], BinaryIO]) -> Content:
    """The content of an entry, read once for its size and digests. It is read again when it is written, and compared."""
    digest, crc, size = hashlib.sha256(), 0, 0
    with opener() as stream:
        for block in blocks(stream):
            digest.update(block)
            crc = zlib.crc32(block, crc)
            size += len(block)
    return Content(name, size, digest.hexdigest(), crc, opener)


def write_archive(out: BinaryIO, contents: Sequence[Content]) -> int:
    """Write the archive of these entries and return its size in bytes; ValueError for a name that is no plain path or comes twice."""
    ordered = in_order([each.name for each in contents])
    by_name = {each.name: each for each in contents}
    entries: list[Entry] = []
    offset = 0
    for name in ordered:
        content = by_name[name]
        header = _local_header(content.name, content.size, content.crc32)
        out.write(header)
        digest = hashlib.sha256()
        with content.open() as stream:
            for block in blocks(stream, content.size):
                digest.update(block)
                out.write(block)
            if stream.read(1) or digest.hexdigest() != content.sha256:
                raise ArchiveError(f"{name} changed while it was being packed")
        entries.append(Entry(name, content.size, content.sha256, content.crc32, offset + len(header)))
        offset += len(header) + content.size
    tail = _directory(entries, offset)
    out.write(tail)
    return offset + len(tail)


def read_archive(stream: BinaryIO) -> list[Entry]:
    """Every entry of a canonical archive, with digests taken from the content; ArchiveError at the first byte that is not as it must be.

    The stream is read from its start to its end, in blocks.
    """
    stream.seek(0)
    entries: list[Entry] = []
    offset = 0
    while True:
        signature = stream.read(4)
        if signature in (_CENTRAL, _END):
            break
        if signature != _LOCAL:
            raise ArchiveError(f"byte {offset} does not begin an entry")
        entry = _read_entry(stream, offset)
        entries.append(entry)
        offset = entry.offset + entry.size
    names = [each.name for each in entries]
    if names != in_order(names):
        raise ArchiveError("the entries are not in the order of their names")
    expected = _directory(entries, offset)
    found = signature + stream.read(len(expected) - len(signature) + 1)
    if found != expected:
        differs = next((i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), min(len(found), len(expected)))
        raise ArchiveError(f"byte {offset + differs} is not as the directory of these entries would have it")
    return entries


def in_order(names: Sequence[str]) -> list[str]:
    """The names as they stand in an archive; ValueError for a name that is no plain ASCII path or comes twice."""
    for name in names:
        if not NAME.fullmatch(name) or len(name) > 240:
            raise ArchiveError(f"{name!r} cannot be the name of an entry")
    if len(set(names)) != len(names):
        raise ArchiveError("two entries have the same name")
    return sorted(names, key=lambda name: (name == LAST_ENTRY, name))


def _read_entry(stream: BinaryIO, offset: int) -> Entry:
    """The entry whose signature was just read: its header is taken at its word, and rebuilt from what followed."""
    fixed = _exactly(stream, 26)
    *_, crc, _, size_32, name_length, extra_length = struct.unpack("<5H3I2H", fixed)
    raw_name = _exactly(stream, name_length)
    extra = _exactly(stream, extra_length)
    size = struct.unpack_from("<Q", extra, 4)[0] if size_32 == _FITS_32 and extra_length >= 12 else size_32
    name = raw_name.decode("ascii", "replace")
    digest, found_crc = hashlib.sha256(), 0
    for block in blocks(stream, size):
        digest.update(block)
        found_crc = zlib.crc32(block, found_crc)
    if _LOCAL + fixed + raw_name + extra != _local_header(name, size, found_crc):
        what = "content does not have the checksum" if found_crc != crc else "entry does not have the header"
        raise ArchiveError(f"the {what} it must have: {name!a}, which starts at byte {offset}")
    return Entry(name, size, digest.hexdigest(), found_crc, offset + 30 + name_length + extra_length)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    return b"".join(blocks(stream, size))


def _local_header(name: str, size: int, crc: int) -> bytes:
    encoded = name.encode("ascii", "replace")
    wide = size >= _FITS_32
    extra = struct.pack("<2H2Q", 1, 16, size, size) if wide else b""
    shown = _FITS_32 if wide else size
    return (
        _LOCAL
        + struct.pack("<5H3I2H", 45 if wide else 20, 0, 0, 0, _DATE_1980, crc, shown, shown, len(encoded), len(extra))
        + encoded
        + extra
    )


def _directory(entries: Sequence[Entry], start: int) -> bytes:
    """The central directory and the end record for entries whose last byte is before `start`."""
    central = b"".join(_central_header(each) for each in entries)
    count, size = len(entries), len(central)
    tail = b""
    if count >= _FITS_16 or size >= _FITS_32 or start >= _FITS_32:
        tail = _END_64 + struct.pack("<Q2H2I4Q", 44, 45, 45, 0, 0, count, count, size, start)
        tail += _LOCATOR_64 + struct.pack("<IQI", 0, start + size, 1)
    shown = min(count, _FITS_16)
    return central + tail + _END + struct.pack("<4H2IH", 0, 0, shown, shown, min(size, _FITS_32), min(start, _FITS_32), 0)


def _central_header(entry: Entry) -> bytes:
    header_offset = entry.offset - len(_local_header(entry.name, entry.size, entry.crc32))
    wide = [value for value in (entry.size, entry.size, header_offset) if value >= _FITS_32]
    extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    version, size, shown_offset = (45 if wide else 20), min(entry.size, _FITS_32), min(header_offset, _FITS_32)
    fixed = struct.pack(
        "<6H3I5H2I", version, version, 0, 0, 0, _DATE_1980, entry.crc32, size, size, len(entry.name), len(extra), 0, 0, 0, 0, shown_offset
    )
    return _CENTRAL + fixed + entry.name.encode("ascii") + extra
