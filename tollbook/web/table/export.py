"""A table as CSV or XLSX: exactly the rows and columns that are shown, all pages of them, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import xlsxwriter
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse

from tollbook.web.table.columns import Column, Kind, Row

MOST_CSV_ROWS = 1_000_000
MOST_XLSX_ROWS = 100_000
_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")
_EXACT = {Kind.COUNT, Kind.MONEY, Kind.MINUTES, Kind.SECONDS, Kind.RATE, Kind.SHARE, Kind.LENGTH}
_MOMENTS = {Kind.INSTANT: "yyyy-mm-dd hh:mm:ss", Kind.DAY: "yyyy-mm-dd"}
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def neutral(column: Column, row: Row) -> str | int | None:
    """The cell's value; text that a spreadsheet would take for a formula gets a quote before it. Figures are figures."""
    value = column.exported(row)
    if isinstance(value, str) and column.kind not in _EXACT and value.startswith(_RUNS):
        return "'" + value
    return value


def with_currencies(columns: Sequence[Column]) -> list[Column]:
    """The columns of a file: after amounts of one currency field stands the currency, so that nobody adds up what does not add."""
    shown = {column.name for column in columns}
    last = {column.currency: place for place, column in enumerate(columns) if column.currency}
    found: list[Column] = []
    for place, column in enumerate(columns):
        found.append(column)
        if column.currency and last[column.currency] == place and column.currency not in shown:
            found.append(Column(column.currency, "Currency"))
    return found


def csv_response(columns: Sequence[Column], rows: Iterable[Row], name: str) -> HttpResponseBase:
    """Streams, so that the size of a table does not matter."""

    columns = with_currencies(columns)

    class Line:
        """Gives back what is written, instead of keeping it."""

        @staticmethod
        def write(text: str) -> str:
            return text

    def lines() -> Iterator[str]:
        writer: Any = csv.writer(Line())
        yield "\ufeff" + writer.writerow([column.label for column in columns])
        for row in rows:
            yield writer.writerow(["" if (value := neutral(column, row)) is None else value for column in columns])

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _moment(text: str) -> dt.datetime | None:
    """An instant or a day as a spreadsheet keeps it, which has no zones: UTC, as the heading says. None for what is neither."""
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def xlsx_response(columns: Sequence[Column], rows: Iterable[Row], name: str) -> HttpResponse:
    """A workbook of one sheet. Figures of more than 15 digits stay text, since a spreadsheet would round them."""
    columns = with_currencies(columns)
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(
        stream, {"in_memory": False, "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = book.add_worksheet(name[:31])
    moments = {kind: book.add_format({"num_format": text}) for kind, text in _MOMENTS.items()}
    head, figure = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "#,##0.00####"})
    for index, column in enumerate(columns):
        sheet.write_string(0, index, column.label, head)
        sheet.set_column(index, index, 16 if column.is_number else 22)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows, start=1):
        for index, column in enumerate(columns):
            value = neutral(column, row)
            if value is None:
                continue
            if column.kind in moments and (moment := _moment(str(value))) is not None:
                sheet.write_datetime(number, index, moment, moments[column.kind])
            elif isinstance(value, int) or (column.kind in _EXACT and sum(map(str.isdigit, value)) <= 15):
                sheet.write_number(number, index, float(value), None if isinstance(value, int) else figure)
            else:
                sheet.write_string(number, index, value)
    book.close()
    response = HttpResponse(stream.getvalue(), content_type=XLSX_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return response
