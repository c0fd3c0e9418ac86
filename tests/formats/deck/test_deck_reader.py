"""Rate sheets as partners send them: what is read, and what is refused and why."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tollbook.core.deck import Deck
from tollbook.core.deck_digest import canonical_instant
from tollbook.core.deck_profile import deck_profile
from tollbook.core.problem import Problem, Refusal
from tollbook.core.zone import find_zone
from tollbook.formats.deck import headers, read_deck, read_deck_profile, sheet, with_currency, workbook
from tollbook.formats.deck.cells import read_increment, read_seconds
from tollbook.formats.deck.problems import MOST_ERRORS, SheetProblems
from tollbook.formats.deck.rows import _is_plain_code

PLAIN = """Code,Destination,Rate,Billing Increment,Effective Date
44,United Kingdom,0.0050,1/1,2025-01-01
447,UK Mobile,0.0200,30/6,2025-01-01
4477,"UK Mobile, O2",0.0300,60/60,2025-06-01
"""


# Spreadsheets have no zones.
JANUARY = dt.datetime(2025, 1, 1)  # noqa: DTZ001
JUNE_30 = dt.datetime(2025, 6, 30)  # noqa: DTZ001


def write(folder: Path, text: str, name: str = "deck.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def read(folder: Path, text: str, encoding: str = "utf-8", **profile: Any) -> tuple[Deck, list[Problem]]:
    chosen = deck_profile({"format": "tollbook-deck-profile/1", **profile}, "p.toml") if profile else None
    return read_deck(write(folder, text, encoding=encoding), profile=chosen)


def codes(problems: list[Problem]) -> list[str]:
    return [each.code for each in problems if each.code != "DECK_CURRENCY_UNKNOWN"]


def refusal(folder: Path, text: str, **profile: Any) -> list[Problem]:
    with pytest.raises(Refusal) as refused:
        read(folder, text, **profile)
    return list(refused.value.problems)


def columns(deck: Deck, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(deck.rows.column(name).to_pylist() for name in names), strict=True))


def test_the_usual_headers_need_no_profile(tmp_path: Path) -> None:
    deck, problems = read(tmp_path, PLAIN)
    assert codes(problems) == []
    assert columns(deck, "code", "destination", "rate_nanos", "minimum_s", "step_s", "row") == [
        ("44", "United Kingdom", 5_000_000, 1, 1, 2),
        ("447", "UK Mobile", 20_000_000, 30, 6, 3),
        ("4477", "UK Mobile, O2", 30_000_000, 60, 60, 4),
    ]
    assert deck.rows.column("effective_from").to_pylist()[2] == dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
    assert deck.rows.column("rate_text").to_pylist() == ["0.0050", "0.0200", "0.0300"]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace(",", ";").replace('"UK Mobile; O2"', '"UK Mobile, O2"'),
        PLAIN.replace(",", "\t").replace('"UK Mobile\t O2"', "UK Mobile, O2"),
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        "ACME Carrier,,,,\nRates in USD per minute\n\n\n" + PLAIN,
        PLAIN.replace("0.0050", "0.005").replace("0.0300", " 0.03 "),
        PLAIN.replace("Code,", "Dial_Code,").replace("Effective Date", "VALID FROM").replace("Rate", "Price/min"),
        PLAIN + "\n,,,,\nPlease pay in time,,,,\n",
        "\n".join([PLAIN.split("\n")[0], *reversed(PLAIN.strip().split("\n")[1:])]),
    ],
    ids=[
        "semicolons",
        "tabs",
        "byte order mark",
        "CRLF",
        "rows above the header",
        "zeros and blanks",
        "synonyms",
        "notes below",
        "other order",
    ],
)
def test_the_same_deck_has_the_same_digest(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text)[0].digest == read(tmp_path, PLAIN)[0].digest


def write_workbook(path: Path, cells: dict[tuple[int, int], Any], sheets: int = 1) -> Path:
    book = xlsxwriter.Workbook(str(path))
    date = book.add_format({"num_format": "yyyy-mm-dd"})
    for number in range(sheets):
        page = book.add_worksheet(f"Sheet{number + 1}")
        for (line, column), value in cells.items():
            if isinstance(value, dt.datetime):
                page.write_datetime(line, column, value, date)
            elif isinstance(value, str):
                page.write_string(line, column, value)
            else:
                page.write(line, column, value)
    book.close()
    return path


def typed_cells(shift: int = 0) -> dict[tuple[int, int], Any]:
    table: list[list[Any]] = [
        ["Code", "Destination", "Rate", "Billing Increment", "Effective Date"],
        [44, "United Kingdom", 0.005, "1/1", JANUARY],
        [447, "UK Mobile", 0.02, JUNE_30, JANUARY],
        ["4477", "UK Mobile, O2", "0.0300", "60/60", "2025-06-01"],
    ]
    return {(line + shift, column): value for line, cells in enumerate(table) for column, value in enumerate(cells)}


def test_a_workbook_gives_the_digest_of_its_csv(tmp_path: Path) -> None:
    """Typed numbers, typed dates, and 30/6 that the spreadsheet made the 30th of June."""
    deck, problems = read_deck(write_workbook(tmp_path / "deck.xlsx", typed_cells(shift=3)))
    assert deck.digest == read(tmp_path, PLAIN)[0].digest
    assert [(each.code, each.place.number) for each in problems if each.code.startswith("INCREMENT")] == [("INCREMENT_REPAIRED", 6)]
    assert deck.rows.column("row").to_pylist() == [5, 6, 7]


def test_numbers_of_a_workbook_keep_their_digits(tmp_path: Path) -> None:
    rates = [0.1, 0.2, 0.30000000000000004, 1e-05, 12.3456789, 3]
    cells: dict[tuple[int, int], Any] = {(0, 0): "Code", (0, 1): "Rate"}
    cells |= {(line, 0): 40 + line for line in range(1, 7)} | {(line, 1): rate for line, rate in enumerate(rates, 1)}
    path = write_workbook(tmp_path / "deck.xlsx", cells)
    profile = deck_profile({"format": "tollbook-deck-profile/1", "rate_rounding": "HALF_UP", "decimal": ","}, "p")
    deck, _ = read_deck(path, profile=profile)
    assert deck.rows.column("rate_nanos").to_pylist() == [10**8, 2 * 10**8, 3 * 10**8, 10**4, 12_345_678_900, 3 * 10**9]


def test_a_workbook_with_two_decks_needs_a_sheet(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "deck.xlsx", typed_cells(), sheets=2)
    with pytest.raises(Refusal, match="DECK_SHEET_MISSING"):
        read_deck(path)
    with pytest.raises(Refusal, match="DECK_SHEET_MISSING"):
        read_deck(path, profile=deck_profile({"format": "tollbook-deck-profile/1", "sheet": "Rates"}, "p"))
    deck, _ = read_deck(path, profile=deck_profile({"format": "tollbook-deck-profile/1", "sheet": "Sheet2"}, "p"))
    assert deck.rows.num_rows == 3


def test_damage_to_any_part_of_a_workbook_is_refused_or_harmless(tmp_path: Path) -> None:
    whole = write_workbook(tmp_path / "deck.xlsx", typed_cells()).read_bytes()
    digest = read_deck(tmp_path / "deck.xlsx")[0].digest
    damaged = tmp_path / "damaged.xlsx"
    for place in range(0, len(whole), 61):
        for content in (whole[:place], whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :]):
            damaged.write_bytes(content)
            try:
                found = read_deck(damaged)[0].digest
            except Refusal:
                continue
            assert found == digest, place


def test_a_truncated_workbook_is_unreadable(tmp_path: Path) -> None:
    whole = write_workbook(tmp_path / "deck.xlsx", typed_cells()).read_bytes()
    (tmp_path / "deck.xlsx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Refusal, match="FILE_UNREADABLE"):
        read_deck(tmp_path / "deck.xlsx")


def test_an_archive_that_explodes_is_not_opened(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 8 * 2**20)
    (tmp_path / "bomb.xlsx").write_bytes(content.getvalue())
    with pytest.raises(Refusal, match="FILE_COMPRESSION_RATIO"):
        read_deck(tmp_path / "bomb.xlsx")


def test_a_cell_far_away_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "deck.xlsx", typed_cells() | {(1_000_000, 200): "x"})
    with pytest.raises(Refusal, match="FILE_TOO_LARGE"):
        read_deck(path)


def test_cells_of_a_workbook_are_text_as_typed() -> None:
    profile = deck_profile({"format": "tollbook-deck-profile/1", "decimal": ","}, "p")
    values = [True, dt.date(2025, 4, 1), JUNE_30.replace(hour=10, minute=30), JUNE_30, 44.0, 0.0235, 0.1 + 0.2, 1e-07, 12]
    texts = ["TRUE", "2025-04-01", "2025-06-30T10:30:00", "2025-06-30", "44", "0,0235", "0,3", "0,0000001", "12"]
    assert [workbook.cell_text(value, profile) for value in values] == texts


@pytest.mark.parametrize(
    ("line", "problem", "column"),
    [
        ("abc,X,0.01,1/1,2025-01-01", "CODE_UNREADABLE", "Code"),
        (",X,0.01,1/1,2025-01-01", "CODE_MISSING", "Code"),
        ("8.82E+11,X,0.01,1/1,2025-01-01", "CODE_SCIENTIFIC", "Code"),
        ("882-883,X,0.01,1/1,2025-01-01", "CODE_AMBIGUOUS", "Code"),
        ("=1+1,X,0.01,1/1,2025-01-01", "CODE_UNREADABLE", "Code"),
        ("33,X,0.x,1/1,2025-01-01", "RATE_UNREADABLE", "Rate"),
        ('33,X,"0,0125",1/1,2025-01-01', "RATE_DECIMAL_COMMA", "Rate"),
        ('33,X,"1,234",1/1,2025-01-01', "RATE_DECIMAL_COMMA", "Rate"),
        ("33,X,0,1/1,2025-01-01", "RATE_ZERO", "Rate"),
        ("33,X,1.25c,1/1,2025-01-01", "RATE_UNREADABLE", "Rate"),
        ("33,X,0.00000000001,1/1,2025-01-01", "RATE_TOO_FINE", "Rate"),
        ("33,X,99999999,1/1,2025-01-01", "RATE_TOO_LARGE", "Rate"),
        ("33,X,0.01,6-Jan,2025-01-01", "INCREMENT_AMBIGUOUS", "Billing Increment"),
        ("33,X,0.01,2/1/1,2025-01-01", "INCREMENT_UNREADABLE", "Billing Increment"),
        ("33,X,0.01,1/1,03/04/2025", "DATE_AMBIGUOUS", "Effective Date"),
        ("33,X,0.01,1/1,31/12/2025", "DATE_AMBIGUOUS", "Effective Date"),
        ("33,X,0.01,1/1,soon", "DATE_UNREADABLE", "Effective Date"),
    ],
)
def test_a_bad_cell_keeps_its_row_out_and_no_other(tmp_path: Path, line: str, problem: str, column: str) -> None:
    deck, problems = read(tmp_path, PLAIN + line + "\n39,Italy,0.01,1/1,2025-01-01\n")
    assert deck.rows.column("code").to_pylist() == ["44", "447", "4477", "39"]
    assert [(each.code, each.place.number, each.place.column, each.place.file) for each in problems if each.severity == "error"] == [
        (problem, 5, column, "deck.csv")
    ]


@pytest.mark.parametrize("line", ['33,"France,0.01,1/1,2025-01-01', '"33,France'])
def test_a_quote_that_does_not_close_costs_its_own_line_only(tmp_path: Path, line: str) -> None:
    others = '39,"Italy\nand ""Vatican""",0.01,1/1,2025-01-01\n34,Spain,0.02,1/1,2025-01-01\n'
    deck, problems = read(tmp_path, PLAIN + line + "\n" + others)
    assert columns(deck, "code", "row") == [("44", 2), ("447", 3), ("4477", 4), ("39", 6), ("34", 7)]
    assert [(each.code, each.place.number, each.value) for each in problems if each.severity == "error"] == [("ROW_QUOTE_OPEN", 5, line)]


