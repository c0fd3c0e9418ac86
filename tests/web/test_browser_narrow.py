"""A real browser on long pages and on a telephone: what sticks stays, and what has to be read fits without scrolling sideways."""

from __future__ import annotations

from typing import Any

import pytest

from . import browsing, seed

pytestmark = [pytest.mark.browser, pytest.mark.slow]
shown, browser = browsing.shown, browsing.browser
CALL = f"/calls/{seed.FIRST_ID.hex()}/?leg=OUT"
DIFFERENCE = "/reconciliation/aurora/OUT/2026-11/"


def _page(browser: Any, address: str, width: int) -> Any:
    return browsing.log_in_there(browser.new_context(viewport={"width": width, "height": 700}), address)


def test_the_frame_stays_while_one_scrolls(shown: str, browser: Any) -> None:
    page = _page(browser, shown, 1300)
    page.goto(f"{shown}{CALL}")
    assert page.evaluate("document.documentElement.scrollHeight") > 1_400, "the page is two screens long at least"
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    assert page.evaluate("window.scrollY") > 700
    for part in (".topbar", ".side"):
        box = page.locator(part).bounding_box()
        assert 0 <= box["y"] < 60, f"{part} went away with the page"


def test_both_records_fit_a_telephone(shown: str, browser: Any) -> None:
    page = _page(browser, shown, 390)
    page.goto(f"{shown}{CALL}")
    table = page.locator(".beside")
    assert table.evaluate("each => each.scrollWidth - each.clientWidth") <= 1
    assert table.locator("th").all_inner_texts() == ["Field", "Ours", "Theirs"]


def test_the_waterfall_is_drawn_for_the_screen(shown: str, browser: Any) -> None:
    for width, fitting, other in ((390, ".chart-narrow", ".chart-wide"), (1300, ".chart-wide", ".chart-narrow")):
        page = _page(browser, shown, width)
        page.goto(f"{shown}{DIFFERENCE}")
        assert page.locator(fitting).is_visible()
        assert not page.locator(other).is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for text in page.locator(f"{fitting} text").all():
            box = text.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width, f"{text.inner_html()} is cut at {width}"


def test_a_table_that_loads_says_so(shown: str, browser: Any) -> None:
    page = _page(browser, shown, 1300)
    page.goto(f"{shown}/exceptions/")
    held: list[Any] = []
    page.route("**/exceptions/?*", lambda route: held.append(route))
    page.click("thead th >> text=Difference")
    page.wait_for_selector('.data-table[aria-busy="true"]')
    held[0].continue_()
    page.wait_for_selector('.data-table:not([aria-busy="true"])')
