"""A real browser on what is sealed: a close and a dispute of a real month are downloaded and verified, on the page and beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flow import closing

from tollbook.plain.verify import verify
from tollbook.web.words import verified

from . import browsing, conftest, seed

pytestmark = [pytest.mark.browser, pytest.mark.slow]
browser = browsing.browser
# As the agreements of the small month call them.
NAMES = {"aurora": "Aurora Voice", "nordtel": "Nordtel"}


@pytest.fixture(scope="session")
def closed_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return conftest.closed_month(tmp_path_factory.mktemp("closed"))


@pytest.fixture
def address(closed_book: Path, tmp_path: Path) -> Iterator[str]:
    from django.db import connections

    shutil.copytree(closed_book, tmp_path / "book")
    conftest._point(tmp_path / "book")
    with browsing.serving(tmp_path / "book", tmp_path / "server.log", closing.NOW) as base:
        yield base
    connections.close_all()


def download(page: Any, words: str, folder: Path) -> Path:
    """What a click on these words brings, as a file."""
    with page.expect_download() as found:
        page.click(f"main >> text={words}")
    path = folder / str(found.value.suggested_filename)
    found.value.save_as(path)
    return path


def verified_on(page: Any, words: str, path: Path) -> None:
    """The page says of the pack what the command says of the downloaded file."""
    report = verify(path)
    assert report.is_verified, report.problems
    page.click(f"main >> text={words}")
    page.wait_for_selector("#verification >> text=Verified", timeout=120_000)
    shown = page.inner_text("#verification")
    assert "Not verified" not in shown
    for check in report.checks:
        assert " ".join(verified(check.words, NAMES).split()) in " ".join(shown.split())


def test_a_close_and_a_dispute_are_downloaded_and_verified(address: str, browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(accept_downloads=True)
    context.add_init_script(browsing.NOTED)
    page = browsing.log_in_there(context, address)
    page.click("nav >> text=Closes")
    page.click("tbody a.row-link >> nth=0")
    page.wait_for_url("**/closes/*/")
    sealed = download(page, "Sealed close", tmp_path)
    assert sealed.name == f"close-{closing.PERIOD}.zip"
    verified_on(page, "Verify now", sealed)
    page.click("nav >> text=Disputes")
    page.click("tbody a.row-link >> nth=0")
    page.wait_for_url("**/disputes/*/")
    verified_on(page, "Check the pack", download(page, "Evidence pack", tmp_path))
    assert page.evaluate("window.__violations") == []
    context.close()
    broken = bytearray(sealed.read_bytes())
    broken[len(broken) // 2] ^= 1
    sealed.write_bytes(broken)
    assert not verify(sealed).is_verified


def test_a_passkey_is_added_and_opens_the_door(address: str, browser: Any) -> None:
    """An authenticator made of software stands for the finger; passkeys need a name, and an address is none."""
    base = address.replace("127.0.0.1", "localhost")
    context = browser.new_context()
    page = browsing.log_in_there(context, base)
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    made = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": {**made, "automaticPresenceSimulation": True}})
    page.goto(f"{base}/account/second-factor/webauthn/add/")
    page.fill("[name=password]", seed.PASSWORD)
    page.click("main button[type=submit]")
    page.fill("[name=name]", "laptop")
    page.check("[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_url(lambda url: "/webauthn/add" not in url)
    page.goto(base)
    page.click("details.menu summary")
    page.click("text=Log out")
    page.wait_for_url(f"{base}/account/login/")
    page.click("#passkey_login")
    page.wait_for_url(f"{base}/")
    assert page.locator("details.menu").count() == 1
    context.close()
