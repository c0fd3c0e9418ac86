"""Times and decimals read from text columns in place, by compiled functions.

A time has exactly the form its pattern says: a missing second, a 13th month or a 24th hour is no time, and nothing is guessed.
See docs/rules/time.md.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from tollbook.core.problem import refuse
from tollbook.engine.compiled import compiled
from tollbook.engine.text import Bytes, Offsets

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Pattern elements above 255; below, the byte itself. The first seven fill the field of their number.
YEAR: Final = 256
MONTH: Final = 257
DAY: Final = 258
HOUR: Final = 259
MINUTE: Final = 260
SECOND: Final = 261
YEAR_OF_CENTURY: Final = 262
MONTH_NAME: Final = 263
SEPARATOR: Final = 264  # T or a blank
FRACTION: Final = 265  # a point or comma and 1 to 9 digits, or nothing
FRACTION_DIGITS: Final = 266  # 1 to 9 digits
OFFSET: Final = 267  # Z, +hh:mm, +hhmm or +hh, or nothing
HALF_DAY: Final = 268  # AM or PM

_MS: Final = 6
_OFFSET_MINUTES: Final = 7
_HALF: Final = 8
_FIELDS: Final = 9
NO_OFFSET: Final = 1 << 20
_BAD: Final = -1

_DIRECTIVES: Final = {
    "Y": YEAR,
    "m": MONTH,
    "d": DAY,
    "H": HOUR,
    "I": HOUR,
    "M": MINUTE,
    "S": SECOND,
    "y": YEAR_OF_CENTURY,
    "b": MONTH_NAME,
    "f": FRACTION_DIGITS,
    "z": OFFSET,
    "p": HALF_DAY,
}
_ISO: Final = (YEAR, 45, MONTH, 45, DAY, SEPARATOR, HOUR, 58, MINUTE, 58, SECOND, FRACTION, OFFSET)
_MONTHS: Final = np.frombuffer(b"janfebmaraprmayjunjulaugsepoctnovdec", dtype=np.uint8)


@lru_cache(maxsize=64)
def time_pattern(form: str) -> Int64s:
    """The elements of a form: "iso", or directives as strptime has them (%Y %y %m %b %d %H %I %p %M %S %f %z).

    A fraction behind the seconds is always allowed. Refuses with SOURCE_VALUE for a directive that is not among them.
    """
    if form == "iso":
        return np.array(_ISO, dtype=np.int64)
    pattern: list[int] = []
    letters = iter(form)
    for letter in letters:
        directive = next(letters, "") if letter == "%" else ""
        if directive in {"", "%"}:
            pattern.extend(letter.encode())
        elif directive in _DIRECTIVES:
            pattern.append(_DIRECTIVES[directive])
        else:
            raise refuse("SOURCE_VALUE", f"%{directive} is no directive of a time format.", column="format", value=form)
    present = set(pattern)
    if not (present & {YEAR, YEAR_OF_CENTURY} and present & {MONTH, MONTH_NAME} and present >= {DAY, HOUR, MINUTE, SECOND}):
        raise refuse("SOURCE_VALUE", "A time format has year, month, day, hour, minute and second.", column="format", value=form)
    if FRACTION_DIGITS not in present:
        pattern.insert(pattern.index(SECOND) + 1, FRACTION)
    return np.array(pattern, dtype=np.int64)


def read_times(data: Bytes, offsets: Offsets, form: str) -> tuple[Int64s, Int64s, Bools]:
    """Local readings in ms as if they were UTC, their offsets in minutes (NO_OFFSET where none is written), and whether each is a time."""
    count = len(offsets) - 1
    readings, minutes, good = np.zeros(count, dtype=np.int64), np.full(count, NO_OFFSET, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    if form == "iso":
        _plain_times(data, offsets, readings, good)
    _times(data, offsets, time_pattern(form), _MONTHS, np.zeros(_FIELDS, dtype=np.int64), readings, minutes, good)
    return readings, minutes, good


def read_decimals(data: Bytes, offsets: Offsets, places: int) -> tuple[Int64s, Bools, Bools]:
    """Plain decimals in units of 10^-places, whether each is one, and whether it has further digits that were cut off."""
    count = len(offsets) - 1
    values, good, cut = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    _decimals(data, offsets, places, values, good, cut)
    return values, good, cut


@compiled
def _number(data: Bytes, start: int, end: int, width: int) -> int:
    """So many digits as a number; _BAD where there are fewer."""
    if end - start < width:
        return _BAD
    value = 0
    for place in range(start, start + width):
        digit = int(data[place]) - 48
        if digit < 0 or digit > 9:
            return _BAD
        value = value * 10 + digit
    return value


@compiled
def _fraction(data: Bytes, start: int, end: int, fields: Int64s) -> int:
    """Reads digits behind the seconds down to the ms; where they end, or _BAD."""
    place, scale = start, 100
    while place < end and 48 <= data[place] <= 57:
        fields[_MS] += (int(data[place]) - 48) * scale
        scale //= 10
        place += 1
    return place if 0 < place - start <= 9 else _BAD


@compiled
def _offset(data: Bytes, start: int, end: int, fields: Int64s) -> int:
    """Reads Z or a signed offset; where it ends, or _BAD."""
    if data[start] == 90 or data[start] == 122:
        fields[_OFFSET_MINUTES] = 0
        return start + 1
    hours = _number(data, start + 1, end, 2)
    if (data[start] != 43 and data[start] != 45) or hours == _BAD or hours > 18:
        return _BAD
    place = start + 3
    if place < end and data[place] == 58:
        place += 1
    minutes = _number(data, place, end, 2)
    if minutes == _BAD:
        minutes = 0
    else:
        place += 2
    if minutes > 59:
        return _BAD
    fields[_OFFSET_MINUTES] = (hours * 60 + minutes) * (1 if data[start] == 43 else -1)
    return place


@compiled
def _month_name(data: Bytes, start: int, end: int, months: Bytes, fields: Int64s) -> int:
    """Reads the first three letters of an English month; where they end, or _BAD."""
    if end - start < 3:
        return _BAD
    for month in range(12):
        same = True
        for place in range(3):
            if (data[start + place] | 32) != months[month * 3 + place]:
                same = False
        if same:
            fields[1] = month + 1
            return start + 3
    return _BAD


@compiled
def _element(data: Bytes, place: int, end: int, element: int, months: Bytes, fields: Int64s) -> int:
    """Reads one element of a pattern; where it ends, or _BAD."""
    if element <= YEAR_OF_CENTURY and element >= YEAR:
        width = 4 if element == YEAR else 2
        value = _number(data, place, end, width)
        if element == YEAR_OF_CENTURY:
            fields[0] = value + 2000
        else:
            fields[element - YEAR] = value
        return _BAD if value == _BAD else place + width
    if element == OFFSET:
        return place if place >= end else _offset(data, place, end, fields)
    if element == FRACTION and (place >= end or (data[place] != 46 and data[place] != 44)):
        return place
    if place >= end:
        return _BAD
    if element == FRACTION:
        return _fraction(data, place + 1, end, fields)
    if element == FRACTION_DIGITS:
        return _fraction(data, place, end, fields)
    if element == MONTH_NAME:
        return _month_name(data, place, end, months, fields)
    if element == SEPARATOR:
        return place + 1 if data[place] == 84 or data[place] == 32 else _BAD
    if element == HALF_DAY:
        first = data[place] | 32
        if end - place < 2 or (first != 97 and first != 112) or (data[place + 1] | 32) != 109:
            return _BAD
        fields[_HALF] = 2 if first == 112 else 1
        return place + 2
    return place + 1 if data[place] == element else _BAD


@compiled
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970 in the proleptic Gregorian calendar, counted in years that begin in March."""
    shifted = year - (1 if month <= 2 else 0)
    day_of_year = (153 * (month + (9 if month <= 2 else -3)) + 2) // 5 + day - 1
    return shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + day_of_year - 719_468


