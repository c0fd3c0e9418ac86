"""Sources of CDRs: the sealed profile of each, and which source a file comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from tollbook.core.canonical import canonical_json
from tollbook.core.problem import Refusal, refuse
from tollbook.flow import reference
from tollbook.flow.book import Book
from tollbook.formats.cdr.drift import check_columns
from tollbook.formats.cdr.header import peek_head
from tollbook.formats.cdr.opening import is_parquet
from tollbook.formats.cdr.profile import BUILT_IN, SourceProfile, built_in, detect_profile, load_profile, profile_of
from tollbook.store.models import Segment

# A file with more columns lost or new than this share of those read is not the source's.
STRANGE_PERCENT: Final = 25


@dataclass(frozen=True, slots=True)
class Source:
    """A source and how it writes. `label` is the name under which its records are known; it never changes for a switch."""

    label: str
    profile: SourceProfile


def profiles(book: Book, *, known_at: int | None = None) -> list[SourceProfile]:
    """The profiles of the book in force, by name."""
    return [_sealed_profile(each.path) for each in reference.all_as_of(book, reference.SOURCE, known_at=known_at)]


@lru_cache(maxsize=64)
def _sealed_profile(path: Path) -> SourceProfile:
    return profile_of(json.loads(path.read_text(encoding="utf-8")))


def resolved(path: Path) -> tuple[SourceProfile, bytes]:
    """A profile file and its document in full: what it extends and its zone are in it, so that it stands alone when it is sealed."""
    profile = load_profile(path)
    return profile, canonical_json(dict(profile.document))


def source_for(book: Book, path: Path, name: str = "") -> Source:
    """Which source a file comes from: the one named, else the only one of the book whose columns it has, else a built-in format.

    SOURCE_UNKNOWN where several fit and neither the file's name nor its folder names one of them.
    """
    known = profiles(book)
    if name:
        return _named(known, name, path)
    fitting = _best(known, path)
    narrowed = [each for each in fitting if {each.name, each.source} & {path.parent.name, path.name.split(".")[0]}]
    fitting = narrowed if len(fitting) > 1 and narrowed else fitting
    if len(fitting) == 1:
        return Source(fitting[0].source or fitting[0].name, fitting[0])
    if fitting:
        raise refuse("SOURCE_UNKNOWN", f"{' and '.join(each.name for each in fitting)} both read it.", file=path.name)
    try:
        profile = detect_profile(path)
    except Refusal as refusal:
        raise refuse("SOURCE_UNKNOWN", "No profile of the book and no built-in format has its columns.", file=path.name) from refusal
    return Source(profile.source or profile.name, profile)


def _best(known: list[SourceProfile], path: Path) -> list[SourceProfile]:
    """The profiles that read a file best: with the fewest columns lost or new, and of these with the most columns read. A file that lost
    or gained a column or two is still its source's; the reader warns of it."""
    if is_parquet(path):
        return []
    found = []
    for profile in known:
        try:
            columns = peek_head(path, profile.file).columns
            strange = len(check_columns(columns, profile, path.name))
        except Refusal:
            continue
        read = len(profile.read_columns & set(columns))
        if strange * 100 <= read * STRANGE_PERCENT:
            found.append(((strange, -read), profile))
    best = min((rank for rank, _ in found), default=None)
    return [profile for rank, profile in found if rank == best]


def _named(known: list[SourceProfile], name: str, path: Path) -> Source:
    for profile in known:
        if profile.name == name:
            return Source(profile.source or name, profile)
    same = [profile for profile in known if profile.source == name]
    same = _best(same, path) if len(same) > 1 else same
    if len(same) == 1:
        return Source(name, same[0])
    if name in BUILT_IN:
        return Source(name, built_in(name))
    if Path(name).suffix == ".toml" and Path(name).exists():
        profile = load_profile(Path(name))
        return Source(profile.source or profile.name, profile)
    # A new label for a file in a built-in format: `--source switch-2`.
    return Source(name, detect_profile(path))


def profiles_of_segments(book: Book, digests: Iterable[str]) -> list[SourceProfile]:
    """The profiles under which the records of these segments were read, as far as the book has them sealed; each once."""
    wanted = set(Segment.objects.filter(digest__in=list(digests)).values_list("batch__profile_digest", flat=True))
    found = {each.digest: each for each in all_profiles(book) if each.digest in wanted}
    return list(found.values())


def all_profiles(book: Book) -> list[SourceProfile]:
    """Every version of every profile of the book, and the built-in ones."""
    sealed = [_sealed_profile(each.path) for each in reference.versions(book, reference.SOURCE)]
    return [*sealed, *(built_in(name) for name in BUILT_IN)]
