"""A real browser on exceptions and disputes: decide and undo by keyboard, in both themes, policy and WCAG AA kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from . import browsing
from .seed import digest

pytestmark = [pytest.mark.browser, pytest.mark.slow]
address, browser = browsing.address, browsing.browser
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations']}"
DISPUTE = "/disputes/D-aurora-2026-11/"


def wrong_on(page: Any, width: int) -> list[str]:
    """What the page does against the policy and WCAG AA, and whether it is wider than the screen."""
    found = [f"policy: {each}" for each in page.evaluate("window.__violations")]
    page.evaluate(browsing.AXE.read_text(encoding="utf-8"))
    for violation in page.evaluate(f"axe.run(document, {RULES})")["violations"]:
        node = violation["nodes"][0]
        found.append(f"{violation['id']}: {node['target']} {node['failureSummary']}")
    if page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("wider than the screen")
    return [f"{page.url}: {each}" for each in found]


def press(page: Any, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 390)])
def test_exceptions_are_decided_and_undone_by_keyboard(full_book: Path, address: str, browser: Any, scheme: str, width: int) -> None:
    """Two rows are chosen with j and x, tolerated, and taken back by the button beside the message; then one on its own page."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    context.add_init_script(browsing.NOTED)
    page = browsing.log_in_there(context, address)
    page.goto(f"{address}/exceptions/?t-cause=DURATION_VARIANCE")
    press(page, "j x j x")
    page.wait_for_selector("text=2 are chosen")
    wrong = wrong_on(page, width)
    page.focus("#bulk input[value=TOLERATED]")
    press(page, "Space Tab")
    page.keyboard.type("below what it costs to ask")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=2 exceptions tolerated.")
    wrong += wrong_on(page, width)
    page.focus(".notice-action button")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=The decision about 2 exceptions was undone.")
    page.goto(f"{address}/exceptions/{digest('aurora DURATION_VARIANCE')}/")
    page.wait_for_selector(".history >> text=below what it costs to ask")
    wrong += wrong_on(page, width)
    page.focus("input[value=ACCEPTED]")
    press(page, "Space Tab")
    page.keyboard.type("their clock is right")
    press(page, "Tab Enter")
    page.wait_for_selector("text=1 exception accepted.")
    wrong += wrong_on(page, width)
    page.goto(f"{address}{DISPUTE}")
    wrong += wrong_on(page, width)
    page.focus("button[value=acknowledge]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=D-aurora-2026-11: acknowledged.")
    context.close()
    assert not wrong, "\n".join(wrong)


def test_without_any_script_they_work_as_well(full_book: Path, address: str, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = browsing.log_in_there(context, address)
    page.goto(f"{address}/exceptions/?t-cause=DURATION_VARIANCE")
    page.check("input[name=case] >> nth=0")
    page.check("#bulk input[value=OUR_ERROR]")
    page.fill("#bulk #reason", "our switch lost the hang-up")
    page.click("#bulk button[value=decide]")
    page.wait_for_selector("text=1 exception taken as our error.")
    page.click(".notice-action button")
    page.wait_for_selector("text=The decision about 1 exception was undone.")
    context.close()
