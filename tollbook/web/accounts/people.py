"""People of the book: the first owner, invitations, and changes of role. Every change goes through the one door for writes."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from typing import Any, Final

from django.contrib.auth.models import User as Account
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from tollbook.core.rights import Actor, Right, Role
from tollbook.flow import clock
from tollbook.flow.command import Command, perform
from tollbook.store.models import Partner, User

SETUP_VARIABLE: Final = "TOLLBOOK_SETUP_TOKEN_SHA256"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,99}")


def is_book_without_people() -> bool:
    """Whether nobody can log in yet: the only time at which the set-up page works."""
    return not Account.objects.exists()


def is_setup_token(token: str) -> bool:
    """Whether it is the token that `tollbook serve` printed at its start; compared in constant time, kept nowhere but in its digest."""
    expected = os.environ.get(SETUP_VARIABLE, "")
    given = hashlib.sha256(token.encode()).hexdigest()
    return bool(expected) and hmac.compare_digest(given, expected) and is_book_without_people()


def create_owner(name: str, password: str) -> Account:
    """The first person: owner of the book. There is none before, so the book itself is the actor."""

    def work() -> dict[str, Any]:
        assert is_book_without_people(), "the first owner is made once"
        Account.objects.create_user(username=name, password=password)
        User.objects.update_or_create(
            name=name, defaults={"kind": "PERSON", "role": str(Role.OWNER), "is_active": True, "created_at": clock.now_ms()}
        )
        return {"name": name, "role": str(Role.OWNER)}

    actor = Actor(name, Role.OWNER)
    perform(
        Command(
            "user.create-owner", Right.MANAGE_USERS, f"user/{name}", actor, {"name": name}, reason="First start of the web application"
        ),
        work,
    )
    return Account.objects.get(username=name)


def invite(actor: Actor, name: str, role: Role, partner: str | None) -> Account:
    """A person who may set a password once, by the address that `invitation_of` gives."""

    def work() -> dict[str, Any]:
        account, is_new = Account.objects.get_or_create(username=name)
        if is_new:
            account.set_unusable_password()
            account.save()
        User.objects.update_or_create(
            name=name,
            defaults={
                "kind": "PERSON",
                "role": str(role),
                "partner": Partner.objects.get(id=partner) if partner else None,
                "is_active": True,
                "created_at": clock.now_ms(),
            },
        )
        return {"name": name, "role": str(role), "partner": partner or ""}

    perform(Command("user.invite", Right.MANAGE_USERS, f"user/{name}", actor, {"role": str(role), "partner": partner or ""}), work)
    return Account.objects.get(username=name)


def change(actor: Actor, name: str, *, is_active: bool) -> None:
    """Lets a person in again or no longer; who is out is logged out of every browser at once."""

    def work() -> dict[str, Any]:
        User.objects.filter(name=name, kind="PERSON").update(is_active=is_active)
        Account.objects.filter(username=name).update(is_active=is_active)
        return {"name": name, "is_active": is_active}

    perform(Command("user.activate" if is_active else "user.deactivate", Right.MANAGE_USERS, f"user/{name}", actor), work)
    if not is_active:
        _log_out_everywhere(name)


def _log_out_everywhere(name: str) -> None:
    account = Account.objects.filter(username=name).first()
    if account is None:
        return
    with transaction.atomic():
        for session in Session.objects.iterator():
            if session.get_decoded().get("_auth_user_id") == str(account.pk):
                session.delete()


def invitation_of(account: Account) -> str:
    """The parts of an invitation's address. It works once and for three days: a set password changes what the token is made of."""
    return f"{urlsafe_base64_encode(force_bytes(account.pk))}/{default_token_generator.make_token(account)}"


def invited(uid: str, token: str) -> Account | None:
    """The account of an invitation that still works."""
    try:
        account = Account.objects.filter(pk=int(urlsafe_base64_decode(uid))).first()
    except (ValueError, OverflowError):
        return None
    if account is None or account.has_usable_password() or not default_token_generator.check_token(account, token):
        return None
    return account
