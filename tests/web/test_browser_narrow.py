"""A real browser on long pages and on a telephone: what sticks stays, and what has to be read fits without scrolling sideways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from . import browsing, seed

pytestmark = [pytest.mark.browser, pytest.mark.slow]
address, browser, places = browsing.address, browsing.browser, browsing.places
CALL = f"/calls/{seed.FIRST_ID.hex()}/?leg=OUT"
DIFFERENCE = "/reconciliation/aurora/OUT/2026-11/"


def _page(browser: Any, address: str, width: int) -> Any:
    return browsing.log_in_there(browser.new_context(viewport={"width": width, "height": 700}), address)


def test_the_frame_stays_while_one_scrolls(full_book: Path, address: str, browser: Any) -> None:
    page = _page(browser, address, 1300)
    page.goto(f"{address}{CALL}")
    assert page.evaluate("document.documentElement.scrollHeight") > 1_400, "the page is two screens long at least"
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    assert page.evaluate("window.scrollY") > 700
    for part in (".topbar", ".side"):
        box = page.locator(part).bounding_box()
        assert 0 <= box["y"] < 60, f"{part} went away with the page"


def test_both_records_fit_a_telephone(full_book: Path, address: str, browser: Any) -> None:
    page = _page(browser, address, 390)
    page.goto(f"{address}{CALL}")
    table = page.locator(".beside")
    assert table.evaluate("each => each.scrollWidth - each.clientWidth") <= 1
    assert table.locator("th").all_inner_texts() == ["Field", "Ours", "Theirs"]


def test_the_waterfall_is_drawn_for_the_screen(full_book: Path, address: str, browser: Any) -> None:
    for width, shown, hidden in ((390, ".chart-narrow", ".chart-wide"), (1300, ".chart-wide", ".chart-narrow")):
        page = _page(browser, address, width)
        page.goto(f"{address}{DIFFERENCE}")
        assert page.locator(shown).is_visible()
        assert not page.locator(hidden).is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for text in page.locator(f"{shown} text").all():
            box = text.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width, f"{text.inner_html()} is cut at {width}"


def test_a_table_that_loads_says_so(full_book: Path, address: str, browser: Any) -> None:
    page = _page(browser, address, 1300)
    page.goto(f"{address}/exceptions/")
    held: list[Any] = []
    page.route("**/exceptions/?*", lambda route: held.append(route))
    page.click("thead th >> text=Difference")
    page.wait_for_selector('.data-table[aria-busy="true"]')
    held[0].continue_()
    page.wait_for_selector('.data-table:not([aria-busy="true"])')


def test_no_table_scrolls_sideways_on_a_telephone(full_book: Path, places: list[str], address: str, browser: Any) -> None:
    """What has no room is left out there, and stands on the row's own page."""
    page, wide = _page(browser, address, 390), list[str]()
    for each in places:
        page.goto(address + each)
        for table in page.locator(".table-wrap:visible").all():
            room, needed = table.evaluate("each => [each.clientWidth, each.scrollWidth]")
            if needed > room + 1:
                wide.append(f"{each} {table.get_attribute('aria-label')}: {needed} in {room}")
    assert not wide, "\n".join(wide)
