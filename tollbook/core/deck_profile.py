"""How one partner writes rate sheets: a TOML document that takes the guessing out. See docs/rules/decks.md, "The deck profile"."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from tollbook.core.code_list import AUTO, DASH_MODES
from tollbook.core.deck import FULL, MODES, RATE_UNITS
from tollbook.core.deck_date import DATE_FORMATS
from tollbook.core.increment import MIN_STEP, STEP_MIN, parse_increment
from tollbook.core.money import ROUNDING_MODES
from tollbook.core.problem import Problem, Refusal, problem
from tollbook.core.zone import find_zone

FORMAT: Final = "tollbook-deck-profile/1"
# The columns that are understood, by their own names; `columns` maps them to the headers of the sheet.
COLUMNS: Final = (
    *("code", "country_code", "destination", "country", "currency", "rate", "rate_first", "connect", "surcharge_call", "surcharge_minute"),
    *("increment", "minimum", "step", "grace", "free", "min_charge", "max_charge", "effective", "end", "change", "received"),
)
ENCODINGS: Final = ("utf-8", "cp1252", "latin-1", "utf-16")
FIRST_PARTS: Final = ("GRACE", "FREE", "IGNORE")


@dataclass(frozen=True, slots=True)
class DeckProfile:
    """The declared reading of a sheet. What is None is not declared: the deck must then be clear without it, or its rows are refused."""

    partner: str = ""
    deck_id: str = ""
    version: str = ""
    sheet: str | None = None
    encoding: str = "utf-8"
    header_row: int | None = None  # 0: the sheet has no header and `columns` are numbers
    columns: dict[str, str | int] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    decimal: str = "."
    date_format: str | None = None
    zone: str | None = None
    dash_mode: str = AUTO
    blank_separates: bool | None = None
    codes_include_cc: bool = False
    increment_order: str = MIN_STEP
    increment_default: tuple[int, int] | None = None
    increment_first_part: str | None = None
    mode: str = FULL
    currency: str = ""
    rate_unit: str = "PER_MINUTE"
    rate_scale: Fraction = Fraction(1)
    rate_rounding: int | None = None
    allow_zero: bool = False


_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "decimal": (".", ","),
    "date_format": DATE_FORMATS,
    "dash_mode": DASH_MODES,
    "increment_order": (MIN_STEP, STEP_MIN),
    "increment_first_part": FIRST_PARTS,
    "mode": MODES,
    "encoding": ENCODINGS,
    "rate_unit": RATE_UNITS,
    "rate_rounding": tuple(ROUNDING_MODES),
}
_FLAGS: Final = ("blank_separates", "codes_include_cc", "allow_zero")
_WORDS: Final = ("partner", "deck_id", "version", "sheet", "currency", "zone")


def deck_profile(document: dict[str, Any], file: str) -> DeckProfile:
    """The profile of a parsed TOML document. Raises `Refusal` with every unknown key and every value that cannot be."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    if document.get("format") != FORMAT:
        problems.append(problem("DECK_PROFILE_INVALID", f'The profile must say format = "{FORMAT}".', file=file, column="format"))
    for key, value in document.items():
        if key == "format":
            continue
        read, reason = _value(key, value)
        if reason:
            problems.append(problem("DECK_PROFILE_INVALID", reason, file=file, column=key, value=value))
        values[key] = read
    if problems:
        raise Refusal(problems)
    return DeckProfile(**values)


def _value(key: str, value: Any) -> tuple[Any, str]:
    """The value as the profile keeps it, and why it cannot be used."""
    if key in _CHOICES:
        if value not in _CHOICES[key]:
            return None, f"{key} must be one of {', '.join(_CHOICES[key])}."
        return (ROUNDING_MODES[value], "") if key == "rate_rounding" else (value, "")
    if key in _FLAGS:
        return value, "" if isinstance(value, bool) else f"{key} must be true or false."
    if key in _WORDS:
        return _word(key, value)
    match key:
        case "header_row":
            usable = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1000
            return value, "" if usable else "header_row must be a row number from 1, or 0 where there is no header."
        case "rate_scale":
            usable = isinstance(value, Decimal | int) and not isinstance(value, bool) and value > 0
            return (Fraction(value), "") if usable else (None, "rate_scale must be a positive number: 0.01 for cents.")
        case "increment_default":
            read = parse_increment(value) if isinstance(value, str) else None
            usable = read is not None and not read.problem
            return ((read.minimum_s, read.step_s), "") if read and usable else (None, 'increment_default must be written as "60/60".')
        case "ignore":
            usable = isinstance(value, list) and all(isinstance(each, str) for each in value)
            return (tuple(value), "") if usable else (None, "ignore must be a list of headers.")
        case "columns":
            return _columns(value)
    return None, f"There is no key {key}."


def _word(key: str, value: Any) -> tuple[Any, str]:
    if not isinstance(value, str) or not value.strip():
        return None, f"{key} must be a text."
    if key == "currency" and not (len(value) == 3 and value.isascii() and value.isupper()):
        return None, "currency must be an ISO 4217 code, as USD."
    if key == "zone":
        try:
            find_zone(value)
        except Refusal:
            return None, f"There is no time zone {value}."
    return value, ""


def _columns(value: Any) -> tuple[Any, str]:
    if not isinstance(value, dict) or not all(isinstance(header, str | int) for header in value.values()):
        return None, "columns must map column names to headers, or to column numbers from 1."
    unknown = sorted(set(value) - set(COLUMNS))
    if unknown:
        return None, f"There is no column {', '.join(unknown)}; the columns are {', '.join(COLUMNS)}."
    if "code" not in value or "rate" not in value:
        return None, "columns must name at least code and rate."
    return dict(value), ""
