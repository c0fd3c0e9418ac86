"""A supplier's invoice: read, its arithmetic checked, everything unreadable named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollbook.core.problem import Refusal
from tollbook.formats.invoice.incoming import read_incoming, read_incoming_file

HEAD = """format = "tollbook-invoice-in/1"
partner = "aurora"
number = "AV-1"
issued_on = "2026-12-01"
received_at = "2026-12-02T08:12:00Z"
period_from = "2026-11-01"
period_until = "2026-12-01"
currency = "USD"
total = "13.00"
lines = "lines.csv"
"""
LINES = "destination,codes,rate,calls,minutes,amount\nUK,44 4420,0.0125,10,1000.0000,12.50\nFrance,33,0.0100,1,50.0000,0.50\n"


def test_an_invoice_that_adds_up() -> None:
    invoice, problems = read_incoming(HEAD.encode(), LINES.encode())
    assert problems == []
    assert (invoice.number, invoice.net_micros, invoice.tax_micros, str(invoice.received_on)) == ("AV-1", 13_000_000, 0, "2026-12-02")
    first = invoice.lines[0]
    assert (first.destination, first.codes, first.rate_nanos_per_minute, first.calls) == ("UK", ("44", "4420"), 12_500_000, 10)
    assert (first.minutes_millionths, first.amount_micros) == (1_000_000_000, 12_500_000)


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ("12.50", "13.00", "amount"),  # 1,000 min at 0.0125 is 12.50; the total is wrong then, too
        ("0.50\n", "0.52\n", "total"),  # within the slack of a line, but the lines no longer add up to the total
        ("0.50\n", "0.505\n", "total"),
    ],
)
def test_what_does_not_add_up_is_named(old: str, new: str, column: str) -> None:
    _, problems = read_incoming(HEAD.encode(), LINES.replace(old, new).encode(), "a.toml", "lines.csv")
    assert {each.code for each in problems} == {"INVOICE_ARITHMETIC"}
    assert column in [each.place.column for each in problems]


def test_tax_is_not_part_of_the_lines() -> None:
    invoice, problems = read_incoming(HEAD.replace('"13.00"', '"15.60"\ntax = "2.60"').encode(), LINES.encode())
    assert (invoice.net_micros, invoice.tax_micros, problems) == (13_000_000, 2_600_000, [])


@pytest.mark.parametrize(
    ("head", "lines", "column"),
    [
        (HEAD.replace('"2026-12-01"\nreceived', '"1 Dec"\nreceived'), LINES, "issued_on"),
        (HEAD.replace("USD", "dollars"), LINES, "currency"),
        (HEAD + 'bonus = "1"\n', LINES, "bonus"),
        (HEAD.replace("invoice-in/1", "invoice-in/9"), LINES, "format"),
        (HEAD.replace('period_until = "2026-12-01"', 'period_until = "2026-11-01"'), LINES, "period_until"),
        (HEAD, LINES.replace("0.0125", "1,25"), ""),
        (HEAD, LINES.replace("0.0125", "1e-2"), "rate"),
        (HEAD, LINES.replace("0.0125", ""), "rate"),
        (HEAD, LINES.replace("destination", "where"), ""),
        ("not toml", LINES, ""),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(head: str, lines: str, column: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_incoming(head.encode(), lines.encode(), "a.toml", "lines.csv")
    assert {each.code for each in refused.value.problems} == {"INVOICE_UNREADABLE"}
    assert refused.value.problems[0].place.column == column


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(Refusal, match="FILE_ENCODING"):
        read_incoming(HEAD.encode(), LINES.encode() + b"\xff")


def test_the_lines_lie_beside_the_head(tmp_path: Path) -> None:
    (tmp_path / "head.toml").write_text(HEAD)
    with pytest.raises(Refusal, match="FILE_MISSING"):
        read_incoming_file(tmp_path / "head.toml")
    (tmp_path / "lines.csv").write_text(LINES)
    invoice, _ = read_incoming_file(tmp_path / "head.toml")
    assert len(invoice.lines) == 2
