"""`tollbook bench`: measurements anybody can repeat on their own machine."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from tollbook.cli.output import print_json, print_table
from tollbook.core.problem import refuse

BENCHES = ("rating", "matching", "truth", "web")


def bench(
    name: Annotated[str, typer.Argument(help="rating, matching, truth or web.", metavar="NAME")],
    rows: Annotated[int, typer.Option(min=1_000, help="How many calls to generate.")] = 300_000,
    folder: Annotated[Path | None, typer.Option(help="web: keep its book here, and use the one that is here already.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure one thing beside other ways of doing the same work, and check that all give the same result.

    Example: tollbook bench rating --rows 300000 --json
    """
    if name not in BENCHES:
        raise refuse("BENCH_UNKNOWN", f"There is no bench {name}: choose {', '.join(BENCHES)}.", value=name)
    run = import_module(f"tollbook.bench.{name}").run
    result: dict[str, Any] = run(rows, folder) if name == "web" else run(rows)
    if as_json:
        print_json(result)
        return
    for title, table in result.get("tables", {}).items():
        columns = list(table[0]) if table else []
        right = [index for index, column in enumerate(columns) if table and isinstance(table[0][column], int | float)]
        print_table(title, columns, [list(row.values()) for row in table], right=right)
    for key, value in result.items():
        if key != "tables" and not isinstance(value, dict | list):
            print(f"{key}: {value}")
