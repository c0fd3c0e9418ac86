"""`tollbook deck` and `tollbook rate` as people type them."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tollbook.cli.app import run

DECK = """Code,Destination,Rate (USD),Billing Increment,Effective Date
44,"United Kingdom, all",0.0050,1/1,2025-01-01
447,UK Mobile,0.0200,30/6,2025-01-01
4477,UK Mobile O2,0.0300,60/60,2025-06-01
4479,UK Special,,1/1,2025-01-01
1,USA,0.0100,6/6,2025-01-01
"""
NUMBERS = "+44 7700 900123\n447500000000\n\n(1) 212-555.0100\r\nabc\n33123456789\n447900000000\n00447500000000\n442079460000"


@pytest.fixture
def deck(tmp_path: Path) -> Path:
    path = tmp_path / "deck.csv"
    path.write_text(DECK, encoding="utf-8")
    return path


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_lookup_writes_a_line_per_number_as_given(deck: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers, output = tmp_path / "numbers.txt", tmp_path / "out.csv"
    numbers.write_bytes(NUMBERS.encode())
    assert run(["deck", "lookup", str(deck), str(numbers), "-o", str(output), "--json"]) == 0
    assert rows(output) == [
        ["number", "code", "destination", "rate"],
        ["+44 7700 900123", "4477", "UK Mobile O2", "0.03"],
        ["447500000000", "447", "UK Mobile", "0.02"],
        ["", "", "", ""],
        ["(1) 212-555.0100", "1", "USA", "0.01"],
        ["abc", "", "", ""],
        ["33123456789", "", "", ""],
        ["447900000000", "4479", "UK Special", ""],
        ["00447500000000", "", "", ""],
        ["442079460000", "44", "United Kingdom, all", "0.005"],
    ]
    shown = json.loads(capsys.readouterr().out)
    assert (shown["numbers"], shown["found"], shown["unreadable"], shown["at"]) == (9, 5, 2, "2025-06-01T00:00:00Z")


def test_lookup_as_of_an_instant_and_from_standard_input(deck: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"447700900123\n")))
    output = tmp_path / "out.csv"
    assert run(["deck", "lookup", str(deck), "-", "-o", str(output), "--at", "2025-05-31T23:59:59Z"]) == 0
    assert rows(output)[1] == ["447700900123", "447", "UK Mobile", "0.02"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["deck", "lookup", "absent.csv", "n.txt", "-o", "o.csv"], "FILE_MISSING"),
        (["deck", "lookup", "DECK", "absent.txt", "-o", "o.csv"], "FILE_MISSING"),
        (["deck", "lookup", "DECK", "DECK", "-o", "o.csv", "--at", "03/04/2025"], "DATE_AMBIGUOUS"),
        (["deck", "lookup", "DECK", "DECK", "-o", "absent/o.csv"], "OUTPUT_UNWRITABLE"),
        (["deck", "digest", "absent.csv"], "FILE_MISSING"),
        (["deck", "show", "absent.csv"], "FILE_MISSING"),
        (["rate", "absent.csv", "--deck", "DECK", "-o", "o.csv"], "FILE_MISSING"),
        (["rate", "DECK", "--deck", "DECK", "-o", "o.xlsx"], "OUTPUT_UNWRITABLE"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_code(
    deck: Path, arguments: list[str], code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([str(deck) if each == "DECK" else each for each in arguments]) == 2
    assert code in capsys.readouterr().err


def test_digest_and_show_agree(deck: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["deck", "digest", str(deck)]) == 0
    digest = capsys.readouterr().out.strip()
    assert run(["deck", "digest", str(deck), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == digest
    assert run(["deck", "show", str(deck), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["digest"], shown["rows"], shown["codes"], shown["currency"]) == (digest, 5, 5, "USD")
    assert shown["statuses"] == {"ACTIVE": 4, "BLOCKED": 1}
    assert (shown["first_effective"], shown["last_effective"]) == ("2025-01-01T00:00:00Z", "2025-06-01T00:00:00Z")
    assert run(["deck", "show", str(deck)]) == 0
    assert digest[:12] in capsys.readouterr().out


CDRS = """b_e164,setup_at,answer_at,release_at,duration_ms,call_id
447700900123,2025-06-01T00:00:00Z,2025-06-01T00:00:05Z,2025-06-01T00:01:05Z,60000,a1
447700900123,2025-05-31T23:59:50Z,2025-05-31T23:59:59Z,2025-06-01T00:01:05Z,66000,a2
33123456789,2025-05-31T23:59:50Z,2025-05-31T23:59:59Z,2025-06-01T00:01:05Z,66000,a3
12125551212,2025-05-31T23:59:50Z,,2025-06-01T00:01:05Z,0,a4
12125551212,garbage,,2025-06-01T00:01:05Z,0,a5
447900000000,2025-05-31T23:59:50Z,2025-05-31T23:59:59Z,2025-06-01T00:01:05Z,66000,a6
"""


def test_rate_writes_a_row_per_record(deck: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cdrs, output = tmp_path / "cdrs.csv", tmp_path / "out.csv"
    cdrs.write_text(CDRS, encoding="utf-8")
    assert run(["rate", str(cdrs), "--deck", str(deck), "-o", str(output), "--json"]) == 1
    header, *found = rows(output)
    assert header == ["cdr_id", "record_no", "called_number", "code", "billed_s", "rate", "amount", "currency", "problem"]
    assert [each[1:] for each in found[:4]] == [
        ["1", "447700900123", "4477", "60", "0.03", "0.030000", "USD", ""],
        # 66 s on 30/6: 30 + 36 = 66; 0.02 x 66/60.
        ["2", "447700900123", "447", "66", "0.02", "0.022000", "USD", ""],
        ["3", "33123456789", "", "", "", "", "USD", "UNRATED"],
        ["4", "12125551212", "1", "0", "0.01", "0.000000", "USD", ""],
    ]
    assert found[4][:2] == ["", "5"]
    assert found[4][-1].startswith("CDR_")
    assert found[5][1:] == ["6", "447900000000", "4479", "", "", "", "USD", "BLOCKED"]
    assert all(len(each[0]) == 32 for place, each in enumerate(found) if place != 4)
    report = json.loads(capsys.readouterr().out)
    assert (report["read"], report["rows"], report["amount"], report["billed_s"]) == (6, 6, "0.052", 126)
    assert report["statuses"] == {"RATED": 2, "UNRATED": 1, "NOT_BILLABLE": 1, "BLOCKED": 1}


def test_rate_writes_the_same_into_parquet(deck: Path, tmp_path: Path) -> None:
    cdrs = tmp_path / "cdrs.csv"
    cdrs.write_text(CDRS, encoding="utf-8")
    for name in ("out.csv", "out.parquet"):
        run(["rate", str(cdrs), "--deck", str(deck), "-o", str(tmp_path / name)])
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [["" if value is None else str(value) for value in each.values()] for each in table] == rows(tmp_path / "out.csv")[1:]


def test_rate_by_an_agreement(deck: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cdrs, terms, output = tmp_path / "cdrs.csv", tmp_path / "terms.toml", tmp_path / "out.csv"
    cdrs.write_text(CDRS, encoding="utf-8")
    text = """format = "tollbook-agreement/1"
