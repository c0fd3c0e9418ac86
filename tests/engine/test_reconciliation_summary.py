"""The summary: sums that close, budget per destination, bounds of what is stated, and which leg of a file is compared."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from engine.reconciliation_world import CHANGE, NOON, Call, World, agreement, causes, replace
from tollbook.core.money import CEIL, HALF_EVEN, HALF_UP, INT64_MAX
from tollbook.core.zone import UTC
from tollbook.engine.reconciliation_pairs import STATED, Rules, call_step, rate_nanos, round_calls, stated_terms
from tollbook.engine.reconciliation_prices import NoPrices
from tollbook.engine.reconciliation_reasons import find_reasons
from tollbook.engine.reconciliation_sides import leg_of
from tollbook.engine.reconciliation_summary import Setting, decimal, percent_text, summarize
from tollbook.engine.reconciliation_totals import add_up, largest
from tollbook.formats.report.reconciliation import minute_steps, money_steps, reconciliation_report

GOOD = Call(rate="0.012", billed_s=60, amount="0.012000", code="447", destination="UK Mobile")


def world() -> World:
    made = World()
    made.pair(Call(), GOOD)
    made.pair(Call(at=NOON + 1_000), replace(GOOD, at=NOON + 1_000, rate="0.02", amount="0.02"))
    made.pair(Call(at=NOON + 2_000), replace(GOOD, at=NOON + 2_000, ms=180_000, billed_s=180, amount="0.036"))
    made.ours_alone.append(Call(number="905320000000"))
    made.theirs_alone.append(GOOD)
    made.their_duplicates.append(GOOD)
    made.our_duplicates.append(Call(ms=150_000))
    made.other_block.append(Call(trunk="T9", partner="other"))
    return made


def summary_of(made: World) -> dict[str, object]:
    return summarize(made.run(), Setting(made.terms, UTC, True, software="0"))


def test_it_closes_in_money_and_minutes_and_is_json() -> None:
    summary = json.loads(json.dumps(summary_of(world())))
    money = summary["money"]
    # Ours 3 x 0.012 + 0.02 = 0.056; theirs 0.012 + 0.02 + 0.036 + 0.012 + 0.012 = 0.092.
    assert (money["ours"], money["theirs"], money["difference"]) == ("0.056000", "0.092000", "0.036000")
    assert money["open_60th_nanos"] == "0"
    assert summary["minutes"]["open_ms"] == 0
    assert {each["class"]: each["calls"] for each in summary["classes"]} == {
        "DUPLICATE_THEIRS": 1,
        "DUPLICATE_OURS": 1,
        "MISSING_OURS": 1,
        "MISSING_THEIRS": 1,
        "DURATION_VARIANCE": 1,
        "RATE_VARIANCE": 1,
        "MATCHED": 1,
        "OTHER_BLOCK": 1,
    }


def test_totals_by_destination_day_and_trunk_are_the_whole() -> None:
    totals = add_up(world().run())
    for rows in (totals.destinations, totals.days, totals.trunks):
        assert sum(row["theirs"] - row["ours"] for row in rows) == totals.whole["theirs"] - totals.whole["ours"]
        assert sum(row["our_calls"] for row in rows) == totals.whole["our_calls"]
    assert (totals.files["our_calls"], totals.files["their_calls"]) == (6, 5)


def test_the_largest_of_a_cause_show_both_records() -> None:
    (row,) = largest(world().run())["RATE"]
    assert (row["our_record_no"], row["their_record_no"], row["value"]) == (2, 2, 8_000_000 * 60)


def test_what_their_clock_would_change_is_counted() -> None:
    made = World()
    made.pair(Call(at=CHANGE - 1_000), replace(GOOD, at=CHANGE + 700), offset_ms=1_700)
    made.pair(Call(), GOOD)
    summary = json.loads(json.dumps(summary_of(made)))
    assert summary["clock"]["price_impact"] == {"rows": 1, "periods": 0}
    assert summary["clock"]["notes"] == [
        "By their clock 1 matched calls would be priced by another row of the deck and 0 would fall into another period."
    ]


def test_a_swap_of_equal_files_has_no_difference() -> None:
    made = World()
    made.pair(Call(), GOOD)
    assert summary_of(made)["sentence"] == "Both sides come to the same amount."


def test_the_report_draws_every_cause_once_and_escapes_what_it_shows() -> None:
    made = world()
    made.pair(Call(at=NOON + 9_000), replace(GOOD, at=NOON + 9_000, rate="0.05", amount="0.05", destination="<img src=x onerror=y>"))
    summary = json.loads(json.dumps(summary_of(made)))
    assert [step.label for step in money_steps(summary)][0::6] == ["We expect", "They state"]
    assert sum(step.value for step in money_steps(summary)[1:-1]) == money_steps(summary)[-1].value - money_steps(summary)[0].value
    assert sum(step.value for step in minute_steps(summary)[:-1]) == minute_steps(summary)[-1].value
    page = reconciliation_report(summary)
    assert "<img" not in page
    assert "&lt;img src=x" in page


def test_texts_of_exact_values() -> None:
    assert decimal(-60_000) == "-0.000001"
    assert decimal(30_000) == "0.000001"  # half up
    assert decimal(None) == "0.000000"
    assert percent_text(None) is None


@pytest.mark.parametrize(("mode", "expected"), [(HALF_UP, 100_000 * 60), (HALF_EVEN, 0), (CEIL, 100_000 * 60)])
def test_rounding_per_call(mode: int, expected: int) -> None:
    # Half of the fourth decimal.
    assert round_calls(np.array([50_000 * 60]), call_step(4), mode).tolist() == [expected]
    assert round_calls(np.array([7]), 0, mode).tolist() == [7]


def test_rates_as_written() -> None:
    texts = pa.chunked_array([pa.array(["0.0125", None, "0.00000000001", "x", "0.0125"])])
    assert rate_nanos(texts).to_pylist() == [12_500_000, None, None, None, 12_500_000]


def test_what_does_not_fit_exact_arithmetic_counts_as_not_stated() -> None:
    records = pa.table(
        {
            "their_rate_text": pa.array([None, "999999999"]),
            "their_currency": pa.array([None, "USD"]),
            "their_amount_nanos": pa.array([INT64_MAX, 5]),
            "their_billed_s": pa.array([-1, 10**9]),
        }
    )
    stated = stated_terms(records, Rules(STATED, "USD", 1, 1, HALF_UP))
    assert stated.has_amount.tolist() == [False, True]
    assert stated.has_billed.tolist() == [False, False]
    assert stated.has_rate.tolist() == [False, False]


def test_absurd_figures_are_a_problem_and_no_overflow() -> None:
    made = World()
    made.pair(Call(), replace(GOOD, amount="9000000000", billed_s=10**12))
    found = made.run()
    assert [each.code for each in found.problems()] == ["RECONCILE_STATED_TOO_LARGE"]
    assert causes(found) == {}


def test_no_reasons_are_looked_for_where_nothing_differs() -> None:
    prices = NoPrices()
    units = pa.table({"their_ms": pa.array([1], pa.int64())})
    zeros, no = np.zeros(1, np.int64), np.zeros(1, np.bool_)
    found = find_reasons(units, prices, prices.calls(units, zeros), zeros, no, zeros, zeros, no, no, 1)
    assert found.detail_column().to_pylist() == [None]


@pytest.mark.parametrize(
    ("side", "leg", "legs", "expected"),
    [
        ("OURS", "OUT", {"IN": 5, "OUT": 5}, "OUT"),
        ("THEIRS", "OUT", {"OUT": 5}, "OUT"),  # a mapping names the leg as ours
        ("THEIRS", "OUT", {"IN": 5, "OUT": 5}, "IN"),  # a switch writes both: our OUT is its IN
        ("THEIRS", "IN", {"OUT": 5}, "OUT"),
    ],
)
def test_which_leg_of_a_file_is_compared(side: str, leg: str, legs: dict[str, int], expected: str) -> None:
    assert leg_of(side, leg, legs) == expected


def test_the_budget_looks_at_each_destination() -> None:
    made = World(terms=agreement())
    for number in range(3):
        # 1,000 minutes a call: one destination 30 more, the other 30 less; the totals agree.
        at = NOON + number * 1_000
        made.pair(Call(at=at, ms=60_000_000), replace(GOOD, at=at, ms=60_000_000, billed_s=60_000, rate="0.022", amount="22.0"))
        turkey = Call(number="905320000000", at=at, ms=60_000_000)
        made.pair(turkey, replace(turkey, rate="0.01", billed_s=60_000, amount="10.0"))
    budget = json.loads(json.dumps(summary_of(made)))["budget"]
    assert budget["value_ok"]
    assert budget["outcome"] == "LINES"
    assert [(each["destination"], each["difference"]) for each in budget["failed_lines"]] == [
        ("Turkey", "-30.000000"),
        ("UK Mobile", "30.000000"),
    ]
    assert budget["disputed"] == "30.000000"
