"""The deck an agreement names, from files: one version per file, compiled together.

An agreement names its deck by a path, or by the deck's name, of which `aurora_az_v2.xlsx` is a version of `aurora-az`. It is looked for
beside the agreement, in `decks/` there, and in `decks/` one folder up, as a book's inbox has them. A deck profile that lies with it is
used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tollbook.core.agreement import Agreement, DeckTerms
from tollbook.core.deck_name import same_deck, version_order
from tollbook.core.deck_notice import NoticeTerms
from tollbook.core.deck_profile import FORMAT, DeckProfile
from tollbook.core.problem import Problem, problem, refuse
from tollbook.engine.deck import CompiledDeck, compile_timeline
from tollbook.formats.deck import read_deck, read_deck_profile
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
        found.problems.append(_missing(terms, beside))
        return found
    decks = []
    for path in paths:
        deck, problems = read_deck(path, profile=_profile(path), zone=agreement.zone, partner=agreement.partner)
        if deck.currency and deck.currency != agreement.currency:
            reason = f"The deck is in {deck.currency}, the agreement in {agreement.currency}."
            raise refuse("DECK_CURRENCY_DIFFERS", reason, file=path.name, value=deck.currency)
        decks.append(deck)
        found.problems += [each for each in problems if each.code != "DECK_CURRENCY_UNKNOWN"]
        found.inputs.append(input_row("DECK", path.name, "rate deck", deck.zone, deck.file_digest, deck.rows.num_rows, deck.rows.num_rows))
    found.compiled = compile_timeline(decks, notice=NoticeTerms(increase_days=terms.notice_days if terms else 0))
    return found


def _missing(terms: DeckTerms | None, beside: Path | None) -> Problem:
    if terms is None:
        return problem("RECONCILE_DECK_MISSING", "The agreement names no deck.")
    places = "" if beside is None else f" Looked in {', '.join(str(each) for each in _folders(beside))}."
    return problem("RECONCILE_DECK_ABSENT", f"The agreement's deck is {terms.deck}.{places}", value=terms.deck)


def _named(terms: DeckTerms | None, beside: Path | None) -> list[Path]:
    """A file, every deck in a folder, or every version of the deck of that name; versions in the order of their names."""
    if terms is None or beside is None:
        return []
    path = beside / terms.deck
    if path.is_file():
        return [path]
    if path.is_dir():
        return _sheets(path)
    for folder in _folders(beside):
        profiles = _profiles(folder)
        versions = [each for each in _sheets(folder) if _is_version(each, terms.deck, profiles)]
        if versions:
            return versions
    return []


def _folders(beside: Path) -> list[Path]:
    """Where a deck may lie that is named without a path."""
    return [beside, beside / "decks", beside.resolve().parent / "decks"]


def _sheets(folder: Path) -> list[Path]:
    """The files of a folder that may be rate sheets."""
    if not folder.is_dir():
        return []
    sheets = [each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file()]
    return sorted(sheets, key=lambda each: version_order(each.name))


def _is_version(path: Path, name: str, profiles: dict[str, DeckProfile]) -> bool:
    """Whether a file is a version of the deck; one that the profile of another deck claims more closely is not."""
    closest = _closest(path, profiles)
    return same_deck(path.name, name) and (closest is None or same_deck(name, closest))


def _closest(path: Path, profiles: dict[str, DeckProfile]) -> str | None:
    """The longest of the profiled decks that the file is a version of."""
    return max((each for each in profiles if same_deck(path.name, each)), key=len, default=None)


def _profile(path: Path) -> DeckProfile | None:
    """The profile of the deck that a file is a version of, where one lies with the file."""
    profiles = _profiles(path.parent)
    closest = _closest(path, profiles)
    return profiles[closest] if closest is not None else None


def _profiles(folder: Path) -> dict[str, DeckProfile]:
    """The deck profiles in a folder by the name of their deck."""
    found: dict[str, DeckProfile] = {}
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            is_profile = FORMAT in path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if is_profile:
            profile = read_deck_profile(path)
            found[profile.deck_id or path.stem] = profile
    return found
