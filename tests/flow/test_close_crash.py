"""A close killed at any point and run again is the same close: results, documents and their numbers, ledger, nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tollbook.store.crash import CRASH_EXIT_CODE, CRASH_POINTS

ROOT = Path(__file__).resolve().parents[2]
OWN = [point for point in CRASH_POINTS if point.partition(".")[0] in ("document", "dispute", "close")]
# The points every commit passes, at several of the commits of a close: a run, a document, the dispute, the seal.
SHARED = [f"{point}:{times}" for point in ("command.after_work", "command.after_commit") for times in (26, 29, 33)]
POINTS = [*OWN, *(f"{point}:2" for point in OWN if point.startswith("document.")), *SHARED, "run.after_segments:4", "run.after_commit:5"]

pytestmark = pytest.mark.slow
Found = dict[str, dict[str, Any]]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What each killed and repeated close left, by point; the undisturbed one under an empty name."""
    databases: list[str] = []
    points = POINTS if request.param == "sqlite" else OWN
    if request.param == "postgresql":
        new_database = request.getfixturevalue("new_database")
        databases = [new_database() for _ in range(len(points) + 1)]
    command = [sys.executable, "-m", "tests.flow.closing", str(tmp_path_factory.mktemp("crash")), json.dumps(databases), json.dumps(points)]
    environment = {**os.environ, "TOLLBOOK_DATABASE_URL": "", "TOLLBOOK_CRASH_AT": "", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    result: Found = json.loads(done.stdout.splitlines()[-1])
    return result


def test_the_undisturbed_close_is_whole(found: Found) -> None:
    assert found[""]["state"]["found"] == []
    assert found[""]["digests"]["complete"]
    kinds = [row[2] for row in found[""]["digests"]["documents"]]
    assert sorted(kinds) == ["CLOSE", "INVOICE", "RECEIVED_INVOICE"]


@pytest.mark.parametrize("point", POINTS)
def test_killed_and_run_again_it_is_the_same_close(found: Found, point: str) -> None:
    if point not in found:
        pytest.skip("on SQLite only: what is shared is killed on both databases by test_crash.py")
    wanted, got = found[""], found[point]
    assert got["code"] == CRASH_EXIT_CODE, "the close never passed this point"
    assert (got["again"], got["checked"]) == (0, 0)
    for name in ("result_digest", "complete", "disputes", "postings", "pack"):
        assert got["digests"][name] == wanted["digests"][name], name
    assert shape(got) == shape(wanted)
    assert got["state"]["found"] == []
    assert got["state"]["left"] == []


def shape(found: dict[str, Any]) -> list[Any]:
    """Documents without the digest of the record of the close, which names its file."""
    return [row if row[2] != "CLOSE" else row[:3] for row in found["digests"]["documents"]]