def test_a_quote_as_long_as_the_sheet_does_not_swallow_it(tmp_path: Path) -> None:
    many = "".join(f"39{number:05},Italy,0.01,1/1,2025-01-01\n" for number in range(5_000))
    deck, problems = read(tmp_path, PLAIN + '33,"France\n' + many)
    assert deck.rows.num_rows == 5_003
    assert [each.place.number for each in problems if each.severity == "error"] == [5]


def test_blanks_behind_the_commas_are_for_the_eye(tmp_path: Path) -> None:
    deck, _ = read(tmp_path, PLAIN.replace(",", ", "))
    assert columns(deck, "code", "destination") == [("44", "United Kingdom"), ("447", "UK Mobile"), ("4477", "UK Mobile, O2")]


def test_headers_are_known_without_their_blanks(tmp_path: Path) -> None:
    deck, problems = read(tmp_path, "DialCode,BillingIncrement,Rate,effectiveDate\n44,30/6,0.01,2025-01-01\n")
    assert columns(deck, "code", "minimum_s", "step_s", "effective_from")[0][:3] == ("44", 30, 6)
    assert codes(problems) == []
    assert refusal(tmp_path, "Code,Rate,OffPeakRate\n44,0.01,0.02\n")[0].code == "DECK_COLUMN_UNSUPPORTED"


