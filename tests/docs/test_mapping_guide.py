"""The guide's example is run: its mapping over its file gives its table."""

from __future__ import annotations

import re
from pathlib import Path

from tollbook.engine.collection import canonical_batches
from tollbook.formats.cdr.profile import load_profile
from tollbook.formats.cdr.profile_keys import TABLES
from tollbook.plain.source import instant_text, try_source

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "mapping.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {re.escape(name)} -->\n```\w+\n(.*?)```", GUIDE, re.DOTALL)
    assert found, name
    return found[1]


def test_the_example_gives_the_table(tmp_path: Path) -> None:
    for name in ("cdr.csv", "mapping.toml"):
        (tmp_path / name).write_text(example(name), encoding="utf-8")
    (batch,) = canonical_batches(tmp_path / "cdr.csv", load_profile(tmp_path / "mapping.toml"))
    table = re.search(r"<!-- example: result -->\n(.*?)\n\n", GUIDE, re.DOTALL)
    assert table
    head, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()]
    rows = batch.cdrs.to_pylist()
    for row in rows:
        row["record"], row["answer_at"] = row["record_no"], instant_text(round(row["answer_at"].timestamp() * 1000))
    assert [["" if row[name] is None else str(row[name]) for name in head] for row in rows] == lines
    assert [(row["code"], row["record_no"], row["column"]) for row in batch.problems.to_pylist()] == [
        ("CDR_TIME_UNREADABLE", 3, "Connected")
    ]
    assert try_source(tmp_path / "cdr.csv", str(tmp_path / "mapping.toml")).health.startswith("1 of 3 records (33.3 %)")


def test_every_key_is_in_the_guide() -> None:
    for table, keys in TABLES.items():
        assert f"[{table}]" in GUIDE or table == "detect"
        if table != "detect":
            assert [key for key in keys if f"`{key}`" not in GUIDE and key != "zone_text"] == []
