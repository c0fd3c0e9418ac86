"""A supplier's invoice as two files: the head as TOML, typed in from their PDF, and the lines as CSV. Checked before it is believed.

Nothing is paid on an invoice that does not add up: quantity times price is the line, the lines are the total. See docs/guides/invoices.md.
"""

from __future__ import annotations

import csv
import hashlib
import io
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from tollbook.core.invoice import LINE_SLACK_MICROS
from tollbook.core.money import HALF_UP, divide_rounded, format_micros, minor_unit_places, parse_scaled
from tollbook.core.problem import Problem, Refusal, problem, refuse

FORMAT: Final = "tollbook-invoice-in/1"
COLUMNS: Final = ("destination", "codes", "rate", "calls", "minutes", "amount")
_HEAD: Final = ("partner", "number", "issued_on", "received_at", "period_from", "period_until", "currency", "total", "tax", "lines")
_MICRO_PLACES, _NANO_PLACES = 6, 9


@dataclass(frozen=True, slots=True)
class IncomingLine:
    """A line as they printed it: minutes in millionths, the rate in nanos per minute, the amount in micro-units."""

    row: int
    destination: str
    codes: tuple[str, ...]
    rate_nanos_per_minute: int
    calls: int
    minutes_millionths: int
    amount_micros: int


@dataclass(frozen=True, slots=True)
class IncomingInvoice:
    """The invoice of a supplier. `period_until` is the first day that is no longer in it; `digests` are those of head and lines."""

    partner: str
    number: str
    issued_on: date
    received_on: date
    period_from: date
    period_until: date
    currency: str
    total_micros: int
    tax_micros: int
    lines: tuple[IncomingLine, ...]
    digests: tuple[str, ...] = field(default=())

    @property
    def net_micros(self) -> int:
        return self.total_micros - self.tax_micros


def read_incoming(head: bytes, lines: bytes, file: str = "", lines_file: str = "") -> tuple[IncomingInvoice, list[Problem]]:
    """The invoice and every figure in it that does not add up (INVOICE_ARITHMETIC). Refusal where the files cannot be read as one."""
    document = read_head(head, file)
    read, problems = _read_lines(lines, lines_file or str(document["lines"]), str(document["currency"]))
    fatal = [each for each in problems if each.code != "INVOICE_ARITHMETIC"]
    if fatal:
        raise Refusal(fatal)
    invoice = IncomingInvoice(
        partner=document["partner"],
        number=document["number"],
        issued_on=document["issued_on"],
        received_on=document["received_at"],
        period_from=document["period_from"],
        period_until=document["period_until"],
        currency=document["currency"],
        total_micros=document["total"],
        tax_micros=document["tax"],
        lines=tuple(read),
        digests=(hashlib.sha256(head).hexdigest(), hashlib.sha256(lines).hexdigest()),
    )
    return invoice, problems + check_sums(invoice, file)


def read_incoming_file(path: Path) -> tuple[IncomingInvoice, list[Problem]]:
    """The same from the head's path; the lines lie beside it."""
    try:
        head = path.read_bytes()
        lines = path.with_name(Path(str(read_head(head, path.name)["lines"])).name)
        return read_incoming(head, lines.read_bytes(), path.name, lines.name)
    except FileNotFoundError as error:
        raise refuse("FILE_MISSING", file=str(error.filename)) from error
    except OSError as error:
        raise refuse("FILE_UNREADABLE", f"{error.strerror}.", file=str(error.filename)) from error


