"""The parts that pages are made of, by themselves; and that no page lies beside the list of addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any
from xml.etree import ElementTree

import pytest
from django.http import QueryDict

from tollbook.web import book, chart, figures, listing, navigation, segments
from tollbook.web.accounts import people
from tollbook.web.calls import days_near, reach, read_search

from . import seed
from .test_rights import patterns


def test_every_page_has_an_address() -> None:
    """The tests of rights, query counts and empty books go over all addresses: a page that lies beside them is seen by none."""
    from tollbook import web
    from tollbook.web.page import Page

    for found in walk_packages(web.__path__, f"{web.__name__}."):
        import_module(found.name)
    addressed = {getattr(view, "view_class", None) for _, view in patterns()}
    # What the API makes of pages has operations, and those have a walk of their own.
    pages = {each for each in _below(Page) if each.__module__.startswith(f"{web.__name__}.")}
    assert len(pages) > 40
    beside = {f"{each.__module__}.{each.__qualname__}" for each in pages if not each.__subclasses__() and each not in addressed}
    assert not beside, "reached by no address"


def _below(page: type) -> Iterator[Any]:
    for each in page.__subclasses__():
        yield each
        yield from _below(each)


def test_every_entry_of_the_navigation_leads_to_a_page_of_its_right() -> None:
    views = {name: view.view_class for name, view in patterns() if hasattr(view, "view_class")}
    for entry in navigation.ENTRIES:
        page = views[entry.name]
        assert (page.right, page.scope) == (entry.right, entry.scope), f"{entry.label} shows itself to others than its page"


def test_a_list_without_rows_of_its_own_is_a_defect() -> None:
    with pytest.raises(TypeError):
        listing.ListPage().rows()


def test_the_waterfall_begins_each_bar_where_the_last_one_ended() -> None:
    # 100 + 40 - 15 = 125: the bars meet at 100, 140 and 125.
    bars = [
        chart.Bar("Ours", 100, "100", is_total=True),
        chart.Bar("Rate", 40, "+40", "/rate"),
        chart.Bar("Missing <b>", -15, "−15"),
        chart.Bar("Theirs", 125, "125", is_total=True),
    ]
    picture = ElementTree.fromstring(str(chart.waterfall(bars, "Ours to theirs")))
    drawn = [each for each in picture.iter() if each.tag == "rect" and each.get("class") in ("up", "down", "total")]
    assert [each.get("class") for each in drawn] == ["total", "up", "down", "total"]
    edges = [(float(each.get("x", "")), float(each.get("x", "")) + float(each.get("width", ""))) for each in drawn]
    assert edges[0][1] == pytest.approx(edges[1][0], abs=0.2)
    assert edges[1][1] == pytest.approx(edges[2][1], abs=0.2)
    assert edges[2][0] == pytest.approx(edges[3][1], abs=0.2)
    assert [each.get("href") for each in picture.iter("a")] == ["/rate"]
    assert "Missing <b>" in "".join(picture.itertext())


def test_a_narrow_waterfall_says_every_amount_and_its_bars_meet() -> None:
    # 100 + 40 - 15 = 125, as above; a label too long for its line is cut there and whole in its title.
    long = "A cause whose name is far too long for the line of a telephone"
    bars = [
        chart.Bar("Ours", 100, "100", is_total=True),
        chart.Bar(long, 40, "+40", "/rate"),
        chart.Bar("Missing", -15, "−15"),
        chart.Bar("Theirs", 125, "125", is_total=True),
    ]
    picture = ElementTree.fromstring(str(chart.waterfall_narrow(bars, "Ours to theirs")))
    width = float(picture.get("viewBox", "").split()[2])
    drawn = [each for each in picture.iter() if each.tag == "rect" and each.get("class") in ("up", "down", "total")]
    edges = [(float(each.get("x", "")), float(each.get("x", "")) + float(each.get("width", ""))) for each in drawn]
    assert all(0 <= left < right <= width for left, right in edges)
    assert edges[0][1] == pytest.approx(edges[1][0], abs=0.2)
    assert edges[1][1] == pytest.approx(edges[2][1], abs=0.2)
    said = [each.text for each in picture.iter("text")]
    assert [said[number] for number in (1, 3, 5, 7)] == ["100", "+40", "−15", "125"]
    assert said[2] is not None
    assert said[2].endswith("…")
    assert f"{long}: +40" in [each.text for each in picture.iter("title")]


def test_days_are_drawn_with_losses_below_the_line() -> None:
    series = [chart.Series("Margin", [10, -5], ["10", "−5"], "s2")]
    picture = ElementTree.fromstring(str(chart.days(["11-20", "11-21"], series, "Margin")))
    gain, loss = (each for each in picture.iter() if each.tag == "rect" and each.get("class") == "s2")
    assert float(gain.get("height", "")) == pytest.approx(2 * float(loss.get("height", "")), abs=0.2)
    assert float(gain.get("y", "")) < float(loss.get("y", ""))
    assert "11-21: Margin −5" in "".join(picture.itertext())


def test_days_fit_a_narrow_picture() -> None:
    # Thirty days of three bars are 90 bars within 360 units, and of their names about five.
    series = [chart.Series(name, [10] * 30, ["10"] * 30, "s1") for name in ("Revenue", "Cost", "Margin")]
    names = [f"11-{day:02d}" for day in range(1, 31)]
    picture = ElementTree.fromstring(str(chart.days(names, series, "By day", width=chart.NARROW_WIDTH)))
    assert picture.get("viewBox", "").split()[2] == "360"
    drawn = [each for each in picture.iter("rect") if each.get("class") == "s1"]
    assert len(drawn) == 90
    assert all(float(each.get("width", "")) > 0 for each in drawn)
    assert max(float(each.get("x", "")) + float(each.get("width", "")) for each in drawn) <= 360
    assert 4 <= len([each for each in picture.iter("text") if each.text in names]) <= 6


@pytest.mark.parametrize(
    ("query", "number", "wrong"),
    [
        ("number=%2B49 (30) 11-1", "4930111", 0),
        ("number=12", "", 1),
        ("number=12x45", "", 1),
        ("number=0049 301", "49301", 0),
        ("from=2026-11-31", "", 1),
        ("", "", 0),
    ],
)
def test_a_search_is_read(query: str, number: str, wrong: int) -> None:
    search, problems = read_search(QueryDict(query))
    assert search.number == number
    assert len(problems) == wrong


def test_a_search_looks_into_the_newest_days_up_to_its_bound(full_book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime as dt

    from tollbook.store.models import Batch, Segment
    from tollbook.web.call_rows import Search

    # The day of the book has two segments, ours and theirs; the days before it get one each.
    monkeypatch.setattr("tollbook.web.calls.MOST_SEGMENTS", 3)
    batch = Batch.objects.first()
    for number in range(1, 4):
        Segment.objects.create(
            digest=f"{number:064d}",
            kind="cdr",
            side="OURS",
            day=seed.DAY - dt.timedelta(days=number),
            rows=10,
            size=1,
            schema_version=1,
            path=f"segments/{number}.parquet",
            batch=batch,
        )
    _, found = reach(Search())
    assert (found.last, found.first) == (seed.DAY, seed.DAY - dt.timedelta(days=1))
    assert found.left == seed.DAY - dt.timedelta(days=2)
    _, empty = reach(Search(last=dt.date(2020, 1, 1)))
    assert empty.records == 0


def test_days_near_a_sources_own_day() -> None:
    first, last = days_near("2026-11-22")
    assert (first.isoformat(), last.isoformat()) == ("2026-11-20", "2026-11-24")
    assert days_near("undated")[0].year == 1970


def test_health_is_a_sentence(full_book: Path) -> None:
    found = {each.source: each for each in figures.sources(seed.NOW_MS)}
    assert found["boreal"].state == "WARNING"
    assert found["boreal"].read == found["boreal"].accepted + found["boreal"].duplicates + found["boreal"].problems
    assert "50.0 %" in found["boreal"].sentence


def test_a_relation_without_files_has_its_columns_and_no_rows(full_book: Path) -> None:
    from tollbook.store.models import Segment

    text = segments.relation('SELECT code, "column" AS column_name FROM {files}', Segment.objects.none(), "problem")
    assert segments.connection().execute(text).fetchall() == []
    assert [each[0] for each in segments.connection().execute(text).description or []] == ["code", "column_name"]


def test_the_book_is_the_one_that_is_served(full_book: Path) -> None:
    assert book.folder() == full_book
    assert book.current().folder == full_book


def test_an_invitation_of_somebody_with_a_password_is_spent(full_book: Path) -> None:
    from django.contrib.auth.models import User

    uid, token = people.invitation_of(User.objects.get(username="billing")).split("/")
    assert people.invited(uid, token) is None
    assert people.invited("%%%", token) is None
    assert people.invited("", "") is None


def test_a_page_shows_the_clause_of_an_agreement(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Agreement

    page = log_in("auditor").get(f"/agreements/{Agreement.objects.get(partner_id='aurora').pk}/").content.decode()
    assert re.search(r'id="clause-a62".*0\.3 per cent of the minutes', page, re.DOTALL)
    assert "0.3 %" in page
