"""The fields of a list: from the columns of the page that shows the same, each with its type in JSON, CSV and Arrow.

Amounts are int64 and go out as JSON strings of digits, always: a number beyond 2^53 is not the same number in every reader of JSON, and a
type that changes with the size of the value is a trap. CSV has the same digits, Arrow has int64. Instants are RFC 3339, UTC, milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from ninja import Schema
from pydantic import Field as Described
from pydantic import create_model

from tollbook.web.table.columns import Column, Kind, Row
from tollbook.web.words import instant_iso


class Shape(StrEnum):
    """What a value is."""

    TEXT = "text"
    NUMBER = "number"  # a count: far below 2^53
    EXACT = "exact"  # int64 that must not lose a digit
    WIDE = "wide"  # an exact sum, which may be beyond int64
    INSTANT = "instant"  # milliseconds UTC
    DAY = "day"
    FLAG = "flag"


_SHAPE_OF: Final = {
    Kind.COUNT: Shape.NUMBER,
    Kind.MINUTES: Shape.NUMBER,
    Kind.SECONDS: Shape.NUMBER,
    Kind.MONEY: Shape.EXACT,
    Kind.RATE: Shape.EXACT,
    Kind.SHARE: Shape.NUMBER,
    Kind.LENGTH: Shape.NUMBER,
    Kind.INSTANT: Shape.INSTANT,
    Kind.DAY: Shape.DAY,
}
_UNIT: Final = {
    Kind.MONEY: "micro-units (10^-6) of the currency beside it, as a string of digits",
    Kind.RATE: "10^-9 of the currency per minute, as a string of digits",
    Kind.MINUTES: "milliseconds",
    Kind.SECONDS: "seconds",
    Kind.SHARE: "parts per million",
    Kind.LENGTH: "milliseconds",
}
Exact = Annotated[str, Described(pattern="^-?[0-9]{1,19}$")]
Wide = Annotated[str, Described(pattern="^-?[0-9]{1,38}$")]
Instant = Annotated[str, Described(json_schema_extra={"format": "date-time"})]
Day = Annotated[str, Described(json_schema_extra={"format": "date"})]
_PYTHON: Final[dict[Shape, Any]] = {
    Shape.TEXT: str,
    Shape.NUMBER: int,
    Shape.EXACT: Exact,
    Shape.WIDE: Wide,
    Shape.INSTANT: Instant,
    Shape.DAY: Day,
    Shape.FLAG: bool,
}
_ARROW: Final = {
    Shape.TEXT: pa.string(),
    Shape.NUMBER: pa.int64(),
    Shape.EXACT: pa.int64(),
    Shape.WIDE: pa.decimal128(38, 0),
    Shape.INSTANT: pa.timestamp("ms", tz="UTC"),
    Shape.DAY: pa.date32(),
    Shape.FLAG: pa.bool_(),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name here, the key of a row it comes from, and what it says. `column` is the page's, where it filters or sorts."""

    name: str
    source: str
    shape: Shape
    about: str
    column: Column | None = None

    def json(self, row: Row) -> Any:
        """The value for JSON, and for CSV."""
        value = row.get(self.source)
        if value is None:
            return None
        if self.shape is Shape.INSTANT:
            return instant_iso(int(value))
        if self.shape is Shape.FLAG:
            return bool(value)
        return int(value) if self.shape is Shape.NUMBER else str(value)

    def arrow(self, values: pa.Array | pa.ChunkedArray) -> pa.Array:
        """A column as it goes out in Arrow."""
        if self.shape is Shape.INSTANT and not pa.types.is_timestamp(values.type):
            values = pc.cast(values, pa.int64())
        return pc.cast(values, _ARROW[self.shape])

    def arrow_of(self, rows: Sequence[Row]) -> pa.Array:
        """The same from rows."""
        values = [row.get(self.source) for row in rows]
        if self.shape is Shape.TEXT:
            values = [None if value is None else str(value) for value in values]
        elif self.shape is Shape.WIDE:
            values = [None if value is None else int(value) for value in values]
        kind = pa.int64() if self.shape is Shape.INSTANT else _ARROW[self.shape]
        return self.arrow(pa.array(values, kind))


def fields_of(
    columns: Sequence[Column],
    *,
    extra: Sequence[Field] = (),
    names: Mapping[str, str] | None = None,
    shapes: Mapping[str, Shape] | None = None,
    about: Mapping[str, str] | None = None,
) -> list[Field]:
    """The fields: those that tell rows apart first, then the page's columns, each currency beside its amount."""
    names, shapes, about = names or {}, shapes or {}, about or {}
    found = {field.name: field for field in extra}
    for column in columns:
        name = names.get(column.name, column.name)
        told = about.get(name, column.label)
        if unit := _UNIT.get(column.kind):
            told = f"{told}: {unit}."
        found[name] = Field(name, column.name, shapes.get(name, _SHAPE_OF.get(column.kind, Shape.TEXT)), told, column)
        if column.currency and column.currency not in found:
            found[column.currency] = Field(column.currency, column.currency, Shape.TEXT, "ISO 4217 code of the amounts' currency.")
    return list(found.values())


def model_of(name: str, fields: Sequence[Field], about: str) -> type[Schema]:
    """The model of one row. Whatever a row may lack is null, never left out."""
    described: dict[str, Any] = {each.name: (_PYTHON[each.shape] | None, Described(description=each.about)) for each in fields}
    return create_model(name, __base__=Schema, __doc__=about, **described)


def arrow_schema(fields: Sequence[Field]) -> pa.Schema:
    """The columns of a list in Arrow; each carries what it says."""
    return pa.schema([pa.field(each.name, _ARROW[each.shape], metadata={"description": each.about}) for each in fields])
