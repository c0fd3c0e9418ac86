"""A few bytes out of the middle of a .gz file, without unpacking the whole of it each time somebody looks.

While a file is unpacked for the first time the machine's state is kept every few megabytes; the next look begins at the nearest one.
"""

from __future__ import annotations

import threading
import zlib
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tollbook.core.problem import refuse

CHUNK_BYTES: Final = 65_536
APART_BYTES: Final = 4 << 20
# A state holds a window of 32 kB; all that are kept are some 25 MB.
MOST_STATES: Final = 512
_GZIP: Final = zlib.MAX_WBITS | 16


@dataclass(slots=True)
class _States:
    """Where unpacking of a file may begin: places in the plain text, in order, with the place in the file and the machine there."""

    plain: list[int] = field(default_factory=list)
    packed: list[tuple[int, Any]] = field(default_factory=list)


_kept: OrderedDict[Path, _States] = OrderedDict()
_lock = threading.Lock()


def read(path: Path, offset: int, length: int) -> bytes:
    """The bytes of the plain text at an offset; fewer where it ends. FILE_UNREADABLE where the file does not unpack."""
    try:
        return _read(path, offset, length)
    except zlib.error as error:
        raise refuse("FILE_UNREADABLE", f"It does not unpack: {error}.", file=path.name) from error


def _read(path: Path, offset: int, length: int) -> bytes:
    plain, packed, machine = _nearest(path, offset)
    last = plain
    found = bytearray()
    with path.open("rb") as stream:
        stream.seek(packed)
        while plain < offset + length and (chunk := stream.read(CHUNK_BYTES)):
            packed += len(chunk)
            while chunk:
                text = machine.decompress(chunk)
                found += text[max(0, offset - plain) : max(0, offset + length - plain)]
                plain += len(text)
                chunk = machine.unused_data
                if machine.eof:  # a file may be several, one after the other
                    machine = zlib.decompressobj(_GZIP)
            if plain - last >= APART_BYTES and plain <= offset:
                _keep(path, plain, packed, machine.copy())
                last = plain
    return bytes(found)


def _nearest(path: Path, offset: int) -> tuple[int, int, Any]:
    with _lock:
        states = _kept.get(path)
        if states is not None and (place := bisect_right(states.plain, offset)):
            _kept.move_to_end(path)
            packed, machine = states.packed[place - 1]
            return states.plain[place - 1], packed, machine.copy()
    return 0, 0, zlib.decompressobj(_GZIP)


def _keep(path: Path, plain: int, packed: int, machine: Any) -> None:
    with _lock:
        states = _kept.setdefault(path, _States())
        _kept.move_to_end(path)
        place = bisect_right(states.plain, plain)
        if place and states.plain[place - 1] == plain:
            return
        states.plain.insert(place, plain)
        states.packed.insert(place, (packed, machine))
        while len(_kept) > 1 and sum(len(each.plain) for each in _kept.values()) > MOST_STATES:
            _kept.popitem(last=False)
