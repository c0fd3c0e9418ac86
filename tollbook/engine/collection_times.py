"""The times of records: from the source's own text to UTC, with what is known about their quality. See docs/rules/time.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.problem import Refusal
from tollbook.core.zone import AMBIGUOUS_LOCAL, ASSUMED_UTC, END_MS, EXACT, FIRST_MS, FIRST_YEAR, LAST_YEAR, Zone, find_zone
from tollbook.engine.collection_findings import Findings
from tollbook.engine.scan import NO_OFFSET, read_decimals, read_times
from tollbook.engine.text import text_buffers
from tollbook.formats.cdr.profile_words import TIMES, SourceProfile, TimeCell

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Int8s = npt.NDArray[np.int8]

# Places of decimals that make each unit of a duration microseconds.
_MICRO_PLACES: Final = {"s": 6, "ms": 3, "us": 0, "10ms": 4}
_LONGEST_US: Final = 31 * 86_400 * 1_000_000
_TOLERANCE_MS: Final = 1000


@dataclass
class Instants:
    """One time of each record: UTC ms where `present`, the quality, the text as given, and the reading where a zone applied to it."""

    utc_ms: Int64s
    present: Bools
    quality: Int8s
    raw: pa.Array
    local_ms: Int64s | None = None
    zone: Zone | None = None

    @staticmethod
    def absent(count: int) -> Instants:
        zeros = np.zeros(count, dtype=np.int64)
        return Instants(zeros, np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.int8), pa.nulls(count, pa.string()))

    def column(self) -> pa.Array:
        return pa.array(self.utc_ms, mask=~self.present).cast(pa.timestamp("ms", tz="UTC"))


@dataclass
class RecordTimes:
    """The four times, the duration and where it is from (0 recorded, 1 computed), and the zone's name for each record."""

    instants: dict[str, Instants]
    duration_ms: Int64s
    computed: Bools
    zone: pa.Array

    @property
    def quality(self) -> Int8s:
        """The worst quality of a record's times: ambiguous before skipped before assumed before exact."""
        rank = np.array([0, 3, 2, 1], dtype=np.int8)  # by EXACT, AMBIGUOUS_LOCAL, NONEXISTENT_LOCAL, ASSUMED_UTC
        back: Int8s = np.array([EXACT, ASSUMED_UTC, 2, AMBIGUOUS_LOCAL], dtype=np.int8)
        worst = np.max([np.where(each.present, rank[each.quality], 0) for each in self.instants.values()], axis=0)
        qualities: Int8s = back[worst]
        return qualities

    @property
    def raw(self) -> pa.Array:
        """setup|alert|answer|release as the source wrote them."""
        return pc.binary_join_element_wise(*(self.instants[name].raw for name in TIMES), "|", null_handling="replace", null_replacement="")

    @property
    def anchor_ms(self) -> Int64s:
        """An instant of each record, for what is looked up by its day: answer, else setup, else release, else alert."""
        chosen = np.zeros(len(self.duration_ms), dtype=np.int64)
        for name in ("alert_at", "release_at", "setup_at", "answer_at"):
            chosen = np.where(self.instants[name].present, self.instants[name].utc_ms, chosen)
        return chosen


Texts = Callable[[str], pa.Array]


def record_times(
    text: Texts, header: set[str], profile: SourceProfile, count: int, findings: Findings, zones: pa.Array | None
) -> RecordTimes:
    """The times of a batch. `text` gives a column of the file; `zones` the zone of each record where the file names it."""
    instants = {}
    for name in TIMES:
        cell = next((each for each in profile.times.get(name, ()) if each.column in header), None)
        instants[name] = Instants.absent(count) if cell is None else _instants(text, cell, profile, findings, zones)
    _untangle(instants)
    missing = ~np.any([each.present for each in instants.values()], axis=0)
    findings.error("CDR_TIME_MISSING", missing)
    duration_ms, computed = _durations(text, header, profile, instants, findings)
    return RecordTimes(instants, duration_ms, computed, _zone_names(profile, instants, zones, count))


