from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from tollbook.core.problem import Refusal
from tollbook.store import packed_lines


def _lines(count: int) -> bytes:
    random_ = random.Random(7)
    return b"".join(b"%08d;%016x\n" % (number, random_.getrandbits(64)) for number in range(count))


def test_any_line_of_a_packed_file_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file of one part and of one that was packed in two parts, wherever the states that are kept lie."""
    monkeypatch.setattr(packed_lines, "APART_BYTES", 200_000)
    text = _lines(60_000)
    middle = len(text) // 2
    for name, content in (
        ("one.gz", gzip.compress(text, mtime=0)),
        ("two.gz", gzip.compress(text[:middle], mtime=0) + gzip.compress(text[middle:], mtime=0)),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        for number in (59_999, 0, 30_001, 29_999, 45_000, 44_000, 59_999, 12):
            assert packed_lines.read(path, number * 26, 26) == text[number * 26 : number * 26 + 26]
        # What lies across the seam, and beyond the end.
        assert packed_lines.read(path, middle - 10, 20) == text[middle - 10 : middle + 10]
        assert packed_lines.read(path, len(text) - 5, 20) == text[-5:]


def test_what_does_not_unpack_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.gz"
    path.write_bytes(gzip.compress(_lines(1_000), mtime=0)[:100] + bytes(300))
    with pytest.raises(Refusal) as caught:
        packed_lines.read(path, 20_000, 10)
    assert caught.value.problems[0].code == "FILE_UNREADABLE"


def test_states_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_lines, "APART_BYTES", 100_000)
    monkeypatch.setattr(packed_lines, "MOST_STATES", 6)
    text = _lines(20_000)
    for number in range(5):
        path = tmp_path / f"{number}.gz"
        path.write_bytes(gzip.compress(text, mtime=0))
        assert packed_lines.read(path, len(text) - 26, 26) == text[-26:]
    assert sum(len(each.plain) for each in packed_lines._kept.values()) <= 6
