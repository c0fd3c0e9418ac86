"""Source profiles: how one switch or one partner writes its records. What the words mean is in docs/guides/mapping.md.

A profile is a TOML document, `format = "tollbook-source/1"`. It owns the file's layout, which columns hold what, the clock's zone, how
numbers are dialled on each trunk and whose trunk it is. It decides nothing about money.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tollbook.core.number import NumberProfile
from tollbook.core.zone import Zone

FORMAT: Final = "tollbook-source/1"
LAYERS: Final = ("BILLING", "ATTEMPTS", "EVENTS")
TIMES: Final = ("setup_at", "alert_at", "answer_at", "release_at")
DURATION_MS: Final = {"s": 1_000_000, "ms": 1_000, "us": 1, "10ms": 10_000}  # microseconds in each unit
ROUNDINGS: Final = ("HALF_UP", "FLOOR", "CEIL")
# Canonical columns a profile fills from text, whole numbers and truth values of the file.
TEXTS: Final = (
    "session_id",
    "poi",
    "call_id",
    "from_tag",
    "to_tag",
    "icid",
    "icid_generated_at",
    "related_icid",
    "orig_ioi",
    "term_ioi",
    "session_id_local",
    "session_id_remote",
    "shared_ref",
    "ss7_variant",
    "release_party",
    "reason_raw",
    "media_flags",
    "routing_number",
    "diverting_e164",
    "their_rate_text",
    "their_amount_text",
    "their_currency",
    "their_code",
    "their_destination",
)
NUMBERS: Final = (
    "attempt_no",
    "route_index",
    "ni",
    "point_code_low",
    "point_code_high",
    "cic",
    "q850",
    "sip_code",
    "partial_seq",
    "their_amount_nanos",
    "their_billed_s",
)
TRUTHS: Final = ("npdi", "partial_last")
# What a file may say itself for each record, instead of the profile for all.
PER_RECORD: Final = ("leg", "leg_no", "side", "source", "tech", "zone", "cdr_id")
PAIRING: Final = ("method", "call_id", "from_tag", "to_tag", "code", "order")


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a value stands: the first of these columns that the file has, or the same value for all."""

    columns: tuple[str, ...] = ()
    value: str = ""
    case: str = ""  # lower, upper, or as it stands
    label: str = ""  # for calling numbers: PAI, RPID, FROM, CGPN, GN

    def column_in(self, header: Mapping[str, int]) -> str | None:
        return next((name for name in self.columns if name in header), None)


@dataclass(frozen=True, slots=True)
class TimeCell:
    """A column of times: `form` is iso, epoch_s, epoch_ms or directives of strptime; `micros` names a column of microseconds."""

    column: str
    form: str = "iso"
    zone: Zone | None = None
    micros: str = ""


@dataclass(frozen=True, slots=True)
class DurationCell:
    """A column of durations in a unit, and how a finer one becomes milliseconds."""

    column: str
    unit: str = "s"
    rounding: str = "HALF_UP"


@dataclass(frozen=True, slots=True)
class Leg:
    """One commercial leg of a record: who, over which trunk, and the numbers as that trunk carries them."""

    leg: str
    partner: Cell = Cell()
    trunk: Cell = Cell()
    poi: Cell = Cell()
    a: tuple[Cell, ...] = ()  # the first that is not empty
    a_e164: Cell = Cell()
    b: Cell = Cell()
    b_e164: Cell = Cell()
    a_numbers: str = "default"
    b_numbers: str = "default"


@dataclass(frozen=True, slots=True)
class Trunk:
    """What a trunk label means: partner, our name for it, point of interconnect, and its number profiles where they are its own."""

    partner: str = ""
    trunk: str = ""
    poi: str = ""
    a_numbers: str = ""
    b_numbers: str = ""


@dataclass(frozen=True, slots=True)
class FileForm:
    """How the bytes are cut into records and cells."""

    delimiter: str = "auto"
    quote: str = '"'
    encoding: str = "utf-8"
    header: bool = True
    columns: tuple[str, ...] = ()
    skip_lines: int = 0
    nulls: tuple[str, ...] = ("", "NULL", "\\N", "0000-00-00 00:00:00")
    unused: tuple[str, ...] | None = ()
    optional: tuple[str, ...] = ()
    gz_ratio: int = 200


@dataclass(frozen=True)
class SourceProfile:
    """A source profile, checked. `document` is what it says in full, `extends` and the zone document resolved, as plain values."""

    name: str
    title: str = ""
    side: str = "OURS"
    source: str = ""
    tech: str = "SIP"
    layer: str = "BILLING"
    file: FileForm = FileForm()
    identity: tuple[str, ...] = ()
    sequence: str = ""
    zone: Zone | None = None
    times: Mapping[str, tuple[TimeCell, ...]] = field(default_factory=dict)
    durations: tuple[DurationCell, ...] = ()
    duration_source: str = "RECORDED"
    columns: Mapping[str, Cell] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    per_record: Mapping[str, Cell] = field(default_factory=dict)
    legs: tuple[Leg, ...] = ()
    trunks: Mapping[str, Trunk] = field(default_factory=dict)
    numbers: Mapping[str, NumberProfile] = field(default_factory=dict)
    pairing: Mapping[str, Cell] = field(default_factory=dict)
    detect_columns: tuple[str, ...] = ()
    detect_value: tuple[str, str] = ("", "")
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    digest: str = ""

    def number_profile(self, name: str) -> NumberProfile:
        return self.numbers.get(name) or NumberProfile()

    @property
    def read_columns(self) -> frozenset[str]:
        """Every column of the file that the profile reads."""
        cells = [*self.columns.values(), *self.per_record.values(), *self.pairing.values()]
        for leg in self.legs:
            cells += [leg.partner, leg.trunk, leg.poi, *leg.a, leg.a_e164, leg.b, leg.b_e164]
        names = {name for cell in cells for name in cell.columns}
        for time in (each for alternatives in self.times.values() for each in alternatives):
            names |= {time.column, time.micros} - {""}
        names |= {each.column for each in self.durations} | set(self.identity) | ({self.sequence} - {""})
        return frozenset(names)
