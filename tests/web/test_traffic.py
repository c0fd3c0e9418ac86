"""Traffic: sums of the cube by role, the heat map, the way to the calls, and whatever somebody may type into the address."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tollbook.core import kpi
from tollbook.core.fx import Fixing, Fixings
from tollbook.web import cube, traffic, traffic_calls, traffic_heat, words
from tollbook.web.heat import STEPS, Cell, heat, step_of
from tollbook.web.management import Management
from tollbook.web.table.columns import Column, Kind
from tollbook.web.table.memory_rows import MemoryRows


def lines(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode().lstrip("\ufeff"))))


def test_figures_are_ratios_of_sums(full_book: Path, log_in: Callable[[str], Any]) -> None:
    (line,) = lines(log_in("noc").get("/traffic/?by=trunk&leg=OUT&t-export=csv"))
    # 130 of 250; 220 delivered; 61 s each.
    assert (line["Trunk"], line["Seizures"], line["ASR"], line["NER"], line["ACD"]) == ("B-IC01", "250", "52.0", "88.0", "61.0")
    by_hour = lines(log_in("noc").get("/traffic/?by=hour&leg=OUT&t-export=csv"))
    assert [(each["Hour (UTC)"], each["ASR"]) for each in by_hour] == [("10:00", "59.1"), ("11:00", "0.0")]


def test_the_noc_sees_no_money(full_book: Path, log_in: Callable[[str], Any]) -> None:
    page = log_in("noc").get("/traffic/").content.decode()
    assert "B-IC01" in page
    assert "Margin" not in page
    assert "Revenue" not in page
    (line,) = lines(log_in("noc").get("/traffic/?leg=OUT&t-export=csv"))
    assert not {"Revenue", "Cost", "Margin"} & set(line)
    assert "Margin" in log_in("routes").get("/traffic/").content.decode()


def test_margin_is_that_of_the_calls(full_book: Path, log_in: Callable[[str], Any]) -> None:
    (line,) = lines(log_in("cfo").get("/traffic/?leg=OUT&t-export=csv"))
    assert (line["Cost"], line["Revenue"], line["Margin"], line["Margin %"]) == ("2.00", "1.00", "-1.00", "-100.0")


def test_without_a_rate_a_margin_is_absent_and_named(full_book: Path, log_in: Callable[[str], Any]) -> None:
    (line,) = lines(log_in("cfo").get("/traffic/?leg=IN&t-export=csv"))
    assert (line["Revenue"], line["Cost"], line["Margin"]) == ("", "1.50", "")
    page = " ".join(log_in("cfo").get("/traffic/?leg=IN").content.decode().split())
    # The lines and the whole are the same 3 EUR.
    assert 'No rate of exchange was known for <span class="figure" title="3.00 EUR">' in page


def test_what_is_out_of_the_ordinary_says_by_how_much() -> None:
    # Of 1,000 seizures 840 are delivered and 600 answered, 120 of them within six seconds and 200 within fifteen:
    # NER 84.0 % is below the red 85 %, 20.0 % of short calls above the amber 15 %, and 200/400 is not above 0.5, but above 0.25.
    sums = kpi.Sums(seizures=1_000, answers=600, delivered=840, short_6=120, short_15=200)
    assert [(each.words, each.is_red) for each in traffic.alarms(sums)] == [
        ("NER 84.0\u00a0%, below 85\u00a0%", True),
        ("short\u00a0calls 20.0\u00a0%, above 15\u00a0%", False),
        ("false-answer index 0.50, above 0.25", False),
    ]
    assert traffic.alarms(kpi.Sums(seizures=199, answers=1)) == [], "too few seizures for a share to say anything"


def test_the_home_of_the_network_says_what_is_wrong(full_book: Path, log_in: Callable[[str], Any]) -> None:
    page = log_in("noc").get("/").content.decode()
    # 220 of 250 seizures are delivered.
    assert "NER 88.0\u00a0%, below 92\u00a0%" in page
    assert ">warning</span>" in page


@pytest.mark.parametrize(
    ("share", "shown"), [((609, 1000), "61"), ((16, 1000), "2"), ((1, 200), "1"), ((149, 10_000), "1"), ((1, 1), "100")]
)
def test_a_share_in_a_cell_is_rounded_half_up(share: tuple[int, int], shown: str) -> None:
    assert words.whole_percent(Fraction(*share)) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(999, "999"), (1_499, "1k"), (1_500, "2k"), (999_499, "999k"), (999_500, "1M"), (2_500_000, "3M")]
)
def test_a_count_in_a_cell_is_rounded_half_up(number: int, shown: str) -> None:
    assert traffic_heat._short(number) == shown


def test_an_empty_cell_says_why() -> None:
    drawn = heat(["Egypt"], ["0", "1", "2"], {(0, 0): Cell(Fraction(1), "1 s", "1")}, "ACD", {(0, 1): "none of 3 seizures was answered"})
    assert "<title>Egypt, 1: none of 3 seizures was answered</title>" in drawn.picture
    assert "<title>Egypt, 2: no calls</title>" in drawn.picture


def test_by_how_they_ended_each_line_is_a_part_of_all(full_book: Path, log_in: Callable[[str], Any]) -> None:
    parts = [each["Of all seizures"] for each in lines(log_in("noc").get("/traffic/?by=cause&leg=OUT&t-export=csv"))]
    assert sum(Fraction(each) for each in parts) == 100
    assert parts[0] == "52.0", "130 of 250 were answered"
    assert "Of all seizures" not in lines(log_in("noc").get("/traffic/?by=trunk&t-export=csv"))[0]


def test_filter_and_column_say_the_same_words(full_book: Path, log_in: Callable[[str], Any]) -> None:
    page = log_in("noc").get("/traffic/calls/?leg=OUT&from=2026-11-21&to=2026-11-21").content.decode()
    ended = {label for label in cube.CAUSE_WORDS.values() if f'<td class="">{label}</td>' in page}
    assert ended, "the column has the words of the filter"
    assert "(utc)" not in page
    assert "hour (UTC)" in log_in("noc").get("/traffic/calls/?leg=OUT&from=2026-11-21&to=2026-11-21&hour=10").content.decode()


def test_a_cell_leads_to_its_calls(full_book: Path, log_in: Callable[[str], Any]) -> None:
    page = log_in("noc").get("/traffic/?rows=cause&columns=hour&measure=seizures").content.decode()
    address = "/traffic/calls/?leg=OUT&amp;from=2026-11-15&amp;to=2026-11-21&amp;cause=BUSY&amp;hour=10"
    assert address in page
    assert "90 seizures" in page
    found = log_in("noc").get("/traffic/calls/?leg=OUT&from=2026-11-21&to=2026-11-21&trunk=B-IC01&cause=ANSWER&hour=10&country=63")
    assert b"639171234567" in found.content
    assert b"639171234567" not in log_in("noc").get("/traffic/calls/?leg=OUT&hour=11").content
    assert b"639171234567" in log_in("noc").get("/traffic/calls/?destination=Philippines+mobile").content
    assert b"639171234567" not in log_in("noc").get("/traffic/calls/?destination=Cuba").content


def test_another_day_has_its_own_figures(full_book: Path, log_in: Callable[[str], Any]) -> None:
    assert "No call of these days" in log_in("noc").get("/traffic/?from=2026-11-19&to=2026-11-20").content.decode()


@pytest.mark.parametrize("path", ["/traffic/", "/traffic/calls/"])
def test_what_is_no_day_is_said(full_book: Path, log_in: Callable[[str], Any], path: str) -> None:
    client = log_in("noc")
    for name, text in (("from", "2026-13-45"), ("from", "99999-01-01"), ("to", "<script>alert(1)</script>"), ("to", "9" * 300)):
        response = client.get(path, {name: text})
        assert response.status_code == 422
        assert b"is no day" in response.content
        assert b"<script>alert" not in response.content


def test_too_many_days_are_cut_and_said(full_book: Path, log_in: Callable[[str], Any]) -> None:
    response = log_in("noc").get("/traffic/?from=0001-01-01&to=2026-11-21")
    assert response.status_code == 422
    assert b"62 days at most" in response.content
    assert log_in("noc").get("/traffic/?from=2026-11-22&to=2026-11-21").status_code == 422
    assert log_in("noc").get("/traffic/?to=0001-01-01").status_code == 200


def test_the_scale_of_a_heat_map() -> None:
    low, high = Fraction(1, 10), Fraction(9, 10)
    assert [step_of(Fraction(n, 10), low, high) for n in (1, 5, 9)] == [0, 3, STEPS - 1]
    assert step_of(low, low, low) == STEPS // 2
    cells = {(0, 0): Cell(low, "10.0 %", "10", "/a/?b=1&c=2"), (1, 1): Cell(high, "90.0 %", "90")}
    made = heat(["<b>first</b>", "second"], ["00", "01"], cells, "ASR")
    assert (made.low, made.high) == ("10.0 %", "90.0 %")
    assert "<b>" not in made.picture
    assert made.picture.count("heat-none") == 2
    assert '<a href="/a/?b=1&amp;c=2"' in made.picture


def test_rows_in_memory_sort_absent_values_last() -> None:
    columns = (Column("name", "Name", filter="text"), Column("value", "Value", Kind.COUNT))
    rows = MemoryRows([{"name": "b", "value": 1}, {"name": "a", "value": None}, {"name": "c", "value": 3}], tie=("name",))
    for descending, wanted in ((False, "bca"), (True, "cba")):
        found, total = rows.page(columns, {}, ("value", descending), 0, 10)
        assert ("".join(row["name"] for row in found), total) == (wanted, 3)
    assert [row["name"] for row in rows.all(columns, {"name": "C"}, None, 10)] == ["c"]


def test_management_sums_name_what_they_leave_out() -> None:
    day = dt.date(2026, 11, 20)
    fixing = Fixing("ECB", "EUR", day, {"USD": Fraction("1.25")}, "d", 0)
    made = Management("EUR", Fixings.of([fixing]), day + dt.timedelta(days=1))
    assert made.total([("USD", 1_250_000), ("EUR", 5), ("GBP", 7)]) == 1_000_005
    assert made.left_out == [("GBP", 7)]
    assert made.sentence == "In EUR by the rates of ECB of 2026-11-20."


def test_pages_agree_on_what_they_narrow_by() -> None:
    assert set(cube.NARROWED) | {"day"} == set(cube.DIMENSIONS)
    assert set(traffic.VIEWS) == set(cube.DIMENSIONS)
    assert traffic_calls.TrafficCalls.right is not traffic.Traffic.right


def test_the_heat_map_has_its_table_and_file(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("noc")
    address = "/traffic/?leg=OUT&rows=trunk&columns=partner"
    (cell,) = lines(client.get(f"{address}&h-export=csv"))
    assert (cell["Trunk"], cell["ASR"], cell["With its base"]) == ("B-IC01", "52.0", "52.0 % of 250 seizures")
    (minutes,) = lines(client.get(f"{address}&measure=minutes&h-export=csv"))
    # 130 calls of 61 s.
    assert minutes["Minutes"] == "132.166666"
    assert "<details open>" in client.get(f"{address}&h-sort=-value").content.decode()
    assert "<details>" in client.get(address).content.decode(), "folded away until somebody asks"
