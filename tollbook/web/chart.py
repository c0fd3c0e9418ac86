"""Charts as SVG, drawn on the server: they need no script, follow the theme, print, and every bar is a link a keyboard reaches.

Figures come in as integers and leave as pixels; nothing is computed back from a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

WIDTH: Final = 960
# What a picture measures that is shown on a telephone instead of the wide one: its letters are as large there as the words around it.
NARROW_WIDTH: Final = 360
# How wide a letter of a label and of a figure is at most, in units of a narrow picture.
_LETTER, _DIGIT = 6.2, 6.6


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of a waterfall. `shown` is the amount in words; an address makes it a link."""

    label: str
    value: int
    shown: str
    address: str = ""
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One row of figures over the same days; `style` is s1 to s5."""

    name: str
    values: Sequence[int]
    shown: Sequence[str]
    style: str


@dataclass(slots=True)
class _Canvas:
    """Collects the parts of one picture."""

    height: int
    label: str
    parts: list[str] = field(default_factory=list)
    width: int = WIDTH

    def rect(self, x: float, y: float, width: float, height: float, style: str) -> None:
        self.parts.append(
            f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}" rx="2"/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        self.parts.append(f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def text(self, x: float, y: float, words: str, anchor: str = "middle", style: str = "") -> None:
        self.parts.append(f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>')

    def open(self, address: str, words: str) -> None:
        link = f'<a href="{escape(address)}">' if address else "<g>"
        self.parts.append(f"{link}<title>{escape(words)}</title>")

    def close(self, address: str) -> None:
        self.parts.append("</a>" if address else "</g>")

    def svg(self) -> SafeString:
        body = "".join(self.parts)
        role = "group" if "<a " in body else "img"
        return mark_safe(  # noqa: S308 - every text went through escape
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="{role}" aria-label="{escape(self.label)}">{body}</svg>'
        )


@dataclass(frozen=True, slots=True)
class _Steps:
    """Where each bar of a waterfall begins and ends, and the stretch of the axis that is drawn."""

    places: list[tuple[int, int]]
    low: int
    high: int

    def pixels(self, value: int, left: float, width: float) -> float:
        return left + (max(value, self.low) - self.low) * width / (self.high - self.low)


def _steps(bars: Sequence[Bar]) -> _Steps:
    places, running = [], 0
    for bar in bars:
        start = 0 if bar.is_total else running
        running = bar.value if bar.is_total else running + bar.value
        places.append((start, running))
    # Totals are long and differences short: the axis begins near the smaller total, which the broken base line says.
    ends = [end for pair, bar in zip(places, bars, strict=True) for end in (pair if not bar.is_total else pair[1:])]
    low, high = min(ends, default=0), max(ends, default=1)
    margin = max((high - low) // 12, 1)
    return _Steps(places, low - margin, high + margin)


def waterfall(bars: Sequence[Bar], label: str, *, row: int = 30) -> SafeString:
    """Lying bars from the first total to the last, each beginning where the one before ended: labels stay readable."""
    name_width, value_width = 230, 150
    canvas, steps = _Canvas(len(bars) * row + 8, label), _steps(bars)

    def x(value: int) -> float:
        return steps.pixels(value, name_width, WIDTH - name_width - value_width)

    for index, (bar, (start, end)) in enumerate(zip(bars, steps.places, strict=True)):
        top = 4 + index * row
        style = "total" if bar.is_total else "up" if end >= start else "down"
        left, right = sorted((x(steps.low) if bar.is_total else x(start), x(end)))
        canvas.open(bar.address, f"{bar.label}: {bar.shown}")
        canvas.parts.append(f'<rect class="hit" x="0" y="{top - 1}" width="{WIDTH}" height="{row - 2}" rx="4"/>')
        canvas.text(name_width - 12, top + row / 2 + 2, bar.label, "end", "strong")
        canvas.rect(left, top + 4, max(right - left, 1.5), row - 12, style)
        canvas.text(WIDTH - 6, top + row / 2 + 2, bar.shown, "end", "strong" if bar.is_total else "")
        canvas.close(bar.address)
        if index + 1 < len(bars):
            canvas.line(x(end), top + row - 8, x(end), top + row + 4, "join")
    return canvas.svg()


def waterfall_narrow(bars: Sequence[Bar], label: str, *, row: int = 42) -> SafeString:
    """The same for a telephone: the label and the amount of a bar stand above it, so that the bar has the whole width."""
    canvas, steps = _Canvas(len(bars) * row + 4, label, width=NARROW_WIDTH), _steps(bars)
    for index, (bar, (start, end)) in enumerate(zip(bars, steps.places, strict=True)):
        top = 2 + index * row
        style = "total" if bar.is_total else "up" if end >= start else "down"
        begin = steps.low if bar.is_total else start
        left, right = sorted(steps.pixels(each, 2, NARROW_WIDTH - 4) for each in (begin, end))
        most = int((NARROW_WIDTH - 12 - len(bar.shown) * _DIGIT) / _LETTER)
        canvas.open(bar.address, f"{bar.label}: {bar.shown}")
        canvas.parts.append(f'<rect class="hit" x="0" y="{top}" width="{NARROW_WIDTH}" height="{row - 4}" rx="4"/>')
        canvas.text(2, top + 15, bar.label if len(bar.label) <= most else f"{bar.label[: max(most, 4) - 1]}…", "start", "strong")
        canvas.text(NARROW_WIDTH - 2, top + 15, bar.shown, "end", "strong" if bar.is_total else "")
        canvas.rect(left, top + 21, max(right - left, 1.5), 12, style)
        canvas.close(bar.address)
        if index + 1 < len(bars):
            canvas.line(steps.pixels(end, 2, NARROW_WIDTH - 4), top + 33, steps.pixels(end, 2, NARROW_WIDTH - 4), top + row + 21, "join")
    return canvas.svg()


def by_width(wide: SafeString, narrow: SafeString) -> SafeString:
    """Two drawings of the same, of which the style sheet shows the one that fits the screen."""
    return mark_safe(f'<div class="chart-wide">{wide}</div><div class="chart-narrow">{narrow}</div>')  # noqa: S308 - both are drawn here


def _round_step(highest: int) -> int:
    """A quarter of the axis: the smallest of 1, 2, 2.5 and 5 with noughts that four of reach the highest value."""
    size = 1
    while True:
        for tenths in (10, 20, 25, 50):
            if 4 * size * tenths >= 10 * highest:
                return -(-size * tenths // 10)
        size *= 10


def days(
    names: Sequence[str],
    series: Sequence[Series],
    label: str,
    *,
    width: int = WIDTH,
    height: int = 220,
    axis: Callable[[int], str] = str,
) -> SafeString:
    """Upright bars side by side per day; `axis` says the figures of the lines behind them. `width` is WIDTH or NARROW_WIDTH."""
    canvas = _Canvas(height, label, width=width)
    highest = max((value for each in series for value in each.values), default=0)
    lowest = min((value for each in series for value in each.values), default=0)
    step = _round_step(max(highest, 4))
    figures = [axis(step * quarter) for quarter in range(1, 5)]
    # The figures of the axis stand in a margin of their own, where no bar lies over them.
    left, bottom, top = 12 + max(map(len, figures)) * _LETTER, height - 24, 12
    highest, lowest = 4 * step, min(lowest, 0)
    scale = (bottom - top) / (highest - lowest)
    zero = top + highest * scale
    for quarter, said in enumerate(figures, start=1):
        y = zero - (step * quarter) * scale
        canvas.line(left, y, width - 8, y, "rule")
        canvas.text(left - 6, y + 4, said, "end")
    canvas.line(left, zero, width - 8, zero, "base")
    slot = (width - left - 8) / max(len(names), 1)
    thickness = min(40, slot * 0.72 / max(len(series), 1))
    for index, name in enumerate(names):
        middle = left + slot * (index + 0.5)
        words = ", ".join(f"{each.name} {each.shown[index]}" for each in series)
        canvas.open("", f"{name}: {words}")
        canvas.parts.append(f'<rect class="hit" x="{middle - slot / 2:.1f}" y="{top}" width="{slot:.1f}" height="{bottom - top}"/>')
        for number, each in enumerate(series):
            value = each.values[index]
            x = middle + (number - len(series) / 2) * thickness
            canvas.rect(x + 1, min(zero, zero - value * scale), max(thickness - 2, 1), abs(value) * scale, each.style)
        canvas.close("")
        if index % max(1, len(names) * 70 // width) == 0:
            canvas.text(middle, height - 6, name)
    return canvas.svg()
