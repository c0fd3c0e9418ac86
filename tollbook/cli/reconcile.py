"""`tollbook reconcile`: two carriers' records, every difference explained, without a book."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tollbook.cli.output import exit_code, print_json, show_problems

WIDTH = 80


def reconcile(
    ours: Annotated[Path, typer.Argument(help="Our CDR file.", metavar="OURS")],
    theirs: Annotated[Path, typer.Argument(help="The partner's CDR file, with amounts where it has them.", metavar="THEIRS")],
    agreement: Annotated[Path, typer.Option("--agreement", help="The agreement (TOML); its deck lies beside it.", metavar="TERMS")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the report and the tables; it is made.", metavar="DIR")],
    ours_format: Annotated[str, typer.Option(help="Format or mapping of our file; else its columns say.", metavar="NAME")] = "",
    theirs_format: Annotated[str, typer.Option(help="Format or mapping of theirs; else its columns say.", metavar="NAME")] = "",
    deck: Annotated[list[Path] | None, typer.Option(help="A version of the deck, oldest first; else the agreement's own.")] = None,
    direction: Annotated[str, typer.Option(help="payable (their bill, the default) or receivable (ours).")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> int:
    """Match two carriers' records and explain every difference in minutes and money.

    Writes summary.json, matches.csv, unmatched.csv, waterfall.csv, problems.csv and report.html into DIR. The exit code is 0 when the
    comparison was made, whatever it found; 1 when records or amounts had to be left out (problems of severity error); 2 when nothing could
    be compared.

    Example: tollbook reconcile ours.csv theirs.csv --agreement terms.toml --theirs-format partner.toml -o report
    """
    from tollbook.plain.reconcile import reconcile as compare

    with compare(
        ours,
        theirs,
        agreement,
        ours_format=ours_format or None,
        theirs_format=theirs_format or None,
        decks=deck or (),
        direction=direction or None,
    ) as found:
        report = found.write(output)
        if as_json:
            print_json(found.summary | {"report": str(report)})
        else:
            _print(found.summary, report)
            show_problems(found.problems)
        return max(exit_code(found.problems), _code_of_records(found.summary))


def _code_of_records(summary: dict[str, Any]) -> int:
    """1 where records of a file were left out; their problems are in the summary, not one by one in memory."""
    return 1 if any(row["severity"] in ("error", "fatal") for row in summary["problems"]) else 0


def _print(summary: dict[str, Any], report: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from tollbook.formats.report.numbers import count, money, signed_minutes, signed_money

    console = Console(width=WIDTH, highlight=False, markup=False, emoji=False)
    console.print(summary["sentence"])
    found, minutes = summary["money"], summary["minutes"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("From ours to theirs", no_wrap=True, max_width=32)
    table.add_column("Calls", justify="right", no_wrap=True)
    table.add_column("Minutes", justify="right", no_wrap=True)
    totals = summary["totals"]
    if found:
        table.add_column(found["currency"], justify="right", no_wrap=True)
        places = found["places"]
        table.add_row("Ours", count(totals["ours"]["calls"]), _minutes(totals["ours"]["minutes_ms"]), money(found["ours"], places))
        for each in found["causes"]:
            label = f"  {each['label']}"
            table.add_row(label, count(each["calls"]), signed_minutes(each["minutes_ms"]), signed_money(each["amount"], places))
        table.add_row("Theirs", count(totals["theirs"]["calls"]), _minutes(totals["theirs"]["minutes_ms"]), money(found["theirs"], places))
    else:
        table.add_row("Ours", count(totals["ours"]["calls"]), _minutes(minutes["ours_ms"]))
        for each in minutes["classes"]:
            if each["net_ms"]:
                table.add_row(f"  {each['label']}", count(each["calls"]), signed_minutes(each["net_ms"]))
        table.add_row("Theirs", count(totals["theirs"]["calls"]), _minutes(minutes["theirs_ms"]))
    console.print()
    console.print(table)
    console.print()
    matching, budget = summary["matching"], summary["budget"]
    console.print(
        f"{count(matching['pairs'])} pairs; {count(matching['only_ours'])} records only ours, {count(matching['only_theirs'])} only theirs."
    )
    console.print(budget["sentence"])
    # A path is for copying: never wrapped.
    print(f"Report: {report}")


def _minutes(milliseconds: int) -> str:
    from tollbook.formats.report.numbers import minutes

    return minutes(milliseconds)
