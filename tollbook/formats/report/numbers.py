"""How reports write numbers: grouped, with a real minus sign, exact integers until the last step. Used as filters of the templates."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

MINUS: Final = "\N{MINUS SIGN}"
DASH: Final = "\N{EN DASH}"
MS_PER_MINUTE: Final = 60_000


def count(value: int | None) -> str:
    """A whole number: 16,127."""
    return DASH if value is None else f"{value:,}".replace("-", MINUS)


def decimal_places(value: str | int | Decimal | None, places: int = 2, *, signed: bool = False, in_full: bool = True) -> str:
    """A plain decimal with so many places, half up. With `in_full`, what would round to nothing but is not nothing is written in full."""
    if value is None:
        return DASH
    number = Decimal(str(value))
    rounded = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    if in_full and not rounded and number:
        rounded = number.normalize()
    text = f"{abs(rounded):,f}"
    if number < 0:
        return MINUS + text
    return f"+{text}" if signed and number > 0 else text


def money(value: str | None, places: int = 2) -> str:
    """An amount given as the text of a decimal."""
    return decimal_places(value, places)


def is_nothing(value: str | None) -> bool:
    """Whether an amount is absent or zero."""
    return value is None or not Decimal(value)


def quiet_money(value: str | None, places: int = 2) -> str:
    """An amount in a table where most are nothing: a dash for those."""
    return DASH if is_nothing(value) else decimal_places(value, places)


def signed_money(value: str | None, places: int = 2) -> str:
    """A difference: a plus where they have more, a minus where they have less."""
    return decimal_places(value, places, signed=True)


def minutes(milliseconds: int | None, places: int = 1) -> str:
    """Milliseconds as minutes: 2,069.4."""
    return DASH if milliseconds is None else decimal_places(_ratio(milliseconds, MS_PER_MINUTE, places + 4), places, in_full=False)


def signed_minutes(milliseconds: int | None, places: int = 1) -> str:
    return (
        DASH
        if milliseconds is None
        else decimal_places(_ratio(milliseconds, MS_PER_MINUTE, places + 4), places, signed=True, in_full=False)
    )


def quiet_minutes(milliseconds: int | None, places: int = 1) -> str:
    """Signed minutes in a table where most are nothing: a dash for those."""
    return signed_minutes(milliseconds, places) if milliseconds else DASH


def seconds(milliseconds: int | None, places: int = 3) -> str:
    """Milliseconds as seconds, exactly: 61.200."""
    return DASH if milliseconds is None else decimal_places(_ratio(milliseconds, 1000, 3), places)


def percent(value: str | Fraction | None, places: int = 2) -> str:
    """A percentage given as a number of percents; None is more than any. What would round to nothing is less than the last digit."""
    if value is None:
        return "\N{INFINITY}"
    number = _ratio(value.numerator, value.denominator, places + 4) if isinstance(value, Fraction) else Decimal(value)
    last = Decimal(1).scaleb(-places)
    if number and abs(number) < last / 2:
        return f"<\N{NARROW NO-BREAK SPACE}{last:f}\N{NARROW NO-BREAK SPACE}%"
    return decimal_places(number, places) + "\N{NARROW NO-BREAK SPACE}%"


def share(part: int, whole: int, places: int = 1) -> str:
    """A part of a whole as a percentage; a dash where there is no whole."""
    return percent(Fraction(100 * part, whole), places) if whole else DASH


def instant(text: str | None) -> str:
    """An ISO instant as people read it, without the zone letter: 2026-11-22 01:34:40."""
    return DASH if not text else text.replace("T", " ").removesuffix("Z").removesuffix(".000")


def short_digest(text: str | None) -> str:
    """The first 16 digits of a digest; the whole of it stands beside as a title."""
    return DASH if not text else text[:16]


def _ratio(numerator: int, denominator: int, places: int) -> Decimal:
    """A quotient as a decimal, half up at so many places, from integers alone."""
    scaled = Fraction(numerator * 10**places, denominator)
    sign = -1 if scaled < 0 else 1
    return Decimal(sign * int(abs(scaled) + Fraction(1, 2))).scaleb(-places)
