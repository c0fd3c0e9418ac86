"""Prices as they stand in rate sheets, read exactly into integer nanos. See docs/rules/decks.md, "Prices"."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final, NamedTuple

from tollbook.core.money import INT64_MAX, NANOS_PER_UNIT, divide_rounded, parse_scaled

SYMBOLS: Final = {"$": "USD", "€": "EUR", "£": "GBP", "US$": "USD"}
NO_RATE: Final = ("", "-", "–", "n/a", "na", "n.a.", "none")
NOT_YET: Final = ("tbd", "tba", "call us", "on request", "pending")

_PLAIN = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,2}))?")
_CURRENCY = re.compile(r"(US\$|[$€£]|[A-Z]{3})?\s*(.*?)\s*(US\$|[$€£]|[A-Z]{3})?", re.DOTALL)


class Amount(NamedTuple):
    """Nanos of a currency unit, the currency where the cell names one, and the problem code."""

    nanos: int
    currency: str = ""
    problem: str = ""


def parse_amount(text: str, *, decimal: str = ".", scale: Fraction = Fraction(1), rounding: int | None = None) -> Amount:
    """Read one price. `decimal` is the decimal separator, `scale` what one unit of the sheet is worth (a cent: 1/100).

    "0.0235" is 23,500,000 nanos. "0,0235" without a declared comma is refused, for "1,234" may be two numbers. Finer than a nano is
    refused unless `rounding` (a mode of tollbook.core.money) says how to round.
    """
    found = _CURRENCY.fullmatch(text.strip())
    before, number, after = found.groups() if found else (None, text, None)
    currency = SYMBOLS.get(before or after or "", before or after or "")
    if decimal == ",":
        if "." in number:
            return Amount(0, currency, "RATE_DECIMAL_COMMA")
        number = number.replace(",", ".")
    elif "," in number:
        return Amount(0, currency, "RATE_DECIMAL_COMMA" if re.fullmatch(r"-?[\d.,]+", number) else "RATE_UNREADABLE")
    exact_nanos = parse_scaled(number, 9) if scale == 1 and number[:1] != "-" else None
    if exact_nanos is not None:
        return Amount(exact_nanos, currency)
    plain = _PLAIN.fullmatch(number)
    if not plain or plain[1] == "-":
        return Amount(0, currency, "RATE_UNREADABLE")
    exact = Fraction(plain[2].rstrip(".") or "0") * Fraction(10) ** int(plain[3] or 0) * scale * NANOS_PER_UNIT
    if exact > INT64_MAX:
        return Amount(0, currency, "RATE_TOO_LARGE")
    if exact.denominator == 1:
        return Amount(exact.numerator, currency)
    if rounding is None:
        return Amount(0, currency, "RATE_TOO_FINE")
    return Amount(divide_rounded(exact.numerator, exact.denominator, rounding), currency)
