"""A heat map as SVG, drawn on the server: one hue in seven steps, so that it reads in both themes and by every eye; each cell a link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

STEPS: Final = 7
NAME_WIDTH: Final = 168
ROW_HEIGHT: Final = 26
HEAD_HEIGHT: Final = 22
# Beyond so many characters a name is cut; the whole stands in the cell's title and in the table below.
LONGEST_NAME: Final = 24


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: its value for the colour, the words for it, what stands in the cell, and where it leads."""

    value: Fraction
    words: str
    short: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Heat:
    """The picture and the ends of its scale."""

    picture: SafeString
    low: str
    high: str


def step_of(value: Fraction, low: Fraction, high: Fraction) -> int:
    """0 to STEPS - 1; in the middle where all values are the same."""
    if high == low:
        return STEPS // 2
    return min(int((value - low) * STEPS / (high - low)), STEPS - 1)


def heat(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[int, int], Cell],
    label: str,
    absent: Mapping[tuple[int, int], str] | None = None,
    *,
    width: int = 960,
) -> Heat:
    """The map; a place without a cell is empty ground, which is not the same as a small figure: its title says why it is empty, by
    `absent` or because there were no calls."""
    height = HEAD_HEIGHT + ROW_HEIGHT * len(rows) + 4
    slot = (width - NAME_WIDTH) / max(len(columns), 1)
    values = [cell.value for cell in cells.values()]
    low, high = (min(values), max(values)) if values else (Fraction(0), Fraction(0))
    parts = []
    for number, name in enumerate(columns):
        x = NAME_WIDTH + slot * (number + 0.5)
        parts.append(f'<text x="{x:.1f}" y="{HEAD_HEIGHT - 8}" text-anchor="middle">{escape(_cut(name, int(slot / 7)))}</text>')
    for row, name in enumerate(rows):
        y = HEAD_HEIGHT + ROW_HEIGHT * row
        parts.append(f'<text class="strong" x="{NAME_WIDTH - 10}" y="{y + 17}" text-anchor="end">{escape(_cut(name, LONGEST_NAME))}</text>')
        for column in range(len(columns)):
            cell = cells.get((row, column))
            x = NAME_WIDTH + slot * column
            box = f'x="{x + 1:.1f}" y="{y + 1}" width="{slot - 2:.1f}" height="{ROW_HEIGHT - 2}" rx="3"'
            if cell is None:
                why = escape(f"{name}, {columns[column]}: {(absent or {}).get((row, column), 'no calls')}")
                parts.append(f'<g><title>{why}</title><rect class="heat-none" {box}/></g>')
                continue
            step = step_of(cell.value, low, high)
            words = escape(f"{name}, {columns[column]}: {cell.words}")
            shown = f'<text class="heat-text-{step}" x="{x + slot / 2:.1f}" y="{y + 17}" text-anchor="middle">{escape(cell.short)}</text>'
            # A link's name is its title and what is seen in it: who speaks to the browser can say either.
            open_, close = (f'<a href="{escape(cell.address)}">', "</a>") if cell.address else ("<g>", "</g>")
            parts.append(f'{open_}<title>{words}</title><rect class="heat-{step}" {box}/>{shown if slot >= 26 else ""}{close}')
    ends = [cell for cell in cells.values() if cell.value in (low, high)]
    low_words = next((cell.words for cell in ends if cell.value == low), "")
    high_words = next((cell.words for cell in ends if cell.value == high), "")
    role = "group" if any(cell.address for cell in cells.values()) else "img"
    body = "".join(parts)
    picture = f'<svg class="chart heat-map" viewBox="0 0 {width} {height}" role="{role}" aria-label="{escape(label)}">{body}</svg>'
    return Heat(mark_safe(picture), low_words, high_words)  # noqa: S308 - every text went through escape


def _cut(name: str, longest: int) -> str:
    longest = max(longest, 3)
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