id = "A"
version = "1"
partner = "acme"
zone = "Europe/London"
currency = "{currency}"
[rating]
clause = "1"
round_at = "CALL(2)"
price_anchor = "SETUP"
[clauses."1"]
title = "Rating"
text = "Rounded to two places."
"""
    terms.write_text(text.format(currency="USD"), encoding="utf-8")
    assert run(["rate", str(cdrs), "--deck", str(deck), "--agreement", str(terms), "-o", str(output)]) == 1
    # The dates of the deck are London's: 2025-06-01 begins at 23:00Z the day before, so both calls have the new row, 60/60 at 0.03.
    assert [(each[3], each[4], each[6]) for each in rows(output)[1:3]] == [("4477", "60", "0.030000"), ("4477", "120", "0.060000")]
    terms.write_text(text.format(currency="EUR"), encoding="utf-8")
    assert run(["rate", str(cdrs), "--deck", str(deck), "--agreement", str(terms), "-o", str(output)]) == 2
    assert "DECK_CURRENCY_DIFFERS" in capsys.readouterr().err


def test_a_leg_is_in_or_out(deck: Path, tmp_path: Path) -> None:
    assert run(["rate", str(deck), "--deck", str(deck), "-o", str(tmp_path / "o.csv"), "--leg", "SIDE"]) == 2
