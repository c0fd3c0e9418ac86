"""`tollbook verify`: checks a pack without a book, a database or a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tollbook.cli.output import print_json, show_problems

_MARKS = {"ok": "ok", "failed": "FAILED", "not repeated": "not repeated"}


def verify(
    file: Annotated[Path, typer.Argument(help="A close-*.zip or the pack of a dispute.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a sealed close or a dispute pack: its bytes, its parts, and its figures, computed again from the evidence inside.

    Exit code 0: everything holds. 1: it was altered or does not come out again. 2: it cannot be read.

    Example: tollbook verify book/closes/close-2026-11.zip
    """
    from tollbook.plain.verify import verify as verify_file

    found = verify_file(file)
    if as_json:
        print_json(found.as_dict())
    else:
        typer.echo(f"{file.name}: {found.title or found.format}")
        for check in found.checks:
            typer.echo(f"  {_MARKS[check.status]:<12} {check.words}")
            if check.expected or check.found:
                typer.echo(f"  {'':<12} sealed {check.expected}")
                typer.echo(f"  {'':<12} found  {check.found}")
        show_problems(found.problems)
        if found.root:
            typer.echo(f"ROOT           {found.root}")
        if found.result_digest:
            typer.echo(f"result digest  {found.result_digest}")
        typer.echo("VERIFIED" if found.is_verified else "NOT VERIFIED")
    raise typer.Exit(0 if found.is_verified else 1)
