"""Source profiles: the built-in ones, ones of your own, and everything that can be wrong with them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tollbook.core.problem import Refusal
from tollbook.formats.cdr.profile import BUILT_IN, built_in, detect_profile, find_profile, load_profile, profile_of, read_profile
from tollbook.formats.cdr.profile_keys import TABLES
from tollbook.formats.cdr.profile_words import NUMBERS, TEXTS, TIMES, TRUTHS

DATA = Path(__file__).parents[2] / "data" / "cdr"
LEAST = """
format = "tollbook-source/1"
name = "least"
[columns]
answer_at = "start"
[legs.OUT]
b = "called"
"""


def codes(text: str, **options: object) -> list[tuple[str, str]]:
    with pytest.raises(Refusal) as refusal:
        read_profile(text, **options)  # type: ignore[arg-type]
    return [(each.code, each.place.column) for each in refusal.value.problems]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_profile_reads_back_from_its_own_document(name: str) -> None:
    profile = built_in(name)
    assert (profile.name, find_profile(name)) == (name, profile)
    again = profile_of(profile.document)
    assert again == profile
    assert again.digest == profile.digest


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("carrier_a_cdr.csv", "kamailio-acc-cdrs"),
        ("kamailio_acc_cdrs.tsv", "kamailio-acc-cdrs"),
        ("carrier_a_acc.csv.gz", "kamailio-acc"),
        ("kamailio_acc.tsv", "kamailio-acc"),
        ("carrier_a_missed_calls.csv", "kamailio-missed-calls"),
    ],
)
def test_a_file_is_known_by_its_columns(file: str, name: str) -> None:
    assert detect_profile(DATA / file).name == name


def test_canonical_columns_are_known_and_others_are_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("answer_at,b_e164\n")
    assert detect_profile(file).name == "canonical"
    with pytest.raises(Refusal, match="connect_ts") as refusal:
        detect_profile(DATA / "carrier_b_cdr.csv")
    assert refusal.value.problems[0].code == "FILE_FORMAT_UNKNOWN"


def test_a_profile_extends_another_and_an_empty_text_takes_a_key_away(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text((DATA / "boreal.toml").read_text())
    (tmp_path / "mine.toml").write_text(
        'format = "tollbook-source/1"\nextends = "base.toml"\nname = "mine"\n[time]\nzone = "Europe/Riga"\n[columns]\nicid = ""\n'
    )
    mine, base = load_profile(tmp_path / "mine.toml"), load_profile(tmp_path / "base.toml")
    assert (mine.name, mine.zone and mine.zone.name) == ("mine", "Europe/Riga")
    assert "icid" not in mine.columns
    assert base.columns["icid"].columns == ("icid",)
    assert mine.trunks == base.trunks
    assert mine.durations == built_in("kamailio-acc-cdrs").durations
    assert mine.digest != base.digest


def test_the_zone_document_is_part_of_what_a_profile_says(tmp_path: Path) -> None:
    text, zone = (DATA / "aurora.toml").read_text(), (DATA / "labny.zi").read_text()
    (tmp_path / "labny.zi").write_text(zone)
    first = read_profile(text, folder=tmp_path)
    assert first.zone is not None
    assert first.zone.name == "LabNY"
    (tmp_path / "labny.zi").write_text(zone.replace("01:34:40u", "01:34:41u"))
    assert read_profile(text, folder=tmp_path).digest != first.digest
    assert codes(text, folder=tmp_path / "elsewhere") == [("FILE_MISSING", "time.zone_file")]


def test_what_a_profile_reads_is_what_it_names() -> None:
    profile = load_profile(DATA / "aurora.toml")
    names = {"cdr_id", "connect_ts", "release_ts", "bill_sec", "call_ref", "a_number", "b_number", "ingress_trunk", "charging_id"}
    assert profile.read_columns == names


def test_every_column_a_profile_may_fill_is_a_key() -> None:
    assert set(TABLES["columns"]) == {*TIMES, *TEXTS, *NUMBERS, *TRUTHS}


@pytest.mark.parametrize(
    ("added", "column", "said"),
    [
        ("[columns]\ncallid = 'x'", "columns.callid", "call_id"),
        ("[fil]\ndelimiter = ','", "fil", "file"),
        ("[file]\ndelimeter = ','", "file.delimeter", "delimiter"),
        ("[legs.IN]\nb = 'x'\nb_number = 'y'", "legs.IN.b_number", "b_numbers"),
        ("[legs.BOTH]\nb = 'x'", "legs.BOTH", "IN"),
        ("[trunks.x]\npartnr = 'y'", "trunks.x.partnr", "partner"),
        ("[numbers.x]\ntechprefix = []", "numbers.x.techprefix", "tech_prefixes"),
        ("[duration]\ncolumn = 'd'\nunits = 's'", "duration.units", "unit"),
    ],
)
def test_a_key_that_means_nothing_is_a_problem_that_names_the_nearest(added: str, column: str, said: str) -> None:
    text = LEAST.replace("[columns]\nanswer_at", added + "\nanswer_at") if added.startswith("[columns]") else LEAST + added
    with pytest.raises(Refusal, match=said) as refusal:
        read_profile(text)
    assert [(each.code, each.place.column) for each in refusal.value.problems] == [("SOURCE_KEY_UNKNOWN", column)]


@pytest.mark.parametrize(
    ("added", "column"),
    [
        ("[file]\ndelimiter = 'ab'", "file.delimiter"),
        ("[file]\nencoding = 'klingon'", "file.encoding"),
        ("[file]\nheader = 'no'", "file.header"),
        ("[file]\nheader = false", "file.columns"),
        ("[file]\nskip_lines = -1", "file.skip_lines"),
        ("[duration]\ncolumn = 'd'\nunit = 'h'", "duration.unit"),
        ("[numbers.x]\nassume = 'NATIONAL'", "numbers.x.default_cc"),
        ("[numbers.x]\ndefault_cc = '0'", "numbers.x.default_cc"),
        ("[numbers.x]\nstrip_lead_regex = '('", "numbers.x.strip_lead_regex"),
        ("[numbers.x]\ntech_prefixes = '9031#'", "numbers.x.tech_prefixes"),
        ("[legs.IN]\nb = 'x'\na_numbers = 'y'", "legs.IN.a_numbers"),
        ("[trunks.x]\nb_numbers = 'y'", "trunks.x.b_numbers"),
        ("[trunks]\nx = 7", "trunks.x"),
        ("[legs.IN]\nb = { column = 'x', value = 'y' }", "legs.IN.b"),
        ("[legs.IN]\nb = 7", "legs.IN.b"),
        ("[legs.IN]\ntrunk = 'x'", "legs.IN.b"),
        ("[values]\nrelease_party = 'x'", "values.release_party"),
    ],
)
def test_a_value_that_cannot_be_used_is_a_problem(added: str, column: str) -> None:
    assert codes(LEAST + added) == [("SOURCE_VALUE", column)]


def test_all_problems_are_found_at_once() -> None:
    text = 'format = "tollbook-source/1"\nname = "Bad Name"\nside = "BOTH"\n[time]\nzone = "Mars/Phobos"\n'
    assert codes(text) == [
        ("ZONE_UNKNOWN", ""),
        ("SOURCE_VALUE", "name"),
        ("SOURCE_VALUE", "side"),
        ("SOURCE_VALUE", "columns"),
        ("SOURCE_VALUE", "legs"),
    ]


def test_texts_that_are_no_profile() -> None:
    assert codes("format = ") == [("SOURCE_UNREADABLE", "")]
    assert codes('name = "x"') == [("SOURCE_FORMAT", "format")]
    assert codes('format = "tollbook-source/2"') == [("SOURCE_FORMAT", "format")]
    assert codes('format = "tollbook-source/1"\nextends = "nothing"') == [("SOURCE_VALUE", "extends")]
    assert codes("x" * 1_000_001) == [("FILE_TOO_LARGE", "")]


def test_a_profile_that_extends_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('format = "tollbook-source/1"\nextends = "a.toml"\n')
    with pytest.raises(Refusal, match="SOURCE_VALUE"):
        load_profile(tmp_path / "a.toml")


def test_names_that_are_no_format() -> None:
    with pytest.raises(Refusal, match="did you mean kamailio-acc-cdrs"):
        find_profile("kamailio-acc-cdr")
    with pytest.raises(Refusal, match="FILE_MISSING"):
        find_profile("nowhere.toml")


def test_a_gzip_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    file = tmp_path / "cdr.csv"
    file.write_bytes(gzip.compress((DATA / "carrier_a_cdr.csv").read_bytes(), mtime=0))
    assert detect_profile(file).name == "kamailio-acc-cdrs"
