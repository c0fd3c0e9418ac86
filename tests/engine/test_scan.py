"""Times and decimals in text columns."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollbook.core.problem import Refusal
from tollbook.engine.scan import NO_OFFSET, read_decimals, read_times
from tollbook.engine.text import text_buffers

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def times(values: list[str | None], form: str = "iso") -> list[tuple[str, int | None] | None]:
    """The readings as ISO text with ms, and the offset in minutes; None where the text is no time."""
    readings, minutes, good = read_times(*text_buffers(pa.array(values, pa.string())), form)
    found: list[tuple[str, int | None] | None] = []
    for reading, offset, fine in zip(readings.tolist(), minutes.tolist(), good.tolist(), strict=True):
        text = (EPOCH + dt.timedelta(milliseconds=reading)).isoformat(timespec="milliseconds")[:-6]
        found.append((text, None if offset == NO_OFFSET else offset) if fine else None)
    return found


@pytest.mark.parametrize(
    ("text", "reading", "offset"),
    [
        ("2026-11-22 01:25:44", "2026-11-22T01:25:44.000", None),
        ("2026-11-22T01:25:44Z", "2026-11-22T01:25:44.000", 0),
        ("2026-11-22T01:25:44.1+05:45", "2026-11-22T01:25:44.100", 345),
        ("2026-11-22 01:25:44,123999-04", "2026-11-22T01:25:44.123", -240),
        ("2024-02-29 23:59:59.999999999-0430", "2024-02-29T23:59:59.999", -270),
        ("1999-12-31 00:00:00", "1999-12-31T00:00:00.000", None),
    ],
)
def test_iso(text: str, reading: str, offset: int | None) -> None:
    assert times([text]) == [(reading, offset)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "2026-11-22",
        "2026-11-22 01:25",
        "2026-13-01 00:00:00",
        "2026-02-29 00:00:00",
        "2026-11-31 00:00:00",
        "2026-11-22 24:00:00",
        "2026-11-22 23:60:00",
        "2026-11-22 23:59:60",
        "2026-11-22 01:25:44 ",
        "2026-11-22 01:25:44x",
        "2026-11-22 01:25:44+1",
        "22.11.2026 01:25:44",
        "2026-11-22 01:25:44.",
        "0000-00-00 00:00:00",
        "2026-11-22 1:25:44",
        "2026-11-22 01:25:44+19:00",
        "1795310740",
        "2026-1１-22 01:25:44",
    ],
)
def test_texts_that_are_no_time(text: str | None) -> None:
    assert times([text, "2026-11-22 01:25:44"])[0] is None


@pytest.mark.parametrize(
    ("form", "text", "reading"),
    [
        ("%d/%m/%Y %H:%M:%S", "22/11/2026 01:25:44", "2026-11-22T01:25:44.000"),
        ("%d.%m.%y %H:%M:%S", "22.11.26 01:25:44.5", "2026-11-22T01:25:44.500"),
        ("%d %b %Y %H:%M:%S", "22 Nov 2026 01:25:44", "2026-11-22T01:25:44.000"),
        ("%m/%d/%Y %I:%M:%S %p", "11/22/2026 12:25:44 AM", "2026-11-22T00:25:44.000"),
        ("%m/%d/%Y %I:%M:%S %p", "11/22/2026 12:25:44 pm", "2026-11-22T12:25:44.000"),
        ("%Y%m%d%H%M%S", "20261122012544", "2026-11-22T01:25:44.000"),
        ("%Y%m%d%H%M%S%f", "20261122012544123", "2026-11-22T01:25:44.123"),
        ("%H:%M:%S 100%% %d-%m-%Y", "01:25:44 100% 22-11-2026", "2026-11-22T01:25:44.000"),
    ],
)
def test_declared_forms(form: str, text: str, reading: str) -> None:
    assert times([text], form) == [(reading, None)]
    assert times([text + "0x"], form) == [None]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Q", "%H:%M:%S", "%Y-%m-%d %H:%M:%S %", "%Y-%m-%d %H:%M"])
def test_forms_that_say_no_instant_are_refused(form: str) -> None:
    if form.endswith("%"):
        assert times(["2026-11-22 01:25:44 %"], form) == [("2026-11-22T01:25:44.000", None)]
        return
    with pytest.raises(Refusal, match="SOURCE_VALUE"):
        times(["x"], form)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2099, 12, 31)), max_size=8), st.sampled_from(["seconds", "milliseconds"]))  # noqa: DTZ001
def test_every_moment_reads_back(moments: list[dt.datetime], precision: str) -> None:
    texts = [moment.isoformat(sep=" ", timespec=precision) for moment in moments]
    assert times(list(texts)) == [(text.replace(" ", "T").ljust(20, ".").ljust(23, "0"), None) for text in texts]


@pytest.mark.parametrize(
    ("text", "places", "value", "cut"),
    [
        ("2.252", 3, 2252, False),
        ("183.000000", 3, 183_000, False),
        ("6.0504", 3, 6050, True),
        ("-1.5", 3, -1500, False),
        ("+.5", 6, 500_000, False),
        ("7.", 0, 7, False),
        ("1795310740.413665", 3, 1_795_310_740_413, True),
        ("007", 0, 7, False),
    ],
)
def test_decimals(text: str, places: int, value: int, cut: bool) -> None:
    values, good, further = read_decimals(*text_buffers(pa.array([text])), places)
    assert (values[0], good[0], further[0]) == (value, True, cut)


@pytest.mark.parametrize("text", ["", "-", ".", "1,5", "1e3", "1 000", "0x10", "1.2.3", "--1", "999999999999999999", "NaN", "١"])
def test_texts_that_are_no_decimal(text: str) -> None:
    assert not read_decimals(*text_buffers(pa.array([text])), 3)[1][0]