def _instants(text: Texts, cell: TimeCell, profile: SourceProfile, findings: Findings, zones: pa.Array | None) -> Instants:
    raw = text(cell.column)
    data, offsets = text_buffers(raw)
    filled = offsets[1:] > offsets[:-1]
    quality = np.zeros(len(raw), dtype=np.int8)
    local_ms, zone = None, None
    if cell.form in ("epoch_s", "epoch_ms"):
        utc_ms, good, _ = read_decimals(data, offsets, 3 if cell.form == "epoch_s" else 0)
        if cell.micros:
            micro_data, micro_offsets = text_buffers(text(cell.micros))
            micros, fine, _ = read_decimals(micro_data, micro_offsets, 0)
            utc_ms, good = utc_ms + micros // 1000, good & (fine | (micro_offsets[1:] == micro_offsets[:-1]))
    else:
        readings, minutes, good = read_times(data, offsets, cell.form)
        written = minutes != NO_OFFSET
        zone = cell.zone or profile.zone
        if zones is not None:
            utc_ms, quality, known = _by_record(readings, zones, zone)
            good &= known | written
        elif zone is not None:
            utc_ms, quality = zone.local_to_utc(readings)
            local_ms = readings
        else:
            utc_ms, quality = readings, np.full(len(raw), ASSUMED_UTC, dtype=np.int8)
        if written.any():
            utc_ms = np.where(written, readings - minutes * 60_000, utc_ms)
            quality = np.where(written, EXACT, quality).astype(np.int8)
    inside = (utc_ms >= FIRST_MS) & (utc_ms < END_MS)
    findings.error("CDR_TIME_UNREADABLE", filled & ~good, cell.column, raw, f"The cell is no time of the form {cell.form}.")
    findings.error(
        "CDR_TIME_UNREADABLE", filled & good & ~inside, cell.column, raw, f"The time lies outside of {FIRST_YEAR} to {LAST_YEAR}."
    )
    return Instants(utc_ms, filled & good & inside, quality, raw, local_ms, zone)


def _by_record(readings: Int64s, zones: pa.Array, default: Zone | None) -> tuple[Int64s, Int8s, Bools]:
    """Local readings by the zone that each record names; a zone nobody knows leaves its records unreadable."""
    encoded = zones.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    utc_ms, known = readings.copy(), np.ones(len(readings), dtype=np.bool_)
    quality = np.full(len(readings), ASSUMED_UTC, dtype=np.int8)
    for code, name in [(-1, ""), *enumerate(encoded.dictionary.to_pylist())]:
        rows = codes == code
        try:
            zone = find_zone(name) if name and (default is None or name != default.name) else default
        except Refusal:
            known[rows] = False
            continue
        if zone is not None and rows.any():
            utc_ms[rows], quality[rows] = zone.local_to_utc(readings[rows])
    return utc_ms, quality, known


def _untangle(instants: dict[str, Instants]) -> None:
    """A reading that happens twice takes its second occurrence where only that one does not lie before an earlier event of the call."""
    for place, name in enumerate(TIMES):
        later = instants[name]
        twice = later.present & (later.quality == AMBIGUOUS_LOCAL)
        if later.local_ms is None or later.zone is None or not twice.any():
            continue
        for before in TIMES[:place]:
            earlier = instants[before]
            wrong = twice & earlier.present & (later.utc_ms < earlier.utc_ms)
            if wrong.any():
                second, _ = later.zone.local_to_utc(later.local_ms, fold=1)
                later.utc_ms = np.where(wrong & (second >= earlier.utc_ms), second, later.utc_ms)


def _durations(
    text: Texts, header: set[str], profile: SourceProfile, instants: dict[str, Instants], findings: Findings
) -> tuple[Int64s, Bools]:
    """Durations in ms, and which are computed from the times because none is recorded."""
    answer, release = instants["answer_at"], instants["release_at"]
    both = answer.present & release.present
    between = release.utc_ms - answer.utc_ms
    duration, recorded = np.zeros(len(both), dtype=np.int64), np.zeros(len(both), dtype=np.bool_)
    cells = [] if profile.duration_source == "COMPUTED" else [each for each in profile.durations if each.column in header]
    for cell in cells:
        raw = text(cell.column)
        data, offsets = text_buffers(raw)
        filled = (offsets[1:] > offsets[:-1]) & ~recorded
        micros, good, _ = read_decimals(data, offsets, _MICRO_PLACES[cell.unit])
        good &= (micros >= 0) & (micros <= _LONGEST_US)
        findings.error("CDR_DURATION_UNREADABLE", filled & ~good, cell.column, raw)
        up = {"HALF_UP": 500, "CEIL": 999, "FLOOR": 0}[cell.rounding]
        duration = np.where(filled & good, (micros + up) // 1000, duration)
        recorded |= filled
    duration = np.where(~recorded & both, between, duration)
    findings.error(
        "CDR_DURATION_MISSING", ~recorded & both & (between < 0), "release_at", release.raw, "The release lies before the answer."
    )
    findings.error(
        "CDR_DURATION_MISSING", ~recorded & answer.present & ~release.present, "answer_at", answer.raw, "There is an answer and no release."
    )
    findings.note("CDR_TIMES_REVERSED", recorded & both & (between < 0), "release_at", release.raw)
    apart = recorded & both & (between >= 0) & (np.abs(between - duration) > _TOLERANCE_MS)
    findings.note("CDR_DURATION_INCONSISTENT", apart, "release_at", release.raw)
    return duration, ~recorded


def _zone_names(profile: SourceProfile, instants: dict[str, Instants], zones: pa.Array | None, count: int) -> pa.Array:
    default = next((each.zone.name for each in instants.values() if each.zone is not None), profile.zone.name if profile.zone else "UTC")
    if zones is None:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), pa.array([default]))
    return zones.fill_null(default).dictionary_encode()
