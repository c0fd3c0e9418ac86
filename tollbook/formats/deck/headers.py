"""Finds the header row of a rate sheet and what each column means. See docs/rules/decks.md, "Columns"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tollbook.core.deck_profile import DeckProfile
from tollbook.core.problem import Problem, Refusal, problem, refuse

HEADER_ROWS = 20
_CURRENCIES = frozenset(
    "usd eur gbp chf cad aud nzd jpy cny inr rub sek nok dkk pln czk huf ron hkd sgd aed sar zar brl mxn try ils krw kwd".split()
)
_SYMBOLS = {"$": " usd ", "€": " eur ", "£": " gbp "}
_CENTS = frozenset({"cent", "cents", "eurocent", "eurocents", "usc", "pence"})

_SYNONYMS = {
    "code": "code, codes, dial code, dial codes, dialcode, prefix, prefixes, dial prefix, area code, area codes, breakout code, breakout codes, "
    "city code, city codes, dst code, destination code, number prefix, dialing code",
    "country_code": "country code, cc, countrycode",
    "destination": "destination, destination name, zone, zone name, area, breakout, route, description, code name, dst code name, destination country",
    "country": "country, country name",
    "currency": "currency, ccy",
    "rate": "rate, price, new rate, new price, price min, rate min, price per minute, rate per minute, rate per min, price per min, cost, "
    "cost per minute, cost per min",
    "rate_first": "first rate, rate first, initial rate, first interval rate",
    "connect": "connect, connect fee, connect charge, connect cost, connection, connection fee, connection charge, setup fee, set up fee, call attempt",
    "surcharge_call": "surcharge, surcharge per call, call surcharge",
    "surcharge_minute": "surcharge per minute, surcharge per min, minute surcharge",
    "increment": "billing increment, billing increments, increment, increments, rounding, min step, interval, billing terms, billing interval, "
    "billing block, pulse",
    "minimum": "min, minimum, minimum duration, min duration, minimum time, min time, initial increment, initial period, initial interval, first increment, "
    "first interval, minimum seconds, min seconds",
    "step": "step, subsequent increment, subsequent interval, recurring period, next increment, next interval, next interval seconds, step seconds",
    "grace": "grace, grace time, grace volume, grace period, grace seconds",
    "free": "free, free time, free seconds",
    "min_charge": "min charge, minimum charge",
    "max_charge": "max charge, maximum charge",
    "effective": "effective, effective date, effective from, efective date, valid from, start, start date, activation, activation date, date",
    "end": "end, end date, expiry, expiry date, valid to, valid until, effective until, effective to, expires",
    "change": "change, status, change type, trend, rate change",
    "received": "received, received at, receipt, receipt date",
}
_MEANING = {word.strip(): name for name, words in _SYNONYMS.items() for word in words.split(",")}
# A comment column says what changed only where no other column does.
_COMMENTS = frozenset({"comment", "comments"})
# These change what a call costs; ignoring one silently would bill wrong money.
_UNSUPPORTED = frozenset(
    word.strip()
    for word in (
        "origin, origin group, origin set, cli group, a number group, origination, peak, peak rate, off peak, off peak rate, offpeak, weekend, "
        "weekend rate, interval 1, interval n, inter, intra, ij, local, inter rate, intra rate, interstate, intrastate, indeterminate, band, "
        "time profile, free sec, ocn, lata, rate per second, price per second, rate per sec, price per sec"
    ).split(",")
)


@dataclass(frozen=True)
class Layout:
    """Which column holds what (from 0), the header's own name of it, the row of the header (from 1; 0 without one), and its currency."""

    header_row: int
    columns: dict[str, int]
    names: dict[str, str]
    currency: str = ""
    unused: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)


def plain_header(text: str) -> tuple[str, str]:
    """A header as the synonyms are written, and the currency it names: "Rate (USD)" is ("rate", "USD")."""
    for symbol, word in _SYMBOLS.items():
        text = text.replace(symbol, word)
    words = re.sub(r"[^\w]+|_", " ", text.casefold()).split()
    named = [word for word in words if word in _CURRENCIES]
    return " ".join(word for word in words if word not in _CURRENCIES), (named[0].upper() if named else "")


