"""Rows of a table that are few and at hand: the same interface over a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tollbook.web.table import keys
from tollbook.web.table.columns import Column, Row


class ListedRows:
    """`tie` names the fields that tell every row from every other, taken together."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], *, tie: Sequence[str]) -> None:
        self._rows = rows
        self.tie = tuple(tie)

    def _chosen(self, columns: Sequence[Column], filters: dict[str, str], order: Sequence[keys.Key]) -> list[Row]:
        by_name = {column.name: column for column in columns}
        rows: list[Row] = [row for row in self._rows if all(_passes(by_name[name], row, text) for name, text in filters.items())]
        # From the last key to the first: sorting keeps the order of what is equal.
        for key in reversed(order):
            rows = _sorted(rows, key)
        return [{**row, **{column.name: row[column.source] for column in columns}} for row in rows]

    def page(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, offset: int, limit: int
    ) -> tuple[list[Row], int]:
        """The rows of one page and how many there are in all."""
        found = self._chosen(columns, filters, self._order(columns, sort))
        return found[offset : offset + limit], len(found)

    def after(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, place: Sequence[Any] | None, limit: int
    ) -> list[Row]:
        """Up to so many rows beyond a place; from the beginning where it is None."""
        order = self._order(columns, sort)
        found = self._chosen(columns, filters, order)
        if place is None:
            return found[:limit]
        return [row for row in found if _is_after(order, row, place)][:limit]

    def all(self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, limit: int) -> Iterator[Row]:
        """Up to so many rows for an export."""
        return iter(self._chosen(columns, filters, self._order(columns, sort))[:limit])

    def _order(self, columns: Sequence[Column], sort: tuple[str, bool] | None) -> list[keys.Key]:
        by_name = {column.name: column for column in columns}
        return keys.order((by_name[sort[0]].source, sort[1]) if sort else None, self.tie)


def _passes(column: Column, row: Mapping[str, Any], text: str) -> bool:
    value = "" if row[column.source] is None else str(row[column.source])
    return text.lower() in value.lower() if column.filter == "text" else value == text


def _sorted(rows: list[Row], key: keys.Key) -> list[Row]:
    there = sorted((row for row in rows if row[key.source] is not None), key=lambda row: row[key.source], reverse=key.is_descending)
    return there + [row for row in rows if row[key.source] is None]


def _is_after(order: Sequence[keys.Key], row: Mapping[str, Any], place: Sequence[Any]) -> bool:
    for key, there in zip(order, place, strict=True):
        here = row[key.source]
        if here == there:
            continue
        if here is None or there is None:
            return here is None
        return bool(here < there) if key.is_descending else bool(here > there)
    return False
