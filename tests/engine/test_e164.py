"""Columns of numbers: the compiled pass and core's seven steps give the same answer, whatever the text and the profile."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollbook.core.number import NumberProfile, normalise
from tollbook.core.number_plan import plan_at
from tollbook.engine.e164 import Numbers, normalise_column
from tollbook.engine.text import plain_text

TODAY = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
PROFILES = [
    NumberProfile(),
    NumberProfile(tech_prefixes=("9031#", "9", "12#34"), anonymous=("0", "123456")),
    NumberProfile(assume="NATIONAL", default_cc="44", national_prefix="0"),
    NumberProfile(assume="NATIONAL", default_cc="1", national_prefix="1", intl_prefixes=("011",)),
    NumberProfile(assume="AUTO", default_cc="225", national_prefix="0"),
    NumberProfile(strip_lead_regex="77"),
    NumberProfile(min_len=3, max_len=12),
]
PIECES = [
    "",
    "+",
    "00",
    "011",
    "9031#",
    "9",
    "0",
    "44",
    "1",
    "521",
    "39",
    "225",
    "7",
    "0123456",
    "800555",
    "2079460000",
    "(0)",
    " ",
    "x",
    "sip:",
    "TEL:",
    "@h",
    "@anonymous.invalid",
    "@x.ltd",
    ";user=phone",
    ">",
    "<",
    "7.0",
]
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.text("0123456789", max_size=20),
    st.none(),
)


def column(values: list[str | None], day: dt.datetime = TODAY) -> tuple[pa.Array, np.ndarray]:
    instant = int(day.timestamp() * 1000)
    return pa.array(values, pa.string()), np.full(len(values), instant, dtype=np.int64)


def rows(found: Numbers) -> list[tuple[str | None, str, int]]:
    return list(zip(found.e164.to_pylist(), found.number_class.to_pylist(), found.flags.tolist(), strict=True))


@settings(max_examples=300, deadline=None)
@given(st.lists(texts, max_size=12), st.sampled_from(PROFILES), st.booleans())
def test_a_column_is_its_numbers(values: list[str | None], profile: NumberProfile, is_cli: bool) -> None:
    raw, instants = column(values)
    found = normalise_column(raw, profile, instants, is_cli=is_cli)
    expected = [normalise(value, profile, plan_at(TODAY.date()), is_cli=is_cli) for value in values]
    assert rows(found) == [(each.e164, each.number_class, int(each.flags)) for each in expected]


def test_a_slice_of_a_column_reads_its_own_rows() -> None:
    raw, instants = column(["x", "+442079460000", "0033123456789", None, "4407700900123"])
    found = normalise_column(raw.slice(1, 4), NumberProfile(), instants[1:])
    assert found.e164.to_pylist() == ["442079460000", "33123456789", None, "447700900123"]
    assert found.e164.null_count == 1
    found.e164.validate(full=True)


def test_each_row_is_read_under_the_plan_of_its_day() -> None:
    days = [dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2026, 2018, 2026, 2019)]
    instants = np.array([int(day.timestamp() * 1000) for day in days], dtype=np.int64)
    raw = pa.array(["5215512345678", "5215512345678", "sip:+13105550100;npdi;rn=+12125550000@host", "5215512345678"])
    found = normalise_column(raw, NumberProfile(), instants)
    assert found.e164.to_pylist() == ["525512345678", "5215512345678", "13105550100", "5215512345678"]
    assert found.routing_number is not None
    assert found.npdi is not None
    assert found.routing_number.to_pylist() == [None, None, "12125550000", None]
    assert found.npdi.to_pylist()[2] is True


def test_an_empty_column() -> None:
    assert rows(normalise_column(*_empty())) == []


def _empty() -> tuple[pa.Array, NumberProfile, np.ndarray]:
    return pa.array([], pa.string()), NumberProfile(), np.array([], dtype=np.int64)


@pytest.mark.parametrize(
    "given",
    [
        pa.chunked_array([["a"], ["b", None]]),
        pa.array(["a", "b", None]).dictionary_encode(),
        pa.chunked_array([pa.array(["a", "b", None], pa.large_string())]),
    ],
)
def test_any_text_column_becomes_one_plain_array(given: pa.Array) -> None:
    assert plain_text(given).equals(pa.array(["a", "b", None]))
