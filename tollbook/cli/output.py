"""What commands print: results on stdout, problems on stderr, JSON as one object where it is asked for."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tollbook.core.problem import Problem, Severity

SHOWN_PROBLEMS = 20


def show_problems(problems: Iterable[Problem], *, as_json: bool = False, limit: int = SHOWN_PROBLEMS) -> None:
    """Problems on stderr, worst first, the first `limit` in full and the rest counted by code. With JSON, one object on stdout."""
    order = list(Severity)
    found = sorted(problems, key=lambda each: -order.index(each.severity))
    if as_json:
        print_json({"problems": [each.as_dict() for each in found]})
        return
    for each in found[:limit]:
        print(each, file=sys.stderr)
    rest = Counter(each.code for each in found[limit:])
    for code, count in rest.items():
        print(f"... and {count:,} more {code}", file=sys.stderr)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on stdout, keys as given."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def exit_code(problems: Iterable[Problem]) -> int:
    """1 where a problem kept a value or a record out of the money, else 0."""
    return int(any(each.severity in (Severity.ERROR, Severity.FATAL) for each in problems))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()) -> None:
    """A table that fits the terminal; the columns numbered in `right` (from 0) are right-aligned figures."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    # A pipe has no width; a file is read in an editor, which has more than a terminal of eighty columns.
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    Console(highlight=False, markup=False, width=132 if piped else None).print(table)
