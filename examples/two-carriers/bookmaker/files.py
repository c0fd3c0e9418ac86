"""Writes files whose content is the same on every machine: fixed dates inside, fixed order, no clock."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import xlsxwriter

from bookmaker.decks import Row

CREATED = datetime(2026, 11, 22)  # noqa: DTZ001  a spreadsheet's dates carry no zone


def csv_bytes(rows: Sequence[Mapping[str, str]]) -> bytes:
    """Rows as CSV in UTF-8 with a header, LF line ends."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def zipped(content: bytes) -> bytes:
    """gzip without a name and without a date."""
    return gzip.compress(content, 9, mtime=0)


def deck_csv(rows: Iterable[Row]) -> bytes:
    """A plain rate sheet: a row per code."""
    return csv_bytes(
        [
            {
                "Code": row.code,
                "Destination": row.destination,
                "Rate": row.rate,
                "Billing Increment": row.increment,
                "Effective Date": day_or_minute(row.effective),
            }
            for row in rows
        ]
    )


def deck_csv_lists(rows: Iterable[Row]) -> bytes:
    """A rate sheet with a row per destination and all its codes in one cell, decimal commas, semicolons: as many in Europe come."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for row in rows:
        groups.setdefault((row.destination, row.rate.replace(".", ","), row.increment, day_or_minute(row.effective)), []).append(row.code)
    lines = ["Zone;Breakout Codes;Price/min;Increments;Valid From"]
    for (destination, rate, increment, effective), codes in sorted(groups.items()):
        lines.append(f"{destination};{', '.join(codes)};{rate};{increment};{effective}")
    return ("\r\n".join(lines) + "\r\n").encode()


def deck_xlsx(rows: Iterable[Row], heading: Sequence[str], sheet_name: str, currency: str, *, with_change: bool) -> bytes:
    """A rate sheet as a workbook: a few lines of heading, a header row, rates as numbers, dates as dates."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm"})
    book.set_properties({"title": heading[0] if heading else sheet_name, "author": "constructed example", "created": CREATED})
    sheet = book.add_worksheet(sheet_name)
    bold, rate = book.add_format({"bold": True}), book.add_format({"num_format": "0.0000#"})
    for number, line in enumerate(heading):
        sheet.write_string(number, 0, line, bold if number == 0 else None)
    top = len(heading) + 1 if heading else 0
    names = ["Destination", "Code", f"Rate ({currency})", "Billing Increment", "Effective Date", *(["Change"] if with_change else [])]
    sheet.write_row(top, 0, names, bold)
    for number, row in enumerate(rows, top + 1):
        sheet.write_string(number, 0, row.destination)
        sheet.write_string(number, 1, row.code)
        sheet.write_number(number, 2, float(row.rate), rate)
        sheet.write_string(number, 3, row.increment)
        sheet.write_datetime(number, 4, datetime.fromisoformat(row.effective))
        if with_change:
            sheet.write_string(number, 5, row.change)
    for column, width in enumerate((38, 11, 10, 16, 17, 11)):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(top + 1, 0)
    book.close()
    return buffer.getvalue()


def day_or_minute(effective: str) -> str:
    """A date alone where it is midnight, else with the minute."""
    day, _, clock = effective.partition("T")
    return day if clock in {"", "00:00:00"} else f"{day} {clock[:5]}"


def content(name: str, data: bytes) -> bytes | dict[str, bytes]:
    """What a file says, without how it was packed: packers differ between machines, their content may not."""
    if name.endswith(".gz"):
        return gzip.decompress(data)
    if name.endswith(".xlsx"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {member: archive.read(member) for member in sorted(archive.namelist())}
    return data


def write_if_changed(path: Path, data: bytes) -> bool:
    """Writes a file unless it already says the same. True where it was written."""
    if path.exists() and content(path.name, path.read_bytes()) == content(path.name, data):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return True
