"""Columns: what a cell holds, how it looks, how it sorts and filters, and what stands in an export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from tollbook.core.money import format_scaled, minor_unit_places
from tollbook.web import words


class Kind(StrEnum):
    """How a value is shown."""

    TEXT = "text"
    LABEL = "label"  # a short name that is not broken: a trunk, a source
    WORD = "word"  # a word of a closed list
    BADGE = "badge"  # the same, with the colour of its meaning
    COUNT = "count"
    MONEY = "money"  # micro-units; `currency` names the field beside it
    MINUTES = "minutes"  # milliseconds
    SECONDS = "seconds"
    RATE = "rate"  # nanos per minute
    INSTANT = "instant"  # milliseconds UTC
    DAY = "day"
    CLASS = "class"  # of a difference
    DIGEST = "digest"
    CODE = "code"
    SHARE = "share"  # an exact fraction, shown in per cent
    ACTION = "action"  # of the journal
    SUBJECT = "subject"
    SCOPE = "scope"  # of a run
    DECIMAL = "decimal"  # an exact amount as text; `currency` names the field beside it
    LENGTH = "length"  # milliseconds, exact, shown in seconds


NUMERIC = frozenset({Kind.COUNT, Kind.MONEY, Kind.MINUTES, Kind.SECONDS, Kind.RATE, Kind.SHARE, Kind.LENGTH, Kind.DECIMAL})
Row = Mapping[str, Any]
_WORDS: Final[dict[Kind, Callable[[str], str]]] = {
    Kind.BADGE: words.human,
    Kind.CLASS: words.class_label,
    Kind.ACTION: words.action,
}
# The source of a column that shows a partner by its name; rows of a query know what it is made of.
PARTNER_NAME: Final = "partner_name"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `name` is the field of a row, and what it sorts and filters by unless `field` names another."""

    name: str
    label: str
    kind: Kind = Kind.TEXT
    field: str = ""
    sorts: bool = True
    filter: str = ""  # "", "text" (contains), "exact" or "choice"
    options: tuple[tuple[str, str], ...] = ()  # of a choice: value, label
    currency: str = ""  # of MONEY: the field that holds the currency
    link: Callable[[Row], str] | None = None
    whole: str = ""  # the field of an export, where the page shows less of it
    is_optional: bool = False  # left out on small screens
    breaks: bool = False  # its longest words are broken on telephones, as names of files are
    is_roomy: bool = False  # left out on telephones, where there is no room for it
    has_seconds: bool = False  # of INSTANT: shown to the second

    @property
    def source(self) -> str:
        return self.field or self.name

    @property
    def style(self) -> str:
        """The classes of its cells: how they stand, and on which screens."""
        wanted = (
            ("number", self.is_number),
            ("breaks", self.breaks),
            ("optional", self.is_optional),
            ("roomy", self.is_roomy),
        )
        return " ".join(name for name, is_so in wanted if is_so)

    @property
    def is_text(self) -> bool:
        """Free text, which wraps: its column keeps a width in which that reads well."""
        return self.kind is Kind.TEXT

    @property
    def is_number(self) -> bool:
        return self.kind in NUMERIC

    def exported(self, row: Row) -> str | int | None:
        """The cell for a file: whole and exact, without thousands separators, words as they are shown, instants as ISO."""
        value = row.get(self.whole or self.name)
        if value is None or value == "":
            return None
        if self.kind is Kind.MONEY:
            return format_scaled(int(value), 6, minor_unit_places(str(row.get(self.currency, "")) if self.currency else ""))
        if self.kind is Kind.RATE:
            return format_scaled(int(value), 9, 4)
        if self.kind is Kind.MINUTES:
            return format_scaled(int(value) * 1000 // 60, 6, 2)
        if self.kind is Kind.SHARE:
            return words.share(value).replace("−", "-")
        if self.kind is Kind.LENGTH:
            return words.length(value)
        if self.kind is Kind.INSTANT:
            return words.instant_iso(int(value))
        if self.kind in (Kind.COUNT, Kind.SECONDS):
            return int(value)
        if self.kind is Kind.WORD:
            return dict(self.options).get(str(value)) or words.human(str(value))
        told = _WORDS.get(self.kind)
        return told(str(value)) if told else str(value)


def with_names(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The columns as people read them: a partner by its name, found by a part of it as well as by its id."""
    return tuple(
        replace(each, field=PARTNER_NAME, filter="text" if each.filter else "") if each.source == "partner_id" else each for each in columns
    )


def choices(*values: str) -> tuple[tuple[str, str], ...]:
    """Options of a closed list under their human names."""
    return tuple((value, words.human(value)) for value in values)
