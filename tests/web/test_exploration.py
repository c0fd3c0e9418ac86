"""What a chart is taken apart from: the figures of the page itself, in its words, and the way to their calls."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.http import QueryDict
from django.test import RequestFactory

from tollbook.web import cube
from tollbook.web.exploration import LINE, Exploration, Row
from tollbook.web.traffic_heat import FIRST_DRAWN, HeatMap


def given(page: str, identity: str) -> dict[str, Any]:
    found = re.search(rf'<script id="{identity}" type="application/json">(.*?)</script>', page)
    assert found, "the page carries the figures"
    read: dict[str, Any] = json.loads(found[1])
    return read


def test_the_overview_gives_the_figures_of_its_table(full_book: Path, log_in: Callable[[str], Any]) -> None:
    page = log_in("cfo").get("/overview/?currency=USD").content.decode()
    data = given(page, "explore-days")
    assert data["axes"] == ["USD", "Minutes"]
    assert [row["name"] for row in data["rows"]] == ["Revenue", "Cost", "Margin", "Minutes"]
    revenue, cost, margin, minutes = data["rows"]
    export = log_in("cfo").get("/overview/?currency=USD&d-export=csv")
    table = {row["Day"]: row for row in csv.DictReader(io.StringIO(b"".join(export.streaming_content).decode().lstrip("\ufeff")))}
    assert sorted(table) == data["places"]
    for place, day in enumerate(data["places"]):
        assert dt.date.fromisoformat(day)
        assert revenue["values"][place] - cost["values"][place] == margin["values"][place]
        for row in (revenue, cost, margin):
            figure, currency = row["words"][place].replace(",", "").replace("−", "-").split()
            assert (figure, currency) == (table[day][row["name"]], "USD")
    assert not minutes["is_shown"], "minutes have an axis of their own, and come when they are asked for"
    assert minutes["axis"] == 1


def test_the_heat_map_gives_its_cells(full_book: Path, log_in: Callable[[str], Any]) -> None:
    """130 of 250 seizures were answered; a figure leads where its cell leads."""
    page = log_in("noc").get("/traffic/?leg=OUT&rows=trunk&columns=partner").content.decode()
    data = given(page, "explore-heat")
    (row,) = data["rows"]
    assert row["values"] == [52.0]
    assert row["words"] == ["52.0 % of 250 seizures"]
    assert row["kind"] == "bar", "partners have no order a line could follow"
    assert f'href="{row["addresses"][0].replace("&", "&amp;")}"' in page
    hours = given(log_in("noc").get("/traffic/?leg=OUT&rows=trunk&columns=hour&measure=acd").content.decode(), "explore-heat")
    assert hours["rows"][0]["kind"] == LINE
    assert len(hours["places"]) == 24
    assert hours["axes"] == ["ACD in s"]
    # 61 s each, in the one hour that had calls; the other hours have no figure, which is not nought.
    assert [value for value in hours["rows"][0]["values"] if value is not None] == [61.0]
    said = [each for each in hours["rows"][0]["words"] if each != "no calls"]
    assert said == ["61.0 s over 130 answers", "none of 30 seizures was answered"], said


def test_a_name_cannot_leave_the_data(full_book: Path) -> None:
    """Names come from decks and switches: in the page's JSON they stay text."""
    from django.utils.html import json_script

    row = Row("</script><script>alert(1)</script>", [1.0], ["1"], 1)
    made = json_script(Exploration("x", "x", "x", ["<!--"], [row]).data(), "x")
    assert "</script><script>" not in made
    assert "<!--" not in made


def test_nobody_is_led_to_calls_they_may_not_see(full_book: Path) -> None:
    selection, wrong = cube.read_selection(QueryDict("leg=OUT"), cube.newest_day() or dt.date.min)
    assert not wrong
    context = HeatMap(RequestFactory().get("/traffic/?rows=trunk&columns=partner"), selection, lambda *_, **__: "").context()
    assert [row.addresses for row in context["exploration"].rows] == [[""]]
    assert sum(row.is_shown for row in context["exploration"].rows) <= FIRST_DRAWN


def test_a_book_without_traffic_has_nothing_to_take_apart(empty_book: Path) -> None:
    from django.contrib.auth.models import User as Account
    from django.test import Client

    from tollbook.store.models import User

    User.objects.create(name="owner", kind="PERSON", role="owner", is_active=True, created_at=0)
    client = Client()
    client.force_login(Account.objects.create_user("owner"), backend="allauth.account.auth_backends.AuthenticationBackend")
    for address in ("/overview/", "/traffic/"):
        page = client.get(address).content.decode()
        assert 'class="empty"' in page
        assert "data-explore" not in page
