"""The log-in's pages speak as the rest does: sentences, no headings in capitals, nothing said twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tollbook.web.account_words import said

from . import seed

PAGES = (
    "/account/second-factor/",
    "/account/second-factor/totp/activate/",
    "/account/second-factor/webauthn/",
    "/account/second-factor/webauthn/add/",
    "/account/second-factor/recovery-codes/generate/",
    "/account/password/",
    "/account/reauthenticate/",
    "/account/inactive/",
)
SHORT = re.compile(r"<(h1|h2|title|button|label)[^>]*>(.*?)</\1>", re.DOTALL)
NAMES = {"Tollbook", "Log", "Ctrl", "K", "QR"}


@pytest.mark.parametrize("address", PAGES)
def test_no_capitals_inside_a_heading(full_book: Path, log_in: Callable[[str], Any], address: str) -> None:
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User

    client = log_in("billing")
    User.objects.filter(username="billing").update(password=make_password(seed.PASSWORD))
    client.post("/account/reauthenticate/", {"password": seed.PASSWORD})
    response = client.get(address, follow=True)
    assert response.status_code == 200, address
    shouted = []
    for _, inside in SHORT.findall(response.content.decode()):
        words = re.sub(r"<[^>]+>|&#?\w+;", " ", inside).split()
        shouted += [" ".join(words) for word in words[1:] if word[:1].isupper() and word.strip("·.,") not in NAMES and not word.isupper()]
    assert not shouted
    assert "placeholder=" not in re.sub(r'<dialog class="palette".*?</dialog>', "", response.content.decode(), flags=re.DOTALL)


def test_what_is_not_known_stays() -> None:
    assert said("  Sign\n In ") == "Log in"
    assert said("Anything else") == "Anything else"
