"""A close killed at any point and run again is the same close: results, documents and their numbers, ledger, nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tollbook.store.crash import CRASH_EXIT_CODE, CRASH_POINTS

ROOT = Path(__file__).resolve().parents[2]
OWN = [point for point in CRASH_POINTS if point.partition(".")[0] in ("document", "dispute", "close")]
# The points every commit passes, at several of the commits of a close: a document, the dispute, the seal.
SHARED = ["command.after_work:2", "command.after_work:4", "command.after_commit:1", "command.after_commit:3", "file.after_rename:4"]
POINTS = [*OWN, "document.after_row:2", *SHARED]

pytestmark = pytest.mark.slow
Found = dict[str, dict[str, Any]]


EACH = [*(("sqlite", point) for point in POINTS), *(pytest.param("postgresql", point, marks=pytest.mark.server) for point in OWN)]
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]


@pytest.fixture(scope="module")
def closings(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Found]:
    """What each killed and repeated close on one database left, by point; the undisturbed one under an empty name. Each is made once:
    a parametrized fixture would be made again whenever the tests of the two databases take turns."""
    made: dict[str, Found] = {}

    def of(kind: str, database: str) -> Found:
        if kind not in made:
            points = POINTS if kind == "sqlite" else OWN
            command = [sys.executable, "-m", "tests.flow.closing", str(tmp_path_factory.mktemp("crash")), database, json.dumps(points)]
            environment = {**os.environ, "TOLLBOOK_DATABASE_URL": "", "TOLLBOOK_CRASH_AT": "", "PYTHONWARNINGS": "ignore"}
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
            assert done.returncode == 0, done.stderr
            made[kind] = json.loads(done.stdout.splitlines()[-1])
        return made[kind]

    return of


@pytest.fixture
def found(request: pytest.FixtureRequest, closings: Callable[[str, str], Found]) -> Found:
    return closings(request.param, request.getfixturevalue("new_database")() if request.param == "postgresql" else "")


@pytest.mark.parametrize("found", BOTH, indirect=True)
def test_the_undisturbed_close_is_whole(found: Found) -> None:
    assert found[""]["state"]["found"] == []
    assert found[""]["digests"]["complete"]
    kinds = [row[2] for row in found[""]["digests"]["documents"]]
    assert sorted(kinds) == ["CLOSE", "INVOICE", "RECEIVED_INVOICE"]


@pytest.mark.parametrize(("found", "point"), EACH, indirect=["found"])
def test_killed_and_run_again_it_is_the_same_close(found: Found, point: str) -> None:
    """What every commit passes is killed here on SQLite alone; test_crash.py kills it on both databases."""
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
