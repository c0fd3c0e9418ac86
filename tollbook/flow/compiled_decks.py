"""Compiled decks of a book: made once per set of versions, saved beside the book and memory-mapped by every process.

They are derived: named by everything that decides them, made again where they are missing, and never part of any evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from tollbook.core.agreement import DeckTerms
from tollbook.core.deck_notice import NoticeTerms
from tollbook.core.digest import json_digest
from tollbook.core.problem import Refusal
from tollbook.engine.deck import FORMAT, CompiledDeck, compile_timeline
from tollbook.flow.book import Book
from tollbook.flow.reference import DeckVersion

FOLDER: Final = Path("derived", "decks")
# What a version is compiled to, beside the versions: raised whenever the same decks would give other arrays.
SEMANTICS_VERSION: Final = 1


def compiled(book: Book, decks: Sequence[DeckVersion], terms: DeckTerms) -> CompiledDeck:
    """The timeline of a deck's versions under the notice the agreement asks for."""
    return _of_process(book.folder, tuple(decks), terms.notice_days)


@lru_cache(maxsize=64)
def _of_process(folder: Path, decks: tuple[DeckVersion, ...], notice_days: int) -> CompiledDeck:
    """Sealed files never change, so neither does what is compiled from them."""
    place = folder / FOLDER / name_of(decks, notice_days)
    if place.exists():
        try:
            return CompiledDeck.load(place)
        except Refusal:
            pass  # half a folder of a full disk or of another version: made again, in memory alone
    made = compile_again(decks, notice_days)
    try:
        made.save(place)
    except OSError:
        return made  # a book on a medium that cannot be written is read all the same
    return made


def compile_again(decks: Sequence[DeckVersion], notice_days: int) -> CompiledDeck:
    """The same from the sealed decks, whatever is saved."""
    return compile_timeline([each.deck for each in decks], notice=NoticeTerms(increase_days=notice_days))


def name_of(decks: Sequence[DeckVersion], notice_days: int) -> str:
    """The name of a compiled deck: the digest of everything that decides it."""
    return json_digest(
        {
            "format": FORMAT,
            "semantics_version": SEMANTICS_VERSION,
            "notice_days": notice_days,
            "versions": [each.identity for each in decks],
        }
    )
