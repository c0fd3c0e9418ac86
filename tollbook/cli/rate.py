"""`tollbook rate`: price a CDR file by a deck, on plain files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tollbook.cli.output import exit_code, print_json, show_problems
from tollbook.core.money import format_micros, format_scaled


def rate(
    cdrs: Annotated[Path, typer.Argument(help="The CDR file.", metavar="CDRS")],
    deck: Annotated[Path, typer.Option(help="The rate deck, CSV or XLSX.", metavar="DECK")],
    output: Annotated[Path, typer.Option("-o", "--output", help="What to write, .csv or .parquet.", metavar="OUT")],
    format_name: Annotated[
        str | None, typer.Option("--format", help="The format of the CDRs, or a mapping; else its columns tell.", metavar="NAME")
    ] = None,
    agreement: Annotated[
        Path | None, typer.Option(help="The agreement whose rating terms hold; else the usual ones.", metavar="TERMS")
    ] = None,
    profile: Annotated[Path | None, typer.Option(help="How the deck is written: a deck profile (TOML).", metavar="FILE")] = None,
    leg: Annotated[str | None, typer.Option(help="IN or OUT, for records that stand for both; else IN.", metavar="LEG")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Price every record of a CDR file: a row per record with code, billed seconds, rate, amount and problem. Nothing is dropped.

    Example: tollbook rate cdrs.csv --deck deck.xlsx --agreement terms.toml -o rated.csv
    """
    from tollbook.plain.rate import rate_file

    if leg not in (None, "IN", "OUT"):
        raise typer.BadParameter("The leg is IN or OUT.")
    report = rate_file(cdrs, deck, output, format_name=format_name, agreement=agreement, profile=profile, leg=leg)
    if as_json:
        print_json(
            {
                "read": report.read,
                "rows": report.rows,
                "statuses": dict(report.statuses),
                "billed_s": report.billed_s,
                "amount": format_scaled(report.amount_micros, 6),
                "currency": report.currency,
                "deck_digest": report.deck_digest,
                "output": str(output),
                "problems": [each.as_dict() for each in report.problems],
            }
        )
        return exit_code(report.problems)
    show_problems(report.problems)
    counted = ", ".join(f"{count:,} {status}" for status, count in sorted(report.statuses.items()))
    total = f"{format_micros(report.amount_micros, report.currency)} {report.currency}".strip()
    print(f"{report.read:,} records read, {report.rows:,} rows: {counted}. {report.billed_s:,} s billed, {total}: {output}")
    return exit_code(report.problems)
