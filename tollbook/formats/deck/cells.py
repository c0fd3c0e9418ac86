"""Reads the cells of each column, every distinct text once: a sheet of 200,000 rows has a few thousand different cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from tollbook.core.code_list import Codes, parse_codes
from tollbook.core.deck import MOST_NANOS
from tollbook.core.deck_amount import NO_RATE, NOT_YET, Amount, parse_amount
from tollbook.core.deck_change import parse_change
from tollbook.core.deck_date import IMMEDIATE, Moment, day_first, parse_moment
from tollbook.core.deck_profile import DeckProfile
from tollbook.core.increment import Increment, parse_increment
from tollbook.core.number_plan import plan_at
from tollbook.core.problems import CATALOGUE
from tollbook.core.problems.kinds import Severity
from tollbook.core.zone import Zone
from tollbook.formats.deck.problems import SheetProblems

BLANK_DATES = ("", *IMMEDIATE)


class Cell(NamedTuple):
    """What a text means in its column: the value (None where there is none) and the problem code with its reason."""

    value: Any
    problem: str = ""
    reason: str = ""
    currency: str = ""


Parser = Callable[[str], Cell]


@dataclass
class Column:
    """One column of the sheet: its name there, how its cells are read, and what was read so far."""

    name: str
    parse: Parser
    known: dict[str, Cell]
    bad: bool = False

    def read(self, texts: Sequence[str], first_row: int, problems: SheetProblems, wrong: set[int]) -> list[Any]:
        """The values of a chunk. Every cell with a problem is told; the positions of cells with an error go into `wrong`."""
        known = self.known
        for text in set(texts).difference(known):
            known[text] = self.parse(text)
            self.bad = self.bad or bool(known[text].problem)
        if self.bad:
            for index, text in enumerate(texts):
                cell = known[text]
                if cell.problem:
                    problems.add(cell.problem, cell.reason, row=first_row + index, column=self.name, value=text)
                    if CATALOGUE[cell.problem].severity is Severity.ERROR:
                        wrong.add(index)
        return [known[text].value for text in texts]

    @property
    def currencies(self) -> set[str]:
        """The currencies that cells of this column named."""
        return {cell.currency for cell in self.known.values() if cell.currency}


def column_parsers(profile: DeckProfile, zone: Zone) -> dict[str, Parser]:
    """How the cells of each understood column are read under a profile."""
    amount = partial(read_amount, profile=profile)
    return {
        "code": partial(read_codes, profile=profile),
        "country_code": read_country_code,
        "destination": read_words,
        "country": read_words,
        "currency": read_currency,
        "rate": partial(read_rate, profile=profile),
        "rate_first": amount,
        "connect": amount,
        "surcharge_call": amount,
        "surcharge_minute": amount,
        "min_charge": amount,
        "max_charge": amount,
        "increment": partial(read_increment, profile=profile),
        **dict.fromkeys(("minimum", "step", "grace", "free"), read_seconds),
        "effective": partial(read_date, zone=zone, profile=profile),
        "end": partial(read_date, zone=zone, profile=profile, end=True),
        "received": partial(read_date, zone=zone, profile=profile),
        "change": read_change,
    }


def read_codes(text: str, profile: DeckProfile) -> Cell:
    """The codes of a cell as a tuple; a blank cell has none."""
    if not text.strip():
        return Cell(())
    # A dash is rare; what is a bare country code is asked of the newest plan.
    country_codes = plan_at(date.max).codes if "-" in text or "–" in text else {}
    read: Codes = parse_codes(text, country_codes=country_codes, dash_mode=profile.dash_mode, blank_separates=profile.blank_separates)
    return Cell(read.codes, read.problem, read.reason)


def read_country_code(text: str) -> Cell:
    """A country calling code before the area code; blank where the code stands alone."""
    plain = text.strip().removeprefix("+").removeprefix("00").removesuffix(".0")
    if plain and not (plain.isascii() and plain.isdigit() and len(plain) <= 7):
        return Cell("", "CODE_UNREADABLE", f"{text.strip()} is not a country calling code.")
    return Cell(plain)


def read_words(text: str) -> Cell:
    """A name, trimmed, with inner blanks as one."""
    return Cell(" ".join(text.split()))


def read_currency(text: str) -> Cell:
    """An ISO 4217 code or blank."""
    plain = text.strip().upper()
    if plain and not (len(plain) == 3 and plain.isascii() and plain.isalpha()):
        return Cell("", "CURRENCY_UNREADABLE")
    return Cell(plain, currency=plain)


def read_amount(text: str, profile: DeckProfile) -> Cell:
    """A fee in nanos; blank is None."""
    if text.strip().casefold() in NO_RATE:
        return Cell(None)
    read: Amount = parse_amount(text, decimal=profile.decimal, scale=profile.rate_scale, rounding=profile.rate_rounding)
    if not read.problem and read.nanos > MOST_NANOS:
        return Cell(None, "RATE_TOO_LARGE")
    return Cell(None if read.problem else read.nanos, read.problem, currency=read.currency)


def read_rate(text: str, profile: DeckProfile) -> Cell:
    """A rate in nanos; None where the cell says that there is none, which blocks the code."""
    if text.strip().casefold() in (*NO_RATE, *NOT_YET):
        return Cell(None)
    return read_amount(text, profile)


def read_increment(text: str, profile: DeckProfile) -> Cell:
    """The first block, the step, and what stands before them in a three-part notation; None where the cell is blank."""
    if not text.strip():
        return Cell(None)
    read: Increment = parse_increment(text, order=profile.increment_order, day_first=day_first(profile.date_format))
    if read.first_s and profile.increment_first_part is None and not read.problem:
        return Cell(
            None, "INCREMENT_UNREADABLE", "What the first of three parts means must be declared: increment_first_part in the profile."
        )
    failed = read.problem and CATALOGUE[read.problem].severity is Severity.ERROR
    reason = f"{text.strip()} was read as {read.minimum_s}/{read.step_s}." if read.problem and not failed else ""
    return Cell(None if failed else (read.minimum_s, read.step_s, read.first_s), read.problem, reason)


def read_seconds(text: str) -> Cell:
    """Whole seconds; None where the cell is blank."""
    plain = text.strip().casefold().removesuffix("sec").removesuffix("s").strip().removesuffix(".0")
    if not plain:
        return Cell(None)
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 4 and int(plain) <= 3600):
        return Cell(None, "NUMBER_UNREADABLE", "The cell is not a whole number of seconds up to 3,600.")
    return Cell(int(plain))


def read_date(text: str, zone: Zone, profile: DeckProfile, *, end: bool = False) -> Cell:
    """An instant in UTC ms; None where the cell is blank or says "immediately"."""
    if text.strip().casefold() in BLANK_DATES:
        return Cell(None)
    read: Moment = parse_moment(text, zone, profile.date_format, end=end)
    return Cell(None if read.problem else read.at_ms, read.problem)


def read_change(text: str) -> Cell:
    """The declared status and change."""
    read = parse_change(text)
    return Cell((read.status, read.change or None), "" if read.known else "CHANGE_UNKNOWN")