def test_a_profile_takes_the_guessing_out(tmp_path: Path) -> None:
    text = "Vorwahl;Preis;Takt;Ab\n33;0,0125;06-Jan;03/04/2025\n0033 1/2;1,5;30/6;31/12/2025\n"
    options = {"columns": {"code": "Vorwahl", "rate": "Preis", "increment": "Takt", "effective": "Ab"}, "date_format": "dd/mm/yyyy"}
    deck, problems = read(tmp_path, text, decimal=",", blank_separates=False, currency="EUR", zone="Europe/Berlin", **options)
    assert codes(problems) == ["INCREMENT_REPAIRED"]
    assert columns(deck, "code", "rate_nanos", "minimum_s", "step_s") == [
        ("33", 12_500_000, 6, 1),
        ("331", 1_500_000_000, 30, 6),
        ("2", 1_500_000_000, 30, 6),
    ]
    starts = [canonical_instant(round(each.timestamp() * 1000)) for each in deck.rows.column("effective_from").to_pylist()]
    assert starts == ["2025-04-02T22:00:00Z", "2025-12-30T23:00:00Z", "2025-12-30T23:00:00Z"]
    assert (deck.currency, deck.zone) == ("EUR", "Europe/Berlin")


def test_a_sheet_without_a_header(tmp_path: Path) -> None:
    deck, _ = read(tmp_path, "France;33;0.01\nItaly;39;0.02\n", header_row=0, columns={"destination": 1, "code": 2, "rate": 3})
    assert columns(deck, "code", "destination", "row") == [("33", "France", 1), ("39", "Italy", 2)]


