"""Reads a deck profile from its TOML file."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

from tollbook.core.deck_profile import DeckProfile, deck_profile
from tollbook.core.problem import refuse


def read_deck_profile(path: Path) -> DeckProfile:
    """The profile in a file; `Refusal` where it cannot be read or used."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except FileNotFoundError as error:
        raise refuse("FILE_MISSING", f"There is no file {path}.", file=path.name) from error
    except (OSError, UnicodeDecodeError) as error:
        raise refuse("FILE_UNREADABLE", file=path.name) from error
    except tomllib.TOMLDecodeError as error:
        raise refuse("DECK_PROFILE_INVALID", f"The profile is not TOML: {error}.", file=path.name) from error
    return deck_profile(document, path.name)
