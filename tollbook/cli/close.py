"""`tollbook close`: rates, reconciles, disputes, invoices and seals a period."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tollbook.cli.output import print_json, print_table, show_problems
from tollbook.cli.progress import shown as shown_progress


def close(
    period: Annotated[str, typer.Argument(help="2026-11 for a month; 2026-11-A, 2026-11-W2, 2026-W46 and 2026-11-22 are shorter ones.")],
    book: Annotated[
        Path | None, typer.Option("--book", "-b", help="The book's folder.", show_default="$TOLLBOOK_BOOK, else ./book")
    ] = None,
    known_at: Annotated[str, typer.Option("--known-at", help="Use only what was known at this UTC instant.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Close a period: rate both legs, match and reconcile every supplier, raise disputes, issue invoices, seal everything in one file.

    Run it again whenever something came in: what has not changed is not computed again, and an issued invoice is never changed.
    Exit code 0: everything is closed. 1: a partner was parked or something is wrong with the data. 2: nothing could be done.

    Example: tollbook close 2026-11
    """
    from tollbook.flow import clock
    from tollbook.flow.book import local_actor, open_book
    from tollbook.flow.close import close_period, critical
    from tollbook.flow.close_report import context
    from tollbook.store.models import Partner

    opened = open_book(book)
    with shown_progress(quiet=as_json):
        done = close_period(opened, period, actor=local_actor(), known_at=clock.parse_instant_ms(known_at) if known_at else None)
    shown = context(opened, done, [], dict(Partner.objects.values_list("id", "name")))
    if as_json:
        fields = ("period", "is_complete", "result_digest", "root", "invoices", "payables", "disputes", "accruals", "exceptions", "checks")
        values = {name: shown[name] for name in fields}
        print_json(
            {**values, "pack": str(done.pack), "report": str(done.report), "problems": [each.as_dict() for each in done.all_problems]}
        )
    else:
        _show(shown)
        show_problems(done.all_problems)
        typer.echo(f"result digest  {done.result_digest}")
        typer.echo(f"ROOT           {done.root}")
        typer.echo(f"report         {done.report}")
        typer.echo(f"sealed close   {done.pack}")
    raise typer.Exit(1 if critical(done) else 0)


def _show(shown: dict) -> None:  # type: ignore[type-arg]
    state = "complete" if shown["is_complete"] else "NOT COMPLETE"
    typer.echo(f"Close of {shown['period']}: {state}")
    rows = [
        (row["partner"], row["number"], row["period"], row["calls"], f"{row['currency']} {row['payable']}", row["due"])
        for row in shown["invoices"]
    ]
    if rows:
        print_table("Our invoices", ("Partner", "Number", "Traffic", "Calls", "Payable", "Due"), rows, right=(3, 4))
    rows = [
        (row["partner"], row["number"], f"{row['currency']} {row['total']}", row["payable"], row["disputed"], row["due"])
        for row in shown["payables"]
    ]
    if rows:
        print_table("Suppliers' invoices", ("Supplier", "Number", "Total", "Payable", "In dispute", "Due"), rows, right=(2, 3, 4))
    disputes = [(row["id"], f"{row['currency']} {row['amount']}", row["state"], row["submit_until"]) for row in shown["disputes"]]
    if disputes:
        print_table("Disputes", ("Dispute", "Amount", "State", "Submit until"), disputes, right=(1,))
    accruals = [(row["partner"], row["period"], f"{row['currency']} {row['amount']}") for row in shown["accruals"]]
    if accruals:
        print_table("Cost accrued", ("Supplier", "Traffic", "Amount"), accruals, right=(2,))
