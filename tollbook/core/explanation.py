"""What is shown when a call is explained: the raw record, the canonical record, and how each leg got its price."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from tollbook.core.cdr import CDR
from tollbook.core.rating_explain import Step


@dataclass(frozen=True, slots=True)
class LegPrice:
    """The price of one leg and the steps that lead to it. `run_key` names the rating run that holds its charge, where one does. What the
    leg is priced by is None where it is not rated; `rate_nanos_per_minute` is in 10^-9, `amount_micros` in 10^-6 of the currency."""

    leg: str
    partner: str
    status: str
    amount: str = ""
    currency: str = ""
    agreement: str = ""
    clause: str = ""
    clause_text: str = ""
    deck_digest: str = ""
    deck_row: int | None = None
    code: str | None = None
    destination: str | None = None
    rate_nanos_per_minute: int | None = None
    billed_s: int | None = None
    amount_micros: int | None = None
    steps: tuple[Step, ...] = ()
    run_key: str = ""
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; amounts and rates as strings of digits."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "steps"}
        for name in ("rate_nanos_per_minute", "amount_micros"):
            values[name] = None if values[name] is None else str(values[name])
        return {**values, "steps": [each.as_dict() for each in self.steps]}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything known of one record: where it stands, what stood there, what was made of it, and its legs."""

    cdr_id: str
    file: str
    file_digest: str
    record_no: int
    raw: str
    record: dict[str, Any]
    legs: tuple[LegPrice, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "legs"}
        return {**values, "legs": [each.as_dict() for each in self.legs]}


def shown_record(row: dict[str, Any]) -> dict[str, Any]:
    """A canonical record as JSON values, without what is null; instants as ISO text in UTC with milliseconds."""
    shown: dict[str, Any] = {}
    for column in CDR:
        value = row[column.name]
        if value is None:
            continue
        if isinstance(value, bytes):
            value = value.hex()
        elif pa.types.is_timestamp(column.type):
            value = shown_instant(value)
        shown[column.name] = value
    return shown


def shown_instant(instant: datetime) -> str:
    """An aware instant as 2026-11-22T03:05:00.000Z."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def id_bounds(digits: str) -> tuple[bytes, bytes] | None:
    """The lowest and the highest id that begin with these hexadecimal digits, eight to thirty-two of them; None where they are not such."""
    text = digits.strip().lower()
    if not 8 <= len(text) <= 32 or set(text) - set("0123456789abcdef"):
        return None
    return bytes.fromhex(text.ljust(32, "0")), bytes.fromhex(text.ljust(32, "f"))
