"""The tables and keys a source profile may have: a key that is not here is a problem, never ignored."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

from tollbook.core.problem import Problem, problem
from tollbook.formats.cdr.profile_words import NUMBERS, PAIRING, PER_RECORD, TEXTS, TIMES, TRUTHS

_TOP: Final = (
    "format",
    "extends",
    "name",
    "title",
    "side",
    "source",
    "tech",
    "layer",
    "detect",
    "file",
    "identity",
    "time",
    "columns",
    "duration",
    "values",
    "records",
    "legs",
    "trunks",
    "numbers",
    "pairing",
)
_CELL: Final = ("column", "columns", "value", "case", "source")
_LEG: Final = ("partner", "trunk", "poi", "a", "a_e164", "b", "b_e164", "a_numbers", "b_numbers")
TABLES: Final[dict[str, tuple[str, ...]]] = {
    "detect": ("columns", "column", "value"),
    "file": ("delimiter", "quote", "encoding", "header", "columns", "skip_lines", "nulls", "unused", "optional", "gz_ratio"),
    "identity": ("unique_id", "columns", "sequence"),
    "time": ("zone", "zone_file", "zone_text", "format"),
    "columns": (*TIMES, *TEXTS, *NUMBERS, *TRUTHS),
    "duration": ("column", "columns", "unit", "rounding", "source"),
    "records": PER_RECORD,
    "pairing": PAIRING,
}
_TIME_CELL: Final = ("column", "format", "zone", "micros")
_DURATION_CELL: Final = ("column", "unit", "rounding")
_TRUNK: Final = ("partner", "trunk", "poi", "a_numbers", "b_numbers")
_NUMBER: Final = (
    "tech_prefixes",
    "intl_prefixes",
    "national_prefix",
    "default_cc",
    "assume",
    "strip_lead_regex",
    "min_len",
    "max_len",
    "anonymous",
)


def unknown_keys(document: Mapping[str, Any], file: str) -> list[Problem]:
    """A problem for every key of a profile document that means nothing, with the nearest one that does."""
    found: list[Problem] = []

    def check(table: Any, allowed: tuple[str, ...], path: str) -> None:
        if isinstance(table, Mapping):
            found.extend(_unknown(key, allowed, path, file) for key in table if key not in allowed)

    check(document, _TOP, "")
    for name, allowed in TABLES.items():
        check(document.get(name), allowed, name)
    for name, cell in _items(document.get("columns")):
        for each in cell if isinstance(cell, list) else [cell]:
            check(each, _TIME_CELL if name in TIMES else _CELL, f"columns.{name}")
    for each in _list(document.get("duration"), "columns"):
        check(each, _DURATION_CELL, "duration.columns")
    for table in ("records", "pairing"):
        for name, cell in _items(document.get(table)):
            check(cell, _CELL, f"{table}.{name}")
    for name, leg in _items(document.get("legs")):
        if name not in ("IN", "OUT"):
            found.append(_unknown(name, ("IN", "OUT"), "legs", file))
        check(leg, _LEG, f"legs.{name}")
        for key, cell in _items(leg):
            for each in cell if isinstance(cell, list) else [cell]:
                check(each, _CELL, f"legs.{name}.{key}")
    for name, trunk in _items(document.get("trunks")):
        check(trunk, _TRUNK, f"trunks.{name}")
    for name, numbers in _items(document.get("numbers")):
        check(numbers, _NUMBER, f"numbers.{name}")
    return found


def _items(table: Any) -> list[tuple[str, Any]]:
    return list(table.items()) if isinstance(table, Mapping) else []


def _list(table: Any, key: str) -> list[Any]:
    value = table.get(key) if isinstance(table, Mapping) else None
    return value if isinstance(value, list) else []


def _unknown(key: str, allowed: tuple[str, ...], path: str, file: str) -> Problem:
    near = difflib.get_close_matches(key, allowed, n=1)
    where = f"[{path}]" if path else "the document"
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(allowed)}."
    return problem("SOURCE_KEY_UNKNOWN", f"{where} has no key {key}{hint}", file=file, column=f"{path}.{key}" if path else key, value=key)
