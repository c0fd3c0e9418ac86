"""The heat map of the traffic page: one key figure by two things at once, each cell leading to its calls; and the same to take apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from django.http import HttpRequest

from tollbook.core.money import HALF_UP, divide_rounded
from tollbook.web import cube, heat, words
from tollbook.web.cube import DIMENSIONS, Line, Selection
from tollbook.web.exploration import BAR, LINE, Exploration, Row
from tollbook.web.table import Column, Kind, MemoryRows, Table

MEASURES: Final = {"asr": "ASR", "ner": "NER", "acd": "ACD", "minutes": "Minutes", "seizures": "Seizures"}
HEAT_ROWS: Final = ("day", "trunk", "destination", "country", "cause")
HEAT_COLUMNS: Final = ("hour", "trunk", "partner", "cause")
MOST_ROWS: Final = 24
MOST_COLUMNS: Final = 24
# The unit of a measure whose cells have no room for it.
UNITS: Final = {"asr": "%", "ner": "%", "acd": "s"}
# So many rows are drawn at first when the map is taken apart: as many as there are colours.
FIRST_DRAWN: Final = 5
_DASHES: Final = ("solid", "dashed", "dotted")
# A figure's value is kept exact; drawn it is in the unit that is written at the axis.
_DRAWN: Final[dict[str, int | Fraction]] = {"asr": 100, "ner": 100, "acd": Fraction(1, 1000), "minutes": Fraction(1, 60_000), "seizures": 1}

_KINDS: Final = {"asr": Kind.SHARE, "ner": Kind.SHARE, "acd": Kind.LENGTH, "minutes": Kind.MINUTES, "seizures": Kind.COUNT}


@dataclass(slots=True)
class _Map:
    """What stands where: the names of rows and columns, the cells by place, and why a place is empty."""

    rows: list[str]
    columns: list[str]
    cells: dict[tuple[int, int], heat.Cell] = field(default_factory=dict)
    absent: dict[tuple[int, int], str] = field(default_factory=dict)


class HeatMap:
    """`calls` gives the address of the calls of a selection narrowed further, empty where the viewer may not see them."""

    def __init__(self, request: HttpRequest, selection: Selection, calls: Callable[..., str]) -> None:
        self._request, self._given, self._selection, self._calls = request, request.GET, selection, calls
        given = self._given
        self._measure = self._choice("measure", MEASURES, "asr")
        hours = {line.key[0] for line in cube.lines(selection, "hour")} if "columns" not in given else {"0", "1"}
        self._columns = self._choice("columns", HEAT_COLUMNS, "hour" if len(hours) > 1 else "trunk")
        is_days = self._columns == "hour" and selection.first != selection.last
        rows = self._choice("rows", HEAT_ROWS, "day" if is_days else "destination")
        self._rows = "destination" if rows == self._columns else rows

    def context(self) -> dict[str, Any]:
        """What the template is given."""
        found = self._map()
        said = cube.naming(self._rows, self._columns)
        # A column of hours has room for two digits.
        heads = [f"{int(head):02d}" if self._columns == "hour" else said(self._columns, head) for head in found.columns]
        labels = [said(self._rows, name) for name in found.rows], heads
        title = " and ".join(words.lower_first(DIMENSIONS[name]) for name in (self._rows, self._columns))
        title = f"{_with_unit(self._measure)} by {title}"
        return {
            "heat": heat.heat(*labels, found.cells, title, found.absent) if found.cells else None,
            "exploration": self._exploration(found, *labels, title) if found.cells else None,
            "tables": {"heat": self._table(found, labels[0], [said(self._columns, column) for column in found.columns])},
            "heat_rows": self._rows,
            "heat_columns": self._columns,
            "measure": self._measure,
            "measure_name": MEASURES[self._measure],
            "heat_title": title,
            "measures": list(MEASURES.items()),
            "row_options": [(name, DIMENSIONS[name]) for name in HEAT_ROWS],
            "column_options": [(name, DIMENSIONS[name]) for name in HEAT_COLUMNS],
            "heat_kept": [
                (key, value) for key, value in self._given.items() if key not in ("measure", "rows", "columns") and not key.startswith("t-")
            ],
        }

    def _table(self, found: _Map, rows: list[str], columns: list[str]) -> Table:
        """The cells one below the other, row by row of the map until somebody sorts otherwise."""
        kind = _KINDS[self._measure]
        # A share and a mean stay exact fractions; what is counted is whole.
        exact = Fraction if kind in (Kind.SHARE, Kind.LENGTH) else int
        cells = [
            {
                "place": place,
                "row": rows[row],
                "column": columns[column],
                "value": exact(cell.value),
                "words": cell.words,
                "address": cell.address,
            }
            for place, ((row, column), cell) in enumerate(sorted(found.cells.items()))
        ]
        shown = (
            Column("row", DIMENSIONS[self._rows], filter="text"),
            Column("column", DIMENSIONS[self._columns], filter="text"),
            Column("value", MEASURES[self._measure], kind, link=lambda cell: cell["address"]),
            Column("words", "With its base", sorts=False, is_optional=True),
        )
        label = f"{MEASURES[self._measure]} by {DIMENSIONS[self._rows]} and {DIMENSIONS[self._columns]}"
        return Table(self._request, MemoryRows(cells, tie=("place",)), shown, name="h", label=label, page_rows=24)

    def _choice(self, name: str, options: Any, default: str) -> str:
        text = self._given.get(name, "")
        return text if text in options else default

    def _map(self) -> _Map:
        found = cube.lines(self._selection, self._rows, self._columns)
        names = _busiest(found, 0, MOST_ROWS)
        if self._rows == "day":
            names = sorted({line.key[0] for line in found})[-MOST_ROWS:]
        heads = [str(hour) for hour in range(24)] if self._columns == "hour" else _busiest(found, 1, MOST_COLUMNS)
        made = _Map(names, heads)
        for line in found:
            row, column = line.key
            if row not in names or column not in heads:
                continue
            place = (names.index(row), heads.index(column))
            if (value := _measured(self._measure, line)) is None:
                made.absent[place] = f"none of {line.sums.seizures:,} seizures was answered"
                continue
            made.cells[place] = heat.Cell(*value, self._calls(self._selection, **{self._rows: row, self._columns: column}))
        return made

    def _exploration(self, found: _Map, rows: list[str], columns: list[str], title: str) -> Exploration:
        """Each row of the map as a row of a chart: over the hours as a line, over things without an order as bars."""
        # Of days the last are of interest, of all else the busiest, which stand first.
        first = len(rows) - FIRST_DRAWN if self._rows == "day" else 0
        factor = _DRAWN[self._measure]

        def row(number: int, name: str) -> Row:
            cells = [found.cells.get((number, column)) for column in range(len(columns))]
            return Row(
                name,
                [float(cell.value * factor) if cell else None for cell in cells],
                [cell.words if cell else found.absent.get((number, column), "no calls") for column, cell in enumerate(cells)],
                style=number % FIRST_DRAWN + 1,
                addresses=[cell.address if cell else "" for cell in cells],
                kind=LINE if self._columns == "hour" else BAR,
                dash=_DASHES[number // FIRST_DRAWN % len(_DASHES)],
                is_shown=first <= number < first + FIRST_DRAWN,
            )

        made = [row(number, name) for number, name in enumerate(rows)]
        return Exploration("explore-heat", title, DIMENSIONS[self._columns], columns, made, (_with_unit(self._measure),))


def _busiest(found: list[Line], place: int, most: int) -> list[str]:
    counted: dict[str, int] = {}
    for line in found:
        counted[line.key[place]] = counted.get(line.key[place], 0) + line.sums.seizures
    return sorted(counted, key=lambda name: (-counted[name], name))[:most]


def _measured(measure: str, line: Line) -> tuple[Fraction, str, str] | None:
    """The value for the colour, in words with its base, and short for the cell."""
    sums = line.sums
    base = f"of {sums.seizures:,} seizures"
    if measure in ("asr", "ner"):
        share: Fraction | None = getattr(sums, measure)
        return None if share is None else (share, f"{words.share(share)} % {base}", words.whole_percent(share))
    if measure == "acd":
        length = sums.acd_ms
        if length is None:
            return None
        seconds = divide_rounded(length.numerator, 1000 * length.denominator, HALF_UP)
        return length, f"{words.length(length)} s over {sums.answers:,} answers", str(seconds)
    if measure == "minutes":
        shown = words.minutes(sums.conversation_ms)
        return Fraction(sums.conversation_ms), f"{shown} minutes", _short(divide_rounded(sums.conversation_ms, 60_000, HALF_UP))
    return Fraction(sums.seizures), f"{sums.seizures:,} seizures", _short(sums.seizures)


def _short(number: int) -> str:
    """1,634 as 2k: a cell has room for four characters, its title for all."""
    for size, letter, least in ((1_000_000, "M", 999_500), (1_000, "k", 1_000)):
        if number >= least:
            return f"{divide_rounded(number, size, HALF_UP)}{letter}"
    return str(number)


def _with_unit(measure: str) -> str:
    return f"{MEASURES[measure]} in {UNITS[measure]}" if measure in UNITS else MEASURES[measure]
