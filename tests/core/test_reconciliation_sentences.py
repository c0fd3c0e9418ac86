"""The result in sentences."""

from __future__ import annotations

from tollbook.core.matching.finding import Finding
from tollbook.core.reconciliation import CAUSES
from tollbook.core.reconciliation_sentences import REASONS, amount_of, finding_sentences, headline, minutes_headline
from tollbook.core.reconciliation_words import CAUSE_LABELS, CAUSE_MEANINGS

UNIT = 60_000_000_000


def test_the_largest_causes_come_first_and_the_rest_is_one() -> None:
    causes = [
        ("DURATION", UNIT),
        ("RATE", 3900 * UNIT),
        ("INCREMENT", 288 * UNIT),
        ("MISSING_THEIRS", -9 * UNIT),
        ("ROUNDING", UNIT // 10),
        ("FX", UNIT // 5),
    ]
    sentence = headline(sum(value for _, value in causes), causes, "USD", payable=True, stated=True)
    assert sentence == (
        "They bill 4,180.30 USD more than we expect: +3,900.00 from another rate, +288.00 from another billing increment, "
        "\N{MINUS SIGN}9.00 from calls that only we have, +1.00 from calls counted longer or shorter and +0.30 from other causes."
    )


def test_less_and_nothing_and_what_cancels_out() -> None:
    assert headline(-UNIT, [("RATE", -UNIT)], "USD", payable=False, stated=True).startswith("They confirm 1.00 USD less than we bill:")
    assert headline(0, [], "USD", payable=True, stated=True) == "Both sides come to the same amount."
    assert "cancel out" in headline(0, [("RATE", UNIT), ("DURATION", -UNIT)], "USD", payable=True, stated=True)
    assert headline(UNIT, [("DURATION", UNIT)], "USD", payable=True, stated=False).startswith("Valued at our prices")


def test_an_amount_never_reads_as_nothing_that_is_something() -> None:
    assert amount_of(4 * UNIT // 10**5, "USD") == "0.00004"
    assert amount_of(5 * UNIT // 1000, "USD") == "0.01"
    assert amount_of(1_234_567 * UNIT, "JPY") == "1,234,567"


def test_minutes() -> None:
    assert minutes_headline(-15_633_883) == "Their records hold 260.6 minutes less than ours."
    assert minutes_headline(0) == "Both sides count the same conversation time."


def test_a_step_says_the_zone_and_nothing_is_said_twice() -> None:
    at = 5_677_000
    found = [
        Finding("CLOCK_SKEW", 1_687),
        Finding("DST_SHIFT", -3_600_000, at, at),
        Finding("TIMEZONE_SHIFT", -3_600_000, at),
        Finding("CLOCK_SKEW", 1_686, at),
        Finding("ANCHOR_SHIFT", -3_996, 6_060_000, 6_180_000, 1_284),
        Finding("AMBIGUOUS_LOCAL", reason="3 of their records keep two possible times."),
    ]
    assert finding_sentences(found) == [
        "Their clock runs 1.7 s ahead of ours.",
        "3 of their records keep two possible times.",
        "At 01:34:37 UTC their clock steps back by 1 h, with the season.",
        "From 01:41:00 to 01:43:00 UTC their calls begin 4.0 s before our answer though both end together: 1,284 calls.",
    ]


def test_every_cause_has_its_words() -> None:
    assert set(CAUSES) == set(REASONS) == set(CAUSE_LABELS) == set(CAUSE_MEANINGS)
