"""The door to source profiles: find one by name or path, or by looking at a file. What they say is in `profile_words`."""

from __future__ import annotations

import csv
import difflib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from tollbook.core.problem import refuse
from tollbook.formats.cdr.header import Head, peek_head
from tollbook.formats.cdr.opening import is_parquet
from tollbook.formats.cdr.profile_reader import profile_of, read_profile
from tollbook.formats.cdr.profile_words import FORMAT, SourceProfile

__all__ = [
    "BUILT_IN",
    "FORMAT",
    "SourceProfile",
    "built_in",
    "detect_profile",
    "find_profile",
    "load_profile",
    "profile_of",
    "read_profile",
]

# In the order in which they are tried on a file.
BUILT_IN: Final = ("kamailio-acc-cdrs", "kamailio-acc", "kamailio-missed-calls", "canonical")
_CALLED: Final = ("b_e164", "b_raw")
_TIMES: Final = ("setup_at", "alert_at", "answer_at", "release_at")


def _text_of(name: str) -> str:
    if name not in BUILT_IN:
        near = difflib.get_close_matches(name, BUILT_IN, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(BUILT_IN)}."
        raise refuse("FILE_FORMAT_UNKNOWN", f"There is no format {name}; {hint}", value=name)
    return files("tollbook.formats.cdr").joinpath("profiles", f"{name}.toml").read_text(encoding="utf-8")


@cache
def built_in(name: str) -> SourceProfile:
    """A profile that comes with the package."""
    return read_profile(_text_of(name), file=f"{name}.toml", base=_text_of)


def find_profile(name_or_path: str | Path) -> SourceProfile:
    """A built-in profile by its name, or a profile of your own by the path of its TOML file."""
    text = str(name_or_path)
    if text in BUILT_IN:
        return built_in(text)
    path = Path(name_or_path)
    return load_profile(path) if path.suffix == ".toml" or path.exists() else built_in(text)


def load_profile(path: Path) -> SourceProfile:
    """A profile from a TOML file. What it extends is a built-in name, or a file beside it."""

    def base(name: str) -> str:
        return _read(path.parent / name) if name.endswith(".toml") else _text_of(name)

    return read_profile(_read(path), file=path.name, folder=path.parent, base=base)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise refuse("FILE_MISSING", file=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise refuse("FILE_UNREADABLE", f"{error}.", file=str(path)) from None


def detect_profile(path: Path) -> SourceProfile:
    """The built-in profile whose columns the file has. Refuses with FILE_FORMAT_UNKNOWN, naming the columns found."""
    if is_parquet(path):
        return built_in("canonical")
    head = peek_head(path)
    for name in BUILT_IN:
        profile = built_in(name)
        if profile.detect_columns and set(profile.detect_columns) <= set(head.columns) and _holds(head, *profile.detect_value):
            return profile
    if set(_CALLED) & set(head.columns) and set(_TIMES) & set(head.columns):
        return built_in("canonical")
    found = ", ".join(head.columns[:12])
    raise refuse("FILE_FORMAT_UNKNOWN", f"Its columns are {found}.", file=path.name, line=1)


def _holds(head: Head, column: str, value: str) -> bool:
    """Whether one of the first records has a value in a column; true where nothing is asked."""
    if not column:
        return True
    place = head.places[column]
    lines = head.rest.decode("utf-8", "replace").splitlines()
    return any(len(row) > place and row[place] == value for row in csv.reader(lines, delimiter=head.delimiter))