@compiled
def _plain_times(data: Bytes, offsets: Offsets, readings: Int64s, good: Bools) -> None:
    """Reads the rows that are exactly YYYY-MM-DD hh:mm:ss, by far the commonest form, without walking a pattern."""
    for row in range(len(offsets) - 1):
        start = int(offsets[row])
        if int(offsets[row + 1]) - start != 19:
            continue
        plain = data[start + 4] == 45 and data[start + 7] == 45 and data[start + 13] == 58 and data[start + 16] == 58
        if not plain or (data[start + 10] != 32 and data[start + 10] != 84):
            continue
        for place in (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18):
            if data[start + place] < 48 or data[start + place] > 57:
                plain = False
        year = data[start] * 1000 + data[start + 1] * 100 + data[start + 2] * 10 + data[start + 3] - 53_328
        month = data[start + 5] * 10 + data[start + 6] - 528
        day = data[start + 8] * 10 + data[start + 9] - 528
        hour = data[start + 11] * 10 + data[start + 12] - 528
        minute = data[start + 14] * 10 + data[start + 15] - 528
        second = data[start + 17] * 10 + data[start + 18] - 528
        # The last days of a month are left to the full calendar.
        if plain and year > 0 and 1 <= month <= 12 and 1 <= day <= 28 and hour < 24 and minute < 60 and second < 60:
            readings[row] = (((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000
            good[row] = True


@compiled
def _civil_ms(fields: Int64s) -> int:
    """The ms since 1970 of a reading, or -2^62 where there is no such day or time of day."""
    year, month, day, hour = fields[0], fields[1], fields[2], fields[3]
    if fields[_HALF]:
        if hour < 1 or hour > 12:
            return -(1 << 62)
        hour = hour % 12 + (12 if fields[_HALF] == 2 else 0)
    if year < 1 or month < 1 or month > 12 or day < 1 or hour > 23 or fields[4] > 59 or fields[5] > 59:
        return -(1 << 62)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = (29 if leap else 28) if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    if day > last:
        return -(1 << 62)
    return int((((_days(year, month, day) * 24 + hour) * 60 + fields[4]) * 60 + fields[5]) * 1000 + fields[_MS])


@compiled
def _times(
    data: Bytes, offsets: Offsets, pattern: Int64s, months: Bytes, fields: Int64s, readings: Int64s, minutes: Int64s, good: Bools
) -> None:
    for row in range(len(offsets) - 1):
        place, end = int(offsets[row]), int(offsets[row + 1])
        if good[row] or place == end:
            continue
        fields[:] = 0
        fields[_OFFSET_MINUTES] = NO_OFFSET
        for element in pattern:
            place = _element(data, place, end, element, months, fields)
            if place == _BAD:
                break
        if place == end:
            reading = _civil_ms(fields)
            if reading > -(1 << 62):
                readings[row], minutes[row], good[row] = reading, fields[_OFFSET_MINUTES], True


@compiled
def _decimals(data: Bytes, offsets: Offsets, places: int, values: Int64s, good: Bools, cut: Bools) -> None:
    for row in range(len(offsets) - 1):
        place, end = int(offsets[row]), int(offsets[row + 1])
        negative = place < end and data[place] == 45
        if place < end and (data[place] == 45 or data[place] == 43):
            place += 1
        value, digits, decimals, point, further, wrong = 0, 0, 0, False, False, False
        while place < end:
            byte = int(data[place])
            place += 1
            if byte == 46 and not point:
                point = True
            elif byte < 48 or byte > 57:
                wrong = True
                break
            else:
                digits += 1
                if point and decimals >= places:
                    further = further or byte != 48
                else:
                    value = value * 10 + byte - 48
                    decimals += 1 if point else 0
                    wrong = wrong or value > 10**17
        if wrong or digits == 0:
            continue
        for _ in range(places - decimals):
            value *= 10
            wrong = wrong or value > 10**17
        if not wrong:
            values[row], good[row], cut[row] = -value if negative else value, True, further
