"""`tollbook source`: what it prints, its JSON and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tollbook.cli.app import run
from tollbook.formats.cdr.profile import BUILT_IN

DATA = Path(__file__).parents[1] / "data" / "cdr"


def test_a_sound_file_exits_with_0(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert run(["source", "try", str(DATA / "carrier_b_cdr.csv"), "--format", str(DATA / "aurora.toml")]) == 0
    shown = capsys.readouterr()
    assert "22 records read, 22 accepted as 22 legs, 0 refused." in shown.out
    assert "2026-11-22 01:25:45" in shown.out
    assert shown.out.strip().endswith("the clock showed the times of 22 of them twice, and the first was taken.")
    assert "CDR_NUMBER_REPAIRED" in shown.err


def test_refused_records_exit_with_1_and_are_shown_with_place_and_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.csv"
    file.write_text("answer_at,release_at,b_e164\n2026-11-22 01:25:44Z,2026-11-22 01:25:46Z,8.82E+11\n1,2\n")
    assert run(["source", "try", str(file)]) == 1
    shown = capsys.readouterr()
    assert "error CDR_NUMBER_DAMAGED: x.csv, record 1, column b_e164:" in shown.err
    assert "It holds 8.82E+11. Export again" in shown.err
    assert "error CDR_LINE_MALFORMED: x.csv, record 2: Line 3:" in shown.err
    assert shown.out.strip().endswith("2 of 2 records (100.0 %) cannot be used: mend them or the profile before you bill.")


def test_many_problems_of_one_kind_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["source", "try", str(DATA / "carrier_a_acc.csv.gz")]) == 1
    assert "... and 5 more CDR_EVENT_UNPAIRED" in capsys.readouterr().err


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["source", "try", str(DATA / "carrier_a_cdr.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [found[name] for name in ("format", "read", "accepted", "refused", "rows", "answered")] == [
        "kamailio-acc-cdrs",
        42,
        42,
        0,
        84,
        42,
    ]
    assert found["examples"][0]["b_e164"] == "971522025178"
    assert found["first_at"].startswith("2026-11-22T01:")
    assert sum(found["counts"].values()) >= len(found["problems"])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nothing.csv"], "FILE_MISSING"),
        ([str(DATA / "carrier_b_cdr.csv")], "FILE_FORMAT_UNKNOWN"),
        ([str(DATA / "carrier_b_cdr.csv"), "--format", "kamailio"], "FILE_FORMAT_UNKNOWN"),
        ([str(DATA / "carrier_b_cdr.csv"), "--format", "canonical"], "CDR_COLUMN_NEEDED"),
        ([str(DATA / "carrier_b_cdr.csv"), "--format", str(DATA / "labny.zi")], "SOURCE_UNREADABLE"),
    ],
)
def test_what_cannot_be_read_exits_with_2(arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["source", "try", *arguments]) == 2
    assert code in capsys.readouterr().err


def test_an_empty_table_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("answer_at,b_e164\n")
    assert run(["source", "try", str(tmp_path / "x.csv")]) == 1


def test_the_formats_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["source", "profiles", "--json"]) == 0
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["formats"]] == list(BUILT_IN)
    assert run(["source", "profiles"]) == 0
    assert "kamailio-missed-calls" in capsys.readouterr().out
