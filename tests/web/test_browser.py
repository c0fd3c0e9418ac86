"""A real browser: log in with a second factor, by keyboard, from the overview to a clause, a close with its bar."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from . import browsing, seed
from .browsing import NOTED, log_in_there

pytestmark = [pytest.mark.browser, pytest.mark.slow]
address, browser = browsing.address, browsing.browser
COUNTED = """
document.addEventListener("click", (event) => {
  if (event.isTrusted) localStorage.setItem("clicks", String(Number(localStorage.getItem("clicks") || 0) + 1));
}, true);
"""


def test_log_in_with_an_authenticator(address: str, browser: Any) -> None:
    """Sets up an authenticator app, logs out, and gets in again only with its code."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    def code(secret: str, steps_ahead: int = 0) -> str:
        counter = sorted(yield_hotp_counters_from_time())[1] + steps_ahead
        return str(format_hotp_value(hotp_value(secret, counter)))

    context = browser.new_context()
    page = log_in_there(context, address)
    page.goto(f"{address}/account/second-factor/totp/activate/")
    # A change of how one gets in asks for the password again, however fresh the log-in is.
    page.fill("[name=password]", seed.PASSWORD)
    page.click("main button[type=submit]")
    secret = page.input_value("#authenticator_secret")
    page.fill("[name=code]", code(secret))
    page.click("main button[type=submit]")
    page.wait_for_url("**/recovery-codes/**")
    page.goto(address)
    page.click("details.menu summary")
    page.click("text=Log out")
    page.wait_for_url(f"{address}/account/login/")
    page.fill("[name=login]", "owner")
    page.fill("[name=password]", seed.PASSWORD)
    page.click("button.btn-primary")
    page.wait_for_url("**/authenticate/")
    page.goto(f"{address}/exceptions/")
    assert "/account/" in page.url, "the password alone does not let anybody in"
    page.goto(f"{address}/account/second-factor/authenticate/")
    page.fill("[name=code]", "000000")
    page.click("button.btn-primary")
    page.wait_for_selector(".field-error")
    # A code works once; the next one is good already, since clocks may differ by a step.
    page.fill("[name=code]", code(secret, 1))
    page.click("button.btn-primary")
    page.wait_for_url(f"{address}/")
    context.close()


def test_the_keyboard_reaches_everything(address: str, browser: Any) -> None:
    """The palette, the rows of a table, the theme."""
    context = browser.new_context(color_scheme="light")
    page = log_in_there(context, address)
    page.keyboard.press("Control+k")
    page.fill("#palette input", "aurora voice")
    page.wait_for_selector("#palette-results a:has-text('Aurora Voice')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/partners/aurora/")
    page.goto(f"{address}/exceptions/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/exceptions/*/")
    page.goto(f"{address}/exceptions/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content", "the first key of a page leads past the navigation"
    page.focus("details.menu summary")
    page.keyboard.press("Enter")
    page.focus("details.menu a")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY", "what opened a menu has the focus again"
    page.focus("th a:has-text('At risk')")
    page.keyboard.press("Enter")
    page.wait_for_url("**t-sort=amount_micros**")
    page.wait_for_function("document.activeElement.closest('th[aria-sort=ascending]')")
    page.click("[data-theme-toggle]")
    page.click("[data-theme-toggle]")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark", "the choice is kept"
    context.close()


def test_a_table_changes_in_place_and_keeps_its_address(address: str, browser: Any) -> None:
    context = browser.new_context()
    page = log_in_there(context, address)
    page.goto(f"{address}/exceptions/")
    page.evaluate("window.__same = true")
    page.click("th a:has-text('At risk')")
    page.wait_for_url("**/exceptions/?t-sort=amount_micros")
    assert page.evaluate("window.__same") is True, "the page was not loaded again"
    page.select_option("[name=t-exception_class]", "QUALITY")
    page.wait_for_url("**t-exception_class=QUALITY**")
    page.wait_for_selector("text=1 to 2 of 2")
    page.reload()
    assert page.locator("text=1 to 2 of 2").count() == 1, "the address remembers the view"
    context.close()


def test_from_the_overview_to_the_clause_in_six_clicks(address: str, browser: Any) -> None:
    """The browser itself counts what was clicked; nothing else moves the page."""
    context = browser.new_context()
    context.add_init_script(COUNTED)
    page = log_in_there(context, address)
    page.goto(f"{address}/overview/")
    page.evaluate("localStorage.setItem('clicks', '0')")
    page.click("nav >> text=Reconciliation")
    page.wait_for_url("**/reconciliation/")
    page.click("tbody a.row-link >> nth=0")
    page.wait_for_url("**/reconciliation/aurora/OUT/2026-11/")
    page.click("main table a.row-link >> nth=0")
    page.wait_for_url("**/calls/**")
    page.click("tbody a.row-link >> nth=0")
    page.wait_for_url(re.compile("/calls/[0-9a-f]{32}/"))
    assert "Calls are charged per minute" in page.content(), "the call shows the clause"
    page.click("main a[href*='#clause-'] >> nth=0")
    page.wait_for_url("**/agreements/**")
    assert "Charges" in page.inner_text("main")
    assert 4 <= int(page.evaluate("localStorage.getItem('clicks')")) <= 6
    context.close()


@pytest.fixture
def without_runs(full_book: Path) -> None:
    """The runs of the seeded book are rows without what made them: a close makes its own."""
    from tollbook.store.models import Head

    Head.objects.all().delete()


def test_a_close_from_its_page_with_its_bar(without_runs: None, address: str, browser: Any) -> None:
    """`serve` keeps a worker beside itself: the bar is moved by events to its end, without a violation of the policy."""
    context = browser.new_context()
    context.add_init_script(NOTED)
    page = log_in_there(context, address)
    with page.expect_response(lambda answer: answer.url.endswith("/events/")) as events:
        page.goto(f"{address}/closes/start/")
        page.click("main .card-head button.btn-primary")
        page.wait_for_url("**/jobs/*/")
    assert events.value.headers["content-type"].startswith("text/event-stream")
    page.wait_for_selector("#job[data-state=DONE], #job[data-state=FAILED]", timeout=120_000)
    page.wait_for_selector("#job:not([data-stream])")
    assert page.get_attribute("#job-bar", "value") == "100", page.inner_text("#job")
    page.click("#job >> text=To the close")
    page.wait_for_url("**/closes/*/")
    assert page.evaluate("window.__violations") == []
    context.close()
