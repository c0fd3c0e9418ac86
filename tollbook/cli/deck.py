"""`tollbook deck`: look into rate decks without a book."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tollbook.cli.output import exit_code, print_json, print_table, show_problems
from tollbook.core.deck_date import parse_moment
from tollbook.core.deck_digest import canonical_instant
from tollbook.core.problem import refuse
from tollbook.core.zone import UTC

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Look into rate decks: lookup, digest, show.")

DeckFile = Annotated[Path, typer.Argument(help="A rate deck, CSV or XLSX.", metavar="DECK")]
Profile = Annotated[Path | None, typer.Option(help="How the deck is written: a deck profile (TOML).", metavar="FILE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def lookup(
    deck: DeckFile,
    numbers: Annotated[str, typer.Argument(help="A file with a number per line, or - for standard input.", metavar="NUMBERS")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The CSV to write.", metavar="OUT.csv")],
    at: Annotated[
        str | None, typer.Option(help="As of this date or instant (UTC); else the latest state of the deck.", metavar="INSTANT")
    ] = None,
    profile: Profile = None,
    as_json: AsJson = False,
) -> int:
    """The code, destination and rate of each number: a line per number, as given and in that order; no code, no rate.

    Example: tollbook deck lookup deck.csv numbers.txt -o rates.csv --at 2026-11-22T00:00:00Z
    """
    from tollbook.plain.deck import load_deck, lookup_file

    at_ms = _instant(at) if at else None
    content = _numbers(numbers)
    loaded, problems = load_deck(deck, profile)
    result = lookup_file(loaded, content, output, at_ms, file=numbers)
    if as_json:
        found: dict[str, Any] = {"numbers": result.numbers, "found": result.found, "unreadable": result.unreadable}
        print_json(
            {**found, "at": canonical_instant(result.at_ms), "output": str(output), "problems": [each.as_dict() for each in problems]}
        )
    else:
        show_problems(problems)
        print(f"{result.numbers:,} numbers, {result.found:,} with a code, as of {canonical_instant(result.at_ms)}: {output}")
    return exit_code(problems)


@app.command()
def digest(deck: DeckFile, profile: Profile = None, as_json: AsJson = False) -> int:
    """The immutable name of a deck: the same for CSV and XLSX, for any order of rows, for 0.010 and 0.01.

    Example: tollbook deck digest deck.xlsx
    """
    from tollbook.plain.deck import load_deck

    loaded, problems = load_deck(deck, profile)
    if as_json:
        found = {"digest": loaded.digest, "rows": loaded.rows.num_rows, "file": str(deck), "file_digest": loaded.file_digest}
        print_json({**found, "problems": [each.as_dict() for each in problems]})
    else:
        show_problems(problems)
        print(loaded.digest)
    return exit_code(problems)


@app.command()
def show(deck: DeckFile, profile: Profile = None, as_json: AsJson = False) -> int:
    """What is in a deck: rows, codes, dates, currency and problems.

    Example: tollbook deck show deck.csv --profile partner.toml
    """
    from tollbook.plain.deck import deck_summary, load_deck

    loaded, problems = load_deck(deck, profile)
    summary = deck_summary(loaded, problems)
    if as_json:
        print_json({**summary, "problems": [each.as_dict() for each in problems]})
        return exit_code(problems)
    show_problems(problems)
    shown = {**summary, "statuses": _counts(summary["statuses"]), "problems": _counts(summary["problems"])}
    print_table("", ["", ""], [(name.replace("_", " "), value) for name, value in shown.items() if value not in (None, "")])
    return exit_code(problems)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def _instant(text: str) -> int:
    read = parse_moment(text, UTC)
    if read.problem:
        raise refuse(read.problem, f"--at {text} is no date or instant: write 2026-11-22 or 2026-11-22T00:00:00Z.", value=text)
    return read.at_ms


def _numbers(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise refuse("FILE_MISSING", f"There is no file {path}.", file=path) from error
    except OSError as error:
        raise refuse("FILE_UNREADABLE", f"{error.strerror}.", file=path) from error
