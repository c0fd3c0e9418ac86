"""Reads source profiles from TOML: `extends` and zone documents resolved, every key and value checked."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tollbook.core.canonical import canonical_json
from tollbook.core.cdr import DURATION_SOURCES, SIDES, TECHS
from tollbook.core.number import ASSUMPTIONS, NumberProfile
from tollbook.core.problem import Problem, Refusal, problem, refuse
from tollbook.core.zone import Zone, find_zone
from tollbook.core.zone_document import read_zone
from tollbook.formats.cdr.profile_keys import unknown_keys
from tollbook.formats.cdr.profile_words import (
    DURATION_MS,
    FORMAT,
    LAYERS,
    ROUNDINGS,
    TIMES,
    Cell,
    DurationCell,
    FileForm,
    Leg,
    SourceProfile,
    TimeCell,
    Trunk,
)

_LIMIT_BYTES: Final = 1_000_000
_DEEPEST: Final = 8
_CASES: Final = ("", "lower", "upper")
_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
Loader = Callable[[str], str]


def read_profile(text: str, *, file: str = "", folder: Path | None = None, base: Loader | None = None) -> SourceProfile:
    """A profile from its TOML. `base` gives the text of the profile that `extends` names, `folder` holds its zone document.

    Refuses with SOURCE_UNREADABLE, SOURCE_FORMAT, or every SOURCE_KEY_UNKNOWN, SOURCE_VALUE and zone problem at once.
    """
    document = _resolved(_parsed(text, file), file, folder, base, 0)
    return profile_of(document, file=file)


def profile_of(document: Mapping[str, Any], *, file: str = "") -> SourceProfile:
    """A profile from its resolved document, as `SourceProfile.document` gives it."""
    problems = unknown_keys(document, file)
    if problems:
        raise Refusal(problems)
    return _Reader(file).profile(document)


def _parsed(text: str, file: str) -> dict[str, Any]:
    if len(text) > _LIMIT_BYTES:
        raise refuse("FILE_TOO_LARGE", f"A profile has at most {_LIMIT_BYTES:,} characters.", file=file)
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise refuse("SOURCE_UNREADABLE", f"{error}.", file=file, line=int(line[1]) if line else None) from None
    if document.get("format") != FORMAT:
        raise refuse("SOURCE_FORMAT", file=file, line=1, column="format", value=document.get("format", ""))
    return document


def _resolved(document: dict[str, Any], file: str, folder: Path | None, base: Loader | None, depth: int) -> dict[str, Any]:
    """The document over the one it extends, with the zone document's text in it. An empty text takes an inherited key away."""
    parent = document.pop("extends", None)
    time = document.get("time")
    if isinstance(time, dict) and time.get("zone_file"):
        zone_file = time.pop("zone_file")
        path = (folder or Path()) / str(zone_file)
        try:
            time["zone_text"] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise refuse(
                "FILE_MISSING", f"The zone document cannot be read: {error}.", file=file, column="time.zone_file", value=zone_file
            ) from None
    if parent is None:
        return document
    if base is None or depth >= _DEEPEST:
        raise refuse("SOURCE_VALUE", "The profile extends itself, or nothing that can be found.", file=file, column="extends", value=parent)
    below = _resolved(_parsed(base(str(parent)), str(parent)), str(parent), None, base, depth + 1)
    return _over(below, document)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return {key: value for key, value in merged.items() if value != ""}


