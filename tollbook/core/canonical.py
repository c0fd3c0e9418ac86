"""Canonical JSON (RFC 8785): one value has one sequence of bytes, so that its digest means something.

Floats are refused: their text is the only part of the RFC that depends on arithmetic, and no number of ours needs one.
Whole numbers beyond 2^53 - 1 are refused as well, because readers that follow I-JSON would change them; money travels as text.
See docs/rules/evidence.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring
from typing import Any, Final

LARGEST_EXACT_INTEGER: Final = 2**53 - 1


def canonical_json(value: Any) -> bytes:
    """The bytes of a value made of text, integers, truth values, null, lists and mappings; ValueError for anything else."""
    if _is_plain(value):
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError("the text holds half of a surrogate pair") from error
    pieces: list[str] = []
    _write(value, pieces)
    return "".join(pieces).encode("utf-8")


def parse_canonical_json(data: bytes) -> Any:
    """The value of canonical bytes; ValueError where they are no JSON or are written in any other way than the canonical one."""
    value = json.loads(data.decode("utf-8"), parse_float=_refuse_float, parse_constant=_refuse_float)
    if canonical_json(value) != data:
        raise ValueError("the JSON is not in its canonical form (RFC 8785)")
    return value


def _refuse_float(text: str) -> Any:
    raise ValueError(f"{text} is not a whole number")


def _is_plain(value: Any) -> bool:
    """Whether the standard library's writer gives these very bytes: dictionaries and lists of exact types, and names in ASCII, whose
    order by code points is that by code units."""
    open_values = [value]
    while open_values:
        holder = open_values.pop()
        kind = type(holder)
        if kind is dict:
            if not all(type(name) is str and name.isascii() for name in holder):
                return False
            inside = holder.values()
        elif kind is list or kind is tuple:
            inside = holder
        else:
            inside = (holder,)
        for each in inside:
            kind = type(each)
            if kind is str or kind is bool or each is None:
                continue
            if kind is int:
                if abs(each) > LARGEST_EXACT_INTEGER:
                    return False
            elif (kind is dict or kind is list or kind is tuple) and each is not holder:
                open_values.append(each)
            else:
                return False
    return True


def _write(value: Any, pieces: list[str]) -> None:
    if value is None or isinstance(value, bool):
        pieces.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, str):
        pieces.append(_quoted(value))
    elif isinstance(value, int):
        if abs(value) > LARGEST_EXACT_INTEGER:
            raise ValueError(f"{value} is beyond 2^53 - 1 and has to be written as text")
        pieces.append(str(value))
    elif isinstance(value, Mapping):
        _write_mapping(value, pieces)
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        pieces.append("[")
        for index, each in enumerate(value):
            if index:
                pieces.append(",")
            _write(each, pieces)
        pieces.append("]")
    else:
        raise ValueError(f"canonical JSON has no form for {type(value).__name__}")


def _write_mapping(value: Mapping[Any, Any], pieces: list[str]) -> None:
    if not all(isinstance(name, str) for name in value):
        raise ValueError("names in canonical JSON are text")
    pieces.append("{")
    # Section 3.2.3 orders names by UTF-16 code units, which differs from code points beyond the basic plane.
    for index, name in enumerate(sorted(value, key=lambda each: each.encode("utf-16-be", "surrogatepass"))):
        if index:
            pieces.append(",")
        pieces.append(_quoted(name))
        pieces.append(":")
        _write(value[name], pieces)
    pieces.append("}")


def _quoted(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("the text holds half of a surrogate pair") from error
    # The escapes of the standard library are those of section 3.2.2.2: the short ones where they exist, else \u00xx in lower case.
    return encode_basestring(text)
