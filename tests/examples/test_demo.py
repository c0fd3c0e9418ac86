"""The demonstration from an empty folder, as `make demo SERVE=0` runs it: every count and sum holds, and everything it names is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .two_carriers import EXAMPLE


@pytest.mark.slow
def test_the_demonstration_agrees_with_truth_and_oracle(tmp_path: Path) -> None:
    folder, result = tmp_path / "demo", tmp_path / "result.json"
    command = [sys.executable, str(EXAMPLE / "demo.py"), "--folder", str(folder), "--json", str(result)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOLLBOOK_") or name == "TOLLBOOK_CACHE"}
    done = subprocess.run(command, env={**environment, "SERVE": "0"}, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    found = json.loads(result.read_text(encoding="utf-8"))
    assert [check["name"] for check in found["checks"] if not check["holds"]] == []
    assert found["verified"]
    assert all(Path(place).exists() for place in found["places"].values())
    assert Path(found["places"]["sealed close"]).match("close-*.zip")
    assert len(list(folder.glob("documents/*.pdf"))) == 6
    assert found["peak_mb"] < 1024
    assert "14,551" in done.stdout
    assert "UNEXPLAINED: 0.000000" in done.stdout


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    command = [sys.executable, str(EXAMPLE / "demo.py"), "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert (tmp_path / "precious.txt").read_text(encoding="utf-8") == "mine"
