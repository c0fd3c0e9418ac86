"""Exchange rates as a sealed document, and the one way an amount is converted. See docs/rules/fx.md.

A fixing quotes its base: 1 unit of the base is so much of a currency. A cross goes through the base and is never rounded; money is
rounded once, to the micro-unit.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from tollbook.core.digest import json_digest
from tollbook.core.money import HALF_UP, divide_rounded
from tollbook.core.problem import Problem, Refusal, problem, refuse

FORMAT: Final = "tollbook-fx/1"
_KEYS: Final = frozenset({"source", "base", "date", "known_from", "rates"})
_CURRENCY = re.compile(r"[A-Z]{3}")
# A decimal text: exact, positive, no exponent; as many places as the source prints.
_RATE = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?")
# A fixing counts for the days after it until the next one, because markets rest; after so many days it says nothing any more.
OLDEST_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Fixing:
    """The rates a source published for one day: 1 `base` = rate x currency, exact."""

    source: str
    base: str
    day: dt.date
    rates: dict[str, Fraction]
    digest: str = ""
    known_from: int | None = None

    def of(self, currency: str) -> Fraction | None:
        """How much of a currency one unit of the base is."""
        return Fraction(1) if currency == self.base else self.rates.get(currency)


@dataclass(frozen=True, slots=True)
class Converted:
    """An amount in another currency, with the fixing it was converted by; None where it was in that currency already."""

    amount_micros: int
    fixing: Fixing | None


def convert(amount_micros: int, source: str, target: str, fixing: Fixing | None) -> Converted | None:
    """The amount in the target currency; None where the fixing does not quote both. Rounded once, half away from zero."""
    if source == target:
        return Converted(amount_micros, None)
    if fixing is None:
        return None
    from_rate, to_rate = fixing.of(source), fixing.of(target)
    if from_rate is None or to_rate is None:
        return None
    exact = amount_micros * to_rate / from_rate
    return Converted(divide_rounded(exact.numerator, exact.denominator, HALF_UP), fixing)


@dataclass(frozen=True, slots=True)
class Fixings:
    """The fixings that were known, of whatever source; of one day the one known last counts, then the greater digest."""

    days: dict[dt.date, Fixing] = field(default_factory=dict)

    @classmethod
    def of(cls, fixings: Iterable[Fixing]) -> Fixings:
        ordered = sorted(fixings, key=lambda each: (each.day, each.known_from or 0, each.digest))
        return cls({each.day: each for each in ordered})

    def at(self, day: dt.date) -> Fixing | None:
        """The fixing for a day: its own, else the newest before it, as long as that is not older than OLDEST_DAYS."""
        for back in range(OLDEST_DAYS + 1):
            found = self.days.get(day - dt.timedelta(days=back))
            if found is not None:
                return found
        return None

    def convert(self, amount_micros: int, source: str, target: str, day: dt.date) -> Converted | None:
        """An amount by the fixing for a day; None where there is none that quotes both currencies."""
        return convert(amount_micros, source, target, None if source == target else self.at(day))


def read_fx(text: str, file: str = "") -> Fixing:
    """The fixing of a document. Refusal with FX_INVALID where it is no TOML, misses something, or says something that would be lost."""
    try:
        document: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise refuse("FX_INVALID", f"It is no TOML: {error}.", file=file) from None
    if document.pop("format", None) != FORMAT:
        raise refuse("FX_INVALID", f"It is not of the format {FORMAT}.", file=file, column="format")
    problems = [problem("FX_INVALID", "No such key is known.", file=file, column=name) for name in sorted(set(document) - _KEYS)]
    source, base, rates = document.get("source"), document.get("base"), document.get("rates")
    if not isinstance(source, str) or not source.strip():
        problems.append(problem("FX_INVALID", "It names who published the rates.", file=file, column="source"))
    if not _is_currency(base):
        problems.append(problem("FX_INVALID", "It is a currency of three capitals, as EUR.", file=file, column="base", value=str(base)))
    day = _day(document.get("date"))
    if day is None:
        problems.append(problem("FX_INVALID", "It is a day, as 2026-11-20.", file=file, column="date", value=str(document.get("date"))))
    known_from = _instant(document.get("known_from"))
    if known_from is None and "known_from" in document:
        reason = "It is an instant with its offset, as 2026-11-20T15:00:00Z."
        problems.append(problem("FX_INVALID", reason, file=file, column="known_from", value=str(document["known_from"])))
    read, wrong = _rates(rates, base, file)
    problems += wrong
    if problems or day is None:
        raise Refusal(problems)
    named = {name: [str(rate.numerator), str(rate.denominator)] for name, rate in read.items()}
    digest = json_digest({"source": str(source), "base": str(base), "date": day.isoformat(), "rates": named})
    return Fixing(str(source), str(base), day, read, digest, known_from)


def _rates(rates: Any, base: Any, file: str) -> tuple[dict[str, Fraction], list[Problem]]:
    if not isinstance(rates, dict) or not rates:
        return {}, [problem("FX_INVALID", "It has a table of rates.", file=file, column="rates")]
    read: dict[str, Fraction] = {}
    wrong = []
    for name, text in rates.items():
        if not _is_currency(name) or name == base:
            wrong.append(problem("FX_INVALID", "It is another currency than the base.", file=file, column=f"rates.{name}"))
        elif not isinstance(text, str) or not _RATE.fullmatch(text) or not Fraction(text):
            reason = 'A rate is a positive decimal as text, "1.0815": a number without quotes would be read as a binary fraction by others.'
            wrong.append(problem("FX_INVALID", reason, file=file, column=f"rates.{name}", value=str(text)))
        else:
            read[name] = Fraction(text)
    return read, wrong


def _is_currency(value: Any) -> bool:
    return isinstance(value, str) and _CURRENCY.fullmatch(value) is not None


def _day(value: Any) -> dt.date | None:
    if isinstance(value, dt.datetime):
        return None
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _instant(value: Any) -> int | None:
    """Milliseconds UTC; None without an offset, because a guess would decide what was known."""
    try:
        moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if not isinstance(moment, dt.datetime) or moment.tzinfo is None:
        return None
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
