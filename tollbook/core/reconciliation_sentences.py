"""The result of a reconciliation in sentences: who bills how much more, and why. For reports and the command line."""

from __future__ import annotations

from collections.abc import Sequence

from tollbook.core.money import HALF_UP, SIXTIETHS_PER_MICRO, divide_rounded, format_micros, minor_unit_places

MOST_REASONS = 4
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
    "UNEXPLAINED": "unexplained",
}


def amount_of(value_60th_nanos: int, currency: str) -> str:
    """An amount for a sentence, to the currency's minor unit; finer where it would read as nothing."""
    micros = divide_rounded(value_60th_nanos, SIXTIETHS_PER_MICRO, HALF_UP)
    unit = 10 ** (6 - minor_unit_places(currency))
    rounded = divide_rounded(micros, unit, HALF_UP) * unit
    return format_micros(rounded or micros, currency)


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
    parts = [f"{_signed(value, currency)} {REASONS[cause]}" for cause, value in ranked[:MOST_REASONS]]
    if len(ranked) > MOST_REASONS:
        rest = sum(value for _, value in ranked[MOST_REASONS:])
        parts.append(f"{_signed(rest, currency)} other causes")
    return f"{head}: {_listed(parts)}." if parts else f"{head}."


def minutes_headline(difference_ms: int) -> str:
    """The sentence where no money is compared."""
    if not difference_ms:
        return "Both sides count the same conversation time."
    minutes = divide_rounded(abs(difference_ms), 600, HALF_UP)
    return f"Their records hold {minutes // 10:,}.{minutes % 10} minutes {'more' if difference_ms > 0 else 'less'} than ours."


def _signed(value: int, currency: str) -> str:
    return ("+" if value > 0 else "\N{MINUS SIGN}") + amount_of(abs(value), currency)


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