class _Reader:
    """Turns a document into a profile and collects every finding before it refuses."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def bad(self, path: str, reason: str, value: object = "") -> None:
        self.problems.append(problem("SOURCE_VALUE", reason, file=self.file, column=path, value=value))

    def profile(self, document: Mapping[str, Any]) -> SourceProfile:
        time, identity, detect = (self.table(document, name) for name in ("time", "identity", "detect"))
        zone = self.zone(time)
        form = self.text(time, "format", "time", "iso")
        unique = self.words(identity, "columns", "identity") or (
            (identity["unique_id"],) if isinstance(identity.get("unique_id"), str) else ()
        )
        columns = self.table(document, "columns")
        duration = self.table(document, "duration")
        name = self.text(document, "name", "", "")
        if not _ID.fullmatch(name):
            self.bad("name", "A profile has a name of lower-case letters, digits, points and dashes.", name)
        read = SourceProfile(
            name=name,
            title=self.text(document, "title", "", ""),
            side=self.choice(document, "side", "", SIDES, "OURS"),
            source=self.text(document, "source", "", name),
            tech=self.choice(document, "tech", "", TECHS, "SIP"),
            layer=self.choice(document, "layer", "", LAYERS, "BILLING"),
            file=self.file_form(self.table(document, "file")),
            identity=unique,
            sequence=self.text(identity, "sequence", "identity", ""),
            zone=zone,
            times={key: self.times(columns[key], f"columns.{key}", form) for key in TIMES if key in columns},
            durations=self.durations(duration),
            duration_source=self.choice(duration, "source", "duration", DURATION_SOURCES, "RECORDED"),
            columns={key: self.cell(value, f"columns.{key}") for key, value in columns.items() if key not in TIMES},
            values=self.values(self.table(document, "values")),
            per_record={key: self.cell(value, f"records.{key}") for key, value in self.table(document, "records").items()},
            legs=self.legs(self.table(document, "legs")),
            trunks={key: self.trunk(value, f"trunks.{key}") for key, value in self.table(document, "trunks").items()},
            numbers={key: self.numbers(value, f"numbers.{key}") for key, value in self.table(document, "numbers").items()},
            pairing={key: self.cell(value, f"pairing.{key}") for key, value in self.table(document, "pairing").items()},
            detect_columns=self.words(detect, "columns", "detect"),
            detect_value=(self.text(detect, "column", "detect", ""), self.text(detect, "value", "detect", "")),
            document=document,
            digest=hashlib.sha256(canonical_json(_plain(document))).hexdigest(),
        )
        if not any(each.place.column.startswith("legs") for each in self.problems):
            self.whole(read)
        if self.problems:
            raise Refusal(self.problems)
        return read

    def whole(self, profile: SourceProfile) -> None:
        """What no key says alone."""
        if not profile.times:
            self.bad("columns", "A profile names a column for one of setup_at, alert_at, answer_at and release_at.")
        if not profile.legs:
            self.bad("legs", "A profile has a table legs.IN or legs.OUT (or both), with the called number's column as b.")
        for leg in profile.legs:
            if not leg.b.columns and not leg.b_e164.columns:
                self.bad(f"legs.{leg.leg}.b", "A leg names the column of the called number.")
        used = []
        for leg in profile.legs:
            used += [(f"legs.{leg.leg}.a_numbers", leg.a_numbers), (f"legs.{leg.leg}.b_numbers", leg.b_numbers)]
        for label, trunk in profile.trunks.items():
            used += [(f"trunks.{label}.a_numbers", trunk.a_numbers), (f"trunks.{label}.b_numbers", trunk.b_numbers)]
        for path, name in used:
            if name not in {"", "default", *profile.numbers}:
                self.bad(path, f"There is no table numbers.{name}.", name)
        if profile.layer == "EVENTS" and set(profile.pairing) < {"method", "call_id", "from_tag", "to_tag", "code"}:
            self.bad("pairing", "Events are paired by method, call_id, from_tag, to_tag and code.")
        if not profile.file.header and not profile.file.columns:
            self.bad("file.columns", "A file without a header needs its column names.")

    def table(self, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        value = document.get(name, {})
        if isinstance(value, Mapping):
            return value
        self.bad(name, f"{name} is a table.", value)
        return {}

    def text(self, table: Mapping[str, Any], key: str, path: str, default: str) -> str:
        value = table.get(key, default)
        if isinstance(value, str):
            return value
        self.bad(f"{path}.{key}".lstrip("."), "The value is a text in quotes.", value)
        return default

    def whole_number(self, table: Mapping[str, Any], key: str, path: str, default: int, low: int, high: int) -> int:
        value = table.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.bad(f"{path}.{key}", f"The value is a whole number from {low} to {high}.", value)
        return default

    def choice(self, table: Mapping[str, Any], key: str, path: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(table, key, path, default)
        if value in allowed:
            return value
        self.bad(f"{path}.{key}".lstrip("."), f"The value is one of {', '.join(each or 'nothing' for each in allowed)}.", value)
        return default

    def words(self, table: Mapping[str, Any], key: str, path: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        self.bad(f"{path}.{key}", "The value is a list of texts.", value)
        return ()

    def cell(self, value: Any, path: str) -> Cell:
        if isinstance(value, str):
            return Cell((value,))
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return Cell(tuple(value))
        if not isinstance(value, Mapping):
            self.bad(path, "The value is a column name, a list of them, or a table with column or value.", value)
            return Cell()
        columns = self.words(value, "columns", path) or tuple(each for each in (self.text(value, "column", path, ""),) if each)
        constant = self.text(value, "value", path, "")
        if bool(columns) == bool(constant):
            self.bad(path, "A cell has either a column or a value.", value)
        return Cell(columns, constant, self.choice(value, "case", path, _CASES, ""), self.text(value, "source", path, ""))

    def cells(self, value: Any, path: str) -> tuple[Cell, ...]:
        return tuple(self.cell(each, path) for each in (value if isinstance(value, list) else [value]))

    def zone(self, time: Mapping[str, Any]) -> Zone | None:
        name, document = self.text(time, "zone", "time", ""), self.text(time, "zone_text", "time", "")
        try:
            if document:
                zone, problems = read_zone(document, self.file, name)
                self.problems.extend(problems)
                return zone
            return find_zone(name) if name else None
        except Refusal as refusal:
            self.problems.extend(refusal.problems)
            return None

    def times(self, value: Any, path: str, form: str) -> tuple[TimeCell, ...]:
        found = []
        for each in value if isinstance(value, list) else [value]:
            table = {"column": each} if isinstance(each, str) else each
            if not isinstance(table, Mapping) or not table.get("column"):
                self.bad(path, "A time is a column name, or a table with column and format.", each)
                continue
            zone = self.zone({"zone": table["zone"]}) if table.get("zone") else None
            column, micros = self.text(table, "column", path, ""), self.text(table, "micros", path, "")
            found.append(TimeCell(column, self.text(table, "format", path, form), zone, micros))
        return tuple(found)

    def durations(self, table: Mapping[str, Any]) -> tuple[DurationCell, ...]:
        given = table.get("columns") or ([table] if table.get("column") else [])
        if not isinstance(given, list):
            self.bad("duration.columns", "The value is a list of tables with column and unit.", given)
            return ()
        found = []
        for each in given:
            if not isinstance(each, Mapping) or not each.get("column"):
                self.bad("duration.columns", "The value is a list of tables with column and unit.", each)
                continue
            unit = self.choice(each, "unit", "duration", tuple(DURATION_MS), "s")
            rounding = self.choice(each, "rounding", "duration", ROUNDINGS, "HALF_UP")
            found.append(DurationCell(self.text(each, "column", "duration", ""), unit, rounding))
        return tuple(found)

    def values(self, table: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for column, mapping in table.items():
            if not isinstance(mapping, Mapping) or not all(isinstance(each, str) for each in mapping.values()):
                self.bad(f"values.{column}", "The value is a table of texts.", mapping)
                continue
            found[column] = dict(mapping)
        return found

    def legs(self, table: Mapping[str, Any]) -> tuple[Leg, ...]:
        found = []
        for name in ("IN", "OUT"):
            leg = table.get(name)
            if not isinstance(leg, Mapping):
                continue
            path = f"legs.{name}"
            single = {
                key: self.cell(leg[key], f"{path}.{key}") for key in ("partner", "trunk", "poi", "a_e164", "b", "b_e164") if key in leg
            }
            calling = self.cells(leg["a"], f"{path}.a") if "a" in leg else ()
            a_numbers, b_numbers = self.text(leg, "a_numbers", path, "default"), self.text(leg, "b_numbers", path, "default")
            found.append(Leg(name, a=calling, a_numbers=a_numbers, b_numbers=b_numbers, **single))
        return tuple(found)

    def trunk(self, value: Any, path: str) -> Trunk:
        if isinstance(value, str):
            return Trunk(partner=value)
        if isinstance(value, Mapping):
            return Trunk(**{key: self.text(value, key, path, "") for key in value})
        self.bad(path, "A trunk is a partner's id, or a table with partner, trunk, poi, a_numbers and b_numbers.", value)
        return Trunk()

    def numbers(self, value: Any, path: str) -> NumberProfile:
        if not isinstance(value, Mapping):
            self.bad(path, "A number profile is a table.", value)
            return NumberProfile()
        lead = self.text(value, "strip_lead_regex", path, "")
        try:
            re.compile(lead)
        except re.error:
            self.bad(f"{path}.strip_lead_regex", "The value is a regular expression.", lead)
        code = self.text(value, "default_cc", path, "")
        assume = self.choice(value, "assume", path, ASSUMPTIONS, "INTL")
        if (code and not re.fullmatch(r"[1-9]\d{0,2}", code)) or (assume != "INTL" and not code):
            self.bad(f"{path}.default_cc", "National numbers need the calling code of their country.", code)
        return NumberProfile(
            tech_prefixes=self.words(value, "tech_prefixes", path),
            intl_prefixes=self.words(value, "intl_prefixes", path) if "intl_prefixes" in value else None,
            national_prefix=self.text(value, "national_prefix", path, ""),
            default_cc=code,
            assume=assume,
            strip_lead_regex=lead,
            min_len=self.whole_number(value, "min_len", path, 7, 1, 15),
            max_len=self.whole_number(value, "max_len", path, 15, 1, 30),
            anonymous=self.words(value, "anonymous", path),
        )

    def file_form(self, table: Mapping[str, Any]) -> FileForm:
        delimiter = self.text(table, "delimiter", "file", "auto")
        if delimiter != "auto" and (len(delimiter) != 1 or not delimiter.isascii()):
            self.bad("file.delimiter", "The delimiter is one character, or auto.", delimiter)
        quote = self.text(table, "quote", "file", '"')
        if quote != "none" and (len(quote) != 1 or not quote.isascii()):
            self.bad("file.quote", "The quote is one character, or the word none.", quote)
        encoding = self.text(table, "encoding", "file", "utf-8")
        try:
            "x".encode(encoding)
        except LookupError:
            self.bad("file.encoding", "There is no such encoding.", encoding)
        header = table.get("header", True)
        if not isinstance(header, bool):
            self.bad("file.header", "The value is true or false.", header)
        return FileForm(
            delimiter,
            quote,
            encoding,
            bool(header),
            self.words(table, "columns", "file"),
            self.whole_number(table, "skip_lines", "file", 0, 0, 1000),
            self.words(table, "nulls", "file") if "nulls" in table else FileForm().nulls,
            self.words(table, "unused", "file"),
            self.words(table, "optional", "file"),
            self.whole_number(table, "gz_ratio", "file", 200, 1, 100_000),
        )


def _plain(value: Any) -> Any:
    """A TOML value as canonical JSON can hold it."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if isinstance(value, (str, int, bool)) else str(value)