def test_missing_columns_have_defaults_and_say_so(tmp_path: Path) -> None:
    deck, problems = read(tmp_path, "Code,Rate\n33,0.01\n")
    assert columns(deck, "minimum_s", "step_s", "effective_from") == [(1, 1, None)]
    assert sorted(codes(problems)) == ["INCREMENT_MISSING", "NO_TIMESTAMP"]


def test_every_optional_column(tmp_path: Path) -> None:
    header = "Code,Country,Currency,Rate,First Rate,Connect Fee,Surcharge,Surcharge per minute,Min,Step,Grace,Free,"
    header += "Min charge,Max charge,Valid From,Valid To,Status"
    line = "33,France,EUR,0.01,0.02,0.003,0.004,0.005,30,6,2,3,0.006,7,2025-01-01,2025-12-31,New"
    deck, problems = read(tmp_path, f"{header}\n{line}\n")
    assert codes(problems) == []
    (found,) = deck.rows.to_pylist()
    money = (
        "rate_nanos",
        "rate_first_nanos",
        "connect_nanos",
        "surcharge_call_nanos",
        "surcharge_minute_nanos",
        "min_charge_nanos",
        "max_charge_nanos",
    )
    assert [found[name] for name in money] == [10_000_000, 20_000_000, 3_000_000, 4_000_000, 5_000_000, 6_000_000, 7_000_000_000]
    assert [found[name] for name in ("minimum_s", "step_s", "grace_s", "free_s", "country", "declared_change")] == [
        30,
        6,
        2,
        3,
        "France",
        "NEW",
    ]
    # An end date is inclusive.
    assert found["effective_until"] == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert deck.currency == "EUR"


