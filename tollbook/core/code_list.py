"""Lists of codes in one cell: separators, wildcards, ranges, and what a dash means. See docs/rules/decks.md, "Code lists"."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NamedTuple

AUTO: Final = "AUTO"
RANGE: Final = "RANGE"
CONCAT: Final = "CONCAT"
DASH_MODES: Final = (AUTO, RANGE, CONCAT)
MOST_CODES: Final = 10_000
LONGEST: Final = 15

_SEPARATOR = re.compile(r"[,;|/\n]")
_DASH = re.compile(r"\s*[-–]\s*")
_CODE = re.compile(r"(?:\+|00)?(\d{1,15})")
_WILD = re.compile(r"(\d)(?:\*|[xX]+)$")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[eE][+-]?\d+")
_ZERO_FRACTION = re.compile(r"(\d{1,15})[.]0+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?|\d{1,2}[-. ][A-Za-z]{3}[a-z]*|[A-Za-z]{3}[-. ]\d{1,2}")


class Codes(NamedTuple):
    """The codes of a cell in their order, and the problem: an error leaves no codes, a note (CODE_DASH_READ, CODE_REPAIRED) does."""

    codes: tuple[str, ...]
    problem: str = ""
    reason: str = ""


class _UnreadError(Exception):
    """Why an item cannot be read; never leaves this module."""

    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)


def parse_codes(cell: str, *, country_codes: Collection[str], dash_mode: str = AUTO, blank_separates: bool | None = None) -> Codes:
    """Every code of a cell. `country_codes` are the bare country calling codes, which decide what a dash means.

    "+93 70; 0093 71" is 9370 and 9371; "9377-9379" is a range; "44-1" is 441; "9370-9379" is the whole decade 937. A cell with nothing
    but blanks between digits is refused unless `blank_separates` says whether a blank separates codes.
    """
    plain = cell.strip()
    if plain.isascii() and plain.isdigit() and len(plain) <= LONGEST and not plain.startswith("00"):
        return Codes((plain,))
    whole = _ZERO_FRACTION.fullmatch(plain)
    if whole:
        return Codes((whole[1],), "CODE_REPAIRED", f"{plain} was read as {whole[1]}.")
    if _SCIENTIFIC.fullmatch(plain):
        return Codes((), "CODE_SCIENTIFIC")
    if _DATE.fullmatch(plain):
        return Codes((), "CODE_DATE")
    try:
        return _parse_list(plain, country_codes, dash_mode, blank_separates)
    except _UnreadError as unread:
        return Codes((), unread.code, unread.reason)


def _parse_list(plain: str, country_codes: Collection[str], dash_mode: str, blank_separates: bool | None) -> Codes:
    items = [item for item in _SEPARATOR.split(plain) if item.strip()]
    if len(items) == 1 and re.search(r"\d\s+\d", plain) and not _DASH.search(plain):
        if blank_separates is None:
            raise _UnreadError("CODE_AMBIGUOUS", f"A blank in {plain} may separate two codes or be only for the eye.")
        if blank_separates:
            items = plain.split()
    codes: list[str] = []
    notes: list[str] = []
    for item in items:
        found, note = _parse_item(item, country_codes, dash_mode)
        codes += found
        notes += [note] if note else []
        if len(codes) > MOST_CODES:
            raise _UnreadError("CODE_TOO_MANY", f"The cell stands for more than {MOST_CODES:,} codes.")
    if not codes:
        raise _UnreadError("CODE_UNREADABLE", "The cell holds no code.")
    return Codes(tuple(codes), "CODE_DASH_READ" if notes else "", " ".join(notes))


def _parse_item(item: str, country_codes: Collection[str], dash_mode: str) -> tuple[list[str], str]:
    plain = item.strip()
    sides = _DASH.split(plain)
    if len(sides) == 1:
        return [_code(plain)], ""
    if len(sides) > 2 or not all(sides):
        raise _UnreadError("CODE_UNREADABLE", f"{plain} has more than one dash, or nothing beside it.")
    left, right = (_code(side) for side in sides)
    if _means_range(left, right, country_codes, dash_mode):
        codes = compress_range(left, right)
        return codes, f"{plain} was read as the range {left} to {right}."
    if len(left) + len(right) > LONGEST:
        raise _UnreadError("CODE_UNREADABLE", f"{plain} would be longer than {LONGEST} digits.")
    return [left + right], f"{plain} was read as {left + right}."


def _code(text: str) -> str:
    bare = _WILD.sub(r"\1", re.sub(r"\s+", "", text))
    found = _CODE.fullmatch(bare)
    if not found:
        raise _UnreadError("CODE_UNREADABLE", f"{text.strip()} is not a code of 1 to {LONGEST} digits.")
    return found[1]


def _means_range(left: str, right: str, country_codes: Collection[str], dash_mode: str) -> bool:
    """True for a range, False for two parts of one code; the order of the questions is the rule."""
    if dash_mode == CONCAT:
        return False
    same_length = len(left) == len(right)
    if dash_mode == RANGE:
        if not same_length or right < left:
            raise _UnreadError("CODE_DESCENDING", f"{left}-{right} is not a range of equally long rising codes.")
        return True
    if left in country_codes and right in country_codes and same_length and right > left:
        raise _UnreadError("CODE_AMBIGUOUS", f"{left}-{right} may be two countries' codes or a range of countries.")
    if left in country_codes:
        return False
    if same_length:
        if right < left:
            raise _UnreadError("CODE_DESCENDING", f"{left}-{right} runs backwards.")
        return True
    if len(right) < len(left) and left[: -len(right)] + right >= left:
        raise _UnreadError(
            "CODE_AMBIGUOUS", f"{left}-{right} may be the short range up to {left[: -len(right)] + right} or {left + right}."
        )
    return False


def compress_range(left: str, right: str) -> list[str]:
    """The codes of an inclusive range, whole decades as their shorter code: 44750 to 44759 is 4475."""
    first, last, width = int(left), int(right), len(left)
    if last - first >= MOST_CODES:
        raise _UnreadError("CODE_TOO_MANY", f"{left}-{right} stands for more than {MOST_CODES:,} codes.")
    codes: list[str] = []
    at = first
    while at <= last:
        zeros, size = 0, 1
        while zeros < width - 1 and at % (size * 10) == 0 and at + size * 10 - 1 <= last:
            zeros, size = zeros + 1, size * 10
        codes.append(str(at // size).rjust(width - zeros, "0"))
        at += size
    return codes
