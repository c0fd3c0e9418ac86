"""Zones: the walk in steps finds every change that a walk by days finds."""

from __future__ import annotations

import pytest

from tollbook.core import zone


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["Africa/Cairo", "Africa/Casablanca", "America/Argentina/San_Luis", "Antarctica/Troll", "Asia/Gaza", "Pacific/Apia"]
)
def test_no_change_hides_within_a_step(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # These changed most often, or back soonest, since 1990.
    found = zone.find_zone(name)
    monkeypatch.setattr(zone, "WALK_S", 86_400)
    assert zone.find_zone.__wrapped__(name) == found
