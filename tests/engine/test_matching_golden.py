"""The ladder's cases as data: which records pair, by which rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.matching_world import pairs, record, run

GOLDEN = Path(__file__).parent.parent / "golden" / "matching"
CASES = [case for path in sorted(GOLDEN.glob("*.yml")) for case in yaml.safe_load(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_golden_case(case: dict[str, Any]) -> None:
    sides = [[record(name, **given) for name, given in case[side].items()] for side in ("ours", "theirs")]
    expected = {tuple(None if name == "_" else name for name in key.split()): rule for key, rule in case["expect"].items()}
    assert pairs(run(*sides)) == expected


def test_every_rule_has_a_case() -> None:
    from tollbook.core.matching.ladder import MATCH_NAMES

    assert set(MATCH_NAMES) == {rule for case in CASES for rule in case["expect"].values() if rule}
