"""Every page on a telephone: no violation of the policy or of WCAG AA, none too heavy, none wider than the screen."""

from __future__ import annotations

from typing import Any

import pytest

from . import browsing

pytestmark = [pytest.mark.browser, pytest.mark.slow]
address, browser, places = browsing.address, browsing.browser, browsing.places


def test_every_page(address: str, places: list[str], browser: Any) -> None:
    assert browsing.wrong_on_pages(address, places, browser, "light", 360) == ""
