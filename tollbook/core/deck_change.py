"""What a sender says about a row: the words of change and status columns. See docs/rules/decks.md, "Changes and notice"."""

from __future__ import annotations

from typing import Final, NamedTuple

from tollbook.core.deck import ACTIVE, BLOCKED, DELETED


class Declared(NamedTuple):
    """The status of the row, the declared change ("" where none is declared), and whether the word is known."""

    status: str
    change: str
    known: bool = True


_WORDS: Final = {
    "NEW": "new, n, added, add, new code, code added, *",
    "INCREASE": "increase, increased, up, inc, i, +",
    "DECREASE": "decrease, decreased, down, dec, d, −",
    "UNCHANGED": "unchanged, current, no change, same, =, active, a, open, effective, u, nc, existing",
    "RENAME": "rename, renamed, destination rename, name change",
    "PENDING": "pending, future",
    "CLOSED": "closed, close, deleted, delete, discontinued, removed, remove, withdrawn, code removed, code deleted, ended, end dated, x",
    "BLOCKED": "blocked, block, not supported, no route, barred, unavailable, suspended",
}
_STATUS: Final = {"CLOSED": DELETED, "BLOCKED": BLOCKED}
_MEANING: Final = {word.strip(): change for change, words in _WORDS.items() for word in words.split(",")}


def parse_change(text: str) -> Declared:
    """Read one cell. An unknown word leaves the row active and is said to be unknown."""
    plain = " ".join(text.replace("_", " ").split()).casefold()
    if not plain:
        return Declared(ACTIVE, "")
    change = _MEANING.get(plain)
    if change is None:
        return Declared(ACTIVE, "", known=False)
    return Declared(_STATUS.get(change, ACTIVE), change)