def test_a_row_that_ends_before_it_starts_is_left_out(tmp_path: Path) -> None:
    _, problems = read(tmp_path, "Code,Rate,Valid From,Valid To\n33,0.01,2025-02-01,2025-01-01\n39,0.01,2025-02-01,\n")
    assert "END_BEFORE_START" in codes(problems)


@pytest.mark.parametrize(
    ("rate", "problem"), [("", "RATE_BLOCKED"), ("N/A", "RATE_BLOCKED"), ("-", "RATE_BLOCKED"), ("TBD", "RATE_BLOCKED")]
)
def test_a_row_without_a_rate_blocks_its_code(tmp_path: Path, rate: str, problem: str) -> None:
    deck, problems = read(tmp_path, PLAIN + f"33,X,{rate},1/1,2025-01-01\n")
    assert columns(deck, "code", "status")[-1] == ("33", "BLOCKED")
    assert codes(problems) == [problem]


def test_a_withdrawn_code_needs_no_rate(tmp_path: Path) -> None:
    deck, problems = read(tmp_path, "Code,Rate,Increment,Effective,Change\n33,,1/1,2025-01-01,Closed\n39,0.01,1/1,2025-01-01,Purple\n")
    assert columns(deck, "code", "status") == [("33", "DELETED"), ("39", "ACTIVE")]
    assert codes(problems) == ["CHANGE_UNKNOWN"]


def test_zero_is_allowed_by_a_profile(tmp_path: Path) -> None:
    deck, problems = read(tmp_path, "Code,Rate,Increment,Effective\n33,0,1/1,2025-01-01\n", allow_zero=True)
    assert (deck.rows.num_rows, codes(problems)) == (1, [])


def test_country_code_and_area_codes_are_joined(tmp_path: Path) -> None:
    text = 'Country Code,City Codes,Rate\n44,"20, 161",0.01\n39,,0.02\n'
    deck, _ = read(tmp_path, text)
    assert columns(deck, "code", "row") == [("4420", 2), ("44161", 2), ("39", 3)]
    included, _ = read(tmp_path, text.replace("20, 161", "4420, 161"), codes_include_cc=True)
    assert columns(included, "code") == [("4420",), ("44161",), ("39",)]


def test_a_contradiction_refuses_the_deck_and_names_both_rows(tmp_path: Path) -> None:
    (found,) = refusal(tmp_path, PLAIN + "44,United Kingdom,0.0060,1/1,2025-01-01\n")
    assert found.code == "DUPLICATE_CONFLICT"
    assert "rows 2 and 5" in found.reason


