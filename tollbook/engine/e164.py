"""Columns of numbers to E.164: a compiled pass for the plain forms, core's `normalise` on each distinct other one.

The plain forms are digits behind an optional declared tech prefix and an optional +, 00, 011 or the like, also as the user of a SIP URI,
where neither a repair nor a withheld number is possible. Both ways give the same result (docs/rules/numbers.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.number import (
    ASSUMPTIONS,
    CLI_MIN_LENGTH,
    NUMBER_CLASSES,
    TOLL_FREE_AREAS,
    VALID,
    Number,
    NumberFlag,
    NumberProfile,
    normalise,
)
from tollbook.core.number_plan import NumberPlan, plan_numbers, plan_of_number
from tollbook.engine.compiled import compiled
from tollbook.engine.text import Bytes, Offsets, text_array, text_buffers, word_array

Int64s = npt.NDArray[np.int64]
_CLASS_CODES: Final = {name: code for code, name in enumerate(NUMBER_CLASSES)}
_INVALID_LENGTH: Final = _CLASS_CODES["INVALID_LENGTH"]
_INVALID_CC: Final = _CLASS_CODES["INVALID_CC"]
_TOLLFREE: Final = _CLASS_CODES["TOLLFREE_CLI"]
_VALID: Final = _CLASS_CODES[VALID]
_URI_FLAG: Final = int(NumberFlag.URI)
_TECH_FLAG: Final = int(NumberFlag.TECH_PREFIX)
_INTL_FLAG: Final = int(NumberFlag.INTERNATIONAL_PREFIX)
_NATIONAL_FLAG: Final = int(NumberFlag.NATIONAL_PREFIX)
# What the compiled pass could not decide.
_OTHER: Final = -1
_TOLL_FREE: Final = np.isin(np.arange(1000), [int(area) for area in TOLL_FREE_AREAS])


@dataclass(frozen=True)
class Numbers:
    """Columns beside the raw numbers: digits (null where there are none), class, and `NumberFlag` bits."""

    e164: pa.Array
    number_class: pa.Array
    flags: npt.NDArray[np.int32]
    routing_number: pa.Array | None = None
    npdi: pa.Array | None = None

    @property
    def class_codes(self) -> npt.NDArray[np.int32]:
        """Positions in NUMBER_CLASSES."""
        codes: npt.NDArray[np.int32] = self.number_class.indices.to_numpy()
        return codes

    @staticmethod
    def joined(parts: list[Numbers]) -> Numbers:
        """Columns one after the other."""
        has_routing = any(part.routing_number is not None for part in parts)
        return Numbers(
            pa.concat_arrays([part.e164 for part in parts]),
            pa.concat_arrays([part.number_class for part in parts]),
            np.concatenate([part.flags for part in parts]),
            pa.concat_arrays([_or_nulls(part.routing_number, len(part.e164), pa.string()) for part in parts]) if has_routing else None,
            pa.concat_arrays([_or_nulls(part.npdi, len(part.e164), pa.bool_()) for part in parts]) if has_routing else None,
        )

    def take(self, order: pa.Array) -> Numbers:
        """The rows in another order."""
        return Numbers(
            self.e164.take(order),
            self.number_class.take(order),
            self.flags[order.to_numpy()],
            None if self.routing_number is None else self.routing_number.take(order),
            None if self.npdi is None else self.npdi.take(order),
        )


def normalise_column(raw: pa.Array, profile: NumberProfile, instants_ms: Int64s, *, is_cli: bool = False) -> Numbers:
    """A string column to E.164 under the numbering plan of each row's day."""
    plans = plan_numbers(instants_ms)
    if len(raw) == 0 or (plans == plans[0]).all():
        plan = plan_of_number(int(plans[0]) if len(raw) else 0)
        return _under_plan(raw, profile, plan, is_cli)
    pieces, places = [], []
    for number in np.unique(plans):
        rows = np.flatnonzero(plans == number)
        places.append(rows)
        pieces.append(_under_plan(raw.take(pa.array(rows)), profile, plan_of_number(int(number)), is_cli))
    order = pa.array(np.argsort(np.concatenate(places), kind="stable"))
    return Numbers.joined(pieces).take(order)


def _or_nulls(column: pa.Array | None, count: int, kind: pa.DataType) -> pa.Array:
    return pa.nulls(count, kind) if column is None else column


