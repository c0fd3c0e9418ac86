"""Killed at every named point of a commit and run again, a book is the same book: same results, same counts, nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tollbook.store.crash import CRASH_EXIT_CODE, CRASH_POINTS

from . import pipeline

ROOMS = {"file", "seal", "segment", "known_ids", "batch", "command", "reference", "run"}
POINTS = [point for point in CRASH_POINTS if point.partition(".")[0] in ROOMS]

pytestmark = pytest.mark.slow
Found = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What each killed and repeated run left, by point; the undisturbed run under an empty name."""
    databases: list[str] = []
    if request.param == "postgresql":
        new_database = request.getfixturevalue("new_database")
        databases = [new_database() for _ in range(len(POINTS) + 1)]
    command = [sys.executable, pipeline.__file__, str(tmp_path_factory.mktemp("crash")), json.dumps(databases), json.dumps(POINTS)]
    environment = {**os.environ, "TOLLBOOK_DATABASE_URL": "", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    result: Found = json.loads(done.stdout.splitlines()[-1])
    return result


def test_the_undisturbed_book_is_whole(found: Found) -> None:
    state = found[""]["state"]
    assert state["found"] == []
    assert len(found[""]["digests"]) == 2
    totals: dict[str, list[int]] = {}
    for source, _, _, *counts in state["batches"]:
        totals[source] = [before + each for before, each in zip(totals.get(source, [0] * 4), counts, strict=True)]
    assert totals == {"aurora": [4, 4, 0, 0], "switch": [11, 8, 1, 2]}


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_run_again_it_is_the_same(found: Found, point: str) -> None:
    wanted, got = found[""], found[point]
    assert got["code"] == CRASH_EXIT_CODE, "the pipeline never passed this point"
    assert (got["again"], got["checked"]) == (0, 0)
    assert got["digests"] == wanted["digests"]
    assert got["state"] == wanted["state"]


def test_the_results_are_those_of_a_calculation_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as pq

    from tollbook.flow.book import open_book
    from tollbook.flow.run import current_run

    for name in ("TOLLBOOK_DATABASE_URL", "TOLLBOOK_BOOK", "TOLLBOOK_CRASH_AT"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("TOLLBOOK_NOW", pipeline.NOW)
    pipeline.build(tmp_path / "book")
    run = current_run(open_book(tmp_path / "book"), "rating", "aurora/OUT/2026-11")
    assert run is not None
    rows = [row for path in run.paths("charge") for row in pq.read_table(path).to_pylist()]
    got = sorted((row["status"], row["code"], row["billed_s"], row["amount_micros"]) for row in rows if row["status"] == "RATED")
    assert got == [
        ("RATED", "63917", 30, 60_000),  # c2: 30 s at 0.12
        ("RATED", "63917", 61, 122_000),  # c1: 61 s at 0.12
        ("RATED", "63917", 180, 360_000),  # c6: 180 s, not the 181 s of the conflicting record
        ("RATED", "90532", 60, 60_000),  # c10: 10 s on 60/60 at 0.06
        ("RATED", "90532", 120, 120_000),  # c3: 100 s on 60/60
    ]
    assert sorted(row["status"] for row in rows if row["status"] != "RATED") == ["NOT_BILLABLE", "UNRATED"]
