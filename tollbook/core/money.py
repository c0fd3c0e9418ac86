"""Exact money: int64 micro-units and a currency, rates in int64 nanos per minute, the unrounded charge in 1/60 nanos.

Nothing here is a float and nothing rounds except `divide_rounded`, which is the one rounding of a named rounding point.
See docs/rules/money.md.
"""

from __future__ import annotations

import re
from typing import Final

MICROS_PER_UNIT: Final = 10**6
NANOS_PER_UNIT: Final = 10**9
SIXTIETHS_PER_NANO: Final = 60
SIXTIETHS_PER_MICRO: Final = 60_000
SIXTIETHS_PER_UNIT: Final = 60 * NANOS_PER_UNIT
INT64_MAX: Final = 2**63 - 1

# Rounding modes as small integers, so that the compiled price function can take them.
HALF_UP: Final = 0  # ties go away from zero, symmetric for credits
HALF_EVEN: Final = 1
CEIL: Final = 2
FLOOR: Final = 3
ROUNDING_MODES: Final = {"HALF_UP": HALF_UP, "HALF_EVEN": HALF_EVEN, "CEIL": CEIL, "FLOOR": FLOOR}

# ISO 4217 currencies whose minor unit is not a hundredth.
_MINOR_UNIT_EXCEPTIONS: Final = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
}

_PLAIN_DECIMAL = re.compile(r"([+-]?)(\d+)(?:\.(\d*))?|([+-]?)\.(\d+)", re.ASCII)


def divide_rounded(numerator: int, denominator: int, mode: int) -> int:
    """The quotient as an integer under a rounding mode. The denominator is positive.

    Written with integer operators only, so that numba compiles it: 2.675 HALF_UP to cents is 2675 over 10, that is 268.
    """
    quotient = numerator // denominator
    remainder = numerator - quotient * denominator
    if remainder == 0 or mode == FLOOR:
        return quotient
    if mode == CEIL:
        return quotient + 1
    twice = 2 * remainder
    if twice != denominator:
        return quotient + 1 if twice > denominator else quotient
    if mode == HALF_EVEN:
        return quotient + (quotient & 1)
    return quotient + 1 if numerator > 0 else quotient


def minor_unit_places(currency: str) -> int:
    """Decimal places of a currency's minor unit (ISO 4217): 2 unless it is an exception such as JPY (0) or KWD (3)."""
    return _MINOR_UNIT_EXCEPTIONS.get(currency, 2)


def parse_scaled(text: str, places: int) -> int | None:
    """A plain decimal as an integer of 10^-places; None where the text is no plain decimal or has more digits than fit.

    "0.0235" at 9 places is 23_500_000. Exponents, separators of thousands and blanks inside are refused, never guessed.
    """
    found = _PLAIN_DECIMAL.fullmatch(text.strip())
    if not found:
        return None
    sign = found[1] or found[4] or ""
    whole: str = found[2] or "0"
    fraction = (found[3] if found[2] is not None else found[5]) or ""
    if fraction[places:].strip("0"):
        return None
    scaled: int = int(whole) * 10**places + int((fraction[:places] or "0").ljust(places, "0"))
    if scaled > INT64_MAX:
        return None
    return -scaled if sign == "-" else scaled


def format_scaled(value: int, places: int, at_least: int = 0) -> str:
    """An integer of 10^-places as a plain decimal without trailing zeros, but with at least so many decimals."""
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**places)
    digits = str(fraction).rjust(places, "0").rstrip("0").ljust(at_least, "0") if places else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def format_micros(amount_micros: int, currency: str = "") -> str:
    """An amount for people: thousands separated, at least the currency's minor unit, micro-units only where there are any."""
    text = format_scaled(amount_micros, 6, minor_unit_places(currency))
    whole, _, fraction = text.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    grouped = f"{int(digits):,}"
    return f"{sign}{grouped}.{fraction}" if fraction else f"{sign}{grouped}"
