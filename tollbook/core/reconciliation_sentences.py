"""The result of a reconciliation in sentences: who bills how much more, and why. For reports and the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tollbook.core.matching.finding import Finding
from tollbook.core.money import HALF_UP, SIXTIETHS_PER_MICRO, divide_rounded, format_micros, minor_unit_places

MOST_REASONS = 4
STEPS = {"DST_SHIFT": "with the season", "ZONE_STEP": "as if to another zone", "CLOCK_STEP": "as it was set"}
REASONS = {
    "DURATION": "calls counted longer or shorter",
    "INCREMENT": "another billing increment",
    "RATE": "another rate",
    "DESTINATION": "another destination",
    "TIME_SHIFT": "their clock at a price change",
    "ROUNDING": "rounding",
    "FX": "calls in another currency",
    "FEE": "fees",
    "MISSING_OURS": "calls that only they have",
    "MISSING_THEIRS": "calls that only we have",
    "DUPLICATE_THEIRS": "calls billed twice",
    "DUPLICATE_OURS": "calls we recorded twice",
    "ANSWER_MISMATCH": "calls answered on one side only",
    "OTHER_BLOCK": "other partners' calls",
    "UNEXPLAINED": "nothing that explains it",
}


def amount_of(value_60th_nanos: int, currency: str) -> str:
    """An amount for a sentence, to the currency's minor unit; finer where it would read as nothing."""
    micros = divide_rounded(value_60th_nanos, SIXTIETHS_PER_MICRO, HALF_UP)
    unit = 10 ** (6 - minor_unit_places(currency))
    rounded = divide_rounded(micros, unit, HALF_UP) * unit
    return format_micros(rounded or micros, currency)


def billed_as(verb: str, their_code: str, their_destination: str, ours: tuple[str, str] | None) -> str:
    """Which code and destination they rated a call as, beside ours; None where our deck has no price for it."""
    mine = f"ours is {ours[0]}, {ours[1]}" if ours else "our deck has no price"
    return f"{verb} code {their_code}, {their_destination}; {mine}"


def is_billed_as(sentence: str, destination: str) -> bool:
    """Whether such a sentence says that they rated the call as this destination."""
    return re.search(rf" code [^,;]*, {re.escape(destination)}; our", sentence) is not None


def headline(difference: int, causes: Sequence[tuple[str, int]], currency: str, *, payable: bool, stated: bool) -> str:
    """One sentence: the difference (theirs - ours, 1/60 nanos) and the causes that make it, the largest first."""
    if not difference and not any(value for _, value in causes):
        return "Both sides come to the same amount."
    expected = "we expect" if payable else "we bill"
    who = ("They bill" if payable else "They confirm") if stated else "Valued at our prices, their records come to"
    if difference:
        more = "more" if difference > 0 else "less"
        head = f"{who} {amount_of(abs(difference), currency)} {currency} {more} than {expected}"
    else:
        head = f"{who} exactly what {expected}, but by differences that cancel out"
    ranked = sorted((each for each in causes if each[1]), key=lambda each: -abs(each[1]))
    parts = [f"{_signed(value, currency)} from {REASONS[cause]}" for cause, value in ranked[:MOST_REASONS]]
    if len(ranked) > MOST_REASONS:
        rest = sum(value for _, value in ranked[MOST_REASONS:])
        parts.append(f"{_signed(rest, currency)} from other causes")
    return f"{head}: {_listed(parts)}." if parts else f"{head}."


def minutes_headline(difference_ms: int) -> str:
    """The sentence where no money is compared."""
    if not difference_ms:
        return "Both sides count the same conversation time."
    minutes = divide_rounded(abs(difference_ms), 6_000, HALF_UP)
    return f"Their records hold {minutes // 10:,}.{minutes % 10} minutes {'more' if difference_ms > 0 else 'less'} than ours."


def _signed(value: int, currency: str) -> str:
    return ("+" if value > 0 else "\N{MINUS SIGN}") + amount_of(abs(value), currency)


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def finding_sentences(findings: Iterable[Finding]) -> list[str]:
    """What matching noticed about clocks, anchors and crowded numbers, each thing once, in the order of time."""
    every = sorted(findings, key=lambda each: each.from_ms or 0)
    stepped = {found.from_ms for found in every if found.code in STEPS}
    # A step says already that the zone is another from there on.
    told = [found for found in every if not (found.code == "TIMEZONE_SHIFT" and found.from_ms in stepped)]
    return list(dict.fromkeys(map(_finding, told)))


def _finding(found: Finding) -> str:
    value = found.value_ms or 0
    if found.code == "CLOCK_SKEW":
        return f"Their clock runs {_span(value)} {'ahead of' if value > 0 else 'behind'} ours."
    if found.code in STEPS:
        way = "back" if value < 0 else "forward"
        return f"At {_clock(found.from_ms)} UTC their clock steps {way} by {_span(value)}, {STEPS[found.code]}."
    if found.code == "TIMEZONE_SHIFT":
        since = f"From {_clock(found.from_ms)} UTC on" if found.from_ms is not None else "All along"
        return f"{since} their times are {_span(value)} {'ahead of' if value > 0 else 'behind'} ours by zone."
    if found.code == "ANCHOR_SHIFT":
        stretch = f"From {_clock(found.from_ms)}" + (f" to {_clock(found.until_ms)} UTC" if found.until_ms is not None else " UTC on")
        who = "their" if value < 0 else "our"
        other = "our" if value < 0 else "their"
        return f"{stretch} {who} calls begin {_span(value)} before {other} answer though both end together: {found.count:,} calls."
    return found.reason


def _clock(instant_ms: int | None) -> str:
    seconds = (instant_ms or 0) // 1000 % 86_400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _span(value_ms: int) -> str:
    """A length of time as people say it: 1 h, 45 min, 4.0 s."""
    value = abs(value_ms)
    if value and value % 3_600_000 == 0:
        return f"{value // 3_600_000} h"
    if value >= 60_000 and value % 60_000 == 0:
        return f"{value // 3_600_000} h {value // 60_000 % 60} min" if value >= 3_600_000 else f"{value // 60_000} min"
    tenths = (value + 50) // 100
    return f"{tenths // 10:,}.{tenths % 10} s"
