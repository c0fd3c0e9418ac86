"""The difference between Aurora's bill and Boreal's own charge, from the true pairs, split by cause in exact integers.

Per pair, in this order: their seconds instead of ours, their increments, their rate, and what is left, their rounding less ours:
    DURATION  P(d_t, inc_o, r_o) - P(d_o, inc_o, r_o)      INCREMENT  P(d_t, inc_t, r_o) - P(d_t, inc_o, r_o)
    RATE      P(d_t, inc_t, r_t) - P(d_t, inc_t, r_o)      ROUNDING   amount_t - P(d_t, inc_t, r_t) - (amount_o - P(d_o, inc_o, r_o))
The amounts are those of the calls, rounded as the contract says, so the steps of a pair add up to amount_t - amount_o. The third
step is DESTINATION where they used another code, TIME_SHIFT where the two clocks read the deck on different sides of its change, else
RATE.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from oracle.billing import Billed
from oracle.lab import Lab, aurora_ms, ours_ms, utc_ms
from oracle.pricing import PER_MICRO, Deck, billed_seconds, micros, up_to_second

SUPPLIER_TRUNK = "B-IC01"


@dataclass
class Expected:
    """Money by cause in 1/60 nanos, milliseconds by group, pairs by class, planted values, and the lab's own counts."""

    money: Counter[str] = field(default_factory=Counter)
    minutes: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)
    planted: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def compare(lab: Lab, deck: Deck, billed: list[Billed]) -> Expected:
    """The whole expected outcome of the payable reconciliation."""
    expected = Expected()
    by_id = {each.record["cdr_id"]: each for each in billed}
    first_rows = set()
    for pair in lab.truth:
        ours, theirs = lab.ours.get(pair["a_cdr_id"]), by_id.get(pair["b_cdr_id"])
        first_rows.add(pair["a_cdr_id"])
        if ours and theirs:
            compare_pair(ours, theirs, deck, expected)
            expected.faults[pair["cause"]]["pairs"] += 1
        elif ours:
            only_ours(ours, deck, expected)
            expected.faults[pair["cause"]]["only_ours"] += 1
        elif theirs:
            group(expected, "MISSING_OURS", theirs.amount_micros * PER_MICRO, theirs.seconds * 1000)
            plant(expected, theirs, theirs.exact - right_price(theirs, deck), pair=False)
            expected.faults[pair["cause"]]["only_theirs"] += 1
    phantoms(lab, first_rows, expected)
    for each in billed:
        if each.planted == "duplicated_calls":
            group(expected, "DUPLICATE_THEIRS", each.amount_micros * PER_MICRO, each.seconds * 1000)
            plant(expected, each, each.amount_micros * PER_MICRO, pair=True)
    totals(lab, billed, expected)
    return expected


def compare_pair(ours: dict[str, str], theirs: Billed, deck: Deck, expected: Expected) -> None:
    our_row = deck.price(ours["dst_number"], utc_ms(ours["start_time"]))
    our_ms, their_s = ours_ms(ours), theirs.seconds
    charge = our_row.nanos * billed_seconds(up_to_second(our_ms), our_row.minimum, our_row.step)
    our_billed = billed_seconds(their_s, our_row.minimum, our_row.step)
    expected.totals["ours_60th_nanos"] += charge
    expected.totals["ours_micros"] += micros(charge)
    expected.records["PAIRS"] += 1
    if answered(our_ms, ours["start_time"], ours["end_time"]) != answered(their_s, *local_times(theirs)):
        group(expected, "ANSWER_MISMATCH", (theirs.amount_micros - micros(charge)) * PER_MICRO, their_s * 1000 - our_ms)
        expected.classes["ANSWER_MISMATCH"] += 1
        return
    steps = {
        "DURATION": our_row.nanos * our_billed - charge,
        "INCREMENT": our_row.nanos * (theirs.billed_s - our_billed),
        rate_cause(ours, theirs, our_row.code, deck): (theirs.used.nanos - our_row.nanos) * theirs.billed_s,
        "ROUNDING": theirs.amount_micros * PER_MICRO - theirs.exact - (micros(charge) * PER_MICRO - charge),
    }
    expected.money.update(steps)
    expected.minutes["PAIRS"] += their_s * 1000 - our_ms
    kind = pair_class(steps, our_ms, their_s * 1000, theirs.billed_s != our_billed)
    expected.classes[kind] += 1
    if theirs.planted == "other_increment":
        plant(expected, theirs, steps["INCREMENT"], pair=True)
    elif theirs.planted:
        plant(expected, theirs, steps.get("RATE", 0) + steps.get("DESTINATION", 0), pair=True)


