"""Which files are versions of a deck, by their names. See docs/rules/decks.md, "Versions"."""

from __future__ import annotations

import re
from pathlib import PurePath


def same_deck(file_name: str, deck_name: str) -> bool:
    """Whether a file is a version of a deck: aurora_az_v2.xlsx is one of aurora-az, and a deck may name its one file outright."""
    if file_name == PurePath(deck_name).name:
        return True
    file, deck = _words(file_name), _words(deck_name)
    return file == deck or file.startswith(deck + "-")


def version_order(file_name: str) -> list[tuple[int, str]]:
    """What sorts the versions of a deck by name: numbers count as numbers, so v10 comes after v9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"[0-9]+|[^0-9]+", file_name.lower())]


def _words(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", PurePath(text).name.lower().split(".")[0]).strip("-")
