"""Traffic as a whole and crossed: what stands above the page's table and in its heat map, with money for who may see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tollbook.api import traffic_sums
from tollbook.web.traffic_heat import HEAT_COLUMNS, HEAT_ROWS

from .conftest import ApiClient

Api = Callable[..., ApiClient]
MONEY = ("currency", "revenue_micros", "cost_micros", "margin_micros", "margin_ppm", "unpriced", "rates", "left_out")


def test_the_whole_is_the_figures_of_all_attempts(full_book: Path, api: Api) -> None:
    found = api("routes").get("traffic/totals").json()
    # 250 attempts, 130 answered for 61 s each, 90 busy: 220 were delivered; 13 answers were short.
    assert (found["first_day"], found["last_day"]) == ("2026-11-15", "2026-11-21")
    assert (found["seizures"], found["answers"], found["conversation_ms"], found["acd_ms"]) == (250, 130, 130 * 61_000, 61_000)
    assert (found["asr_ppm"], found["ner_ppm"], found["sdr_ppm"], found["pdd_median_ms"]) == (520_000, 880_000, 100_000, None)
    assert [found[name] for name in ("revenue_micros", "cost_micros", "margin_micros", "margin_ppm")] == [
        *("1000000", "2000000", "-1000000"),
        -1_000_000,
    ]
    assert (found["currency"], found["unpriced"], found["rates"], found["left_out"]) == ("USD", 0, "", [])
    hour = api("routes").get("traffic/totals?hour=11").json()
    assert (hour["seizures"], hour["answers"], hour["asr_ppm"], hour["acd_ms"], hour["margin_micros"]) == (30, 0, 0, None, "0")
    assert api("routes").get("traffic/totals?cause=BUSY&from=2026-11-21").json()["seizures"] == 90


def test_the_whole_is_without_money_for_who_may_not_see_it(full_book: Path, api: Api) -> None:
    found = api("noc").get("traffic/totals").json()
    assert [found[name] for name in MONEY] == [None] * len(MONEY)
    assert found["seizures"] == 250
    assert api("partner", partner="aurora").get("traffic/totals").status_code == 403


def test_what_has_no_rate_is_left_out_once(full_book: Path, api: Api) -> None:
    """The customer's 40 calls are 3 EUR, and the book has no rate of the euro."""
    found = api("cfo").get("traffic/totals?leg=IN").json()
    assert (found["revenue_micros"], found["cost_micros"], found["margin_micros"]) == (None, "1500000", None)
    assert found["left_out"] == [{"currency": "EUR", "amount_micros": "3000000"}]


def test_crossings_are_the_cells_of_the_heat_map(full_book: Path, api: Api) -> None:
    client = api("noc")
    for by in HEAT_ROWS:
        for across in HEAT_COLUMNS:
            if by == across:
                continue
            lines = client.items(f"traffic/crossings?by={by}&across={across}")
            assert sum(line["seizures"] for line in lines) == 250, (by, across)
    cells = {(line["key"], line["across_key"]): line for line in client.items("traffic/crossings?by=cause&across=hour")}
    assert {key: line["seizures"] for key, line in cells.items()} == {("ANSWER", "10"): 130, ("BUSY", "10"): 90, ("CONGESTION", "11"): 30}
    busy = cells["BUSY", "10"]
    assert (busy["name"], busy["across_name"], busy["asr_ppm"], busy["ner_ppm"], busy["acd_ms"]) == ("Busy", "10:00", 0, 1_000_000, None)
    assert not [name for name in busy if "micros" in name]
    assert [line["key"] for line in client.items("traffic/crossings")] == ["Philippines mobile", "Philippines mobile"]
    assert [line["key"] for line in client.items("traffic/crossings?by=cause&across=hour&across_name=11:00")] == ["CONGESTION"]


@pytest.mark.parametrize(
    "wanted",
    ["crossings?by=trunk&across=trunk", "crossings?by=moon", "crossings?by=source", "totals?from=2026-11-21&to=2026-11-01", "totals?leg=X"],
)
def test_what_cannot_be_asked_is_said(full_book: Path, api: Api, wanted: str) -> None:
    response = api("owner").get(f"traffic/{wanted}")
    assert (response.status_code, response.json()["code"]) == (422, "API_PARAMETER")


def test_an_empty_book_has_nothing_to_sum(empty_book: Path, api: Api) -> None:
    assert traffic_sums.__doc__
    found = api("owner").get("traffic/totals").json()
    assert (found["first_day"], found["seizures"], found["asr_ppm"], found["margin_micros"]) == (None, 0, None, "0")
    assert api("owner").items("traffic/crossings") == []
