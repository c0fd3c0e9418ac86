"""People of the book: the first owner, invitations, and changes of role. Every change goes through the one door for writes."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User as Account
from django.contrib.auth.tokens import default_token_generator
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from tollbook.core.problem import refuse
from tollbook.core.rights import RIGHTS, Actor, Right, Role
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
    """A person who may set a password once, by the address that `invitation_of` gives. USER_NAME, USER_PARTNER or USER_ROLE where not."""

    def work() -> dict[str, Any]:
        if not NAME.fullmatch(name):
            raise refuse("USER_NAME", value=name)
        if User.objects.filter(name=name).exists() or Account.objects.filter(username=name).exists():
            raise refuse("USER_NAME", "There is somebody or something of this name already.", value=name)
        _check_role(actor, role, partner)
        account = Account(username=name)
        account.set_unusable_password()
        account.save()
        User.objects.create(name=name, kind="PERSON", role=str(role), partner_id=partner, is_active=True, created_at=clock.now_ms())
        return {"name": name, "role": str(role), "partner": partner or ""}

    perform(Command("user.invite", Right.MANAGE_USERS, f"user/{name}", actor, {"role": str(role), "partner": partner or ""}), work)
    return Account.objects.get(username=name)


def invite_again(actor: Actor, name: str) -> Account:
    """For who missed the invitation, forgot the password or lost the second factor: none of these counts any more, earlier invitations
    neither, and every browser is logged out. USER_UNKNOWN where nobody of the name may log in."""

    def work() -> dict[str, Any]:
        row, account = _person(name)
        _check_scope(actor, Role(row.role))
        if not row.is_active:
            raise refuse("USER_UNKNOWN", f"{name} may not log in; let the person in again first.", value=name)
        account.set_unusable_password()
        account.save()
        removed, _ = Authenticator.objects.filter(user=account).delete()
        return {"name": name, "second_factors_removed": removed}

    perform(Command("user.invite-again", Right.MANAGE_USERS, f"user/{name}", actor), work)
    _log_out_everywhere(name)
    return Account.objects.get(username=name)


def change_role(actor: Actor, name: str, role: Role, partner: str | None) -> None:
    """Another role, from the next request on. USER_LAST_OWNER where no owner would be left."""

    def work() -> dict[str, Any]:
        row, _ = _person(name)
        _check_scope(actor, Role(row.role))
        _check_role(actor, role, partner)
        before = {"role": row.role, "partner": row.partner_id or ""}
        row.role, row.partner_id = str(role), partner
        row.save(update_fields=["role", "partner"])
        _check_owners()
        return {"name": name, "role": str(role), "partner": partner or "", "before": before}

    perform(Command("user.change-role", Right.MANAGE_USERS, f"user/{name}", actor, {"role": str(role), "partner": partner or ""}), work)


def change(actor: Actor, name: str, *, is_active: bool) -> None:
    """Lets a person in again or no longer; who is out is logged out everywhere at once. USER_LAST_OWNER where no owner would be left."""

    def work() -> dict[str, Any]:
        row, account = _person(name)
        _check_scope(actor, Role(row.role))
        row.is_active = account.is_active = is_active
        row.save(update_fields=["is_active"])
        account.save(update_fields=["is_active"])
        _check_owners()
        return {"name": name, "is_active": is_active}

    perform(Command("user.activate" if is_active else "user.deactivate", Right.MANAGE_USERS, f"user/{name}", actor), work)
    if not is_active:
        _log_out_everywhere(name)


def _person(name: str) -> tuple[User, Account]:
    row = User.objects.filter(name=name, kind="PERSON").first()
    account = Account.objects.filter(username=name).first()
    if row is None or account is None:
        raise refuse("USER_UNKNOWN", value=name)
    return row, account


def _check_role(actor: Actor, role: Role, partner: str | None) -> None:
    if role is Role.PARTNER and not partner:
        raise refuse("USER_PARTNER", "A partner's user needs its partner.")
    if role is not Role.PARTNER and partner:
        raise refuse("USER_PARTNER", "Only the role partner belongs to a partner.", value=partner)
    if partner and not Partner.objects.filter(id=partner).exists():
        raise refuse("USER_PARTNER", "The book has no such partner.", value=partner)
    _check_scope(actor, role)


def _check_scope(actor: Actor, role: Role) -> None:
    """A token gives nobody what it does not have itself, and has no power over who has more than it."""
    # What only partners may do is nobody's own to give, and no power over the book.
    own = RIGHTS[role] & RIGHTS[actor.role]
    lacking = [right for right in Right if right in own and actor.scope is not None and right not in actor.scope]
    if lacking:
        raise refuse(
            "USER_ROLE", f"{actor.name} does not itself have the right to {lacking[0]}, which the role {role} has.", value=str(role)
        )


def _check_owners() -> None:
    """A book that nobody owns could never be given an owner again."""
    if not User.objects.filter(kind="PERSON", role=str(Role.OWNER), is_active=True).exists():
        raise refuse("USER_LAST_OWNER")


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
    if account is None or not account.is_active or account.has_usable_password() or not default_token_generator.check_token(account, token):
        return None
    return account
