"""The error budget: the worked numbers, the limits, the guard per line."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tollbook.core.agreement import ToleranceTerms
from tollbook.core.budget import ACCEPT, ACCRUE, DISPUTE, LINES, Line, compare, judge, line_limit, percentage

UNIT = 60_000_000_000
ALL = ToleranceTerms()
ANY = ToleranceTerms(logic="ANY")


def units(text: str) -> int:
    return int(Fraction(text) * UNIT)


def test_the_worked_example_fails_under_all_and_passes_under_any() -> None:
    numbers = (43_124_505, 43_239_901, units("51318.16"), units("51430.02"))  # tenths of a minute
    test = compare(ALL, *numbers)
    assert test.quantity_pct is not None
    assert test.value_pct is not None
    assert round(float(test.quantity_pct), 4) == 0.2676
    assert round(float(test.value_pct), 4) == 0.2180
    assert (test.quantity_ok, test.value_ok, test.inside) == (True, False, False)
    assert compare(ANY, *numbers).inside


def test_exactly_the_limit_passes_and_a_hair_more_does_not() -> None:
    assert compare(ALL, 1_000, 1_003, 1_000, 1_002).inside
    assert not compare(ALL, 1_000_000, 1_003_001, 1_000, 1_000).inside
    assert not compare(ALL, 1_000, 1_000, 1_000_000, 1_002_001).inside


def test_nothing_of_ours_against_something_of_theirs_is_beyond_any_limit() -> None:
    assert percentage(0, 1) is None
    assert percentage(0, 0) == 0
    assert not compare(ANY, 0, 1, 0, 1).inside


def one(ours: str, theirs: str, name: str = "Everything") -> Line:
    return Line(name, units(ours), units(theirs))


def minutes(*lines: Line) -> dict[str, tuple[int, int]]:
    return {line.name: (60_000, 60_000) for line in lines}


def test_two_lines_do_not_hide_each_other() -> None:
    # +5 % on one and -5 % on the other: the totals agree to the cent. We pay, so the one that costs us is disputed alone.
    lines = [one("20000", "21000", "A"), one("20000", "19000", "B")]
    verdict = judge(ALL, minutes(*lines), lines, payable=True)
    assert verdict.whole.inside
    assert [guard.line.name for guard in verdict.failed_lines] == ["A", "B"]
    assert (verdict.outcome, verdict.disputed) == (LINES, units("1000"))
    assert judge(ALL, minutes(*lines), lines, payable=False).disputed == units("-1000")


def test_a_failing_line_goes_alone_and_the_rest_is_accepted() -> None:
    lines = [one("10000", "10010", "A"), one("1000", "1100", "B")]
    verdict = judge(ALL, minutes(*lines), lines, payable=True)
    assert not verdict.whole.inside
    assert verdict.rest.inside
    assert (verdict.outcome, verdict.disputed) == (LINES, units("100"))


def test_where_the_rest_fails_too_the_whole_variance_is_disputed() -> None:
    lines = [one("10000", "10100", "A"), one("1000", "1100", "B")]
    assert judge(ALL, minutes(*lines), lines, payable=True).disputed == units("200")
    assert judge(ALL, minutes(*lines), lines, payable=True, basis="EXCESS").disputed == units("178")  # 200 less 0.2 % of 11,000


def test_the_guard_is_the_larger_of_a_percentage_and_an_amount() -> None:
    assert line_limit(ALL, one("100", "0")) == units("25")
    assert line_limit(ALL, one("10000", "0")) == units("200")
    exactly = [one("10000", "10200", "A")]
    assert judge(ALL, minutes(*exactly), exactly, payable=True).failed_lines == ()


def test_under_billing_is_accrued_never_disputed() -> None:
    lines = [one("10000", "9000")]
    assert (judge(ALL, minutes(*lines), lines, payable=True).outcome, judge(ALL, minutes(*lines), lines, payable=False).outcome) == (
        ACCRUE,
        DISPUTE,
    )


amount = st.integers(0, 10**15)


@given(st.lists(st.tuples(amount, amount), min_size=1, max_size=6), st.booleans())
def test_inside_never_disputes_and_outside_always_says_so(pairs: list[tuple[int, int]], payable: bool) -> None:
    lines = [Line(f"L{number}", ours, theirs) for number, (ours, theirs) in enumerate(pairs)]
    verdict = judge(ALL, minutes(*lines), lines, payable=payable)
    if verdict.whole.inside and not verdict.failed_lines:
        assert (verdict.outcome, verdict.disputed) == (ACCEPT, 0)
    else:
        assert verdict.outcome in (LINES, DISPUTE, ACCRUE)
    if payable:
        assert verdict.disputed >= 0
    else:
        assert verdict.disputed <= 0
