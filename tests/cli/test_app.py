"""The frame of the command line: help, exit codes, refusals without a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tollbook.cli.app import COMMANDS, run
from tollbook.cli.output import exit_code, print_table, show_problems
from tollbook.core.problem import problem


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_loads_and_its_help_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "tollbook " + name in shown
    if name not in ("deck", "source"):
        assert "Example" in shown
        assert "--json" in shown or name in ("serve", "worker")


@pytest.mark.parametrize("arguments", [["nosuch"], ["--nosuch"], ["bench", "nosuch"], ["bench", "--nosuch"], ["bench"]])
def test_bad_usage_exits_with_2(arguments: list[str]) -> None:
    assert run(arguments) == 2


@pytest.mark.parametrize("arguments", [["--now", "tomorrow", "deck", "--help"], ["--now=2026-13-01", "init"]])
def test_an_instant_that_is_none_is_refused_before_anything_is_done(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOLLBOOK_NOW", "")
    assert run(arguments) == 2
    assert "INSTANT_INVALID" in capsys.readouterr().err


def test_our_own_defect_is_a_problem_and_its_details_are_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # A command whose module is missing is the one defect a test can make without touching what it tests.
    monkeypatch.setitem(COMMANDS, "broken", ("tollbook.cli.absent:absent", ""))
    monkeypatch.delenv("TOLLBOOK_DEBUG", raising=False)
    assert run(["broken"]) == 2
    shown = capsys.readouterr().err
    assert "fatal DEFECT" in shown
    assert "Traceback" not in shown
    details = Path(shown.split("The details are in ")[1].split(". ")[0])
    assert "Traceback" in details.read_text(encoding="utf-8")
    details.unlink()


def test_a_refusal_as_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "nosuch", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["problems"][0]["code"] == "BENCH_UNKNOWN"


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["--frob"], ["rate"], ["rate", "x.csv", "--frob"], ["explain", "abcdef01", "--cdrs", "x.csv"]]
)
def test_bad_usage_as_json_is_one_object(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*arguments, "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert [each["code"] for each in found["problems"]] == ["COMMAND_USAGE"]
    assert found["problems"][0]["reason"]


def test_help_imports_nothing_heavy() -> None:
    heavy = "('pyarrow', 'numba', 'duckdb', 'django')"
    code = f"import sys; from tollbook.cli.app import run; run(['--help']); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_problems_come_worst_first_and_the_rest_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    show_problems([problem("FILE_EMPTY", file=str(number)) for number in range(30)], limit=2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[-1] == "... and 28 more FILE_EMPTY"


def test_only_errors_change_the_exit_code() -> None:
    assert exit_code([]) == 0
    assert exit_code([problem("AGREEMENT_CLAUSE_MISSING")]) == 0
    assert exit_code([problem("FILE_EMPTY")]) == 1


def test_a_table_fits_the_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_table("Causes", ["cause", "value"], [["a long name of a cause that must fold", 12]], right=[1])
    assert all(len(line) <= 40 for line in capsys.readouterr().out.splitlines())
