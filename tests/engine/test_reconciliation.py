"""Planted differences of known value are found in their own cause, with their own value, and nothing else is accused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.reconciliation_world import CHANGE, NOON, Call, RoundAt, World, agreement, causes, classes, deck, details, replace
from tollbook.core.cdr import MATCH, VARIANCE
from tollbook.core.reconciliation import CAUSES, CLASSES

GOOD = Call(rate="0.012", billed_s=60, amount="0.012000", code="447", destination="UK Mobile")


def total(world: World) -> Fraction:
    """Theirs less ours in money, as the records state it, by hand: amounts of theirs less 0.012 per minute of ours."""
    return sum(causes(world.run()).values(), Fraction(0))


def test_equal_records_have_no_difference() -> None:
    world = World()
    world.pair(Call(), GOOD)
    found = world.run()
    assert causes(found) == {}
    assert classes(found) == ["MATCHED"]
    assert found.variances().num_rows == 0


def test_the_worked_example() -> None:
    world = World()
    world.pair(Call(ms=61_200), Call(ms=62_900, rate="0.0125", billed_s=66, amount="0.0138"))
    found = world.run()
    assert causes(found) == {
        "DURATION": Fraction("0.000200"),
        "INCREMENT": Fraction("0.000600"),
        "RATE": Fraction("0.000550"),
        "ROUNDING": Fraction("0.000050"),
    }
    assert classes(found) == ["INCREMENT_VARIANCE"]


def test_an_increase_applied_early_is_a_matter_of_rate_and_says_so() -> None:
    world = World()
    early = CHANGE - 240_000
    world.pair(Call(at=early), replace(GOOD, at=early, rate="0.015", amount="0.015"))
    found = world.run()
    assert causes(found) == {"RATE": Fraction("0.003")}
    assert classes(found) == ["RATE_VARIANCE"]
    assert details(found) == ["the increase effective from 2026-03-10 13:00:00 UTC, applied early"]


def test_an_old_price_kept_after_an_increase() -> None:
    world = World()
    world.pair(Call(at=CHANGE), replace(GOOD, at=CHANGE))
    found = world.run()
    assert causes(found) == {"RATE": Fraction("-0.003")}
    assert details(found) == ["the price before the increase of 2026-03-10 13:00:00 UTC, kept after it"]


def test_a_price_by_their_clock_is_a_time_shift() -> None:
    # Answered 1 s before the change; their clock runs 1.7 s ahead and reads the new price.
    world = World()
    world.pair(Call(at=CHANGE - 1_000), replace(GOOD, at=CHANGE + 700, rate="0.015", amount="0.015"), offset_ms=1_700)
    found = world.run()
    assert causes(found) == {"TIME_SHIFT": Fraction("0.003")}
    assert classes(found) == ["TIME_SHIFT"]


def test_their_clock_after_it_was_set_back_is_read_as_they_meant_it() -> None:
    # The same, but after their clock fell back an hour: the local time came twice and is sealed as the first, an hour before.
    world = World()
    sealed = CHANGE + 700 - 3_600_000
    shifted = replace(GOOD, at=sealed, rate="0.015", amount="0.015", time_quality="AMBIGUOUS_LOCAL")
    world.pair(Call(at=CHANGE - 1_000), shifted, offset_ms=-3_598_300)
    found = world.run()
    assert causes(found) == {"TIME_SHIFT": Fraction("0.003")}
    assert classes(found) == ["TIME_SHIFT"]


def test_another_increment() -> None:
    # 6 s at 0.02 is 0.002 on our 1/1 and 0.02 on their 60/60.
    world = World()
    world.pair(Call(number="905320000000", ms=6_000), Call(number="905320000000", ms=6_000, rate="0.02", billed_s=60, amount="0.02"))
    found = world.run()
    assert causes(found) == {"INCREMENT": Fraction("0.018")}
    assert classes(found) == ["INCREMENT_VARIANCE"]


def test_a_duration_within_tolerance_is_no_difference_of_increments() -> None:
    # Ours 60.9 s, theirs 61 whole seconds and 61 s billed: nothing to argue about but one second.
    world = World()
    world.pair(Call(ms=59_900), Call(ms=61_000, rate="0.012", billed_s=61, amount="0.0122"))
    found = world.run()
    assert causes(found) == {"DURATION": Fraction("0.0002")}
    assert classes(found) == ["MATCHED"]


def test_a_destination_they_name() -> None:
    world = World()
    world.pair(Call(), replace(GOOD, rate="0.03", amount="0.03", code="4479", destination="UK Special"))
    found = world.run()
    assert causes(found) == {"DESTINATION": Fraction("0.018")}
    assert classes(found) == ["DESTINATION_MISMATCH"]
    assert details(found) == ["rated as code 4479, UK Special; ours is 447, UK Mobile"]


def test_a_destination_they_name_by_a_third_price_is_split() -> None:
    # Rated as 4479 (0.03 in our deck) but at 0.04: 0.018 is the destination, 0.010 the rate.
    world = World()
    world.pair(Call(), replace(GOOD, rate="0.04", amount="0.04", code="4479", destination="UK Special"))
    found = world.run()
    assert causes(found) == {"DESTINATION": Fraction("0.018"), "RATE": Fraction("0.010")}
    assert classes(found) == ["DESTINATION_MISMATCH"]


def test_a_destination_named_without_a_code() -> None:
    world = World()
    world.pair(Call(), replace(GOOD, rate="0.03", amount="0.03", code=None, destination="UK Special"))
    assert causes(world.run()) == {"DESTINATION": Fraction("0.018")}


def test_the_price_of_a_shorter_code_is_a_missed_breakout() -> None:
    world = World()
    world.pair(Call(), Call(rate="0.005", billed_s=60, amount="0.005"))
    found = world.run()
    assert causes(found) == {"DESTINATION": Fraction("-0.007")}
    assert details(found) == ["the price of the shorter code 44, UK Fixed; ours is 447, UK Mobile"]


def test_the_other_increment_of_the_other_code_belongs_to_the_destination() -> None:
    # France is 30/6: rated as 33, a call of 5 s bills 30 s at 0.007.
    world = World()
    world.pair(Call(ms=5_000), Call(ms=5_000, rate="0.007", billed_s=30, amount="0.0035", code="33", destination="France"))
    found = world.run()
    assert causes(found) == {"DESTINATION": Fraction("0.0035") - Fraction("0.001")}
    assert classes(found) == ["DESTINATION_MISMATCH"]


def test_another_code_of_the_same_price_is_no_difference() -> None:
    world = World()
    world.pair(Call(), replace(GOOD, code="44770"))
    assert classes(world.run()) == ["MATCHED"]


def test_a_price_of_nowhere_stays_a_matter_of_rate_without_a_reason() -> None:
    world = World()
    world.pair(Call(), replace(GOOD, rate="0.0133", amount="0.0133"))
    found = world.run()
    assert causes(found) == {"RATE": Fraction("0.0013")}
    assert details(found) == [None]


def test_duplicates_and_missing_records_carry_their_amounts() -> None:
    world = World()
    world.pair(Call(), GOOD)
    world.their_duplicates.append(GOOD)
    world.our_duplicates.append(Call(ms=150_000))
    world.theirs_alone.append(replace(GOOD, ms=30_000, amount="0.006"))
    world.ours_alone.append(Call(ms=120_000))
    world.other_block.append(Call(trunk="C-IC07", partner="other", ms=45_000))
    found = world.run()
    assert causes(found) == {"DUPLICATE_THEIRS": Fraction("0.012"), "MISSING_OURS": Fraction("0.006"), "MISSING_THEIRS": Fraction("-0.024")}
    minutes = dict(found.connection.execute("SELECT cause, sum(minutes_ms)::BIGINT FROM r_variances GROUP BY cause").fetchall())
    assert minutes == {
        "DUPLICATE_THEIRS": 60_000,
        "DUPLICATE_OURS": -150_000,
        "MISSING_OURS": 30_000,
        "MISSING_THEIRS": -120_000,
        "OTHER_BLOCK": -45_000,
    }
    named = found.connection.execute("SELECT class, trunk FROM r_alone WHERE class = 'OTHER_BLOCK'").fetchall()
    assert named == [("OTHER_BLOCK", "C-IC07")]


def test_records_of_no_length_are_a_group_of_their_own() -> None:
    world = World()
    world.ours_alone += [Call(ms=0), Call(ms=0, answered=False), Call(ms=1_000)]
    found = world.run()
    assert [row[0] for row in found.connection.execute("SELECT reason FROM r_alone ORDER BY cdr_id").fetchall()] == [
        "ZERO_DURATION",
        "UNANSWERED",
        "MISSING_THEIRS",
    ]
    assert found.matches().column("flags").to_pylist() == ["ZERO_DURATION", "UNANSWERED", None]


def test_one_side_answered_takes_the_whole_difference() -> None:
    world = World()
    world.pair(Call(ms=0, answered=False), replace(GOOD, ms=60_000))
    found = world.run()
    assert causes(found) == {"ANSWER_MISMATCH": Fraction("0.012")}
    assert classes(found) == ["ANSWER_MISMATCH"]


def test_a_long_call_at_one_side_is_duration_at_our_price() -> None:
    world = World()
    world.pair(Call(), replace(GOOD, ms=180_000, billed_s=180, amount="0.036"))
    found = world.run()
    assert causes(found) == {"DURATION": Fraction("0.024")}
    assert classes(found) == ["DURATION_VARIANCE"]


def test_another_currency_is_kept_out_of_the_sum_and_named() -> None:
    world = World()
    world.pair(Call(), replace(GOOD, currency="EUR"))
    found = world.run()
    assert causes(found) == {"FX": Fraction("-0.012")}
    assert classes(found) == ["CURRENCY_MISMATCH"]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"rate": None}, {}),
        ({"billed_s": None}, {}),
        ({"billed_s": None, "amount": "0.0132"}, {"INCREMENT": Fraction("0.0012")}),  # math: 0.0132 at 0.0120 a minute are 66 s
        ({"billed_s": None, "amount": "0.01321"}, {"UNEXPLAINED": Fraction("0.00121")}),  # no number of seconds costs that
        ({"billed_s": None, "amount": "0.2"}, {"UNEXPLAINED": Fraction("0.188")}),  # math: 1,000 s, and no increment is 940 s
        ({"amount": None}, {}),
        ({"rate": None, "billed_s": None}, {}),
        ({"rate": None, "amount": "0.015"}, {"RATE": Fraction("0.003")}),
        ({"amount": None, "rate": "0.015"}, {"RATE": Fraction("0.003")}),
        ({"rate": None, "amount": "0.0124"}, {"RATE": Fraction("0.0004")}),
    ],
)  # fmt: skip
def test_what_is_not_stated_is_implied(missing: dict[str, str | None], expected: dict[str, Fraction]) -> None:
    world = World()
    world.pair(Call(), GOOD)
    world.pair(Call(at=NOON + 1_000), replace(GOOD, at=NOON + 1_000, code=None, destination=None, **missing))
    assert causes(world.run()) == expected


def test_an_amount_alone_is_tested_to_its_last_digit() -> None:
    # Printed with 4 decimals, 0.0121 may be 0.0120 to 0.0122: the rate is ours, the rest is rounding.
    world = World()
    world.pair(Call(), Call(amount="0.0121"))
    found = world.run()
    assert causes(found) == {"ROUNDING": Fraction("0.0001")}
    assert classes(found) == ["ROUNDING"]


def test_an_amount_that_is_not_rate_times_seconds_is_unexplained_and_no_match() -> None:
    world = World()
    world.pair(Call(), replace(GOOD, amount="0.020000"))
    found = world.run()
    assert causes(found) == {"UNEXPLAINED": Fraction("0.008")}
    assert classes(found) == ["RATE_VARIANCE"]


def test_a_record_without_an_amount_among_others_that_have_one_is_not_invented() -> None:
    world = World()
    world.pair(Call(), GOOD)
    world.pair(Call(at=NOON + 1_000), Call(at=NOON + 1_000))
    assert causes(world.run()) == {"UNEXPLAINED": Fraction("-0.012")}


def test_a_file_without_money_is_valued_at_our_prices() -> None:
    world = World()
    world.pair(Call(), Call(ms=180_000))
    world.theirs_alone.append(Call(ms=30_000))
    found = world.run()
    assert found.basis == "OUR_PRICES"
    assert causes(found) == {"DURATION": Fraction("0.024"), "MISSING_OURS": Fraction("0.006")}


def test_without_a_deck_there_are_minutes_alone() -> None:
    world = World(with_prices=False)
    world.pair(Call(), replace(GOOD, ms=180_000))
    found = world.run()
    assert found.basis == "MINUTES_ONLY"
    assert found.connection.execute("SELECT cause, minutes_ms FROM r_variances").fetchall() == [("DURATION", 120_000)]


def test_rounding_per_call_on_both_sides_is_no_difference() -> None:
    # 6.25 s would be 0.00125; 7 s at 0.012 is 0.0014. 5 s at 0.015 is 0.00125, half up at 4 decimals 0.0013 on both sides.
    world = World(terms=agreement(round_at=RoundAt("CALL", 4)))
    world.pair(Call(at=CHANGE, ms=5_000), Call(at=CHANGE, ms=5_000, rate="0.015", billed_s=5, amount="0.0013"))
    world.pair(Call(at=CHANGE + 9, ms=5_000), Call(at=CHANGE + 9, ms=5_000, rate="0.015", billed_s=5, amount="0.0012"))
    found = world.run()
    assert causes(found) == {"ROUNDING": Fraction("-0.0001")}
    assert classes(found) == ["MATCHED", "ROUNDING"]


def test_a_number_our_deck_cannot_price_is_a_rate_they_have_and_we_do_not() -> None:
    world = World()
    world.pair(Call(number="99912345678"), replace(GOOD, number="99912345678", code=None, destination=None))
    found = world.run()
    assert causes(found) == {"RATE": Fraction("0.012")}
    assert classes(found) == ["RATE_VARIANCE"]


def test_a_call_over_the_month_is_flagged_and_still_classified() -> None:
    edge = NOON + 21 * 86_400_000 + 12 * 3_600_000 - 1_000  # one second before April, UTC
    world = World()
    world.pair(replace(Call(), at=edge), replace(GOOD, at=edge + 2_000, rate="0.015", amount="0.015"), offset_ms=2_000)
    found = world.run()
    assert found.matches().column("flags").to_pylist() == ["BOUNDARY"]
    assert classes(found) == ["MATCHED"]


def test_one_record_against_several_is_compared_as_a_sum() -> None:
    world = World()
    world.pair(Call(ms=60_000), Call(ms=120_000, rate="0.012", billed_s=120, amount="0.024"), group_no=1, rule="R11")
    found_one = world.run()
    assert causes(found_one) == {"DURATION": Fraction("0.012")}
    whole = World()
    whole.pair(Call(ms=60_000), Call(ms=120_000, rate="0.012", billed_s=120, amount="0.024"), group_no=1, rule="R11")
    whole.pair(Call(at=NOON + 60_000), Call(at=NOON + 60_000), group_no=1, rule="R11", their_cdr_id=b"T" + bytes(15))
    # The second row names the same record of theirs: two of ours make one of theirs.
    found = whole.run()
    assert found.connection.execute("SELECT our_calls, their_calls, our_ms, their_ms FROM r_pairs").fetchall() == [(2, 1, 120_000, 120_000)]
    assert {row["class"] for row in found.matches().to_pylist() if row["our_cdr_id"]} == {"MATCHED"}


def test_the_tables_have_the_settled_schemas_and_unique_keys() -> None:
    world = World()
    world.pair(Call(ms=61_200), Call(ms=62_900, rate="0.0125", billed_s=66, amount="0.0138"))
    world.ours_alone.append(Call())
    world.theirs_alone.append(GOOD)
    found = world.run()
    assert found.matches().schema.equals(MATCH)
    assert found.variances().schema.equals(VARIANCE)
    keys = [(row["our_cdr_id"], row["their_cdr_id"], row["cause"]) for row in found.variances().to_pylist()]
    assert len(keys) == len(set(keys))


calls = st.builds(
    Call,
    number=st.sampled_from(["447700900123", "44207946000", "4479000", "33612345678", "905320000000", "7999"]),
    at=st.integers(CHANGE - 100_000, CHANGE + 100_000),
    ms=st.integers(0, 200_000),
    rate=st.sampled_from([None, "0.012", "0.015", "0.03", "0.0077"]),
    billed_s=st.one_of(st.none(), st.integers(0, 240)),
    amount=st.one_of(st.none(), st.integers(0, 10**6).map(lambda micros: f"0.{micros:06d}")),
    code=st.sampled_from([None, "44", "447", "4479", "86"]),
    destination=st.sampled_from([None, "UK Mobile", "UK Special", "Elsewhere"]),
)
plain_calls = calls.map(lambda call: replace(call, rate=None, billed_s=None, amount=None, code=None, destination=None))


@settings(max_examples=40)
@given(st.lists(st.tuples(plain_calls, calls), max_size=4), st.lists(plain_calls, max_size=3), st.lists(calls, max_size=3))
def test_the_causes_add_up_and_nothing_is_left_out(pairs: list[tuple[Call, Call]], ours: list[Call], theirs: list[Call]) -> None:
    world = World(ours_alone=ours, theirs_alone=theirs)
    for one, other in pairs:
        world.pair(one, replace(other, number=one.number))
    found = world.run()
    query = found.connection.execute
    assert {row[0] for row in query("SELECT cause FROM r_variances").fetchall()} <= set(CAUSES)
    assert {row[0] for row in query("SELECT class FROM r_pairs UNION SELECT class FROM r_alone").fetchall()} <= set(CLASSES)
    ours_value = query("SELECT coalesce(sum(value), 0)::VARCHAR FROM r_charges").fetchall()[0][0]
    theirs_value = query(
        "SELECT (coalesce((SELECT sum(their_value) FROM r_pairs), 0)"
        " + coalesce((SELECT sum(value) FROM r_alone WHERE at_side = 'THEIRS'), 0))::VARCHAR"
    ).fetchall()[0][0]
    split = query("SELECT coalesce(sum(value), 0)::VARCHAR, coalesce(sum(minutes_ms), 0)::BIGINT FROM r_variances").fetchall()[0]
    assert int(split[0]) == int(theirs_value) - int(ours_value)
    their_ms = sum(pair[1].ms for pair in pairs) + sum(call.ms for call in theirs)
    assert split[1] == their_ms - sum(pair[0].ms for pair in pairs) - sum(call.ms for call in ours)
    rows = found.matches()
    named = [*rows.column("our_cdr_id").drop_null().to_pylist(), *rows.column("their_cdr_id").drop_null().to_pylist()]
    assert len(named) == len(set(named)) == 2 * len(pairs) + len(ours) + len(theirs)


def test_an_empty_comparison_is_a_comparison() -> None:
    found = World().run()
    assert causes(found) == {}
    assert found.matches().num_rows == 0


def test_two_versions_of_the_deck_are_not_needed_to_find_the_deck() -> None:
    world = World(versions=deck([("44", "UK", 5_000_000, 1, 1, 0)]))
    world.pair(Call(), Call(rate="0.006", billed_s=60, amount="0.006"))
    assert causes(world.run()) == {"RATE": Fraction("0.001")}
