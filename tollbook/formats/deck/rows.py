"""Turns the chunks of a sheet into columns of the deck schema, one code per row. See docs/rules/decks.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import repeat, zip_longest
from typing import Any

from tollbook.core.deck import ACTIVE, ANY, BLOCKED, LONGEST_CODE
from tollbook.core.deck_date import whole_minute_up_ms
from tollbook.core.deck_profile import DeckProfile
from tollbook.core.zone import Zone
from tollbook.formats.deck.cells import Column, column_parsers
from tollbook.formats.deck.headers import Layout
from tollbook.formats.deck.problems import SheetProblems
from tollbook.formats.deck.sheet import Row

Values = dict[str, list[Any]]
FEES = {
    "connect": "connect_nanos",
    "surcharge_call": "surcharge_call_nanos",
    "surcharge_minute": "surcharge_minute_nanos",
    "min_charge": "min_charge_nanos",
}


def _is_plain_code(text: str) -> bool:
    """Nearly every cell of nearly every deck: digits that need no reading."""
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_CODE and text[0] != "0"


@dataclass
class RowReader:
    """Reads one sheet chunk by chunk into `values`, the columns of the deck."""

    layout: Layout
    profile: DeckProfile
    zone: Zone
    received_at: int | None
    problems: SheetProblems
    values: Values = field(default_factory=dict)
    received: set[int] = field(default_factory=set)
    skipped: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        parsers = column_parsers(self.profile, self.zone)
        self.columns = {name: Column(self.layout.names[name], parsers[name], {}) for name in self.layout.columns}

    @property
    def currencies(self) -> set[str]:
        """Every currency that a cell of the sheet names."""
        return set().union(*(column.currencies for column in self.columns.values()))

    def read(self, rows: list[Row], first_row: int) -> None:
        """Add a chunk whose first row has the number `first_row`."""
        texts = self._texts(rows)
        wrong: set[int] = set()
        blank = self._blank_rows(texts, first_row, wrong)
        plain = "country_code" not in texts and not blank and all(map(_is_plain_code, texts["code"]))
        read = {
            name: column.read(self._but(texts[name], blank), first_row, self.problems, wrong)
            for name, column in self.columns.items()
            if not (plain and name == "code")
        }
        wrong |= blank
        self.received.update(value for index, value in enumerate(read.pop("received", ())) if value is not None and index not in wrong)
        read["code"] = [(text,) for text in texts["code"]] if plain else self._codes(read)
        chunk = self._assembled(read, len(rows), first_row, wrong)
        chunk["rate_text"] = [text.strip() for text in texts["rate"]]
        chunk["row"] = list(range(first_row, first_row + len(rows)))
        self._check_periods(chunk, first_row, wrong)
        self._append(chunk, wrong)

    def _texts(self, rows: list[Row]) -> dict[str, list[str]]:
        cells = list(zip_longest(*rows, fillvalue=""))
        empty = [""] * len(rows)
        return {name: list(cells[index]) if index < len(cells) else empty for name, index in self.layout.columns.items()}

    def _blank_rows(self, texts: dict[str, list[str]], first_row: int, wrong: set[int]) -> set[int]:
        """Rows without a code: empty ones and notes are passed over and counted, one with a rate is an error.

        A note may stand in the code column; it is one when the row has no rate and the cell no digit at its start.
        """
        blank: set[int] = set()
        codes = [
            city.strip() or country.strip() for city, country in zip(texts["code"], texts.get("country_code", repeat("")), strict=False)
        ]
        suspects = {text for text in set(codes) if not text.lstrip("+( ")[:1].isdigit()}
        if not suspects:
            return blank
        for index, text in enumerate(codes):
            if text not in suspects:
                continue
            rate = texts["rate"][index].strip()
            if not text and rate:
                self.problems.add("CODE_MISSING", row=first_row + index, column=self.columns["code"].name, value=rate)
                wrong.add(index)
            if not rate:
                blank.add(index)
                if any(column[index].strip() for column in texts.values()):
                    self.skipped.append(first_row + index)
        return blank

    @staticmethod
    def _but(texts: list[str], blank: set[int]) -> list[str]:
        return ["" if index in blank else text for index, text in enumerate(texts)] if blank else texts

    def _assembled(self, read: Values, count: int, first_row: int, wrong: set[int]) -> Values:
        changes = read.get("change", [(ACTIVE, None)] * count)
        status = [change[0] for change in changes]
        rate = self._rates(read["rate"], status, first_row, wrong)
        first = read.get("rate_first", repeat(None))
        chunk: Values = {
            "code": read["code"],
            "destination": read.get("destination", [""] * count),
            "country": read.get("country", [""] * count),
            "a_zone": [ANY] * count,
            "band": [ANY] * count,
            "rate_nanos": rate,
            "rate_first_nanos": [other if own is None else own for own, other in zip(first, rate, strict=False)],
            "max_charge_nanos": read.get("max_charge", [None] * count),
            "rate_unit": [self.profile.rate_unit] * count,
            "effective_from": self._effective(read, count, first_row, wrong),
            "effective_until": read.get("end", [None] * count),
            "status": status,
            "declared_change": [change[1] for change in changes],
        }
        for name, target in FEES.items():
            chunk[target] = [value or 0 for value in read.get(name, repeat(0, count))]
        self._increments(read, chunk, count, first_row, wrong)
        return chunk

    def _codes(self, read: Values) -> list[tuple[str, ...]]:
        codes: list[tuple[str, ...]] = read["code"]
        countries = read.get("country_code")
        if not countries:
            return codes
        joined = []
        for own, country in zip(codes, countries, strict=True):
            includes = self.profile.codes_include_cc
            joined.append(tuple(code if includes and code.startswith(country) else country + code for code in own or ("",)))
        return joined

    def _rates(self, rates: list[int | None], status: list[str], first_row: int, wrong: set[int]) -> list[int]:
        """The rates, 0 where the row has none; a row that should have one is blocked, a zero is refused unless it is allowed."""
        if None not in rates and 0 not in rates:
            return rates  # type: ignore[return-value]
        column = self.columns["rate"].name
        for index, rate in enumerate(rates):
            if status[index] != ACTIVE or index in wrong:
                continue
            if rate is None:
                status[index] = BLOCKED
                self.problems.add("RATE_BLOCKED", row=first_row + index, column=column)
            elif rate == 0 and not self.profile.allow_zero:
                self.problems.add("RATE_ZERO", row=first_row + index, column=column, value=rate)
                wrong.add(index)
        return [rate or 0 for rate in rates]

    def _effective(self, read: Values, count: int, first_row: int, wrong: set[int]) -> list[int | None]:
        dates: list[int | None] = read.get("effective", [None] * count)
        if "effective" in self.columns and None in dates:
            for index, at in enumerate(dates):
                if at is None and index not in wrong:
                    self.problems.add("NO_TIMESTAMP", row=first_row + index, column=self.columns["effective"].name)
        if self.received_at is None:
            return dates
        now = whole_minute_up_ms(self.received_at)
        return [now if at is None else at for at in dates]

    def _increments(self, read: Values, chunk: Values, count: int, first_row: int, wrong: set[int]) -> None:
        default = self.profile.increment_default or (1, 1)
        column = next((name for name in ("increment", "minimum", "step") if name in self.columns), None)
        if column and self.profile.increment_default is None and None in read[column]:
            for index, value in enumerate(read[column]):
                if value is None and index not in wrong and chunk["status"][index] == ACTIVE:
                    self.problems.add("INCREMENT_MISSING", row=first_row + index, column=self.columns[column].name)
        parts = [value or (*default, 0) for value in read.get("increment", repeat(None, count))]
        firsts = read.get("minimum", repeat(None, count))
        steps = read.get("step", repeat(None, count))
        chunk["minimum_s"] = [part[0] if first is None else first for part, first in zip(parts, firsts, strict=True)]
        chunk["step_s"] = [step if step else part[1] for part, step in zip(parts, steps, strict=True)]
        first_part = self.profile.increment_first_part
        for name in ("grace", "free"):
            extra = [part[2] if first_part == name.upper() else 0 for part in parts]
            chunk[f"{name}_s"] = [
                own if value is None else value for own, value in zip(extra, read.get(name, repeat(None, count)), strict=True)
            ]

    def _check_periods(self, chunk: Values, first_row: int, wrong: set[int]) -> None:
        if "end" not in self.columns:
            return
        for index, (start, end) in enumerate(zip(chunk["effective_from"], chunk["effective_until"], strict=True)):
            if start is not None and end is not None and end <= start and index not in wrong:
                self.problems.add("END_BEFORE_START", row=first_row + index, column=self.columns["end"].name)
                wrong.add(index)

    def _append(self, chunk: Values, wrong: set[int]) -> None:
        """Keep the good rows, each repeated for every code of its cell."""
        codes = chunk["code"]
        if not wrong and all(len(each) == 1 for each in codes):
            chunk["code"] = [each[0] for each in codes]
        else:
            places = [index for index, each in enumerate(codes) if index not in wrong for _ in each]
            flat = [code for index, each in enumerate(codes) if index not in wrong for code in each]
            chunk = {name: [values[place] for place in places] for name, values in chunk.items()}
            chunk["code"] = flat
        for name, values in chunk.items():
            self.values.setdefault(name, []).extend(values)