def find_layout(rows: Sequence[Sequence[str]], profile: DeckProfile, file: str) -> Layout | None:
    """The layout of the first row that can be a header, None where there is none. Raises `Refusal` where columns clash."""
    if profile.header_row == 0:
        return _numbered(profile, max(map(len, rows), default=0), file)
    for number, cells in enumerate(rows, 1):
        if profile.header_row not in (None, number):
            continue
        layout = _declared(cells, profile, number, file) if profile.columns else _recognised(cells, profile, number, file)
        if layout:
            return layout
    return None


def _numbered(profile: DeckProfile, width: int, file: str) -> Layout | None:
    columns = {}
    for name, position in profile.columns.items():
        if not isinstance(position, int) or position < 1:
            raise refuse(
                "DECK_PROFILE_INVALID", "Without a header, columns must be column numbers from 1.", file=file, column=name, value=position
            )
        columns[name] = position - 1
    if not columns or max(columns.values()) >= width:
        return None
    return Layout(0, columns, {name: f"{name} (column {index + 1})" for name, index in columns.items()}, profile.currency)


def _declared(cells: Sequence[str], profile: DeckProfile, number: int, file: str) -> Layout | None:
    """The columns the profile names; a row that holds none of its headers is no header, one that misses some is refused."""
    places = {" ".join(cell.split()).casefold(): index for index, cell in reversed(list(enumerate(cells))) if cell.strip()}
    columns, missing = {}, []
    for name, header in profile.columns.items():
        if isinstance(header, int):
            columns[name] = header - 1
        elif " ".join(header.split()).casefold() in places:
            columns[name] = places[" ".join(header.split()).casefold()]
        else:
            missing.append(header)
    if "code" not in columns or "rate" not in columns:
        return None
    if missing:
        raise Refusal(
            [problem("DECK_COLUMN_MISSING", f"There is no column {header}.", file=file, row=number, value=header) for header in missing]
        )
    used = set(columns.values())
    unused = tuple(cell.strip() for index, cell in enumerate(cells) if cell.strip() and index not in used)
    names = {name: cells[index].strip() if index < len(cells) else name for name, index in columns.items()}
    return Layout(number, columns, names, plain_header(names["rate"])[1], unused)


def _recognised(cells: Sequence[str], profile: DeckProfile, number: int, file: str) -> Layout | None:
    columns: dict[str, int] = {}
    problems: list[Problem] = []
    unused: list[str] = []
    currency, comment = "", None
    ignored = {plain_header(header)[0] for header in profile.ignore}
    for index, cell in enumerate(cells):
        header, named = plain_header(cell)
        if not header or header in ignored:
            continue
        words = [word for word in header.split() if word not in _CENTS]
        meaning = _MEANING.get(" ".join(words))
        if header in _UNSUPPORTED or (meaning and len(words) < len(header.split()) and profile.rate_scale == 1):
            problems.append(
                problem("DECK_COLUMN_UNSUPPORTED", f"The column {cell.strip()} changes prices.", file=file, row=number, column=cell.strip())
            )
        elif meaning is None:
            comment = index if header in _COMMENTS and comment is None else comment
            unused.append(cell.strip())
        elif meaning in columns:
            reason = f"{cells[columns[meaning]].strip()} and {cell.strip()} both mean {meaning}."
            problems.append(problem("DECK_COLUMN_AMBIGUOUS", reason, file=file, row=number, column=cell.strip()))
        else:
            columns[meaning] = index
            currency = named if meaning == "rate" else currency
    if "code" not in columns or "rate" not in columns:
        return None
    if problems:
        raise Refusal(problems)
    if comment is not None and "change" not in columns:
        columns["change"] = comment
        unused.remove(cells[comment].strip())
    if "minimum" in columns and "step" not in columns and "increment" not in columns:
        columns["increment"] = columns.pop("minimum")
    return Layout(number, columns, {name: cells[index].strip() for name, index in columns.items()}, currency, tuple(unused))
