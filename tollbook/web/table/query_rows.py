"""Rows of a table from a Django query: one query for the count, one for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf

from tollbook.web.table import keys
from tollbook.web.table.columns import PARTNER_NAME, Column, Row

_NAME_OF_PARTNER = Coalesce(NullIf(F("partner__name"), Value("")), F("partner_id"))


class QueryRows:
    """A query whose `values` are the rows. `fields` are read besides those of the columns (keys for links);
    `tie` orders rows that are equal in what is sorted by, so that no row shows on two pages."""

    def __init__(self, rows: QuerySet[Any, Any], *, fields: Sequence[str] = (), tie: str = "pk") -> None:
        self._rows, self._tie = rows, tie
        self._fields = tuple(fields)

    @property
    def tie(self) -> tuple[str, ...]:
        """The fields that tell every row from every other."""
        return (self._tie,)

    def _chosen(self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None) -> QuerySet[Any, Any]:
        rows = self._rows
        by_name = {column.name: column for column in columns}
        if any(column.source == PARTNER_NAME for column in columns):
            rows = rows.annotate(**{PARTNER_NAME: _NAME_OF_PARTNER})
        for name, text in filters.items():
            column = by_name[name]
            if column.source == PARTNER_NAME:
                rows = rows.filter(Q(partner_id=text) | Q(**{f"{PARTNER_NAME}__icontains": text}))
                continue
            look_up = "icontains" if column.filter == "text" else "exact"
            rows = rows.filter(**{f"{column.source}__{look_up}": text})
        if sort:
            column = by_name[sort[0]]
            rows = rows.order_by(("-" if sort[1] else "") + column.source, self._tie)
        return rows.values(*self._names(columns))

    def _names(self, columns: Sequence[Column]) -> list[str]:
        read = [*self._fields, *(column.source for column in columns if column.source), *(c.currency for c in columns if c.currency)]
        if PARTNER_NAME in read:
            read.append("partner_id")
        return list(dict.fromkeys(read))

    def page(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, offset: int, limit: int
    ) -> tuple[list[Row], int]:
        """The rows of one page and how many there are in all."""
        chosen = self._chosen(columns, filters, sort)
        total = chosen.order_by().count()
        return [_named(row, columns) for row in chosen[offset : offset + limit]], total

    def after(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, place: Sequence[Any] | None, limit: int
    ) -> list[Row]:
        """Up to so many rows beyond a place (from the beginning where it is None), each with what its own place is made of."""
        by_name = {column.name: column for column in columns}
        order = keys.order((by_name[sort[0]].source, sort[1]) if sort else None, self.tie)
        chosen = self._chosen(columns, filters, None)
        if place is not None:
            chosen = chosen.filter(keys.after(order, place))
        names = dict.fromkeys([*self._names(columns), *(key.source for key in order)])
        return [_named(row, columns) for row in chosen.order_by(*keys.order_by(order)).values(*names)[:limit]]

    def all(self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, limit: int) -> Iterator[Row]:
        """Up to so many rows, one after the other, for an export."""
        for row in self._chosen(columns, filters, sort)[:limit].iterator(chunk_size=2_000):
            yield _named(row, columns)


def _named(row: dict[str, Any], columns: Sequence[Column]) -> Row:
    """The row under the names of the columns, beside the names of the fields."""
    return {**row, **{column.name: row[column.source] for column in columns}}
