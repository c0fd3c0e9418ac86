"""A real browser on a served book, and what is wrong with a page: for the tests that see pages as people do.

They need Chromium and the `playwright` package; they say so and skip where these are not there.
"""

from __future__ import annotations

import os
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
from .conftest import _copied
from .test_invoice_lines import received
from .test_pages import LARGEST_PAGE_BYTES
from .test_rights import ARGUMENTS, FILES, patterns

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
NARROW = 600
SIDEWAYS = """Array.from(document.querySelectorAll('.table-wrap'))
  .filter((each) => each.clientWidth && each.scrollWidth > each.clientWidth + 1).map((each) => each.getAttribute('aria-label'))"""
NOTED = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__violations.push(event.violatedDirective + " " + event.blockedURI + " " + event.sourceFile);
});
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


@pytest.fixture(scope="module")
def shown(made_books: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a served book that all tests of a file look at, and none changes: one server for them."""
    folder = tmp_path_factory.mktemp("shown")
    with contextmanager(_copied)(made_books["full"], folder / "book") as book, serving(book, folder / "server.log") as base:
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


def log_in_there(context: Any, base: str, name: str = "owner", page: Any = None) -> Any:
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
    # The lines of a supplier's invoice are pages of their own under the address of ours.
    lines = f"/documents/{received(full_book).pk}/lines/"
    return [*found, lines, f"{lines}1/"]


def wrong_on_pages(address: str, places: list[str], browser: Any, scheme: str, width: int) -> str:
    """What the pages do against the policy and WCAG AA, weigh too much or are too wide; empty where nothing is wrong."""
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
            log_in_there(context, address, page=page)
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
        # On a telephone a table leaves out what has no room, which stands on the row's own page.
        if width < NARROW:
            wide = page.evaluate(SIDEWAYS)
            wrong += [f"{each}: the table {name} scrolls sideways" for name in wide]
    context.close()
    return "\n".join(wrong)
