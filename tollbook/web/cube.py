"""What is asked of the kpi cube, and its sums: a page reads the cubes of its days and nothing else. See docs/rules/kpi.md."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Max
from django.http import QueryDict

from tollbook.core.calling_codes import TABLE
from tollbook.core.kpi import CAUSES, DELIVERED, PDD_CLASSES, Sums, pdd_within_ms, ratio
from tollbook.flow import kpi_sums
from tollbook.store.models import Segment
from tollbook.web import book, segments
from tollbook.web.management import Management
from tollbook.web.partner_names import names_of

LEGS: Final = ("OUT", "IN")
DIMENSIONS: Final = {
    "trunk": "Trunk",
    "destination": "Destination",
    "partner": "Partner",
    "country": "Calling code",
    "hour": "Hour (UTC)",
    "day": "Day (UTC)",
    "cause": "How it ended",
    "source": "Source",
}
NARROWED: Final = ("trunk", "destination", "partner", "country", "cause", "source", "hour")
# What one page sums: two months of days, and a few thousand lines of them.
MOST_DAYS: Final = 62
MOST_LINES: Final = 5_000
LONGEST_TEXT: Final = 200
ONE_DAY: Final = dt.timedelta(days=1)
_SQL: Final = {"hour": "CAST(hour(hour) AS VARCHAR)", "day": "CAST(CAST(hour AS DATE) AS VARCHAR)"}
REGIONS: Final = {line.split(" | ")[0]: line.split(" | ")[-1] for line in TABLE.splitlines() if line}


@dataclass(frozen=True)
class Selection:
    """Which part of the traffic: whole UTC days, one leg, and what it is narrowed to (dimension, value)."""

    first: dt.date
    last: dt.date
    leg: str = "OUT"
    narrowed: tuple[tuple[str, str], ...] = ()

    def conditions(self) -> tuple[str, list[Any]]:
        """SQL over bound values."""
        parts, values = ["CAST(hour AS DATE) >= ? AND CAST(hour AS DATE) <= ? AND leg = ?"], [self.first, self.last, self.leg]
        for name, value in self.narrowed:
            parts.append(f"{_SQL.get(name, f'CAST({name} AS VARCHAR)')} = ?")
            values.append(value)
        return " AND ".join(parts), values

    @cached_property
    def cubes(self) -> list[tuple[str, str, str]]:
        """Day, digest and path of the current cubes."""
        rows = Segment.objects.filter(kind="kpi", run__heads__isnull=False, day__gte=self.first, day__lte=self.last)
        found = rows.order_by("day", "digest").values_list("day", "digest", "path")
        return [(str(day), digest, path) for day, digest, path in found]

    def files(self) -> str:
        return segments.files_of(path for _, _, path in self.cubes)

    def summed(self, dimensions: tuple[str, ...]) -> list[tuple[tuple[str, ...], dict[str, int]]] | None:
        """The sums per value of the dimensions, by name, from the foldings of the days; None where they are too coarse."""
        fold = kpi_sums.fold_of({*dimensions, *(name for name, _ in self.narrowed)} - {"day"})
        if not fold:
            return None
        folder = book.folder()
        days = [(day, kpi_sums.load(folder, digest, path, fold)) for day, digest, path in self.cubes]
        found = kpi_sums.summed(days, {"leg": self.leg, **dict(self.narrowed)}, dimensions)
        return [(key, dict(zip(kpi_sums.COUNTS, sums.tolist(), strict=True))) for key, sums in found]

    def query(self, **more: str) -> str:
        """The selection as parameters of an address; a day or another dimension in `more` narrows it further."""
        chosen = (
            replace(self, first=dt.date.fromisoformat(more["day"]), last=dt.date.fromisoformat(more["day"])) if more.get("day") else self
        )
        narrowed = {**dict(chosen.narrowed), **{name: value for name, value in more.items() if name != "day"}}
        return urlencode({"leg": chosen.leg, "from": chosen.first.isoformat(), "to": chosen.last.isoformat(), **narrowed})


def newest_day() -> dt.date | None:
    """The last day that has a cube."""
    last: dt.date | None = Segment.objects.filter(kind="kpi", run__heads__isnull=False).aggregate(last=Max("day"))["last"]
    return last


def read_selection(given: QueryDict, newest: dt.date, *, days: int = 7) -> tuple[Selection, list[str]]:
    """The selection of an address and what is wrong with it, in sentences; without days, the newest."""
    wrong: list[str] = []

    def day(name: str) -> dt.date | None:
        text = str(given.get(name, "")).strip()
        try:
            return dt.date.fromisoformat(text) if text else None
        except ValueError:
            wrong.append(f"“{text[:40]}” is no day; write it as {newest}.")
            return None

    last = _sane(day("to") or newest)
    first = _sane(day("from") or last - dt.timedelta(days=days - 1))
    if first > last:
        wrong.append("The first day is after the last; both are shown as one day.")
        first = last
    if (last - first).days >= MOST_DAYS:
        wrong.append(f"One page shows {MOST_DAYS} days at most; these are the last of yours.")
        first = last - dt.timedelta(days=MOST_DAYS - 1)
    leg = given.get("leg", "OUT")
    texts = {
        name: str(given[name]).strip()[:LONGEST_TEXT].replace("\0", "") for name in NARROWED if name in given and str(given[name]).strip()
    }
    return Selection(first, last, leg if leg in LEGS else "OUT", tuple(texts.items())), wrong


def _sane(day: dt.date) -> dt.date:
    """Days that can be counted on from: no record is older or younger."""
    return min(max(day, dt.date(1970, 3, 1)), dt.date(9000, 1, 1))


_COUNTS: Final = (
    "seizures",
    "answers",
    "conversation_ms",
    "holding",
    "holding_ms",
    "short_6",
    "short_15",
    "rung",
    *PDD_CLASSES,
    "unpriced",
)


@dataclass(frozen=True, slots=True)
class Line:
    """The sums of one value of the dimensions."""

    key: tuple[str, ...]
    sums: Sums
    pdd: tuple[int, ...]
    unpriced: int

    @property
    def pdd_median_ms(self) -> int | None:
        return pdd_within_ms(self.pdd, Fraction(1, 2))


def lines(selection: Selection, *dimensions: str) -> list[Line]:
    """The sums per value of the dimensions, the busiest first, MOST_LINES of them; without dimensions one line."""
    found = selection.summed(dimensions)
    if found is not None:
        made = [_line({**{f"d{number}": word for number, word in enumerate(key)}, **sums}, len(dimensions)) for key, sums in found]
        return sorted(made, key=lambda line: (-line.sums.seizures, line.key))[:MOST_LINES]
    files = selection.files()
    if not files:
        return []
    where, values = selection.conditions()
    names = [f"{_SQL.get(name, f'CAST({name} AS VARCHAR)')} AS d{number}" for number, name in enumerate(dimensions)]
    sums = [f"CAST(sum({name}) AS BIGINT) AS {name}" for name in _COUNTS]
    delivered = ", ".join(f"'{cause}'" for cause in sorted(DELIVERED))
    sums.append(f"CAST(coalesce(sum(seizures) FILTER (cause IN ({delivered})), 0) AS BIGINT) AS delivered")
    grouped = f" GROUP BY {', '.join(f'd{number}' for number in range(len(dimensions)))}" if dimensions else " HAVING count(*) > 0"
    order = ", ".join(["seizures DESC", *(f"d{number}" for number in range(len(dimensions)))])
    query = f"SELECT {', '.join([*names, *sums])} FROM {files} WHERE {where}{grouped} ORDER BY {order} LIMIT {MOST_LINES}"  # noqa: S608
    return [_line(row, len(dimensions)) for row in segments.dicts(query, values)]


def _line(row: dict[str, Any], count: int) -> Line:
    names = ("seizures", "answers", "delivered", "conversation_ms", "holding", "holding_ms", "short_6", "short_15")
    sums = Sums(**{name: row[name] for name in names})
    key = tuple(str(row[f"d{number}"] or "") for number in range(count))
    return Line(key, sums, tuple(row[name] for name in PDD_CLASSES), row["unpriced"])


@dataclass(slots=True)
class Money:
    """Revenue and cost of a line in one currency; None where a part of it has no rate."""

    revenue: int | None = 0
    cost: int | None = 0

    @property
    def margin(self) -> int | None:
        return None if self.revenue is None or self.cost is None else self.revenue - self.cost

    @property
    def share(self) -> Fraction | None:
        return None if self.margin is None or not self.revenue else ratio(self.margin, self.revenue)

    def add(self, side: str, amount: int | None) -> None:
        before = getattr(self, side)
        setattr(self, side, None if before is None or amount is None else before + amount)


def money(selection: Selection, dimension: str, converter: Management) -> dict[str, Money]:
    """Revenue and cost per value of a dimension in the management currency, every day by its own fixing. On the leg IN the own amount is
    the revenue and the other leg's the cost; on OUT the other way round."""
    sides = ("revenue", "cost") if selection.leg == "IN" else ("cost", "revenue")
    found: dict[str, Money] = {}
    for value, day, own, other, amount, other_amount in _amounts(selection, dimension):
        line = found.setdefault(value, Money())
        for side, currency, each in zip(sides, (own, other), (amount, other_amount), strict=True):
            if currency:
                line.add(side, converter.convert(each, currency, day))
    return found