def read_head(head: bytes, file: str = "") -> dict[str, Any]:
    """The head with its values read: dates, micro-units. Refusal with every key that is wrong."""
    try:
        document = tomllib.loads(head.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise refuse("INVOICE_UNREADABLE", f"{error}.", file=file) from error
    if document.pop("format", None) != FORMAT:
        raise refuse("INVOICE_UNREADABLE", f"It is not of the format {FORMAT}.", file=file, column="format")
    document.setdefault("tax", "0")
    problems = [problem("INVOICE_UNREADABLE", "No such key is known.", file=file, column=name) for name in document if name not in _HEAD]
    read: dict[str, Any] = {}
    for name in _HEAD:
        text = document.get(name, "")
        value = _head_value(name, text if isinstance(text, str) else str(text))
        if value is None:
            problems.append(problem("INVOICE_UNREADABLE", "It is missing or cannot be read.", file=file, column=name, value=text))
        read[name] = value
    if problems:
        raise Refusal(problems)
    if not read["period_from"] < read["period_until"]:
        raise refuse("INVOICE_UNREADABLE", "The period ends before it begins.", file=file, column="period_until")
    return read


def _head_value(name: str, text: str) -> Any:
    try:
        if name in ("issued_on", "period_from", "period_until"):
            return date.fromisoformat(text)
        if name == "received_at":
            return datetime.fromisoformat(text).date()
    except ValueError:
        return None
    if name in ("total", "tax"):
        return parse_scaled(text, _MICRO_PLACES)
    if name == "currency":
        return text if len(text) == 3 and text.isascii() and text.isupper() else None
    return text.strip() or None


def _read_lines(data: bytes, file: str, currency: str) -> tuple[list[IncomingLine], list[Problem]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse("FILE_ENCODING", f"{error}.", file=file) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise refuse("INVOICE_UNREADABLE", f"The lines have no column {' and no column '.join(missing)}.", file=file, line=1)
    lines: list[IncomingLine] = []
    problems: list[Problem] = []
    try:
        for number, row in enumerate(reader, start=1):
            line, found = _read_line(row, number, file, currency)
            problems += found
            if line is not None:
                lines.append(line)
    except csv.Error as error:
        raise refuse("INVOICE_UNREADABLE", f"{error}.", file=file, line=reader.line_num) from error
    return lines, problems


def _read_line(row: Mapping[str | None, str | None], number: int, file: str, currency: str) -> tuple[IncomingLine | None, list[Problem]]:
    if None in row or None in row.values():
        return None, [problem("INVOICE_UNREADABLE", "The row does not have as many cells as the header.", file=file, row=number)]
    texts = {name: (row.get(name) or "").strip() for name in COLUMNS}
    rate, calls = parse_scaled(texts["rate"], _NANO_PLACES), parse_scaled(texts["calls"], 0)
    minutes, amount = parse_scaled(texts["minutes"], _MICRO_PLACES), parse_scaled(texts["amount"], _MICRO_PLACES)
    if rate is None or calls is None or minutes is None or amount is None:
        unread = next(n for n, v in (("rate", rate), ("calls", calls), ("minutes", minutes), ("amount", amount)) if v is None)
        return None, [problem("INVOICE_UNREADABLE", "It is no plain decimal.", file=file, row=number, column=unread, value=texts[unread])]
    line = IncomingLine(number, texts["destination"], tuple(texts["codes"].split()), rate, calls, minutes, amount)
    expected = divide_rounded(minutes * rate, 10**9, HALF_UP)
    if abs(expected - amount) <= LINE_SLACK_MICROS:
        return line, []
    reason = f"{texts['minutes']} min at {texts['rate']} are {format_micros(expected, currency)}, not {texts['amount']}."
    return line, [problem("INVOICE_ARITHMETIC", reason, file=file, row=number, column="amount", value=texts["amount"])]


def check_sums(invoice: IncomingInvoice, file: str = "") -> list[Problem]:
    """Whether the lines add up to the net total, exactly, and everything is in whole minor units."""
    found = []
    of_lines = sum(line.amount_micros for line in invoice.lines)
    if of_lines != invoice.net_micros:
        shown = format_micros(of_lines, invoice.currency), format_micros(invoice.net_micros, invoice.currency)
        reason = f"The lines add up to {shown[0]}, the net total is {shown[1]}."
        found.append(problem("INVOICE_ARITHMETIC", reason, file=file, column="total", value=format_micros(invoice.total_micros)))
    unit = 10 ** (6 - minor_unit_places(invoice.currency))
    if any(amount % unit for amount in (invoice.total_micros, invoice.tax_micros, *(line.amount_micros for line in invoice.lines))):
        found.append(problem("INVOICE_ARITHMETIC", f"An amount is finer than the minor unit of {invoice.currency}.", file=file))
    return found
