"""Zone documents: a `Zone` of the tz source with fixed offsets, for switches whose clock follows no IANA zone.

    Zone LabNY -4:00 - EDT 2026 Nov 22 01:34:40u
         -5:00 - EST

Each line holds until its UNTIL. Lines that name a Rule are refused: name the IANA zone instead. See docs/rules/time.md.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from tollbook.core.problem import Problem, refuse
from tollbook.core.zone import EPOCH, MS_PER_DAY, MS_PER_SECOND, Zone

_CLOCK = re.compile(r"([+-]?)(\d{1,3})(?::(\d{2}))?(?::(\d{2}))?([wsugz]?)")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def read_zone(text: str, file: str = "", name: str = "") -> tuple[Zone, list[Problem]]:
    """The named zone of a zone document (the first where no name is given), and problems that did not stop it.

    Refuses with ZONE_UNREADABLE or ZONE_RULES, with the line, where the text does not say one offset for every instant.
    """
    lines = _zone_lines(text, file, name)
    zone_name = lines[0][1][1]
    changes: list[int] = []
    offsets: list[int] = []
    for place, (number, words) in enumerate(lines):
        fields = words[2:] if place == 0 else words
        standard_s, total_s = _line_offsets(fields, number, file)
        offsets.append(total_s)
        until = fields[3:]
        if bool(until) == (place == len(lines) - 1):
            reason = "The last line of a zone has no UNTIL, and every line before it has one."
            raise refuse("ZONE_UNREADABLE", reason, file=file, line=number)
        if until:
            changes.append(_until_ms(until, standard_s, total_s, number, file))
    if changes != sorted(set(changes)):
        raise refuse("ZONE_UNREADABLE", "The UNTIL of each line lies after the one before it.", file=file, line=lines[0][0])
    return Zone(zone_name, tuple(changes), tuple(offsets)), []


def _zone_lines(text: str, file: str, name: str) -> list[tuple[int, list[str]]]:
    """The lines of the wanted zone as words, with their line numbers."""
    chosen: list[tuple[int, list[str]]] = []
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if words[0] in {"Zone", "Z"}:
            inside = len(words) >= 2 and not chosen and (not name or words[1] == name)
        elif words[0] in {"Rule", "R", "Link", "L"}:
            inside = False
        if inside:
            chosen.append((number, words))
    if not chosen:
        wanted = f"a zone named {name!r}" if name else "a line that begins with Zone"
        raise refuse("ZONE_UNREADABLE", f"The text holds no {wanted.removeprefix('a ')}.", file=file, value=text[:80])
    return chosen


def _line_offsets(fields: list[str], number: int, file: str) -> tuple[int, int]:
    """Standard and total offset of a zone line, in seconds east of UTC."""
    if len(fields) < 3:
        raise refuse("ZONE_UNREADABLE", "A zone line is: offset, rules, abbreviation, until.", file=file, line=number)
    standard_s = _clock_s(fields[0])
    if standard_s is None or abs(standard_s) > 86_400:
        raise refuse("ZONE_UNREADABLE", "The offset is hours and minutes.", file=file, line=number, column="offset", value=fields[0])
    saving_s = 0 if fields[1] == "-" else _clock_s(fields[1])
    if saving_s is None:
        reason = "The line names a rule; a zone document has fixed offsets only."
        raise refuse("ZONE_RULES", reason, file=file, line=number, column="rules", value=fields[1])
    return standard_s, standard_s + saving_s


def _clock_s(text: str) -> int | None:
    found = _CLOCK.fullmatch(text)
    if not found:
        return None
    seconds = int(found[2]) * 3600 + int(found[3] or 0) * 60 + int(found[4] or 0)
    return -seconds if found[1] == "-" else seconds


def _until_ms(until: list[str], standard_s: int, total_s: int, number: int, file: str) -> int:
    """The instant an UNTIL names: wall clock unless its time ends in s (standard time) or u (UTC)."""
    try:
        month = _MONTHS.index(until[1][:3].lower()) + 1 if len(until) > 1 else 1
        day = dt.date(int(until[0]), month, int(until[2]) if len(until) > 2 else 1)
        clock = until[3] if len(until) > 3 else "0"
        reading_s = _clock_s(clock)
        if reading_s is None or len(until) > 4:
            raise ValueError
    except ValueError:
        reason = "UNTIL is a year, month, day of the month and time."
        raise refuse("ZONE_UNREADABLE", reason, file=file, line=number, column="until", value=" ".join(until)) from None
    shift_s = {"u": 0, "g": 0, "z": 0, "s": standard_s}.get(clock[-1], total_s)
    return (day - EPOCH).days * MS_PER_DAY + (reading_s - shift_s) * MS_PER_SECOND
