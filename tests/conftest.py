"""One process has one set of Django's settings: those of the web application where it is installed, since they hold the book's as well."""

from __future__ import annotations

import os
from importlib.util import find_spec


def pytest_sessionstart() -> None:
    if find_spec("allauth") and find_spec("django_htmx"):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tollbook.web.settings")