def test_a_repeat_is_collapsed_with_a_warning(tmp_path: Path) -> None:
    deck, problems = read(tmp_path, PLAIN + "44,United Kingdom,0.005,1/1,2025-01-01\n")
    assert (deck.rows.num_rows, codes(problems)) == (3, ["DUPLICATE_ROW"])
    assert deck.digest == read(tmp_path, PLAIN)[0].digest


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "FILE_EMPTY"),
        ("hello\nworld\n", "DECK_HEADER_NOT_FOUND"),
        ("Code,Destination\n44,UK\n", "DECK_HEADER_NOT_FOUND"),
        ("Code,Rate,Price\n44,0.01,0.02\n", "DECK_COLUMN_AMBIGUOUS"),
        ("Code,Rate,Weekend\n44,0.01,0.02\n", "DECK_COLUMN_UNSUPPORTED"),
        ("Code,Rate,Origin\n44,0.01,EEA\n", "DECK_COLUMN_UNSUPPORTED"),
        ("Code,Rate (cents)\n44,1.25\n", "DECK_COLUMN_UNSUPPORTED"),
        ("Code,Rate\nabc,0.01\n", "DECK_NO_ROWS"),
        ("Code,Rate (USD),Currency\n44,0.01,EUR\n", "DECK_CURRENCY_MIXED"),
        ("Code,Rate\n44,$0.01\n33,€0.02\n", "DECK_CURRENCY_MIXED"),
        ("Code,Rate,Received\n44,0.01,2025-01-01\n33,0.02,2025-01-02\n", "DECK_RECEIVED_MIXED"),
    ],
)
def test_a_sheet_that_cannot_be_used_is_refused(tmp_path: Path, text: str, code: str) -> None:
    assert refusal(tmp_path, text)[0].code == code


def test_an_unsupported_column_can_be_ignored_in_writing(tmp_path: Path) -> None:
    deck, _ = read(tmp_path, "Code,Rate,OCN\n44,0.01,123A\n", ignore=["OCN"])
    assert deck.rows.num_rows == 1


def test_other_columns_are_named(tmp_path: Path) -> None:
    _, problems = read(tmp_path, "Code,Rate,Quality\n44,0.01,Gold\n")
    assert [each.value for each in problems if each.code == "DECK_COLUMN_UNUSED"] == ["Quality"]


def test_an_encoding_is_declared_not_guessed(tmp_path: Path) -> None:
    text = "Code,Destination,Rate\n225,Côte d'Ivoire,0.2\n"
    with pytest.raises(Refusal, match="FILE_ENCODING"):
        read(tmp_path, text, encoding="cp1252")
    path = write(tmp_path, text, encoding="cp1252")
    deck, _ = read_deck(path, profile=deck_profile({"format": "tollbook-deck-profile/1", "encoding": "cp1252"}, "p"))
    assert deck.rows.column("destination").to_pylist() == ["Côte d'Ivoire"]
    assert read(tmp_path, text, encoding="utf-16")[0].rows.num_rows == 1


def test_a_header_of_a_profile_that_is_missing_is_named(tmp_path: Path) -> None:
    found = refusal(tmp_path, "Code,Rate\n44,0.01\n", columns={"code": "Code", "rate": "Rate", "effective": "Valid"})
    assert [(each.code, each.value) for each in found] == [("DECK_COLUMN_MISSING", "Valid")]


def test_receipt_and_zone_are_given_from_outside(tmp_path: Path) -> None:
    path = write(tmp_path, "Code,Rate,Effective\n44,0.01,\n33,0.01,2025-04-01\n")
    deck, problems = read_deck(path, zone=find_zone("Europe/London"), received_at=1_743_500_000_001, partner="acme", version="3")
    starts = deck.rows.column("effective_from").to_pylist()
    # Without a date a row counts from the next whole minute after receipt.
    assert starts == [dt.datetime(2025, 4, 1, 9, 34, tzinfo=dt.UTC), dt.datetime(2025, 3, 31, 23, 0, tzinfo=dt.UTC)]
    assert (deck.received_at, deck.partner, deck.version, deck.zone) == (1_743_500_000_001, "acme", "3", "Europe/London")
    assert "NO_TIMESTAMP" in codes(problems)


