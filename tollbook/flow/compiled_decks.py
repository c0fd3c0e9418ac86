"""Compiled decks of a book: made once per set of versions, saved beside the book and memory-mapped by every process.

They are derived: named by everything that decides them, made again where they are missing, and never part of any evidence.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from tollbook.core.agreement import DeckTerms
from tollbook.core.deck_notice import NoticeTerms
from tollbook.core.digest import json_digest
from tollbook.core.problem import Problem, Refusal, problem
from tollbook.engine.deck import ARRAYS, FORMAT, CompiledDeck, compile_timeline
from tollbook.flow import reference
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


def check(book: Book) -> Iterator[Problem]:
    """What is saved against the same compiled again; CHECK_COMPILED_DECK for what differs."""
    folder = book.folder / FOLDER
    saved = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    try:
        expected = list(_of_agreements(book))
    except Refusal:
        return  # a document is damaged or missing, which the check of files names
    for name, decks, notice_days in expected:
        if name in saved:
            saved.discard(name)
            if not _same(folder / name, compile_again(decks, notice_days)):
                yield problem("CHECK_COMPILED_DECK", f"The deck {decks[0].document.name} was compiled to something else.", file=name)
    for name in sorted(saved):
        yield problem("CHECK_ORPHAN", "It belongs to no versions of a deck that an agreement names now.", file=name)


def remove_wrong(book: Book) -> int:
    """Removes what `check` names; it is made again when it is needed. Gives their number."""
    wrong = [each.place.file for each in check(book)]
    for name in wrong:
        shutil.rmtree(book.folder / FOLDER / name)
    _of_process.cache_clear()
    return len(wrong)


def _of_agreements(book: Book) -> Iterator[tuple[str, list[DeckVersion], int]]:
    """Every compiled deck that runs may have asked for: of each agreement's deck, the versions known after each receipt."""
    seen = set()
    for agreement, _ in reference.agreement_versions(book):
        for terms in filter(None, (agreement.buy, agreement.sell)):
            try:
                decks = reference.deck_versions(book, agreement, terms)
            except Refusal as refusal:
                if any(each.code == "DECK_AWAITED" for each in refusal.problems):
                    continue
                raise
            for count in range(1, len(decks) + 1):
                name = name_of(decks[:count], terms.notice_days)
                if name not in seen:
                    seen.add(name)
                    yield name, decks[:count], terms.notice_days


def _same(place: Path, wanted: CompiledDeck) -> bool:
    try:
        found = CompiledDeck.load(place)
    except Refusal:
        return False
    told = (found.digests, found.currency, found.partner) == (wanted.digests, wanted.currency, wanted.partner)
    return told and found.rows.equals(wanted.rows) and all(np.array_equal(getattr(found, each), getattr(wanted, each)) for each in ARRAYS)
