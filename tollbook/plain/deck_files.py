"""The deck an agreement names, from files: one version per file, compiled together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tollbook.core.agreement import Agreement, DeckTerms
from tollbook.core.deck_notice import NoticeTerms
from tollbook.core.problem import Problem, problem, refuse
from tollbook.engine.deck import CompiledDeck, compile_timeline
from tollbook.formats.deck import read_deck
from tollbook.plain.sides import input_row

SUFFIXES = (".csv", ".xlsx", ".xls", ".ods", ".txt")


@dataclass
class DeckFiles:
    """The compiled deck, None where none was found, with its files as inputs of the summary and the problems of reading it."""

    compiled: CompiledDeck | None = None
    inputs: list[dict[str, Any]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_decks(agreement: Agreement, terms: DeckTerms | None, beside: Path | None, given: Sequence[str | Path] = ()) -> DeckFiles:
    """The deck of `terms`: the files in `given`, in the order in which they were received, else what the agreement names beside itself.

    Without any, the result has no deck and a problem says so. A deck in another currency is refused.
    """
    found = DeckFiles()
    paths = [Path(each) for each in given] or _named(terms, beside)
    if not paths:
        name = terms.deck if terms else "none"
        found.problems.append(problem("RECONCILE_DECK_MISSING", f"The agreement's deck is {name}, which is no file beside it.", value=name))
        return found
    decks = []
    for path in paths:
        deck, problems = read_deck(path, zone=agreement.zone, partner=agreement.partner)
        if deck.currency and deck.currency != agreement.currency:
            reason = f"The deck is in {deck.currency}, the agreement in {agreement.currency}."
            raise refuse("DECK_CURRENCY_DIFFERS", reason, file=path.name, value=deck.currency)
        decks.append(deck)
        found.problems += [each for each in problems if each.code != "DECK_CURRENCY_UNKNOWN"]
        found.inputs.append(input_row("DECK", path.name, "rate deck", deck.zone, deck.file_digest, deck.rows.num_rows, deck.rows.num_rows))
    found.compiled = compile_timeline(decks, notice=NoticeTerms(increase_days=terms.notice_days if terms else 0))
    return found


def _named(terms: DeckTerms | None, beside: Path | None) -> list[Path]:
    """A file, every deck in a folder in the order of their names, or the versions that begin with the name."""
    if terms is None or beside is None:
        return []
    path = beside / terms.deck
    if path.is_file():
        return [path]
    if path.is_dir():
        return sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES)
    with_suffix = [path.with_name(path.name + suffix) for suffix in SUFFIXES]
    return [each for each in with_suffix if each.is_file()][:1]