def _under_plan(raw: pa.Array, profile: NumberProfile, plan: NumberPlan, is_cli: bool) -> Numbers:
    data, offsets = text_buffers(raw)
    count = len(raw)
    starts, ends_at, classes = offsets[:-1].copy(), offsets[1:].copy(), np.full(count, _OTHER, dtype=np.int32)
    flags, added = np.zeros(count, dtype=np.int32), np.zeros(count, dtype=np.bool_)
    code = np.frombuffer(profile.default_cc.encode() or b"\0", dtype=np.uint8)
    if not profile.strip_lead_regex:
        code_lengths, totals = _plan_arrays(plan)
        prefixes, ends = _joined((profile.ordered_tech_prefixes, profile.ordered_intl_prefixes, (profile.national_prefix,)))
        limits = _limits(profile, is_cli)
        _plain_forms(data, offsets, prefixes, ends, code, code_lengths, totals, _TOLL_FREE, limits, starts, ends_at, classes, flags, added)
    other = classes == _OTHER
    code_length = len(profile.default_cc)
    target = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(np.where(other, 0, ends_at - starts + added * code_length), out=target[1:])
    digits = np.empty(int(target[-1]), dtype=np.uint8)
    _copy(data, starts, added, code[:code_length], target, digits)
    e164 = text_array(digits, target, other)
    if not other.any():
        return Numbers(e164, word_array(classes, NUMBER_CLASSES), flags)
    return _with_others(raw, profile, plan, is_cli, e164, classes, flags, other)


def _limits(profile: NumberProfile, is_cli: bool) -> Int64s:
    """What the compiled pass has to know about the profile, by position; see `_plain_forms`."""
    longest_word = max((len(word) for word in profile.anonymous if word.isdigit()), default=0) if is_cli else 0
    shortest = CLI_MIN_LENGTH if is_cli else profile.min_len
    tech, intl = len(profile.ordered_tech_prefixes), len(profile.ordered_intl_prefixes)
    assume = ASSUMPTIONS.index(profile.assume)
    limits = [shortest, profile.max_len, longest_word, int(is_cli), len(profile.default_cc), tech, tech + intl, assume]
    return np.array(limits, dtype=np.int64)


def _with_others(
    raw: pa.Array,
    profile: NumberProfile,
    plan: NumberPlan,
    is_cli: bool,
    e164: pa.Array,
    classes: npt.NDArray[np.int32],
    flags: npt.NDArray[np.int32],
    other: npt.NDArray[np.bool_],
) -> Numbers:
    """Fills the rows the compiled pass left with core's answer for each distinct text among them."""
    mask = pa.array(other)
    encoded = raw.filter(mask).fill_null("").dictionary_encode()
    found: list[Number] = [normalise(text, profile, plan, is_cli=is_cli) for text in encoded.dictionary.to_pylist()]
    places = encoded.indices
    classes[other] = np.array([_CLASS_CODES[each.number_class] for each in found], dtype=np.int32)[places]
    flags[other] = np.array([int(each.flags) for each in found], dtype=np.int32)[places]
    e164 = pc.replace_with_mask(e164, mask, pa.array([each.e164 for each in found], pa.string()).take(places))
    routing = npdi = None
    if any(each.routing_number or each.npdi for each in found):
        nothing = pa.nulls(len(raw), pa.string())
        routing = pc.replace_with_mask(nothing, mask, pa.array([each.routing_number for each in found], pa.string()).take(places))
        npdi = pc.replace_with_mask(pa.nulls(len(raw), pa.bool_()), mask, pa.array([each.npdi for each in found], pa.bool_()).take(places))
    return Numbers(e164, word_array(classes, NUMBER_CLASSES), flags, routing, npdi)


@lru_cache(maxsize=16)
def _plan_arrays(plan: NumberPlan) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32]]:
    return plan.arrays()


def _joined(groups: tuple[tuple[str, ...], ...]) -> tuple[Bytes, Int64s]:
    """Prefixes as one run of bytes and the ends of each."""
    texts = [prefix.encode() for group in groups for prefix in group]
    ends = np.cumsum([0, *(len(text) for text in texts)]).astype(np.int64)
    return np.frombuffer(b"".join(texts) or b"\0", dtype=np.uint8), ends


@compiled
def _after_prefix(data: Bytes, start: int, end: int, prefixes: Bytes, ends: Int64s, since: int, until: int) -> int:
    """Where the text goes on behind the first of some prefixes that begins it; `start` where none does."""
    for number in range(since, until):
        length = ends[number + 1] - ends[number]
        if length == 0 or end - start < length:
            continue
        same = True
        for place in range(length):
            if data[start + place] != prefixes[ends[number] + place]:
                same = False
                break
        if same:
            return start + int(length)
    return start


@compiled
def _digits_only(data: Bytes, start: int, end: int) -> bool:
    for place in range(start, end):  # noqa: SIM110 (compiled)
        if data[place] < 48 or data[place] > 57:
            return False
    return True


@compiled
def _digit(data: Bytes, start: int, code: Bytes, code_length: int, position: int) -> int:
    """A digit of the number that a calling code and the text from `start` are together."""
    return int(code[position]) - 48 if position < code_length else int(data[start + position - code_length]) - 48


