"""What makes up a disputed amount: every class of the comparison once, so that the lines add up to it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tollbook.web.dispute import beside, net_of

MICRO = 60_000
CLASSES = [
    {"class": "DURATION_VARIANCE", "exact_60th_nanos": str(52_240_000 * MICRO)},
    {"class": "MISSING_THEIRS", "exact_60th_nanos": str(-30_950_000 * MICRO)},
    {"class": "ROUNDING", "exact_60th_nanos": str(-6_176_600 * MICRO)},
    {"class": "OTHER_BLOCK", "exact_60th_nanos": "0"},
]


def _case(cause: str, at_risk: int) -> Any:
    return SimpleNamespace(cause=cause, amount_micros=at_risk, run=SimpleNamespace(summary={"classes": CLASSES}))


def test_the_lines_add_up_to_what_is_disputed() -> None:
    # 52.24 - 30.95 - 6.1766 = 15.1134, disputed in cents as 15.11: at risk is 52.42, since what is to our advantage does not count there.
    case, row = _case("DURATION_VARIANCE", 52_420_000), SimpleNamespace(disputed_micros=15_110_000)
    found = beside(row, [case])  # type: ignore[arg-type]
    assert net_of(case) == 52_240_000
    assert found == {"other_classes": [("MISSING_THEIRS", -30_950_000), ("ROUNDING", -6_176_600)], "rounded_by": -3_400}
    assert net_of(case) + sum(net for _, net in found["other_classes"]) + found["rounded_by"] == row.disputed_micros


def test_without_exceptions_nothing_is_claimed_about_it() -> None:
    assert beside(SimpleNamespace(disputed_micros=1), []) == {"other_classes": [], "rounded_by": 0}  # type: ignore[arg-type]


def test_a_class_the_run_does_not_know_is_worth_what_is_at_risk() -> None:
    assert net_of(_case("FEE", 70)) == 70
