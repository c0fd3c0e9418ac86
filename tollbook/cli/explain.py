"""`tollbook explain`: how a call got its price."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tollbook.cli.output import print_json, print_table

if TYPE_CHECKING:
    from tollbook.flow.explain import Explanation, LegPrice


def explain(
    cdr_id: Annotated[str, typer.Argument(help="The record's id: 32 hexadecimal digits, or the first eight or more.")],
    book: Annotated[
        Path | None, typer.Option("--book", help="The book's folder; else $TOLLBOOK_BOOK, else ./book.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how a call got its price: the raw record, the canonical record, and every step of both legs.

    Example: tollbook explain 5f3a9c0d --book book
    """
    from tollbook.flow.book import local_actor, open_book
    from tollbook.flow.explain import explain_record

    found = explain_record(open_book(book), cdr_id, actor=local_actor())
    if as_json:
        print_json(found.as_dict())
    else:
        _show(found)


def _show(found: Explanation) -> None:
    print(f"Record {found.cdr_id}")
    print(f"  record {found.record_no} of {found.file} (sealed as {found.file_digest[:12]})")
    if found.raw:
        print(f"  {found.raw}")
    print_table("", ("column", "value"), [(name, value) for name, value in found.record.items() if name not in ("cdr_id", "leg", "leg_no")])
    for leg in found.legs:
        _show_leg(leg)


def _show_leg(leg: LegPrice) -> None:
    print(f"\n{leg.leg} leg, {leg.partner}: {leg.status}{f' {leg.amount} {leg.currency}' if leg.amount else ''}")
    if leg.agreement:
        print(f"  agreement {leg.agreement}, clause {leg.clause}")
    if leg.clause_text:
        print(f'  "{leg.clause_text}"')
    print_table("", ("step", "how", "value"), [(step.label, step.formula, step.value) for step in leg.steps])
    if leg.deck_digest:
        print(f"  deck {leg.deck_digest}, row {leg.deck_row}")
    if leg.note:
        print(f"  {leg.note}")
