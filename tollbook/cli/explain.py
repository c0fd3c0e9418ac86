"""`tollbook explain`: how a call got its price."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tollbook.cli.output import print_json, print_table

if TYPE_CHECKING:
    from tollbook.core.explanation import Explanation, LegPrice


def explain(
    cdr_id: Annotated[str, typer.Argument(help="The record's id: 32 hexadecimal digits, or the first eight or more.")],
    book: Annotated[
        Path | None, typer.Option("--book", help="The book's folder; else $TOLLBOOK_BOOK, else ./book.", show_default=False)
    ] = None,
    cdrs: Annotated[Path | None, typer.Option(help="Without a book: the CDR file that holds the record.", metavar="FILE")] = None,
    deck: Annotated[list[Path] | None, typer.Option(help="Without a book: the versions of the deck, oldest first.", metavar="DECK")] = None,
    agreement: Annotated[Path | None, typer.Option(help="Without a book: the agreement; else the usual terms.", metavar="TERMS")] = None,
    format_name: Annotated[str | None, typer.Option("--format", help="Without a book: the format of the CDRs.", metavar="NAME")] = None,
    profile: Annotated[Path | None, typer.Option(help="Without a book: how the deck is written.", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how a call got its price: the raw record, the canonical record, and every step of each leg.

    Example: tollbook explain 5f3a9c0d --book book
    """
    if (cdrs is None) != (not deck):
        raise typer.BadParameter("Without a book, name both --cdrs and --deck.")
    if cdrs is not None:
        from tollbook.plain.explain import explain_file

        found = explain_file(cdr_id, cdrs, deck or [], agreement=agreement, format_name=format_name, profile=profile)
    else:
        from tollbook.flow.book import local_actor, open_book
        from tollbook.flow.explain import explain_record

        found = explain_record(open_book(book), cdr_id, actor=local_actor())
    if as_json:
        print_json(found.as_dict())
    else:
        _show(found)


def _show(found: Explanation) -> None:
    print(f"Record {found.cdr_id}")
    print(f"  record {found.record_no} of {found.file} ({found.file_digest[:12]})")
    if found.raw:
        print(f"  {found.raw}")
    print_table("", ("column", "value"), [(name, value) for name, value in found.record.items() if name not in ("cdr_id", "leg", "leg_no")])
    for leg in found.legs:
        _show_leg(leg)


def _show_leg(leg: LegPrice) -> None:
    price = f" {leg.amount} {leg.currency}".rstrip() if leg.amount else ""
    print(f"\n{leg.leg} leg{f', {leg.partner}' if leg.partner else ''}: {leg.status}{price}")
    if leg.agreement:
        print(f"  agreement {leg.agreement}{f', clause {leg.clause}' if leg.clause else ''}")
    if leg.clause_text:
        print(f'  "{leg.clause_text}"')
    print_table("", ("step", "how", "value"), [(step.label, step.formula, step.value) for step in leg.steps])
    if leg.deck_digest:
        print(f"  deck {leg.deck_digest}, row {leg.deck_row}")
    if leg.note:
        print(f"  {leg.note}")
