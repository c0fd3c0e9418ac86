"""Finds the header row of a rate sheet and what each column means. See docs/rules/decks.md, "Columns"."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from tollbook.core.deck_profile import DeckProfile
from tollbook.core.problem import Problem, Refusal, problem, refuse

HEADER_ROWS = 20
_WORDS = tomllib.loads(files("tollbook.formats.deck").joinpath("header_words.toml").read_text(encoding="utf-8"))
_CURRENCIES = frozenset(_WORDS["currencies"])
_CENTS = frozenset(_WORDS["cents"])
_COMMENTS = frozenset(_WORDS["comments"])
_UNSUPPORTED = frozenset(_WORDS["unsupported"])
_MEANING = {header: name for name, headers in _WORDS["meanings"].items() for header in headers}
# BillingIncrement is Billing Increment: headers are compared without their blanks too.
_JOINED = {header.replace(" ", ""): name for header, name in _MEANING.items()}
_UNSUPPORTED_JOINED = frozenset(header.replace(" ", "") for header in _UNSUPPORTED)
_SYMBOLS = {"$": " usd ", "€": " eur ", "£": " gbp "}


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
        meaning = _MEANING.get(" ".join(words)) or _JOINED.get("".join(words))
        if header.replace(" ", "") in _UNSUPPORTED_JOINED or (meaning and len(words) < len(header.split()) and profile.rate_scale == 1):
            columns.setdefault(meaning or header, index)
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
