"""Classes and the split of one pair's difference."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tollbook.core.exception import KIND_OF_CLASS, KINDS, kind_of
from tollbook.core.reconciliation import (
    CAUSES,
    CLASSES,
    EXPLAINED_BY_DESTINATION,
    EXPLAINED_BY_NOTHING,
    EXPLAINED_BY_TIME,
    EXPLAINED_BY_VERSION,
    MIRROR,
    amount_fits,
    classify_pair,
    decompose,
    durations_differ,
    implied_rate,
)

UNIT = 60_000_000_000  # one currency unit in 1/60 nanos
amounts = st.integers(-(10**17), 10**17)


def usage(seconds: int, rate_text_nanos: int) -> int:
    """Rate x seconds in 1/60 nanos: what the closed formula says without connect fees."""
    return seconds * rate_text_nanos


def test_the_worked_example_splits_into_its_causes() -> None:
    # Ours 61.2 s on 1/1 at 0.0120 is 62 s; theirs 62.9 s is 63 s on 1/1 and 66 s on their 30/6, at 0.0125, stated 0.0138.
    ours = usage(62, 12_000_000)
    parts = decompose(
        ours, ours, usage(63, 12_000_000), usage(63, 12_000_000), usage(66, 12_000_000), usage(66, 12_500_000), 13_800_000 * 60
    )
    assert [part // 60 for part in parts] == [200_000, 0, 600_000, 550_000, 50_000]  # nanos: 0.000200, 0.000600, 0.000550, 0.000050
    assert sum(parts) == 13_800_000 * 60 - ours == 1_400_000 * 60


@given(st.lists(amounts, min_size=7, max_size=7))
def test_the_parts_of_a_pair_add_up_to_its_difference(prices: list[int]) -> None:
    assert sum(decompose(*prices)) == prices[6] - prices[0]


def test_two_sides_that_round_alike_have_no_difference() -> None:
    # 6.25 s at 0.0120 is 0.00125; at 4 decimals half up both sides say 0.0013.
    exact, stated = 1_250_000 * 60, 1_300_000 * 60
    assert decompose(stated, exact, exact, exact, exact, exact, stated) == (0, 0, 0, 0, 0)
    # Half even on their side says 0.0012: the whole difference is rounding.
    assert decompose(stated, exact, exact, exact, exact, exact, 1_200_000 * 60) == (0, 0, 0, 0, -100_000 * 60)


@given(st.lists(amounts, min_size=5, max_size=5))
def test_walking_back_from_theirs_to_ours_negates_every_part(prices: list[int]) -> None:
    # Both sides state their exact charge here; the steps are then taken in the opposite order.
    there = decompose(prices[0], *prices, prices[4])
    back = decompose(prices[4], *reversed(prices), prices[0])
    assert back[:4] == tuple(-part for part in reversed(there[:4]))
    assert there[4] == back[4] == 0


def test_duration_limits_are_inclusive_and_take_the_longer_call() -> None:
    assert not durations_differ(10_000, 12_000)  # exactly 2 s
    assert durations_differ(10_000, 12_001)
    assert not durations_differ(297_000, 300_000)  # exactly 1 % of the longer, 1.01 % of the shorter
    assert durations_differ(296_999, 300_000)
    assert durations_differ(0, 2_001)


def classify(**changes: object) -> str:
    given_values: dict[str, object] = {
        "one_answered": False,
        "explained_by": EXPLAINED_BY_NOTHING,
        "currency_differs": False,
        "duration_differs": False,
        "billed_differs": False,
        "rate_differs": False,
        "residual_60th_nanos": 0,
        "band_60th_nanos": 60_000,
    }
    return CLASSES[classify_pair(**(given_values | changes))]  # type: ignore[arg-type]


def test_a_pair_gets_the_first_class_that_applies() -> None:
    worst = {
        "one_answered": True,
        "explained_by": EXPLAINED_BY_TIME,
        "currency_differs": True,
        "duration_differs": True,
        "billed_differs": True,
        "rate_differs": True,
        "residual_60th_nanos": 60_001,
    }
    assert classify(**worst) == "ANSWER_MISMATCH"
    assert classify(**worst | {"one_answered": False}) == "TIME_SHIFT"
    worst |= {"one_answered": False, "explained_by": EXPLAINED_BY_DESTINATION}
    assert classify(**worst) == "CURRENCY_MISMATCH"
    assert classify(**worst | {"currency_differs": False}) == "DESTINATION_MISMATCH"
    worst |= {"currency_differs": False, "explained_by": EXPLAINED_BY_VERSION}
    assert classify(**worst) == "DURATION_VARIANCE"
    assert classify(**worst | {"duration_differs": False}) == "INCREMENT_VARIANCE"
    assert classify(**worst | {"duration_differs": False, "billed_differs": False}) == "RATE_VARIANCE"
    assert classify(residual_60th_nanos=60_000) == "ROUNDING"
    assert classify(residual_60th_nanos=-60_000) == "ROUNDING"
    assert classify() == "MATCHED"


def test_a_residual_beyond_the_band_is_never_called_a_match() -> None:
    assert classify(residual_60th_nanos=60_001) == "RATE_VARIANCE"


@given(
    st.tuples(
        *(st.booleans(), st.integers(0, 3), st.booleans(), st.booleans()),
        *(st.booleans(), st.booleans(), amounts, st.integers(0, 10**12)),
    )
)
def test_nothing_is_left_without_a_class(arguments: tuple[bool, int, bool, bool, bool, bool, int, int]) -> None:
    assert 0 <= classify_pair(*arguments) < len(CLASSES)


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.booleans(), amounts, st.integers(0, 10**12))
def test_a_pair_without_an_explanation_keeps_its_class_when_the_sides_swap(
    ours: int, theirs: int, rate: bool, residual: int, band: int
) -> None:
    there = classify_pair(False, EXPLAINED_BY_NOTHING, False, durations_differ(ours, theirs), False, rate, residual, band)
    assert there == classify_pair(False, EXPLAINED_BY_NOTHING, False, durations_differ(theirs, ours), False, rate, -residual, band)


def test_the_lists_are_closed_and_mirrored() -> None:
    assert len(set(CLASSES)) == len(CLASSES) == 13
    assert len(set(CAUSES)) == len(CAUSES)
    assert all(MIRROR[MIRROR[name]] == name for name in MIRROR)
    assert set(KIND_OF_CLASS) == set(CLASSES) - {"ROUNDING", "MATCHED"}
    assert set(KIND_OF_CLASS.values()) <= set(KINDS)


def test_evidence_of_fraud_changes_the_desk_and_nothing_else() -> None:
    assert kind_of("DURATION_VARIANCE") == "QUALITY"
    assert kind_of("DURATION_VARIANCE", fraud_flag=True) == "FRAUD"
    assert kind_of("MATCHED", fraud_flag=True) is None


def test_an_amount_without_a_rate_is_tested_as_an_interval() -> None:
    # 62 s at 0.0120 is 0.0124 exactly; printed with 4 decimals the amount may be 0.0123 to 0.0125.
    price, unit = 62 * 12_000_000, 100_000 * 60
    assert amount_fits(12_300_000 * 60, price, unit)
    assert amount_fits(12_500_000 * 60, price, unit)
    assert not amount_fits(12_500_001 * 60, price, unit)


def test_the_implied_rate_is_amount_over_minutes_rounded_half_up() -> None:
    assert implied_rate(12_400_000 * 60, 62) == 12_000_000
    assert implied_rate(5, 2) == 3
    assert implied_rate(-5, 2) == -3
    assert implied_rate(UNIT, 0) == 0
