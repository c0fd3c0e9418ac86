"""Rate sheets: CSV and workbooks into decks, under a declared profile where they are not clear by themselves."""

from tollbook.formats.deck.profile import read_deck_profile
from tollbook.formats.deck.reader import read_deck, with_currency

__all__ = ["read_deck", "read_deck_profile", "with_currency"]
