"""CSV output: what a CSV reader gets back is what was written."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tollbook.core.problem import Refusal
from tollbook.formats.csv_text import CsvWriter

TEXTS = st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8), max_size=6)


@given(TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_reader_gets_back_what_was_written(tmp_path: Path, texts: list[str | None]) -> None:
    path = tmp_path / "out.csv"
    table = pa.table(
        {
            "text": pa.array(texts, pa.string()),
            "word": pa.array(texts, pa.string()).dictionary_encode(),
            "number": pa.array(range(len(texts))),
        }
    )
    with CsvWriter(path, ["number", "text", "word"]) as writer:
        writer.write(table)
    with path.open(encoding="utf-8", newline="") as file:
        found = list(csv.reader(file))
    assert found == [["number", "text", "word"], *([str(place), text or "", text or ""] for place, text in enumerate(texts))]


def test_only_what_needs_quotes_has_them(tmp_path: Path) -> None:
    with CsvWriter(tmp_path / "out.csv", ["a"]) as writer:
        writer.write(pa.table({"a": ["plain", 'a "b"', "x,y"]}))
    assert (tmp_path / "out.csv").read_text() == 'a\nplain\n"a ""b"""\n"x,y"\n'


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="OUTPUT_UNWRITABLE"):
        CsvWriter(tmp_path / "absent" / "out.csv", ["a"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_said_with_its_code() -> None:
    with pytest.raises(Refusal, match="OUTPUT_UNWRITABLE"), CsvWriter(Path("/dev/full"), ["a"]) as small:
        small.write(pa.table({"a": ["x"]}))
    with pytest.raises(Refusal, match="OUTPUT_UNWRITABLE"), CsvWriter(Path("/dev/full"), ["a"]) as large:
        large.write(pa.table({"a": ["x" * 100_000]}))
