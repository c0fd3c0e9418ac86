"""Partners by their names where rows know them by id only: records of calls, which are read from segments and not from the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tollbook.store.models import Partner
from tollbook.web.table.columns import Column, Row
from tollbook.web.table.table import Rows


def names_of(ids: Iterable[Any] | None = None) -> dict[str, str]:
    """The names of some partners, or of all; one without a name is called by its id."""
    found = Partner.objects.all() if ids is None else Partner.objects.filter(id__in={each for each in ids if each})
    return {key: name or key for key, name in found.values_list("id", "name")}


class Named:
    """Rows whose `partner` is shown by name. One query more for a page, whatever it holds."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def page(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, offset: int, limit: int
    ) -> tuple[list[Row], int]:
        """The rows of one page and how many there are."""
        rows, total = self._rows.page(columns, filters, sort, offset, limit)
        names = names_of(row.get("partner") for row in rows)
        return [_named(row, names) for row in rows], total

    def all(self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, limit: int) -> Iterator[Row]:
        """Up to so many rows for an export."""
        names = names_of()
        for row in self._rows.all(columns, filters, sort, limit):
            yield _named(row, names)


def _named(row: Row, names: dict[str, str]) -> Row:
    partner = row.get("partner")
    return {**row, "partner": names.get(partner, partner)} if partner else row