def local_times(theirs: Billed) -> tuple[str, str]:
    return theirs.record["connect_ts"], theirs.record["release_ts"]


def answered(duration: int, start: str, end: str) -> bool:
    """A record of an answered call lasts some time, by its duration or by its clock."""
    return duration > 0 or start < end


def rate_cause(ours: dict[str, str], theirs: Billed, our_code: str, deck: Deck) -> str:
    """Why their rate is not ours. Their own clock is asked first, as the classes are tested in that order."""
    at_their_clock = deck.at(our_code, aurora_ms(theirs.record["connect_ts"]))
    at_our_clock = deck.at(our_code, utc_ms(ours["start_time"]))
    if at_their_clock.nanos != at_our_clock.nanos and at_their_clock.nanos == theirs.used.nanos:
        return "TIME_SHIFT"
    return "DESTINATION" if theirs.used.code != our_code else "RATE"


def pair_class(steps: dict[str, int], our_ms: int, their_ms: int, billed_differs: bool) -> str:
    """The one class of a pair: the first that applies. More than 2 s and more than 1 % of the longer call is a difference of duration."""
    if steps.get("TIME_SHIFT"):
        return "TIME_SHIFT"
    if "DESTINATION" in steps:
        return "DESTINATION_MISMATCH"
    apart = abs(their_ms - our_ms)
    if apart > 2000 and 100 * apart > max(our_ms, their_ms):
        return "DURATION_VARIANCE"
    if billed_differs:
        return "INCREMENT_VARIANCE"
    if steps.get("RATE"):
        return "RATE_VARIANCE"
    return "ROUNDING" if steps["ROUNDING"] else "MATCHED"


def right_price(theirs: Billed, deck: Deck) -> int:
    """What a call that only Aurora has costs by the deck at Aurora's own clock and seconds."""
    row = deck.price(theirs.record["b_number"], aurora_ms(theirs.record["connect_ts"]))
    return row.nanos * billed_seconds(theirs.seconds, row.minimum, row.step)


def only_ours(ours: dict[str, str], deck: Deck, expected: Expected) -> None:
    if ours["dst_trunk"] != SUPPLIER_TRUNK:
        expected.records["OTHER_BLOCK"] += 1
        expected.totals["other_block_ms"] += ours_ms(ours)
        return
    row = deck.price(ours["dst_number"], utc_ms(ours["start_time"]))
    charge = row.nanos * billed_seconds(up_to_second(ours_ms(ours)), row.minimum, row.step)
    group(expected, "MISSING_THEIRS", -micros(charge) * PER_MICRO, -ours_ms(ours))
    expected.totals["ours_60th_nanos"] += charge
    expected.totals["ours_micros"] += micros(charge)
    if ours_ms(ours) == 0:
        expected.records["MISSING_THEIRS_ZERO_SECONDS"] += 1


def phantoms(lab: Lab, first_rows: set[str], expected: Expected) -> None:
    """Second records A wrote after a restart. They carry no money: they are left out of A's own charge."""
    for number, row in lab.ours.items():
        if number not in first_rows:
            group(expected, "DUPLICATE_OURS", 0, -ours_ms(row))


def group(expected: Expected, cause: str, money: int, milliseconds: int) -> None:
    expected.money[cause] += money
    expected.minutes[cause] += milliseconds
    expected.records[cause] += 1


def plant(expected: Expected, theirs: Billed, value: int, *, pair: bool) -> None:
    if theirs.planted:
        found = expected.planted[theirs.planted]
        where = "pairs" if pair else "only_theirs"
        found[f"calls_{where}"] += 1
        found[f"calls_{where}_with_value"] += value != 0
        found[f"value_{where}_60th_nanos"] += value


def totals(lab: Lab, billed: list[Billed], expected: Expected) -> None:
    expected.totals["theirs_micros"] = sum(each.amount_micros for each in billed)
    expected.totals["theirs_records"] = len(billed)
    expected.totals["theirs_ms"] = sum(each.seconds for each in billed) * 1000
    supplier = [row for row in lab.ours.values() if row["dst_trunk"] == SUPPLIER_TRUNK]
    expected.totals["ours_records"] = len(supplier)
    expected.totals["ours_ms"] = sum(map(ours_ms, supplier))
    difference_micros = expected.totals["theirs_micros"] - expected.totals["ours_micros"]
    assert sum(expected.money.values()) == difference_micros * PER_MICRO
    assert sum(expected.minutes.values()) == expected.totals["theirs_ms"] - expected.totals["ours_ms"]
