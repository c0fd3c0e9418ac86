"""The door of every operation: whose token it is, whether it has the right, what it wants back and what it sends.

The pages' sessions are not taken here: a browser sends those by itself, and what a browser sends by itself others can make it send.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from ninja.security import HttpBearer

from tollbook.api.problem import ApiError
from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Right
from tollbook.flow import token
from tollbook.web.page import Scope, may_see

JSON: Final = "application/json"
CSV: Final = "text/csv"
ARROW: Final = "application/vnd.apache.arrow.stream"
LARGEST_BODY_BYTES: Final = 512 * 1024
TRIES_A_MINUTE: Final = 20
MOST_ADDRESSES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Declared:
    """What an operation needs and deals in. One of `rights` is enough; none goes with things of the token's own (Scope.PERSON). What its
    body may have at most can be the server's setting, which is asked then."""

    rights: tuple[Right, ...]
    scope: Scope
    gives: tuple[str, ...] = (JSON,)
    takes: str = ""
    largest_bytes: int | Callable[[], int] = LARGEST_BODY_BYTES

    def __post_init__(self) -> None:
        if bool(self.rights) == (self.scope is Scope.PERSON):
            raise TypeError("an operation declares a right, or that it shows what is the token's own")

    def is_open_to(self, actor: Actor) -> bool:
        """Whether the operation exists for the actor; what it shows of a partner is a second question."""
        return self.scope is Scope.PERSON or any(may_see(actor, right, self.scope) for right in self.rights)


class Tries:
    """Wrong tokens by address and minute, in this process. A right token is never held up by somebody else's wrong ones: its 256 bits
    cannot be guessed, so what is kept short here is the noise."""

    def __init__(self) -> None:
        self._lock, self._minute, self._counted = threading.Lock(), 0, dict[str, int]()

    def is_one_too_many(self, address: str) -> int:
        """Counts a wrong token; the seconds to wait where there were too many in this minute, else 0."""
        seconds = int(time.monotonic())
        with self._lock:
            if seconds // 60 != self._minute or len(self._counted) >= MOST_ADDRESSES:
                self._minute, self._counted = seconds // 60, {}
            self._counted[address] = self._counted.get(address, 0) + 1
            return 60 - seconds % 60 if self._counted[address] > TRIES_A_MINUTE else 0


TRIES: Final = Tries()


def address_of(request: HttpRequest) -> str:
    """Who calls: the address the proxy in front saw, where there is one that we trust; a network of IPv6 counts as one."""
    text = str(request.META.get("REMOTE_ADDR") or "")
    if getattr(settings, "TRUST_PROXY", False):
        text = str(request.META.get("HTTP_X_FORWARDED_FOR") or text).rpartition(",")[2].strip()
    try:
        found = ip_address(text)
    except ValueError:
        return ""
    return str(ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)


class Bearer(HttpBearer):
    """`Authorization: Bearer` for one operation. Everything that can be told before the parameters are read is told here."""

    def __init__(self, declared: Declared) -> None:
        super().__init__()
        self.declared = declared

    def __call__(self, request: HttpRequest) -> Actor:
        actor = self._actor(request)
        if not self.declared.is_open_to(actor):
            names = " or ".join(str(right) for right in self.declared.rights)
            raise ApiError(403, "RIGHT_MISSING", f"This token does not have the right {names} here.")
        request.media = accepted(request, self.declared.gives)  # type: ignore[attr-defined]
        _check_body(request, self.declared)
        return actor

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        raise TypeError("the door is asked as a whole")

    def _actor(self, request: HttpRequest) -> Actor:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise ApiError(401, "TOKEN_MISSING", headers={"WWW-Authenticate": 'Bearer realm="tollbook"'})
        try:
            return token.actor_of(secret.strip())
        except Refusal as refusal:
            wait_s = TRIES.is_one_too_many(address_of(request))
            if wait_s:
                raise ApiError(429, "TOKEN_TRIES", headers={"Retry-After": str(wait_s)}) from None
            challenge = 'Bearer realm="tollbook", error="invalid_token"'
            raise ApiError(401, refusal.problems[0].code, headers={"WWW-Authenticate": challenge}) from None


def accepted(request: HttpRequest, gives: Iterable[str]) -> str:
    """The media type to answer in: the caller's first choice of those there are; 406 where there is none."""
    offered = list(gives)
    # A caller without a preference gets JSON, or whatever there is.
    if request.headers.get("Accept", "").strip() in ("", "*/*"):
        return offered[0]
    found = request.get_preferred_type(offered)
    if found is None:
        raise ApiError(406, "API_NOT_ACCEPTABLE", f"It comes as {', '.join(offered)}.")
    return found


def _check_body(request: HttpRequest, declared: Declared) -> None:
    """The declared length and kind of the body, before a byte of it is read."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        if declared.takes and request.headers.get("Transfer-Encoding"):
            raise ApiError(411, "API_LENGTH")
        length = "0"
    largest_bytes = declared.largest_bytes() if callable(declared.largest_bytes) else declared.largest_bytes
    if int(length) > largest_bytes:
        raise ApiError(413, "API_TOO_LARGE", f"It takes {largest_bytes:,} bytes at most.")
    if declared.takes and int(length) and request.content_type != declared.takes:
        raise ApiError(415, "API_MEDIA_TYPE", f"It takes {declared.takes}.")
