"""Tokens of the API: made, shown once, found by their digest, revoked. What a token may do is its role cut down to its scope."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import OperationalError
from django.db.models import Q

from tollbook.core.problem import refuse
from tollbook.core.rights import READING, RIGHTS, Actor, Right, Role
from tollbook.flow import clock
from tollbook.flow.command import Command, perform
from tollbook.store.models import Partner, User

PREFIX: Final = "tollbook_"  # so that a token is recognised where it should not be: in a repository, in a log
SECRET_BYTES: Final = 32
LONGEST_MS: Final = 731 * 86_400_000
NOTED_EVERY_MS: Final = 10 * 60_000
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,99}")
_RIGHT_OF: Final = {str(right): right for right in Right}
_TOKEN: Final = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")


@dataclass(frozen=True, slots=True)
class Made:
    """A token's row, and its secret: the only time that anybody sees it, None where the same command was done before."""

    row: User
    secret: str | None


def digest_of(secret: str) -> str:
    """What is kept of a token. Its 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def rights_of(role: Role) -> list[Right]:
    """What a token of a role can be given at most, in the order of the rights."""
    return [right for right in Right if right in RIGHTS[role]]


def default_scope(role: Role) -> list[Right]:
    """What a token is given where nobody says otherwise: reading."""
    return [right for right in rights_of(role) if right in READING]


def create(
    actor: Actor,
    name: str,
    role: Role,
    scope: Iterable[Right],
    *,
    expires_at: int,
    partner: str | None = None,
    reason: str = "",
    idempotency_key: str | None = None,
) -> Made:
    """Makes a token. TOKEN_NAME, TOKEN_SCOPE, TOKEN_PARTNER or TOKEN_EXPIRY where it cannot be made so.

    Who acts by a token can give on no right that it does not have itself.
    """
    chosen = sorted(set(scope), key=str)
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)

    def work() -> dict[str, Any]:
        _check(actor, name, role, chosen, expires_at, partner)
        User.objects.create(
            name=name,
            kind="TOKEN",
            role=str(role),
            partner_id=partner,
            scope=[str(right) for right in chosen],
            token_digest=digest_of(secret),
            token_hint=secret[-4:],
            created_at=clock.now_ms(),
            created_by=actor.name,
            expires_at=expires_at,
        )
        return {"name": name, "role": str(role), "expires_at": clock.show_instant(expires_at)}

    parameters = {
        "role": str(role),
        "scope": [str(right) for right in chosen],
        "partner": partner or "",
        "expires_at": _shown(expires_at),
    }
    command = Command(
        "token.create", Right.MANAGE_USERS, f"token/{name}", actor, parameters, idempotency_key=idempotency_key, reason=reason
    )
    done = perform(command, work)
    return Made(User.objects.get(name=name, kind="TOKEN"), None if done.is_repeated else secret)


def _check(actor: Actor, name: str, role: Role, scope: list[Right], expires_at: int, partner: str | None) -> None:
    if not NAME.fullmatch(name):
        raise refuse("TOKEN_NAME", value=name)
    if User.objects.filter(name=name).exists():
        raise refuse("TOKEN_NAME", "There is somebody or something of this name already.", value=name)
    if not scope:
        raise refuse("TOKEN_SCOPE", "A token without any right can do nothing.")
    for right in scope:
        if right not in RIGHTS[role]:
            raise refuse("TOKEN_SCOPE", f"The role {role} does not have the right {right}.", value=str(right))
        if actor.scope is not None and right not in actor.scope:
            raise refuse("TOKEN_SCOPE", f"{actor.name} does not have the right {right} itself.", value=str(right))
    if role is Role.PARTNER and not partner:
        raise refuse("TOKEN_PARTNER", "A token of the role partner names its partner.")
    if partner and not Partner.objects.filter(id=partner).exists():
        raise refuse("TOKEN_PARTNER", "The book has no such partner.", value=partner)
    now = clock.now_ms()
    if not now < expires_at <= now + LONGEST_MS:
        raise refuse("TOKEN_EXPIRY", value=_shown(expires_at))


def _shown(instant_ms: int) -> str:
    """An instant, or its number where no calendar has it."""
    return clock.show_instant(instant_ms) if 0 <= instant_ms < 1 << 45 else str(instant_ms)


def revoke(actor: Actor, name: str, *, reason: str = "", idempotency_key: str | None = None) -> User:
    """From now on the token opens nothing; its row stays, so that the journal's names keep their meaning. TOKEN_UNKNOWN."""

    def work() -> dict[str, Any]:
        if not User.objects.filter(name=name, kind="TOKEN").exists():
            raise refuse("TOKEN_UNKNOWN", value=name)
        User.objects.filter(name=name, kind="TOKEN").update(is_active=False)
        return {"name": name, "is_active": False}

    perform(Command("token.revoke", Right.MANAGE_USERS, f"token/{name}", actor, idempotency_key=idempotency_key, reason=reason), work)
    return User.objects.get(name=name)


def actor_of(secret: str) -> Actor:
    """Who a token acts as. TOKEN_INVALID, TOKEN_EXPIRED or TOKEN_REVOKED; the last two only to whoever holds the token itself.

    The look-up is by the digest, which nobody can steer towards another's, and the comparison takes the same time for every wrong token.
    """
    digest = digest_of(secret)
    row = User.objects.filter(token_digest=digest, kind="TOKEN").first() if _TOKEN.fullmatch(secret) else None
    if row is None or not hmac.compare_digest(row.token_digest or "", digest):
        raise refuse("TOKEN_INVALID")
    if not row.is_active:
        raise refuse("TOKEN_REVOKED")
    now = clock.now_ms()
    if row.expires_at is None or row.expires_at <= now:
        raise refuse("TOKEN_EXPIRED")
    _note_use(row, now)
    return Actor(row.name, Role(row.role), row.partner_id, frozenset(_RIGHT_OF[each] for each in row.scope if each in _RIGHT_OF))


def _note_use(row: User, now: int) -> None:
    """When it was last used, to within minutes: one small write now and then, and none where the database is busy."""
    if row.last_used_at is not None and row.last_used_at > now - NOTED_EVERY_MS:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - NOTED_EVERY_MS)
    try:
        User.objects.filter(stale, name=row.name).update(last_used_at=now)
    except OperationalError:
        return
