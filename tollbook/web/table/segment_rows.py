"""Rows of a table from sealed segments: a relation in SQL that DuckDB answers one page of. Only declared columns reach the SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from tollbook.web.table import keys
from tollbook.web.table.columns import Column, Row

# Counting further is not worth the reading: a page says "more than", and a search is narrowed instead.
COUNTED = 10_000


class SegmentRows:
    """`relation` is a SELECT over views of the connection, with positional parameters. `fields` are read besides the columns; the first
    of them orders equal rows."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, relation: str, parameters: Sequence[Any] = (), *, fields: Sequence[str] = ()
    ) -> None:
        self._connection, self._relation, self._parameters, self._fields = connection, relation, list(parameters), tuple(fields)

    @property
    def tie(self) -> tuple[str, ...]:
        """The fields that tell every row from every other, taken together."""
        return self._fields

    def _query(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, known: Sequence[Column] = ()
    ) -> tuple[str, list[Any]]:
        """The SQL for these columns; filters may name others of the table (`known`), as a count does that selects one column."""
        by_name = {column.name: column for column in (known or columns)}
        names = dict.fromkeys([*self._fields, *(column.source for column in columns), *(c.currency for c in columns if c.currency)])
        conditions, parameters = [], list(self._parameters)
        for name, text in filters.items():
            column = by_name[name]
            if column.filter == "text":
                conditions.append(f'contains(lower(CAST("{column.source}" AS VARCHAR)), lower(?))')
            else:
                conditions.append(f'CAST("{column.source}" AS VARCHAR) = ?')
            parameters.append(text)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        tie = f', "{self._fields[0]}"' if self._fields else ""
        order = f' ORDER BY "{by_name[sort[0]].source}" {"DESC" if sort[1] else "ASC"} NULLS LAST{tie}' if sort else ""
        selected = ", ".join(f'"{name}"' for name in names)
        return f"SELECT {selected} FROM ({self._relation}){where}{order}", parameters  # noqa: S608 - names are declared, values are bound

    def page(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, offset: int, limit: int
    ) -> tuple[list[Row], int]:
        """The rows of one page and how many there are, counted up to COUNTED."""
        query, parameters = self._query(columns, filters, sort)
        rows = self._rows(f"{query} LIMIT {limit:d} OFFSET {offset:d}", parameters, columns)
        unsorted, _ = self._query(columns[:1], filters, None, columns)
        counted = self._connection.execute(f"SELECT count(*) FROM ({unsorted} LIMIT {COUNTED + 1})", parameters).fetchone()  # noqa: S608
        return list(rows), int(counted[0]) if counted else 0

    def after(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, place: Sequence[Any] | None, limit: int
    ) -> list[Row]:
        """Up to so many rows beyond a place (from the beginning where it is None), each with what its own place is made of."""
        query, parameters, order = self._ordered(columns, filters, sort)
        beyond, values = keys.after_sql(order, place) if place is not None else ("true", [])
        text = f"SELECT * FROM ({query}) WHERE {beyond} ORDER BY {keys.order_by_sql(order)} LIMIT {limit:d}"  # noqa: S608 - as above
        return list(self._rows(text, [*parameters, *values], columns))

    def batches(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, size: int
    ) -> Iterator[pa.RecordBatch]:
        """All rows as Arrow batches of so many, under the names of the sources. DuckDB sorts within its memory limit and spills."""
        query, parameters, order = self._ordered(columns, filters, sort)
        relation = self._connection.sql(f"{query} ORDER BY {keys.order_by_sql(order)}", params=parameters or None)
        yield from relation.to_arrow_reader(size)

    def _ordered(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None
    ) -> tuple[str, list[Any], list[keys.Key]]:
        by_name = {column.name: column for column in columns}
        query, parameters = self._query(columns, filters, None)
        return query, parameters, keys.order((by_name[sort[0]].source, sort[1]) if sort else None, self.tie)

    def all(self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, limit: int) -> Iterator[Row]:
        """Up to so many rows for an export."""
        query, parameters = self._query(columns, filters, sort)
        yield from self._rows(f"{query} LIMIT {limit:d}", parameters, columns)

    def _rows(self, query: str, parameters: list[Any], columns: Sequence[Column]) -> Iterator[Row]:
        result = self._connection.execute(query, parameters)
        names = [each[0] for each in result.description or []]
        while found := result.fetchmany(2_000):
            for values in found:
                row = dict(zip(names, values, strict=True))
                yield {**row, **{column.name: row[column.source] for column in columns}}
