"""The commercial legs of records: partner, trunk and numbers, each read as the leg's own trunk writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.number import NUMBER_CLASSES, VALID, NumberFlag, NumberProfile
from tollbook.engine.collection_columns import mapped
from tollbook.engine.collection_findings import Findings
from tollbook.engine.e164 import Numbers, normalise_column
from tollbook.engine.text import constant_word, word_array
from tollbook.formats.cdr.profile_words import Cell, Leg, SourceProfile, Trunk

Texts = Callable[[str], pa.Array]
Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]

_CODES: Final = {name: code for code, name in enumerate(NUMBER_CLASSES)}
_SOUND: Final = (_CODES[VALID], _CODES["TOLLFREE_CLI"])
_GUESSED: Final = int(NumberFlag.GUESSED)
_REPAIRED: Final = int(NumberFlag.REPAIRED)


@dataclass(frozen=True)
class LegRows:
    """One leg of a batch: which records have it, and its columns for those records."""

    leg: str
    rows: Int64s
    columns: dict[str, pa.Array]


def record_legs(text: Texts, header: set[str], profile: SourceProfile, anchor_ms: Int64s, findings: Findings) -> Iterator[LegRows]:
    """The legs of a batch. The first leg of a profile is a row for every record, a further one where it has a called number."""
    places = dict.fromkeys(header, 0)
    first, read = True, dict[tuple[object, ...], Numbers]()
    for leg in profile.legs:
        called = _called(text, places, leg, len(anchor_ms))
        if called is None and not first:
            continue
        present = np.ones(len(anchor_ms), dtype=np.bool_) if first or called is None else ~_null(called)
        rows, every = np.flatnonzero(present), bool(present.all())
        take = _taker(text, rows, every)
        side = _Side(take, places, profile, leg, rows, anchor_ms[rows], findings, read if every else {})
        yield LegRows(leg.leg, rows, side.columns())
        first = False


def _taker(text: Texts, rows: Int64s, every: bool) -> Texts:
    if every:
        return text
    order = pa.array(rows)
    return lambda name: text(name).take(order)


def _called(text: Texts, places: dict[str, int], leg: Leg, count: int) -> pa.Array | None:
    columns = [text(name) for name in (leg.b.column_in(places), leg.b_e164.column_in(places)) if name is not None]
    return pc.coalesce(*columns) if columns else None


def _null(column: pa.Array) -> Bools:
    nulls: Bools = column.is_null().to_numpy(zero_copy_only=False)
    return nulls


@dataclass(frozen=True)
class _Side:
    """One leg's columns being made, for the records that have it."""

    text: Texts
    places: dict[str, int]
    profile: SourceProfile
    leg: Leg
    rows: Int64s
    anchor_ms: Int64s
    findings: Findings
    already: dict[tuple[object, ...], Numbers]  # what another leg of all records has read, by columns and profile

    def columns(self) -> dict[str, pa.Array]:
        labels, trunks = self._trunks()
        partner, trunk, poi = self._who(labels, trunks)
        a_profiles = self._profiles(labels, [each.a_numbers or self.leg.a_numbers for each in trunks], self.leg.a_numbers)
        b_profiles = self._profiles(labels, [each.b_numbers or self.leg.b_numbers for each in trunks], self.leg.b_numbers)
        columns = {"partner": partner, "trunk": trunk, "poi": poi}
        columns |= self._calling(a_profiles)
        columns |= self._dialled(b_profiles)
        return columns

    def _cell(self, cell: Cell, values: str = "") -> pa.Array:
        name = cell.column_in(self.places)
        if name is None:
            return constant_word(cell.value or None, len(self.rows))
        mapping = self.profile.values.get(values)
        return mapped(self.text(name), cell, dict(mapping) if mapping else None)

    def _trunks(self) -> tuple[pa.Array, list[Trunk]]:
        """The trunk labels as the file has them, and what each distinct one means."""
        labels = self._cell(self.leg.trunk)
        return labels, [self.profile.trunks.get(label, Trunk()) for label in labels.dictionary.to_pylist()]

    def _who(self, labels: pa.Array, trunks: list[Trunk]) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Partner, our name of the trunk, point of interconnect. The file's own partner goes before the trunk map's."""
        names = [trunk.trunk or label for trunk, label in zip(trunks, labels.dictionary.to_pylist(), strict=True)]
        trunk = _through(labels, names)
        poi = self._cell(self.leg.poi)
        if any(each.poi for each in trunks):
            poi = pc.coalesce(
                poi.dictionary_decode(), _through(labels, [each.poi or None for each in trunks]).dictionary_decode()
            ).dictionary_encode()
        partner = self._cell(self.leg.partner, "partner")
        if self.profile.trunks:
            by_trunk = _through(labels, [each.partner or None for each in trunks])
            partner = pc.coalesce(partner.dictionary_decode(), by_trunk.dictionary_decode()).dictionary_encode()
            column = self.leg.trunk.column_in(self.places) or ""
            self._note("CDR_TRUNK_UNKNOWN", _null(partner), column, labels)
        return partner, trunk, poi

    def _profiles(self, labels: pa.Array, names: list[str], default: str) -> list[tuple[NumberProfile, Bools | None]]:
        """The number profiles of the leg's trunks with the rows of each; None for all rows."""
        if not self.profile.trunks or all(name == default for name in names):
            return [(self.profile.number_profile(default), None)]
        chosen = np.array([*names, default], dtype=object)[labels.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)]
        return [(self.profile.number_profile(name), chosen == name) for name in sorted({*names, default}) if (chosen == name).any()]

    def _calling(self, profiles: list[tuple[NumberProfile, Bools | None]]) -> dict[str, pa.Array]:
        cells = [(cell, name) for cell in self.leg.a if (name := cell.column_in(self.places)) is not None]
        given = self.leg.a_e164.column_in(self.places)
        digits = self.text(given) if given is not None else None
        texts = [self.text(name) for _, name in cells]
        count = len(self.rows)
        nothing = pa.nulls(count, pa.string())
        raw = pc.coalesce(*texts) if len(texts) > 1 else texts[0] if texts else nothing
        source = np.full(count, len(cells), dtype=np.int32)
        for place in reversed(range(len(cells))):
            source[~_null(texts[place])] = place
        raw = raw if digits is None else pc.coalesce(raw, digits)
        read = raw if digits is None else pc.coalesce(digits, raw)
        names = (*(name for _, name in cells), given)
        numbers = self._read(read, _as_stated(profiles, digits), names, is_cli=True)
        classes = numbers.class_codes.copy()
        # A later source that is withheld while a trusted one has the number: the caller asked for privacy.
        for place in range(1, len(cells)):
            earlier = source < place
            if earlier.any():
                hidden = self._read(texts[place], profiles, names[place : place + 1], is_cli=True).class_codes == _CODES["ANONYMOUS"]
                classes[earlier & hidden & np.isin(classes, _SOUND)] = _CODES["WITHHELD"]
        self._numbers_found(numbers, raw, [name for name in names if name], called=False)
        words = tuple(cell.label or name for cell, name in cells)
        return {
            "a_raw": raw,
            "a_e164": numbers.e164,
            "a_class": word_array(classes, NUMBER_CLASSES),
            "a_source": word_array(np.minimum(source, max(len(words) - 1, 0)), words or ("",), source == len(cells)),
        }

    def _dialled(self, profiles: list[tuple[NumberProfile, Bools | None]]) -> dict[str, pa.Array]:
        name, given = self.leg.b.column_in(self.places), self.leg.b_e164.column_in(self.places)
        texts = [self.text(each) for each in (name, given) if each is not None]
        raw = pc.coalesce(*texts) if texts else pa.nulls(len(self.rows), pa.string())
        stated = _as_stated(profiles, self.text(given) if given is not None else None)
        numbers = self._read(pc.coalesce(*reversed(texts)) if texts else raw, stated, (given, name), is_cli=False)
        self._numbers_found(numbers, raw, [each for each in (name, given) if each is not None], called=True)
        columns = {"b_raw": raw, "b_e164": numbers.e164, "b_class": numbers.number_class}
        if numbers.routing_number is not None and numbers.npdi is not None:
            columns |= {"routing_number": numbers.routing_number, "npdi": numbers.npdi}
        return columns

    def _read(
        self, raw: pa.Array, profiles: list[tuple[NumberProfile, Bools | None]], names: tuple[str | None, ...], *, is_cli: bool
    ) -> Numbers:
        """Numbers under the profile of each row's trunk. `names` are the columns that `raw` is from."""
        if len(profiles) == 1 and profiles[0][1] is None:
            key = (names, profiles[0][0], is_cli)
            if key not in self.already:
                self.already[key] = normalise_column(raw, profiles[0][0], self.anchor_ms, is_cli=is_cli)
            return self.already[key]
        parts, places = [], []
        for profile, mask in profiles:
            rows = np.arange(len(raw)) if mask is None else np.flatnonzero(mask)
            places.append(rows)
            parts.append(normalise_column(raw.take(pa.array(rows)), profile, self.anchor_ms[rows], is_cli=is_cli))
        order = pa.array(np.argsort(np.concatenate(places), kind="stable"))
        return Numbers.joined(parts).take(order)

    def _numbers_found(self, numbers: Numbers, raw: pa.Array, names: list[str], *, called: bool) -> None:
        column = names[0] if names else ""
        codes = numbers.class_codes
        damaged = np.zeros(len(self.findings.refused), dtype=np.bool_)
        damaged[self.rows[codes == _CODES["DAMAGED"]]] = True
        if damaged.any():
            self.findings.error("CDR_NUMBER_DAMAGED", damaged, column, self._spread(raw))
        self._note("CDR_NUMBER_REPAIRED", numbers.flags & _REPAIRED > 0, column, raw)
        self._note("CDR_NUMBER_GUESSED", numbers.flags & _GUESSED > 0, column, raw)
        if called:
            wrong = (codes != _CODES[VALID]) & (codes != _CODES["DAMAGED"])
            for code in np.unique(codes[wrong]).tolist():
                reason = f"The called number is {NUMBER_CLASSES[code]} under the number profile of its trunk."
                self._note("CDR_NUMBER_INVALID", codes == code, column, raw, reason)

    def _note(self, code: str, mask: Bools, column: str, values: pa.Array, reason: str = "") -> None:
        """A note on rows of this leg, at the records they belong to."""
        if mask.any():
            whole = np.zeros(len(self.findings.refused), dtype=np.bool_)
            whole[self.rows[mask]] = True
            self.findings.note(code, whole, column, self._spread(values), reason)

    def _spread(self, values: pa.Array) -> pa.Array:
        """Values of this leg's rows at the places of their records."""
        plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        places = np.zeros(len(self.findings.refused), dtype=np.int64)
        places[self.rows] = np.arange(len(self.rows))
        return plain.take(pa.array(places)) if len(plain) else pa.nulls(len(places), pa.string())


def _as_stated(profiles: list[tuple[NumberProfile, Bools | None]], digits: pa.Array | None) -> list[tuple[NumberProfile, Bools | None]]:
    """The profiles with none that repairs the numbers of `digits`: what the source calls E.164 is its own word."""
    if digits is None or digits.null_count == len(digits):
        return profiles
    there = ~_null(digits)
    if there.all():
        return [(replace(profile, repairs=False), mask) for profile, mask in profiles]
    found: list[tuple[NumberProfile, Bools | None]] = []
    for profile, mask in profiles:
        rows = np.ones(len(there), dtype=np.bool_) if mask is None else mask
        found += [(replace(profile, repairs=False), rows & there), (profile, rows & ~there)]
    return found


def _through(labels: pa.Array, names: list[str | None] | list[str]) -> pa.Array:
    """Each label's name, dictionary-encoded, equal names being one word."""
    if not names:
        return labels
    return pa.array(names, pa.string()).take(labels.indices).dictionary_encode()
