"""ETags (RFC 9110, 8.8.3). A tag is of the bytes of an answer, so it is strong; compressed on the way it becomes weak by itself."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest
from ninja import Schema

from tollbook.api.problem import ApiError

_TAG: Final = re.compile(r'(W/)?"([^"]*)"')


def of_bytes(content: bytes) -> str:
    """The strong tag of a content."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def content_of(found: Schema) -> bytes:
    """A model as the bytes it is answered in."""
    return found.model_dump_json().encode("utf-8")


def is_known(request: HttpRequest, tag: str) -> bool:
    """Whether If-None-Match names the tag: compared weakly, so that a compressed answer counts as the same (RFC 9110, 13.1.2)."""
    given = request.headers.get("If-None-Match", "")
    return given.strip() == "*" or any(found[2] == tag.strip('"') for found in _TAG.finditer(given))


def names_one(request: HttpRequest) -> bool:
    """Whether If-Match says what the caller saw; * says nothing."""
    return _TAG.search(request.headers.get("If-Match", "")) is not None


def require_match(request: HttpRequest, present: Callable[[], Schema]) -> None:
    """412 where If-Match is given and the thing is another by now: compared strongly, so a weak tag never matches (RFC 9110, 13.1.1).

    Things that are guarded so are never compressed (api.urls), so the tag a caller was given is a strong one.
    """
    given = request.headers.get("If-Match", "")
    if not given or given.strip() == "*":
        return
    tag = of_bytes(content_of(present())).strip('"')
    if not any(found[2] == tag and not found[1] for found in _TAG.finditer(given)):
        raise ApiError(412, "API_PRECONDITION")
