"""What templates are given: our templates before anybody else's, addresses of files that carry their digest, and the frame of each page."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest
from django.template.loaders.filesystem import Loader

from tollbook.flow import clock
from tollbook.web import book
from tollbook.web.navigation import entries_of
from tollbook.web.page import viewer_of

TEMPLATES = Path(__file__).parent / "templates"


class OurTemplates(Loader):
    """Looks in this package before the packages that bring templates of the same name."""

    def get_dirs(self) -> list[str | Path]:
        return [TEMPLATES]


@cache
def asset(name: str) -> str:
    """The address of a static file, with the beginning of its SHA-256, so that browsers may keep it for ever."""
    found = finders.find(name)
    if not isinstance(found, str):
        raise LookupError(f"there is no static file {name}")
    digest = hashlib.sha256(Path(found).read_bytes()).hexdigest()[:12]
    return f"{settings.STATIC_URL}{name}?v={digest}"


def frame(request: HttpRequest) -> dict[str, Any]:
    """The navigation of the viewer's role and the theme; nothing for somebody who is not logged in."""
    viewer = viewer_of(request)
    theme = request.COOKIES.get("tollbook-theme", "auto")
    return {
        "viewer": viewer,
        "navigation": entries_of(viewer, request.path) if viewer else [],
        "theme": theme if theme in ("light", "dark", "auto") else "auto",
        "as_of": clock.now_ms() if viewer and clock.is_pinned() else None,
        "book_name": book.current().name or settings.BOOK_FOLDER.resolve().name,
    }
