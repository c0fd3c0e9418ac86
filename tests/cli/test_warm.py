"""Warming runs what it claims to run: the price function, the clocks and the ladder, without a refusal."""

from __future__ import annotations

import json
from pathlib import Path

from tollbook.cli.warm import warm


def test_every_kind_of_call_goes_through(tmp_path: Path) -> None:
    warm(tmp_path)
    assert (tmp_path / "rated.csv").read_text(encoding="utf-8").count("\n") == 481
    summary = json.loads((tmp_path / "difference" / "summary.json").read_text(encoding="utf-8"))
    assert summary["totals"]["ours"]["records"] == 480
