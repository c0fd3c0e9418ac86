"""Writes that come again: the answer to a command with an Idempotency-Key is kept with what was asked, and given again.

A command of one short transaction is done and kept in the same transaction. A long one first says that it is at work; where its process
dies, the same command may be sent again after an hour, and finds done what was done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from ninja import Schema

from tollbook.api import tag
from tollbook.api.bearer import JSON
from tollbook.api.problem import ApiError
from tollbook.core.digest import json_digest, sha256_hex
from tollbook.core.problem import refuse
from tollbook.core.rights import Actor
from tollbook.flow import clock
from tollbook.store import journal
from tollbook.store.models import ApiAnswer

KEPT_MS: Final = 30 * 86_400_000
ABANDONED_MS: Final = 3_600_000
_KEY: Final = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers. `secret` names fields that are shown once: they are not kept, and are null when the command comes again."""

    found: Schema
    status: int = 200
    secret: tuple[str, ...] = ()
    location: str = ""


Work = Callable[[], Answer]


def key_of(request: HttpRequest, *, needs_key: bool) -> str:
    """The Idempotency-Key, empty where there is none and none is needed."""
    key = request.headers.get("Idempotency-Key", "")
    if not key and needs_key:
        raise ApiError(400, "IDEMPOTENCY_KEY_MISSING")
    if key and not _KEY.fullmatch(key):
        detail = "It has 1 to 200 visible ASCII characters without a space."
        raise ApiError(422, "API_PARAMETER", detail, errors=[{"in": "header", "name": "Idempotency-Key", "detail": detail}])
    return key


def input_of(request: HttpRequest, takes: str) -> str:
    """The digest of what is asked: address, parameters, and the values of the body rather than its bytes. An upload adds its own digest."""
    body: Any = ""
    if takes == JSON and request.body:
        try:
            body = sha256_hex(json.dumps(json.loads(request.body), sort_keys=True).encode())
        except ValueError:
            body = sha256_hex(request.body)
    return json_digest(
        {"method": str(request.method), "path": request.path, "query": sorted(request.GET.urlencode().split("&")), "body": body}
    )


def answered(actor: Actor, key: str, digest: str, work: Work, *, at_once: bool) -> HttpResponse:
    """The answer to a command: the one kept under its key, or that of doing it now."""
    if not key:
        return _response(work())
    return _at_once(actor, key, digest, work) if at_once else _at_length(actor, key, digest, work)


def _at_once(actor: Actor, key: str, digest: str, work: Work) -> HttpResponse:
    with transaction.atomic():
        journal.lock_key(f"api {actor.name} {key}")
        kept = _kept(actor, key, digest)
        if kept is not None:
            return kept
        answer = work()
        ApiAnswer.objects.create(
            actor=actor.name,
            key=key,
            input_hash=digest,
            status=answer.status,
            body=_without_secrets(answer),
            created_at=clock.now_ms(),
        )
    return _response(answer)


def _at_length(actor: Actor, key: str, digest: str, work: Work) -> HttpResponse:
    now = clock.now_ms()
    try:
        with transaction.atomic():
            journal.lock_key(f"api {actor.name} {key}")
            kept = _kept(actor, key, digest)
            if kept is not None:
                return kept
            row = ApiAnswer.objects.create(actor=actor.name, key=key, input_hash=digest, status=0, created_at=now)
    except IntegrityError as error:
        raise ApiError(409, "IDEMPOTENCY_IN_PROGRESS") from error
    try:
        answer = work()
    except BaseException:
        ApiAnswer.objects.filter(pk=row.pk).delete()
        raise
    ApiAnswer.objects.filter(pk=row.pk).update(status=answer.status, body=_without_secrets(answer))
    return _response(answer)


def _kept(actor: Actor, key: str, digest: str) -> HttpResponse | None:
    now = clock.now_ms()
    ApiAnswer.objects.filter(created_at__lt=now - KEPT_MS).delete()
    ApiAnswer.objects.filter(actor=actor.name, key=key, status=0, created_at__lt=now - ABANDONED_MS).delete()
    row = ApiAnswer.objects.filter(actor=actor.name, key=key).first()
    if row is None:
        return None
    if row.input_hash != digest:
        raise refuse("IDEMPOTENCY_CONFLICT", value=key)
    if row.status == 0:
        raise ApiError(409, "IDEMPOTENCY_IN_PROGRESS")
    response = HttpResponse(row.body, status=row.status, content_type=JSON)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _without_secrets(answer: Answer) -> str:
    values = json.loads(tag.content_of(answer.found))
    return json.dumps({**values, **dict.fromkeys(answer.secret)}, separators=(",", ":"))


def _response(answer: Answer) -> HttpResponse:
    response = HttpResponse(tag.content_of(answer.found), status=answer.status, content_type=JSON)
    if answer.location:
        response.headers["Location"] = answer.location
    if answer.secret:
        response.headers["Cache-Control"] = "no-store"
    return response
