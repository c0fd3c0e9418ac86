"""A real browser: log in with a second factor, every page in both themes without a violation of policy or WCAG AA, narrow, by keyboard.

Needs Chromium and the `playwright` package; says so and skips where they are not there.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from . import seed
from .test_pages import LARGEST_PAGE_BYTES
from .test_rights import ARGUMENTS, FILES, patterns

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
NOT_PAGES = {"search", "job-events", *FILES}
NOTED = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__violations.push(event.violatedDirective + " " + event.blockedURI + " " + event.sourceFile);
});
"""

COUNTED = """
document.addEventListener("click", (event) => {
  if (event.isTrusted) localStorage.setItem("clicks", String(Number(localStorage.getItem("clicks") || 0) + 1));
}, true);
"""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(book: Path, log_path: Path, now: str = "2026-11-22T12:00:00Z") -> Iterator[str]:
    """`tollbook serve` itself on a book; its address. It ends when it is told to."""
    port = _free_port()
    environment = {**os.environ, "TOLLBOOK_NOW": now, "PYTHONWARNINGS": ""}
    command = [sys.executable, "-m", "tollbook", "serve", "--book", str(book), "--port", str(port)]
    base = f"http://127.0.0.1:{port}"
    _hash_for_real()
    with log_path.open("w") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server:
        try:
            _wait_for(base, server, log_path)
            yield base
        finally:
            server.terminate()
            assert server.wait(timeout=30) in (0, -15), "the server stops when it is told to"
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{base}/healthz", timeout=2)


@pytest.fixture
def address(full_book: Path, tmp_path: Path) -> Iterator[str]:
    with serving(full_book, tmp_path / "server.log") as base:
        yield base


def _hash_for_real() -> None:
    """The server knows only the hash of the product, not the fast one of the tests."""
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User

    User.objects.filter(username="owner").update(password=make_password(seed.PASSWORD, hasher="pbkdf2_sha256"))


def _wait_for(base: str, server: subprocess.Popen[bytes], log: Path) -> None:
    patience = threading.Event()
    for _ in range(240):
        if server.poll() is not None:
            raise AssertionError(f"the server ended: {log.read_text()}")
        try:
            urllib.request.urlopen(f"{base}/readyz", timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            patience.wait(0.25)
    raise AssertionError("the server does not answer")


@pytest.fixture
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the pages were NOT seen by a browser")
    if CHROMIUM is None:
        pytest.skip("no Chromium here: the pages were NOT seen by a browser")
    with api.sync_playwright() as player:
        opened = player.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


def _log_in(context: Any, base: str, name: str = "owner", page: Any = None) -> Any:
    page = page or context.new_page()
    page.goto(f"{base}/account/login/")
    page.fill("[name=login]", name)
    page.fill("[name=password]", seed.PASSWORD)
    page.click("button.btn-primary")
    page.wait_for_url(f"{base}/")
    return page


@pytest.fixture
def places(full_book: Path) -> list[str]:
    """Every page's address, found before the browser starts: its loop keeps the database from being asked."""
    from django.urls import reverse

    found = ["/account/second-factor/", "/account/password/"]
    for name, view in patterns():
        if hasattr(view, "view_class") and hasattr(view.view_class, "scope") and name not in NOT_PAGES:
            found.append(reverse(name, kwargs=ARGUMENTS[name]() if name in ARGUMENTS else None))
    return found


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 360)])
def test_every_page_keeps_the_policy_and_wcag(address: str, places: list[str], browser: Any, scheme: str, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    context.add_init_script(NOTED)
    page = context.new_page()
    axe, wrong, weighed = AXE.read_text(encoding="utf-8"), list[str](), list[float]()
    page.on("console", lambda said: wrong.append(f"{page.url}: console: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"{page.url}: script: {error}"))
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    network.on("Network.loadingFinished", lambda event: weighed.append(event["encodedDataLength"]))
    for each in ["/account/login/", "/account/by-invitation/", "", *places]:
        if not each:
            _log_in(context, address, page=page)
            continue
        weighed.clear()
        page.goto(address + each, wait_until="load")
        if not 0 < sum(weighed) < LARGEST_PAGE_BYTES:
            wrong.append(f"{each}: {sum(weighed):,} bytes come over the wire")
        wrong += [f"{each}: policy: {found}" for found in page.evaluate("window.__violations")]
        page.evaluate(axe)
        result = page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'], resultTypes: ['violations']})"
        )
        for violation in result["violations"]:
            node = violation["nodes"][0]
            wrong.append(f"{each}: {violation['id']}: {node['target']} {node['failureSummary']}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong.append(f"{each}: wider than the screen")
    context.close()
    assert not wrong, "\n".join(wrong)


def test_log_in_with_an_authenticator(address: str, browser: Any) -> None:
    """Sets up an authenticator app, logs out, and gets in again only with its code."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    def code(secret: str, steps_ahead: int = 0) -> str:
        counter = sorted(yield_hotp_counters_from_time())[1] + steps_ahead
        return str(format_hotp_value(hotp_value(secret, counter)))

    context = browser.new_context()
    page = _log_in(context, address)
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
    page = _log_in(context, address)
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
    page = _log_in(context, address)
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
    page = _log_in(context, address)
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
    page = _log_in(context, address)
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
