"""The figures behind a drawn chart, for somebody who wants to take it apart: which rows, which stretch, what exactly at a point.

The chart on the page is drawn on the server and needs no script. This is what `explore.js` is given when somebody presses Explore: the
same figures as JSON, with the words the server says them in, so that nothing is computed or worded twice. The chart library is fetched
only then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

# Bars of days, or of things without an order; lines where what is across goes on, as the hours do.
BAR: Final = "bar"
LINE: Final = "line"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of figures: where it is drawn (in the unit of its axis; None is no figure), and what is said of each.

    `style` is its colour, 1 to 5; `addresses` lead from a figure to what it is made of; `is_shown` says whether it is drawn before
    anybody has chosen.
    """

    name: str
    values: Sequence[float | None]
    words: Sequence[str]
    style: int
    addresses: Sequence[str] = ()
    kind: str = BAR
    dash: str = "solid"
    axis: int = 0
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class Exploration:
    """Rows over the same places; `axes` name the units, the first on the left and the second on the right."""

    identity: str
    label: str
    across: str
    places: Sequence[str]
    rows: Sequence[Row]
    axes: Sequence[str] = ("",)

    def data(self) -> dict[str, Any]:
        """What the script is given."""
        return asdict(self)
