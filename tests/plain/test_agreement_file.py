"""An agreement in a file that cannot be used is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from plain.two_files import TERMS
from tollbook.core.problem import Refusal
from tollbook.plain.agreement_file import read_agreement_file


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (None, "FILE_MISSING", None),
        (b"\xff\xfe\xfd", "FILE_ENCODING", None),
        (TERMS.replace('"UTC"', '"Mars/Base"').encode(), "ZONE_UNKNOWN", 7),
        ((TERMS + "[netting]\n[matching]\n").replace('clause = "5.1"', "minutes_pct = nan").encode(), "AGREEMENT_VALUE", 16),
        (TERMS.replace('clause = "2.1"', 'round_at = "CALL(99)"').encode(), "AGREEMENT_VALUE", 9),
    ],
)
def test_it_is_refused_with_file_line_and_reason(tmp_path: Path, content: bytes | None, code: str, line: int | None) -> None:
    path = tmp_path / "terms.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Refusal) as refused:
        read_agreement_file(path)
    first = refused.value.problems[0]
    assert (first.code, first.place.number) == (code, line)
    assert first.place.file.endswith("terms.toml")
    assert "takes a percent" not in first.reason
    assert "takes a round_at" not in first.reason


def test_a_folder_is_no_agreement(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="FILE_UNREADABLE"):
        read_agreement_file(tmp_path)


def test_a_good_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "terms.toml"
    path.write_text(TERMS, encoding="utf-8")
    assert read_agreement_file(path)[0].id == "X-1"
