"""The parts of collection on their own: findings, times, columns, legs, pairing."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from tollbook.core.calling_codes import TABLE
from tollbook.core.number_plan import plan_changes
from tollbook.core.period import find_zone
from tollbook.core.problem import problem
from tollbook.engine.collection_columns import mapped, record_columns
from tollbook.engine.collection_events import event_options
from tollbook.engine.collection_findings import Findings, problem_table
from tollbook.engine.collection_legs import record_legs
from tollbook.engine.collection_rows import Options, record_rows
from tollbook.engine.collection_times import record_times
from tollbook.formats.cdr.profile import SourceProfile, built_in
from tollbook.formats.cdr.profile_reader import read_profile
from tollbook.formats.cdr.profile_words import Cell
from tollbook.formats.cdr.reader import RawBatch

LEAST = 'format = "tollbook-source/1"\nname = "x"\n[legs.IN]\nb = "called"\n'


def findings(count: int) -> Findings:
    return Findings(np.arange(1, count + 1, dtype=np.int64))


def found(result: Findings) -> list[tuple[str, int | None, str | None]]:
    return [(row["code"], row["record_no"], row["value"]) for row in result.table("d").to_pylist()]


def mask(*rows: bool) -> np.ndarray:
    return np.array(rows, dtype=np.bool_)


def test_a_record_has_one_error_and_no_notes_beside_it() -> None:
    result = findings(3)
    result.note("CDR_VALUE_UNMAPPED", mask(True, True, False), "c", pa.array(["a", "b", "c"]))
    result.error("CDR_TIME_UNREADABLE", mask(False, True, True), "t", pa.array(["x", "y", None]))
    result.error("CDR_TIME_MISSING", mask(False, False, True))
    assert found(result) == [("CDR_VALUE_UNMAPPED", 1, "a"), ("CDR_TIME_UNREADABLE", 2, "y"), ("CDR_TIME_UNREADABLE", 3, None)]
    assert result.refused.tolist() == [False, True, True]
    assert result.share_of("t") == 2


def test_problems_as_a_table() -> None:
    table = problem_table([problem("CDR_LINE_MALFORMED", "why", record=7, value="x"), problem("CDR_COLUMN_NEW", line=1, column="c")], "d")
    assert [(row["record_no"], row["column"], row["reason"]) for row in table.to_pylist()] == [
        (7, None, "why"),
        (None, "c", "The file has a column that the profile does not know."),
    ]
    assert problem_table([], "d").num_rows == 0


def times_of(rows: list[tuple[str | None, str | None]], zone: str) -> list[tuple[int, int, str]]:
    """Answer and release in UTC ms and the duration, from local texts."""
    profile = read_profile(LEAST + f'[time]\nzone = "{zone}"\n[columns]\nanswer_at = "a"\nrelease_at = "r"\n')
    columns = {"a": pa.array([row[0] for row in rows]), "r": pa.array([row[1] for row in rows])}
    result = findings(len(rows))
    times = record_times(columns.__getitem__, {"a", "r"}, profile, len(rows), result, None)
    assert not result.refused.any()
    answer, release = times.instants["answer_at"], times.instants["release_at"]
    return list(zip(answer.utc_ms.tolist(), release.utc_ms.tolist(), times.duration_ms.tolist(), strict=True))


def test_a_release_is_read_a_second_time_only_where_the_call_would_end_before_it_began() -> None:
    amsterdam = find_zone("Europe/Amsterdam")
    two = amsterdam.midnight_ms(dt.date(2025, 10, 26)) + 2 * 3_600_000
    calls = times_of(
        [
            ("2025-10-26 02:59:50", "2025-10-26 02:00:10"),
            ("2025-10-26 02:10:00", "2025-10-26 02:50:00"),
            ("2025-10-26 01:59:50", "2025-10-26 02:00:10"),
            ("2025-10-26 02:30:00", "2025-10-26 03:00:00"),
        ],
        "Europe/Amsterdam",
    )
    minute = 60_000
    assert calls == [
        (two + 59 * minute + 50_000, two + 60 * minute + 10_000, 20_000),
        (two + 10 * minute, two + 50 * minute, 40 * minute),
        (two - 10_000, two + 10_000, 20_000),
        (two + 30 * minute, two + 120 * minute, 90 * minute),
    ]


def test_the_spring_gap_is_shifted_and_flagged() -> None:
    profile = read_profile(LEAST + '[time]\nzone = "Europe/Amsterdam"\n[columns]\nanswer_at = "a"\nrelease_at = "r"\n')
    columns = {"a": pa.array(["2025-03-30 02:30:00"]), "r": pa.array(["2025-03-30 03:31:00+02:00"])}
    times = record_times(columns.__getitem__, {"a", "r"}, profile, 1, findings(1), None)
    assert times.quality.tolist() == [2]
    assert times.duration_ms.tolist() == [60_000]
    assert times.raw.to_pylist() == ["||2025-03-30 02:30:00|2025-03-30 03:31:00+02:00"]


def test_microseconds_in_a_column_of_their_own() -> None:
    text = '[columns]\nanswer_at = { column = "a", format = "epoch_s", micros = "u" }\n'
    columns = {"a": pa.array(["1774746003", "1774746003", None]), "u": pa.array(["120999", None, "5"])}
    times = record_times(columns.__getitem__, {"a", "u"}, read_profile(LEAST + text), 3, findings(3), None)
    assert times.instants["answer_at"].utc_ms.tolist()[:2] == [1_774_746_003_120, 1_774_746_003_000]
    assert times.instants["answer_at"].present.tolist() == [True, True, False]


def test_case_and_mapped_values_are_applied_to_distinct_words() -> None:
    column = pa.array(["A", "b", None, "A"])
    assert mapped(column, Cell(("x",), case="lower"), None).to_pylist() == ["a", "b", None, "a"]
    assert mapped(column, Cell(("x",), case="upper"), {"A": "first"}).to_pylist() == ["first", "B", None, "first"]


def test_values_constants_and_truths() -> None:
    profile = read_profile(
        LEAST + '[columns]\nanswer_at = "a"\nrelease_party = "by"\ntheir_currency = { value = "EUR" }\nnpdi = "n"\nq850 = "q"\n'
        '[values.release_party]\nA = "CALLER"\n'
    )
    columns = {
        "by": pa.array(["A", "CALLEE", "Z", None]),
        "n": pa.array(["Y", "0", "maybe", None]),
        "q": pa.array(["16", "0x10", "16.0", None]),
    }
    result = findings(4)
    made = record_columns(columns.__getitem__, set(columns), profile, 4, result)
    assert made["release_party"].to_pylist() == ["CALLER", "CALLEE", "UNKNOWN", None]
    assert made["their_currency"].to_pylist() == ["EUR"] * 4
    assert made["npdi"].to_pylist() == [True, False, None, None]
    assert made["q850"].to_pylist() == [16, None, 16, None]
    assert sorted(found(result)) == [
        ("CDR_CODE_UNREADABLE", 2, "0x10"),
        ("CDR_CODE_UNREADABLE", 3, "maybe"),
        ("CDR_VALUE_UNMAPPED", 3, "Z"),
    ]


def legs_of(profile: SourceProfile, columns: dict[str, list[str | None]]) -> dict[str, dict[str, list[object]]]:
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    count = len(next(iter(columns.values())))
    anchors = np.full(count, 1_795_310_740_000, dtype=np.int64)
    made = record_legs(arrays.__getitem__, set(columns), profile, anchors, findings(count))
    return {leg.leg: {"rows": leg.rows.tolist(), **{name: each.to_pylist() for name, each in leg.columns.items()}} for leg in made}


def test_a_second_leg_exists_where_it_has_a_called_number() -> None:
    legs = legs_of(
        built_in("kamailio-acc-cdrs"),
        {
            "start_time": ["x", "x"],
            "customer": ["ACME", None],
            "callee": ["+442079460000", None],
            "dst_number": [None, "33123456789"],
            "dst_trunk": ["T", "T"],
        },
    )
    assert (legs["IN"]["rows"], legs["IN"]["partner"], legs["IN"]["b_class"]) == ([0, 1], ["acme", None], ["VALID", "MISSING"])
    assert (legs["OUT"]["rows"], legs["OUT"]["trunk"], legs["OUT"]["b_e164"]) == ([1], ["T"], ["33123456789"])


def test_each_trunk_reads_its_numbers_its_own_way() -> None:
    profile = read_profile(
        'format = "tollbook-source/1"\nname = "x"\n[columns]\nanswer_at = "t"\n[legs.IN]\ntrunk = "t"\na = "a"\nb = "b"\n'
        '[trunks]\nUK = { partner = "p", b_numbers = "uk", a_numbers = "uk" }\nTECH = { partner = "q", b_numbers = "tech" }\n'
        '[numbers.uk]\nassume = "NATIONAL"\ndefault_cc = "44"\nnational_prefix = "0"\n[numbers.tech]\ntech_prefixes = ["7"]\n'
    )
    legs = legs_of(
        profile,
        {
            "t": ["UK", "TECH", "OTHER", None, "UK"],
            "a": ["02079460001", "02079460001", "+33123456789", None, "anonymous"],
            "b": ["07700900123", "7442079460000", "77012345678", "77012345678", "0033123456789"],
        },
    )["IN"]
    assert legs["b_e164"] == ["447700900123", "442079460000", "77012345678", "77012345678", "33123456789"]
    assert legs["a_class"] == ["VALID", "INVALID_CC", "VALID", "MISSING", "ANONYMOUS"]
    assert (legs["partner"], legs["trunk"]) == (["p", "q", None, None, "p"], ["UK", "TECH", "OTHER", None, "UK"])


def test_paired_events_have_times_of_their_own() -> None:
    options = event_options(Options(built_in("kamailio-acc"), frozenset({"time", "callid"}), None, "d"))
    assert [cell.column for cell in options.profile.times["release_at"]] == ["release time_ms", "release time_attr", "release time"]
    assert options.profile.times["answer_at"][1].micros == "answer time_exten"
    assert {"answer time", "release time", "ended by", "callid"} <= options.header


def test_a_batch_without_records() -> None:
    profile = built_in("canonical")
    nothing = np.zeros(0, dtype=np.int64)
    raw = RawBatch(
        pa.table({"answer_at": pa.array([], pa.string()), "b_e164": pa.array([], pa.string())}), nothing, nothing, nothing, [], 0
    )
    rows = record_rows(raw, Options(profile, frozenset({"answer_at", "b_e164"}), None, "d"))
    assert (rows.cdrs.num_rows, rows.read, rows.refused) == (0, 0, 0)


@pytest.mark.parametrize("line", [line for line in TABLE.splitlines() if line])
def test_the_table_of_calling_codes_is_well_formed(line: str) -> None:
    code, since, until, lengths, keep_zero, regions = line.split(" | ")
    assert code.isdigit()
    assert 1 <= len(code) <= 3
    assert keep_zero in ("yes", "no")
    assert regions
    assert lengths == "-" or all(1 <= int(each) <= 15 - len(code) for each in lengths.split(","))
    assert since == "-" or until == "-" or since < until


def test_no_calling_code_begins_another() -> None:
    codes = {line.split(" | ")[0] for line in TABLE.splitlines() if line}
    assert [code for code in codes for other in codes if code != other and other.startswith(code)] == []
    assert len(codes) == 216
    assert len(plan_changes()) == 5
