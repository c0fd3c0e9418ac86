"""Comparisons with their sums, the parts of a cause, and the calls behind them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from web import seed_lists

from tollbook.api import reconciliations, runs
from tollbook.api.bearer import ARROW
from tollbook.api.fields import Field, Shape

from .conftest import ApiClient

if TYPE_CHECKING:
    from tollbook.flow.book import Book

Api = Callable[..., ApiClient]
MODULES = (reconciliations, runs)


def test_the_list_has_the_sums_of_each_comparison(full_book: Path, api: Api) -> None:
    client = api("cfo")
    (row,) = client.items("reconciliations")
    one = client.get(f"reconciliations/{row['scope']}").json()
    assert (row["partner"], row["currency"], row["is_unexplained_zero"]) == ("aurora", "USD", True)
    # 0.29 and 0.31 of a dollar: a micro-unit is 60,000 sixtieths of a nano.
    assert (row["ours_60th_nanos"], row["theirs_60th_nanos"]) == (str(290_000 * 60_000), str(310_000 * 60_000))
    assert int(row["difference_60th_nanos"]) == int(row["theirs_60th_nanos"]) - int(row["ours_60th_nanos"])
    assert row["unexplained_micros"] == "0"
    for name in ("run_key", "result_digest", "currency", "ours_60th_nanos", "theirs_60th_nanos", "is_unexplained_zero"):
        assert row[name] == one[name], name
    assert client.items("reconciliations?partner=aurora") == [row]
    assert client.items("reconciliations?partner=aur") == client.items("reconciliations?currency=EUR") == []


def test_comparisons_are_found_by_their_partner_on_both_databases(book: Book) -> None:
    from tollbook.store.models import Head, Run

    money = {**dict.fromkeys(reconciliations.SUMS, "7"), "currency": "EUR", "unexplained": "-0.500000", "unexplained_zero": False}
    same = {
        "stage": "reconciliation",
        "semantics_version": 1,
        "parameters": {},
        "results": {},
        "result_digest": "a" * 64,
        "started_at": 1,
        "finished_at": 1,
    }
    for number, scope in enumerate(("b-two/IN/2026-11", "a/OUT/2026-11", "b/OUT/2026-11/x")):
        run = Run.objects.create(run_key=f"{number:064x}", scope=scope, summary={"money": money}, package_version="0", inputs=[], **same)
        Head.objects.create(stage=run.stage, scope=scope, run=run)
    page = reconciliations.Comparisons()
    rows, order, place = page.rows(), ("partner", True), None
    found = []
    while piece := rows.after(page.columns, {"currency": "EUR"}, order, place, 2):
        found += piece
        place = [piece[-1]["partner"], piece[-1]["pk"]]
    assert [row["partner"] for row in found] == ["b-two", "b", "a"]
    assert {(row["currency"], row["is_unexplained_zero"], row["unexplained_micros"]) for row in found} == {("EUR", False, -500_000)}
    assert [row["scope"] for row in rows.after(page.columns, {"partner": "b"}, order, None, 9)] == ["b/OUT/2026-11/x"]


def test_a_cause_has_its_parts(full_book: Path, api: Api) -> None:
    (cause,) = api("billing").get("reconciliations/aurora/OUT/2026-11").json()["causes"]
    (part,) = cause["details"]
    assert (part["calls"], part["exact_60th_nanos"]) == (cause["calls"], cause["exact_60th_nanos"])
    assert part["detail"]


def test_a_sum_beyond_int64_keeps_every_digit(full_book: Path, api: Api) -> None:
    told = Field("x", "x", Shape.WIDE, "")
    much = -(2**63) * 1_000
    assert told.json({"x": str(much)}) == str(much)
    assert told.arrow_of([{"x": str(much)}, {"x": None}]).to_pylist() == [much, None]
    response = api("owner").get("reconciliations", Accept=ARROW)
    table = pa.ipc.open_stream(io.BytesIO(b"".join(response.streaming_content))).read_all()
    assert [int(value) for value in table.column("ours_60th_nanos").to_pylist()] == [290_000 * 60_000]


def test_a_pair_has_its_time_and_its_number(full_book: Path, api: Api) -> None:
    seed_lists.fill(full_book)
    client, path = api("noc"), f"reconciliations/{seed_lists.SCOPE}/pairs"
    (pair,) = client.items(path)
    assert (pair["at"], pair["called"], pair["day"]) == ("2026-11-21T10:00:00.000Z", "639171234567", "2026-11-21")
    table = pa.ipc.open_stream(io.BytesIO(b"".join(client.get(path, Accept=ARROW).streaming_content))).read_all()
    assert table.schema.field("at").type == pa.timestamp("ms", tz="UTC")
    assert table.column("called").to_pylist() == ["639171234567"]


def test_a_token_that_sees_no_prices_goes_through_all_pairs_without_amounts(full_book: Path, api: Api) -> None:
    path = "reconciliations/aurora/OUT/2026-11/pairs"
    whole = api("billing").items(path)
    client, seen, asked = api("noc"), [], f"{path}?limit=1"
    while asked:
        page = client.get(asked).json()
        seen += page["items"]
        asked = f"{path}?limit=1&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert [each["our_call"] for each in seen] == [each["our_call"] for each in whole]
    assert {each["amount_micros"] for each in seen} == {None}
