"""The golden cases of tests/golden/reconciliation: one pair each, its class and the split of its difference."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.reconciliation_world import CHANGE, NOON, Call, World, causes, classes

CASES = yaml.safe_load((Path(__file__).parent.parent / "golden" / "reconciliation" / "parts.yml").read_text(encoding="utf-8"))


def call(given: dict[str, Any]) -> Call:
    values = dict(given)
    before = values.pop("before_change_s", None)
    return Call(at=NOON if before is None else CHANGE - before * 1000, **values)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_golden(case: dict[str, Any]) -> None:
    world = World()
    world.pair(call(case["ours"]), call(case["theirs"]))
    found = world.run()
    expected = dict(case["expect"])
    assert classes(found) == [expected.pop("class")]
    assert causes(found) == {cause: Fraction(value) for cause, value in expected.items()}


def test_every_case_shows_its_arithmetic_and_its_source() -> None:
    assert all(case["math"] and case["source"] for case in CASES)
    assert len({case["id"] for case in CASES}) == len(CASES)
