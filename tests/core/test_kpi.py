"""Key figures against worked numbers and the table of causes. Sources stand in docs/rules/kpi.md."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from tollbook.core import kpi
from tollbook.core.kpi import Sums, alarm, alarm_against, cause_class

CASES = yaml.safe_load((Path(__file__).parent.parent / "golden" / "kpi" / "figures.yml").read_text(encoding="utf-8"))
CAUSES = yaml.safe_load((Path(__file__).parent.parent / "golden" / "kpi" / "causes.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_figures(case: dict[str, object]) -> None:
    given, expect = case["given"], case["expect"]
    assert isinstance(given, dict)
    assert isinstance(expect, dict)
    sums = sum((Sums(**each) for each in given["sums"]), Sums())
    for name, wanted in expect.items():
        if name == "abr":
            found = kpi.abr(sums.answers, given["bids"])
        elif name.endswith("_share"):
            found = getattr(kpi, name)(given["revenue_micros"], given["cost_micros"])
        else:
            found = getattr(sums, name)
        assert found == (None if wanted is None else Fraction(str(wanted))), name


@pytest.mark.parametrize("case", CAUSES, ids=[case["id"] for case in CAUSES])
def test_causes(case: dict[str, object]) -> None:
    given = case["given"]
    assert isinstance(given, dict)
    found = cause_class(given.get("answered", False), given.get("alerted", False), given.get("q850"), given.get("sip_code"))
    assert (found, found in kpi.DELIVERED) == (case["expect"], case["delivered"])


def test_every_cause_has_one_class() -> None:
    assert set(kpi.Q850_CLASS.values()) | {kpi.ANSWER, kpi.OTHER} == set(kpi.CAUSES)
    assert set(kpi.SIP_Q850.values()) - set(kpi.Q850_CLASS) == {25}  # a loop of the network: neither theirs nor the number's


def test_sums_are_the_same_however_they_are_split() -> None:
    first, second = Sums(10, 5, 8, 600_000, 10, 900_000, 1, 2), Sums(1, 1, 1, 1_000, 0, 0, 1, 1)
    assert (first + second).asr == Fraction(6, 11)
    assert (first + second) + Sums() == second + first


def test_post_dial_delay_is_a_class_and_no_mean() -> None:
    counts = [0] * len(kpi.PDD_CLASSES)
    assert kpi.pdd_within_ms(counts, Fraction(1, 2)) is None
    counts[3], counts[5], counts[-1] = 50, 45, 5  # up to 3 s, up to 6 s, longer than 20 s
    assert kpi.pdd_within_ms(counts, Fraction(1, 2)) == 3_000
    assert kpi.pdd_within_ms(counts, Fraction(95, 100)) == 6_000
    assert kpi.pdd_within_ms(counts, Fraction(96, 100)) is None
    assert len(kpi.PDD_CLASSES) == len(kpi.PDD_EDGES_MS) + 1


@pytest.mark.parametrize(
    ("delivered", "wanted"),
    [(920, ""), (919, "amber"), (850, "amber"), (849, "red")],
)
def test_marks_of_the_effectiveness(delivered: int, wanted: str) -> None:
    assert alarm("ner", Sums(seizures=1_000, delivered=delivered)) == wanted
    assert alarm("ner", Sums(seizures=199, delivered=0)) == ""


def test_marks_of_short_calls() -> None:
    assert alarm("sdr", Sums(seizures=1_000, answers=100, short_6=15)) == ""
    assert alarm("sdr", Sums(seizures=1_000, answers=100, short_6=16)) == "amber"
    assert alarm("fas_index", Sums(seizures=1_900, answers=400, short_15=900)) == "red"  # 900 of 1,500 = 0.6
    assert alarm("fas_index", Sums(seizures=3_660, answers=260, short_15=260)) == ""  # 260 of 3,400 = 0.076
    assert alarm_against(Fraction(40, 100), Fraction(50, 100), 200) == "amber"
    assert alarm_against(Fraction(30, 100), Fraction(50, 100), 200) == "red"
    assert alarm_against(Fraction(41, 100), Fraction(50, 100), 200) == ""
    assert alarm_against(Fraction(1, 100), None, 200) == ""
