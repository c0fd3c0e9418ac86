"""`tollbook reconcile` as people type it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tollbook.cli.app import run

sys.path.insert(0, str(Path(__file__).parent.parent))
from plain.two_files import write_all, write_csv


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_all(tmp_path)
    return tmp_path


def command(folder: Path, *more: str) -> list[str]:
    paths = [str(folder / name) for name in ("ours.csv", "theirs.csv")]
    return ["reconcile", *paths, "--agreement", str(folder / "terms.toml"), "-o", str(folder / "out"), *more]


def test_it_prints_the_waterfall_in_80_columns_and_where_the_report_is(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command(files)) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("They bill 0.06 USD more than we expect")
    assert any(line.startswith("  Billed twice by them") and line.endswith(" +0.0400") for line in printed)
    assert printed[-1] == f"Report: {files / 'out' / 'report.html'}"
    assert all(len(line) <= 80 for line in printed[:-1])
    assert sorted(path.name for path in (files / "out").iterdir()) == [
        *("matches.csv", "problems.csv", "report.html", "summary.json", "unmatched.csv", "waterfall.csv"),
    ]


def test_json_is_one_object(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command(files, "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["money"]["difference"] == "0.063000"
    assert found["report"].endswith("report.html")


def test_records_that_had_to_be_left_out_are_exit_code_1(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (files / "theirs.csv").open("a", encoding="utf-8") as stream:
        stream.write("x\n")
    assert run(command(files)) == 1
    assert "error" in (files / "out" / "problems.csv").read_text(encoding="utf-8")


def test_nothing_to_compare_is_exit_code_2_without_a_traceback(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "ours.csv").unlink()
    assert run(command(files)) == 2
    printed = capsys.readouterr()
    assert "fatal FILE_MISSING" in printed.err
    assert "Traceback" not in printed.err


def test_an_empty_side_is_compared_as_empty(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["leg", "answer_at", "release_at", "duration_ms", "b_e164", "call_id"]
    row: dict[str, object] = dict.fromkeys(columns, "")
    row |= {
        "leg": "IN",
        "answer_at": "2026-03-10T12:00:00Z",
        "release_at": "2026-03-10T12:00:10Z",
        "duration_ms": 10000,
        "b_e164": "44207946000",
    }
    write_csv(files / "theirs.csv", columns, [row])
    assert run(command(files, "--direction", "payable", "--json")) in (0, 1)
    json.loads(capsys.readouterr().out)
