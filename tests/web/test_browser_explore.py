"""A real browser takes a chart apart: the library comes with the first press, rows and stretches change, and it keeps to the policy."""

from __future__ import annotations

import re
from typing import Any

import pytest

from . import browsing

pytestmark = [pytest.mark.browser, pytest.mark.slow]
shown, browser = browsing.shown, browsing.browser
# Where the points of a line are: paths as large as one, by the middle of each.
POINTS = """() => Array.from(document.querySelectorAll('.explore-picture svg path')).map((each) => each.getBoundingClientRect())
  .filter((box) => [box.width, box.height].every((side) => side > 4 && side < 10))
  .map((box) => [box.x + box.width / 2, box.y + box.height / 2])"""
HEAT = "/traffic/?leg=OUT&rows=destination&columns=hour"


def _open(browser: Any, base: str, scheme: str = "light", width: int = 1300) -> Any:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    context.add_init_script(browsing.NOTED)
    return browsing.log_in_there(context, base)


def _drawn(page: Any) -> str:
    page.wait_for_selector(".explore-picture svg text")
    return str(page.locator(".explore-picture svg").text_content())


def test_the_library_comes_with_the_first_press(shown: str, browser: Any) -> None:
    page, asked = _open(browser, shown), list[str]()
    page.on("request", lambda request: asked.append(request.url) if "echarts" in request.url else None)
    page.goto(f"{shown}/overview/")
    assert page.locator(".chart").first.is_visible(), "the chart of the page needs nothing"
    assert asked == []
    page.click("text=Explore")
    # A day has revenue, cost and margin at first; the axis is in the currency.
    assert "USD" in _drawn(page)
    assert len(asked) == 1
    assert page.locator(".explore-said").inner_text().startswith("3 of 4 rows. Days: ")
    page.click(".explore-row:has-text('Minutes')")
    assert "Minutes" in _drawn(page)
    for name in ("Revenue", "Cost", "Margin"):
        page.click(f".explore-row:has-text('{name}')")
    assert "USD" not in _drawn(page), "an axis of nothing is not drawn"
    page.click("text=Explore")
    assert not page.locator(".explore-panel").is_visible()
    page.click("text=Explore")
    assert len(asked) == 1
    assert page.evaluate("window.__violations") == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 390)])
def test_a_stretch_by_keyboard_and_the_calls_behind_a_point(shown: str, browser: Any, scheme: str, width: int) -> None:
    page = _open(browser, shown, scheme, width)
    page.goto(f"{shown}{HEAT}")
    page.focus(".explore-open")
    page.keyboard.press("Enter")
    assert "ASR in %" in _drawn(page)
    page.select_option("[data-end=first]", label="11")
    page.select_option("[data-end=last]", label="09")
    assert page.locator(".explore-said").inner_text().endswith("Hour (UTC): 09 to 09."), "an end before the beginning moves it"
    page.select_option("[data-end=first]", label="00")
    page.select_option("[data-end=last]", label="23")
    page.evaluate(browsing.AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
    assert [each["id"] for each in found["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # The point of the one hour that has calls, on the line of the row that is drawn first.
    page.locator(".explore-picture svg path[fill]:not([fill=none])[stroke]").first.scroll_into_view_if_needed()
    places = page.evaluate(POINTS)
    assert places, "a point is drawn"
    page.mouse.click(*places[0])
    page.wait_for_url(re.compile("/traffic/calls/"))
    assert page.evaluate("window.__violations") == []


def test_a_library_that_does_not_come_is_said(shown: str, browser: Any) -> None:
    page = _open(browser, shown)
    page.route("**/echarts*", lambda route: route.abort())
    page.goto(f"{shown}/overview/")
    page.click("text=Explore")
    page.wait_for_selector("text=The chart could not be loaded")
    assert not page.locator(".explore-panel").is_visible()
    page.unroute("**/echarts*")
    page.click("text=Explore")
    assert "USD" in _drawn(page), "pressed again, it comes"


def test_without_scripts_there_is_no_button(shown: str, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = browsing.log_in_there(context, shown)
    page.goto(f"{shown}/overview/")
    assert page.locator(".chart").first.is_visible()
    assert not page.locator(".explore-open").is_visible()