@compiled
def _class_of(
    data: Bytes,
    start: int,
    end: int,
    code: Bytes,
    added: int,
    code_lengths: npt.NDArray[np.int8],
    totals: npt.NDArray[np.int32],
    toll_free: npt.NDArray[np.bool_],
    limits: Int64s,
) -> int:
    """The class of plain digits behind `added` digits of the calling code; _OTHER where a repair is possible."""
    length = end - start + added
    first = 0
    for position in range(3):
        first = first * 10 + _digit(data, start, code, added, position)
    code_length = int(code_lengths[first])
    fits = totals[first] == -1 or (totals[first] >> length) & 1 == 1
    if code_length and not fits and (_digit(data, start, code, added, code_length) == 0 or first == 521):
        return _OTHER
    if length < limits[0] or length > limits[1]:
        return _INVALID_LENGTH
    if code_length == 0:
        return _INVALID_CC
    area = first % 100 * 10 + _digit(data, start, code, added, 3)
    if limits[3] and code_length == 1 and first // 100 == 1 and toll_free[area]:
        return _TOLLFREE
    return _VALID


@compiled
def _user_of(data: Bytes, start: int, end: int) -> tuple[int, int]:
    """Where the user part of a SIP or tel URI stands; of any other text the whole."""
    first = start
    if end - start > 4 and data[start + 3] == 58 and (data[start] | 32) in (115, 116):
        sip = (data[start] | 32) == 115 and (data[start + 1] | 32) == 105 and (data[start + 2] | 32) == 112
        tel = (data[start] | 32) == 116 and (data[start + 1] | 32) == 101 and (data[start + 2] | 32) == 108
        if sip or tel:
            first = start + 4
    for place in range(first, end):
        if data[place] == 64:
            return first, place
    return first, end


@compiled
def _plain_forms(
    data: Bytes,
    offsets: Offsets,
    prefixes: Bytes,
    ends: Int64s,
    code: Bytes,
    code_lengths: npt.NDArray[np.int8],
    totals: npt.NDArray[np.int32],
    toll_free: npt.NDArray[np.bool_],
    limits: Int64s,
    starts: Offsets,
    ends_at: Offsets,
    classes: npt.NDArray[np.int32],
    flags: npt.NDArray[np.int32],
    added: npt.NDArray[np.bool_],
) -> None:
    """Decides the rows whose text is plain: where their digits start and end, class, flags, and whether the calling code goes before them.

    `limits` holds shortest, longest, longest withheld word, is_cli, length of the calling code, ends of the tech and of the international
    prefixes among `prefixes` (the national one is last), and the place of the assumption among ASSUMPTIONS.
    """
    for row in range(len(offsets) - 1):
        start, end = int(offsets[row]), int(offsets[row + 1])
        user_start, user_end = _user_of(data, start, end)
        if user_end < end - 1 and limits[3] and (data[user_end + 1] | 32) == 97:
            continue  # the host may be anonymous.invalid
        flag = _URI_FLAG if user_end - user_start < end - start else 0
        start, end = user_start, user_end
        if end - start <= limits[2]:
            continue
        place = _after_prefix(data, start, end, prefixes, ends, 0, limits[5])
        flag |= _TECH_FLAG if place > start else 0
        international = limits[7] == 0
        if place < end and data[place] == 43:  # a plus sign
            place, international = place + 1, True
        else:
            after = _after_prefix(data, place, end, prefixes, ends, limits[5], limits[6])
            if after > place:
                place, international, flag = after, True, flag | _INTL_FLAG
        if end - place < 4 or end - place > 27 or not _digits_only(data, place, end):
            continue
        code_length = 0
        if not international:
            if limits[7] == 2:
                continue  # a guess is core's
            after = _after_prefix(data, place, end, prefixes, ends, limits[6], limits[6] + 1)
            if after > place:
                place, flag = after, flag | _NATIONAL_FLAG
            code_length = int(limits[4])
            if end - place + code_length < 4:
                continue
        found = _class_of(data, place, end, code, code_length, code_lengths, totals, toll_free, limits)
        if found != _OTHER:
            starts[row], ends_at[row], flags[row], classes[row], added[row] = place, end, flag, found, code_length > 0


@compiled
def _copy(data: Bytes, starts: Offsets, added: npt.NDArray[np.bool_], code: Bytes, target: Offsets, digits: Bytes) -> None:
    """Copies the digits of each row, behind the calling code where it was added, to their place in the new column."""
    for row in range(len(starts)):
        place, end = target[row], target[row + 1]
        if place < end and added[row]:
            for position in range(len(code)):
                digits[place + position] = code[position]
            place += len(code)
        for position in range(end - place):
            digits[place + position] = data[starts[row] + position]
