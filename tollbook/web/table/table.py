"""One table of a page: reads its state from the address, asks its rows for one page, and gives the template what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.utils.safestring import SafeString

from tollbook.web.table.cells import body
from tollbook.web.table.columns import Column, Row
from tollbook.web.table.export import MOST_CSV_ROWS, MOST_XLSX_ROWS, csv_response, xlsx_response
from tollbook.web.table.segment_rows import COUNTED

PAGE_ROWS: Final = 50
LONGEST_FILTER: Final = 200
DEEPEST_PAGE: Final = 10_000


class Rows(Protocol):
    """Where rows come from."""

    def page(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, offset: int, limit: int
    ) -> tuple[list[Row], int]: ...

    def all(self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, limit: int) -> Iterator[Row]: ...


@dataclass(frozen=True, slots=True)
class Head:
    """A header cell."""

    column: Column
    address: str
    order: str  # "", ascending, descending


class Table:
    """`name` prefixes its parameters in the address, so that a page may have several tables. `sort` is the first order: "-issued_at"."""

    def __init__(
        self,
        request: HttpRequest,
        rows: Rows,
        columns: Sequence[Column],
        *,
        name: str = "t",
        sort: str = "",
        label: str = "",
        page_rows: int = PAGE_ROWS,
    ) -> None:
        self._rows, self.columns, self.name, self.label, self._page_rows = rows, tuple(columns), name, label, page_rows
        self._path, self._given = request.path, request.GET
        self._by_name = {column.name: column for column in columns}
        self.sort = self._read_sort(self._given.get(f"{name}-sort", "")) or self._read_sort(sort)
        self.filters = self._read_filters()
        self.number = self._read_number()
        self._loaded: tuple[list[Row], int] | None = None

    # What a hostile or mistyped address holds is left out rather than answered with an error page: the table shows itself unsorted.
    def _read_sort(self, text: str) -> tuple[str, bool] | None:
        name = text.removeprefix("-")
        column = self._by_name.get(name)
        return (name, text.startswith("-")) if column and column.sorts else None

    def _read_filters(self) -> dict[str, str]:
        filters = {}
        for column in self.columns:
            text = self._given.get(f"{self.name}-{column.name}", "").strip()[:LONGEST_FILTER].replace("\0", "")
            allowed = not column.options or text in {value for value, _ in column.options}
            if column.filter and text and allowed:
                filters[column.name] = text
        return filters

    def _read_number(self) -> int:
        text = self._given.get(f"{self.name}-page", "1")
        return min(max(int(text), 1), DEEPEST_PAGE) if text.isascii() and text.isdigit() and len(text) < 8 else 1

    def _load(self) -> tuple[list[Row], int]:
        if self._loaded is None:
            offset = (self.number - 1) * self._page_rows
            self._loaded = self._rows.page(self.columns, self.filters, self.sort, offset, self._page_rows)
        return self._loaded

    @property
    def rows(self) -> list[Row]:
        """The rows of this page."""
        return self._load()[0]

    @property
    def body(self) -> SafeString:
        """The rows of this page as HTML."""
        return body(self.columns, self.rows)

    @property
    def total(self) -> int:
        return self._load()[1]

    @property
    def is_asked(self) -> bool:
        """Whether the address says anything of this table: one that is folded away is open then."""
        return any(key.startswith(f"{self.name}-") for key in self._given)

    @property
    def is_capped(self) -> bool:
        return self.total == COUNTED + 1

    @property
    def is_unfiltered_empty(self) -> bool:
        """Nothing is there at all: the page says what to do first instead of showing an empty table."""
        return not self.filters and self.number == 1 and self.total == 0

    @property
    def first(self) -> int:
        return (self.number - 1) * self._page_rows + 1 if self.total else 0

    @property
    def last(self) -> int:
        return min(self.number * self._page_rows, self.total)

    def address(self, **changes: str | int | None) -> str:
        """The page's address with changed parameters of this table; None takes one away. Going elsewhere starts at page 1."""
        given: QueryDict = self._given.copy()
        given.pop(f"{self.name}-export", None)
        for key, value in changes.items():
            if value in (None, ""):
                given.pop(f"{self.name}-{key}", None)
            else:
                given[f"{self.name}-{key}"] = str(value)
        return f"{self._path}?{given.urlencode()}" if given else self._path

    @property
    def heads(self) -> list[Head]:
        heads = []
        for column in self.columns:
            is_sorted = self.sort is not None and self.sort[0] == column.name
            descending = is_sorted and self.sort is not None and self.sort[1]
            following = f"-{column.name}" if (is_sorted and not descending) or (not is_sorted and column.is_number) else column.name
            order = ("descending" if descending else "ascending") if is_sorted else ""
            heads.append(Head(column, self.address(sort=following, page=None) if column.sorts else "", order))
        return heads

    @property
    def controls(self) -> list[tuple[Column, str]]:
        """The filters: column and what is chosen."""
        return [(column, self.filters.get(column.name, "")) for column in self.columns if column.filter]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """Parameters of the address that the filter form must carry on: everything but its own filters and its page."""
        own = {f"{self.name}-{column.name}" for column in self.columns if column.filter} | {f"{self.name}-page", f"{self.name}-export"}
        return [(key, value) for key, values in self._given.lists() for value in values if key not in own]

    @property
    def previous(self) -> str:
        return self.address(page=self.number - 1 if self.number > 2 else None) if self.number > 1 else ""

    @property
    def following(self) -> str:
        return self.address(page=self.number + 1) if self.last < self.total else ""

    @property
    def clear(self) -> str:
        return self.address(page=None, **dict.fromkeys(self.filters))

    @property
    def csv_address(self) -> str:
        return self.address(export="csv")

    @property
    def xlsx_address(self) -> str:
        return self.address(export="xlsx")

    def export(self) -> HttpResponseBase | None:
        """The file the address asks for, or None where it asks for the page."""
        wanted = self._given.get(f"{self.name}-export")
        name = f"tollbook-{self.label or self.name}".lower().replace(" ", "-")
        if wanted == "csv":
            return csv_response(self.columns, self._rows.all(self.columns, self.filters, self.sort, MOST_CSV_ROWS), name)
        if wanted == "xlsx":
            return xlsx_response(self.columns, self._rows.all(self.columns, self.filters, self.sort, MOST_XLSX_ROWS), name)
        return None
