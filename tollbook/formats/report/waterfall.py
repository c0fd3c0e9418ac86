"""The waterfall as SVG: ours, one floating bar per cause, theirs. Text and colours come from the report's stylesheet.

The bars lie, one row each, so that every label can be read. Totals are far larger than differences: the axis starts where the differences
are, and the bars of the totals show by a torn edge that they begin further left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from zlib import crc32

from markupsafe import Markup

ROW: Final = 30
BAR: Final = 18
TOP: Final = 8
NARROW: Final = 600  # below this width a label stands above its bar
NARROW_ROW: Final = 42
NARROW_BAR: Final = 12


@dataclass(frozen=True, slots=True)
class Step:
    """One row: a total (`total` set, `value` is where it stands) or a difference. `shown` is the value as text, `note` a second line."""

    label: str
    value: int
    shown: str
    total: bool = False
    unexplained: bool = False


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where things are, in user units: labels left of the bars, or above them where it is narrow; values right."""

    width: int
    low: int
    high: int

    @property
    def narrow(self) -> bool:
        return self.width < NARROW

    @property
    def row(self) -> int:
        return NARROW_ROW if self.narrow else ROW

    @property
    def bar(self) -> int:
        return NARROW_BAR if self.narrow else BAR

    @property
    def bar_offset(self) -> int:
        """From the top of a row to the top of its bar."""
        return 22 if self.narrow else 6

    def x(self, value: int) -> float:
        left, right = (2, self.width - 4) if self.narrow else (272, self.width - 162)
        span = max(self.high - self.low, 1)
        return round(left + (right - left) * ((value - self.low) / span), 2)


def chart(steps: Sequence[Step], title: str, *, width: int = 960) -> Markup:
    """The chart as an SVG element `width` user units wide. Differences start where the one before ended."""
    frame = _frame(steps, width)
    height = TOP + frame.row * len(steps) + 6
    marker = f"hatch-{width}-{crc32(title.encode())}"
    rows: list[str] = []
    level = 0
    for number, step in enumerate(steps):
        top = TOP + frame.row * number
        start, level = (frame.low, step.value) if step.total else (level, level + step.value)
        rows.append(_row(frame, step, top, start, level, marker))
        if number + 1 < len(steps) and not frame.narrow:
            x, bar_top = frame.x(level), top + frame.bar_offset
            rows.append(f'<line class="wf-link" x1="{x}" x2="{x}" y1="{bar_top}" y2="{bar_top + frame.row + frame.bar}"/>')
    described = "; ".join(f"{step.label} {step.shown}" for step in steps)
    parts = (
        f'<svg class="wf" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}: {escape(described)}" '
        f'preserveAspectRatio="xMinYMin meet">',
        f'<defs><pattern id="{marker}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect class="wf-hatch-ground" width="6" height="6"/><line class="wf-hatch" x1="0" y1="0" x2="0" y2="6"/></pattern></defs>',
        *rows,
        "</svg>",
    )
    return Markup("".join(parts))  # noqa: S704  every text in it went through escape()


def lowest(steps: Sequence[Step]) -> int:
    """Where the axis starts: at 0 where the differences are large enough to be seen from there, else below the lowest level."""
    low, high = _bounds(steps)
    margin = max((high - low) * 8 // 100, 1)
    return 0 if 0 <= low <= 2 * (high - low) else low - 2 * margin


def _bounds(steps: Sequence[Step]) -> tuple[int, int]:
    level = 0
    levels: list[int] = []
    for step in steps:
        level = step.value if step.total else level + step.value
        levels.append(level)
    return min(levels, default=0), max(levels, default=0)


def _frame(steps: Sequence[Step], width: int) -> _Frame:
    low, high = _bounds(steps)
    margin = max((high - low) * 8 // 100, 1)
    return _Frame(width, lowest(steps), high + margin)


def _row(frame: _Frame, step: Step, top: int, start: int, end: int, marker: str) -> str:
    left, right = sorted((frame.x(start), frame.x(end)))
    bar_width = max(right - left, 1.5)
    kind = "total" if step.total else "unexplained" if step.unexplained else "plus" if step.value >= 0 else "minus"
    fill = f' style="fill:url(#{marker})"' if step.unexplained else ""
    bar_top = top + frame.bar_offset
    torn = _tear(left, bar_top, frame.bar) if step.total and frame.low != 0 else ""
    strong = " wf-strong" if step.total else ""
    text_y = top + (15 if frame.narrow else 20)
    label_x, anchor = (2, "start") if frame.narrow else (260, "end")
    return (
        f'<g><text class="wf-label{strong}" x="{label_x}" y="{text_y}" text-anchor="{anchor}">{escape(step.label)}</text>'
        f'<rect class="wf-{kind}"{fill} x="{left}" y="{bar_top}" width="{round(bar_width, 2)}" height="{frame.bar}" rx="1.5"/>{torn}'
        f'<text class="wf-value{strong}" x="{frame.width - 4}" y="{text_y}" text-anchor="end">{escape(step.shown)}</text></g>'
    )


def _tear(left: float, top: int, height: int) -> str:
    """A jagged cut near the left end of a bar: it begins further left than the axis."""
    points = " ".join(f"{left + 10 + (3 if index % 2 else -3)},{top - 2 + index * (height + 6) // 6}" for index in range(7))
    return f'<polyline class="wf-tear" points="{points}"/>'