def _amounts(selection: Selection, dimension: str) -> Iterator[tuple[str, dt.date, str, str, int, int]]:
    """Value, day, own currency, the other side's, own amount, the other side's."""
    by = ("day", "currency", "other_currency") if dimension == "day" else (dimension, "day", "currency", "other_currency")
    summed = selection.summed(by)
    if summed is not None:
        for key, sums in summed:
            yield key[0], dt.date.fromisoformat(key[-3]), key[-2], key[-1], sums["amount_micros"], sums["other_micros"]
        return
    files = selection.files()
    if not files:
        return
    where, values = selection.conditions()
    name = _SQL.get(dimension, f"CAST({dimension} AS VARCHAR)")
    query = (
        f"SELECT {name} AS d, CAST(hour AS DATE) AS day, CAST(currency AS VARCHAR) AS own, CAST(other_currency AS VARCHAR) AS other,"  # noqa: S608
        f" CAST(sum(amount_micros) AS BIGINT) AS amount, CAST(sum(other_micros) AS BIGINT) AS other_amount"
        f" FROM {files} WHERE {where} GROUP BY ALL"
    )
    for row in segments.dicts(query, values):
        yield str(row["d"] or ""), row["day"], row["own"], row["other"], row["amount"], row["other_amount"]


def named(dimension: str, value: str) -> str:
    """A value of a dimension for people."""
    if dimension == "hour" and value.isascii() and value.isdigit() and len(value) < 3:
        return f"{int(value):02d}:00"
    if dimension == "country":
        region = REGIONS.get(value, "")
        return f"+{value} {region if len(region) == 2 else ''}".strip() if value else "not an international number"
    if not value:
        return {"destination": "in no deck", "partner": "no partner", "trunk": "no trunk"}.get(dimension, "unknown")
    if dimension == "cause":
        return CAUSE_WORDS.get(value, value)
    return value


def narrowed_words(selection: Selection) -> list[tuple[str, str, str]]:
    """What a selection is narrowed by: the dimension, its label, and its value for people."""
    said = naming(*(name for name, _ in selection.narrowed))
    return [(name, DIMENSIONS[name], said(name, value)) for name, value in selection.narrowed]


def naming(*dimensions: str) -> Callable[[str, str], str]:
    """`named` for these dimensions, with partners by their names: one query, and only where a partner is among them."""
    partners = names_of() if "partner" in dimensions else {}
    return lambda dimension, value: partners.get(value) or named(dimension, value) if dimension == "partner" else named(dimension, value)


CAUSE_WORDS: Final = dict(
    zip(
        CAUSES,
        (
            "Answered",
            "Busy",
            "Nobody answered",
            "Refused",
            "Caller gave up early",
            "Wrong number",
            "Congestion",
            "Barred or unavailable",
            "Protocol failure",
            "Other",
        ),
        strict=True,
    )
)
