"""The other columns of records: texts, codes, truth values and the partner's own amounts, as the profile maps them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.cdr import CDR, RELEASE_PARTIES
from tollbook.engine.collection_findings import Findings
from tollbook.engine.scan import read_decimals
from tollbook.engine.text import constant_word, text_buffers
from tollbook.formats.cdr.profile_words import NUMBERS, TEXTS, TRUTHS, Cell, SourceProfile

Texts = Callable[[str], pa.Array]
_TRUE: Final = ("1", "t", "true", "y", "yes")
_FALSE: Final = ("0", "f", "false", "n", "no")
_BOUNDS: Final = {pa.int16(): 2**15 - 1, pa.int32(): 2**31 - 1, pa.int64(): 10**17}
_NANO_PLACES: Final = 9
# Words of a closed list: another value of the file becomes UNKNOWN and is reported.
_CLOSED: Final = {"release_party": RELEASE_PARTIES}
UNKNOWN: Final = "UNKNOWN"


def record_columns(text: Texts, header: set[str], profile: SourceProfile, count: int, findings: Findings) -> dict[str, pa.Array]:
    """The canonical columns that do not differ between the legs of a record; a column that is not mapped is absent."""
    found: dict[str, pa.Array] = {}
    for name, cell in profile.columns.items():
        column = cell.column_in(dict.fromkeys(header, 0))
        if column is None and not cell.value:
            continue
        raw = pa.array([cell.value]).take(pa.array(np.zeros(count, dtype=np.int64))) if column is None else text(column)
        if name in TEXTS:
            found[name] = _text(raw, cell, name, profile, column or "", findings)
        elif name in NUMBERS:
            found[name] = _whole(raw, name, column or "", findings)
        elif name in TRUTHS:
            found[name] = _truth(raw, column or "", findings)
    if "their_amount_text" in found and "their_amount_nanos" not in found:
        found["their_amount_nanos"] = _nanos(found["their_amount_text"], findings)
    if "point_code_low" in found and "point_code_high" in found:
        low, high = found["point_code_low"], found["point_code_high"]
        found["point_code_low"], found["point_code_high"] = pc.min_element_wise(low, high), pc.max_element_wise(low, high)
    return found


def mapped(raw: pa.Array, cell: Cell, values: dict[str, str] | None) -> pa.Array:
    """A column dictionary-encoded, with case and mapped values applied to each distinct text."""
    encoded = raw if pa.types.is_dictionary(raw.type) else raw.dictionary_encode()
    if not cell.case and not values:
        return encoded
    words = [_cased(each, cell.case) if values is None or each not in values else values[each] for each in encoded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(words, pa.string())).dictionary_decode().dictionary_encode()


def _cased(text: str, case: str) -> str:
    return text.lower() if case == "lower" else text.upper() if case == "upper" else text


def _text(raw: pa.Array, cell: Cell, name: str, profile: SourceProfile, column: str, findings: Findings) -> pa.Array:
    values = profile.values.get(name)
    closed = _CLOSED.get(name)
    if closed is None and not values and not cell.case:
        kind = CDR.field(name).type
        return raw.dictionary_encode() if pa.types.is_dictionary(kind) else raw
    words = mapped(raw, cell, dict(values) if values else None)
    if closed is not None:
        known = np.array([word in closed for word in words.dictionary.to_pylist()] or [True])
        strange = ~known[words.indices.fill_null(0).to_numpy(zero_copy_only=False)] & ~_null(words)
        findings.note("CDR_VALUE_UNMAPPED", strange, column, raw)
        if strange.any():
            words = pc.if_else(pa.array(strange), UNKNOWN, words.dictionary_decode()).dictionary_encode()
    return words if pa.types.is_dictionary(CDR.field(name).type) else words.dictionary_decode()


def _null(column: pa.Array) -> npt.NDArray[np.bool_]:
    nulls: npt.NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    return nulls


def _whole(raw: pa.Array, name: str, column: str, findings: Findings) -> pa.Array:
    kind = CDR.field(name).type
    data, offsets = text_buffers(raw)
    filled = offsets[1:] > offsets[:-1]
    values, good, cut = read_decimals(data, offsets, 0)
    good &= ~cut & (np.abs(values) <= _BOUNDS[kind])
    findings.note("CDR_CODE_UNREADABLE", filled & ~good, column, raw)
    return pa.array(values, mask=~(filled & good)).cast(kind)


def _truth(raw: pa.Array, column: str, findings: Findings) -> pa.Array:
    encoded = raw.dictionary_encode()
    words = [each.strip().lower() for each in encoded.dictionary.to_pylist()]
    meaning = pa.array([True if each in _TRUE else False if each in _FALSE else None for each in words], pa.bool_())
    found = meaning.take(encoded.indices)
    findings.note("CDR_CODE_UNREADABLE", _null(found) & ~_null(raw), column, raw)
    return found


def _nanos(raw: pa.Array, findings: Findings) -> pa.Array:
    """The partner's amount in nano-units, exact; more than nine decimals are not cut silently."""
    data, offsets = text_buffers(raw)
    filled = offsets[1:] > offsets[:-1]
    values, good, cut = read_decimals(data, offsets, _NANO_PLACES)
    good &= ~cut
    findings.note("CDR_AMOUNT_UNREADABLE", filled & ~good, "their_amount_text", raw)
    return pa.array(values, mask=~(filled & good))


def per_record(
    text: Texts, header: set[str], profile: SourceProfile, name: str, default: str, allowed: tuple[str, ...], count: int, findings: Findings
) -> pa.Array:
    """A word that the file may say for each record; where it does not, or says one that is not in the list, the profile's."""
    cell = profile.per_record.get(name, Cell())
    column = cell.column_in(dict.fromkeys(header, 0))
    if column is None:
        return constant_word(default, count)
    raw = text(column)
    words = raw.fill_null(default).dictionary_encode()
    spelt = words.dictionary.to_pylist()
    known = np.array([not allowed or each in allowed for each in spelt] or [True])
    findings.note("CDR_VALUE_UNMAPPED", ~known[words.indices.to_numpy()], column, raw)
    kept = [each if fine else default for each, fine in zip(spelt, known, strict=False)]
    return pa.DictionaryArray.from_arrays(words.indices, pa.array(kept, pa.string())).dictionary_decode().dictionary_encode()