def test_the_agreement_gives_the_currency_or_refuses_it(tmp_path: Path) -> None:
    named, _ = read(tmp_path, "Code,Rate (USD)\n44,0.01\n")
    unnamed, _ = read(tmp_path, "Code,Rate\n44,0.01\n")
    assert (named.currency, with_currency(unnamed, "EUR").currency, with_currency(named, "USD").currency) == ("USD", "EUR", "USD")
    with pytest.raises(Refusal, match="DECK_CURRENCY_DIFFERS"):
        with_currency(named, "EUR")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MOST_ROWS", 2)
    with pytest.raises(Refusal, match="DECK_TOO_MANY_ROWS"):
        read(tmp_path, PLAIN)
    monkeypatch.setattr(sheet, "MOST_BYTES", 10)
    with pytest.raises(Refusal, match="FILE_TOO_LARGE"):
        read(tmp_path, PLAIN)
    with pytest.raises(Refusal, match="FILE_MISSING"):
        read_deck(tmp_path / "absent.csv")


def test_a_wrong_profile_does_not_drown_the_reader(tmp_path: Path) -> None:
    lines = "".join(f"{code},0.01,03/04/2025\n" for code in range(1000, 3000))
    _, problems = read(tmp_path, "Code,Rate,Effective\n44,0.01,2025-01-01\n" + lines)
    ambiguous = [each for each in problems if each.code == "DATE_AMBIGUOUS"]
    assert len(ambiguous) == MOST_ERRORS + 1
    assert ambiguous[-1].value == "1000"


def test_chunks_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PLAIN + "abc,X,0.01,1/1,2025-01-01\n" + "".join(f"{code},D,0.0{code % 9 + 1},1/1,2025-01-01\n" for code in range(500, 540))
    whole, problems = read(tmp_path, text)
    monkeypatch.setattr(sheet, "CHUNK_ROWS", 3)
    parts, same = read(tmp_path, text)
    assert parts.rows.to_pylist() == whole.rows.to_pylist()
    assert same == problems


def test_a_profile_is_read_from_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, 'format = "tollbook-deck-profile/1"\nrate_scale = 0.01\n', "p.toml")
    assert read_deck_profile(path).rate_scale.denominator == 100
    for text, code in (("= nothing", "DECK_PROFILE_INVALID"), ('format = "x"', "DECK_PROFILE_INVALID")):
        with pytest.raises(Refusal, match=code):
            read_deck_profile(write(tmp_path, text, "q.toml"))
    with pytest.raises(Refusal, match="FILE_MISSING"):
        read_deck_profile(tmp_path / "absent.toml")


def test_headers_of_the_words_file_are_written_as_they_are_compared() -> None:
    assert all(headers.plain_header(header)[0] == header for header in headers._MEANING)
    assert headers.plain_header("NEW RATE (US$)") == ("new rate us", "USD")
    assert headers.plain_header("Rate (USD)") == ("rate", "USD")


def test_single_cells() -> None:
    profile = deck_profile({"format": "tollbook-deck-profile/1", "increment_first_part": "GRACE"}, "p")
    assert read_increment("2/1/1", profile).value == (1, 1, 2)
    assert [read_seconds(text).value for text in ("6", "6s", "6 sec", "6.0", "")] == [6, 6, 6, 6, None]
    assert read_seconds("x").problem == "NUMBER_UNREADABLE"
    assert SheetProblems("f").finished() == []
    assert [_is_plain_code(text) for text in ("44", "044", "", "4 4", "٤٤", "1" * 16)] == [True, False, False, False, False, False]
