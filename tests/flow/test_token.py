"""Tokens: what is kept of them, whom they act as, and what nobody can give or find out."""

from __future__ import annotations

import re

import pytest

from tollbook.core.problem import Refusal
from tollbook.core.rights import Actor, Right, Role, allowed
from tollbook.flow import clock, token
from tollbook.flow.book import Book
from tollbook.store.models import Journal, Partner, User

NOW_MS = 1_795_305_600_000
DAY_MS = 86_400_000
OWNER = Actor("anna", Role.OWNER)


@pytest.fixture(autouse=True)
def _now() -> object:
    with clock.pinned(NOW_MS):
        yield


def _made(name: str = "erp", role: Role = Role.BILLING, *scope: Right, **options: object) -> token.Made:
    return token.create(OWNER, name, role, scope or (Right.READ_DOCUMENTS,), **{"expires_at": NOW_MS + DAY_MS, **options})  # type: ignore[arg-type]


def _codes(call: object, *arguments: object, **options: object) -> list[str]:
    with pytest.raises(Refusal) as caught:
        call(*arguments, **options)  # type: ignore[operator]
    return [each.code for each in caught.value.problems]


def test_a_token_acts_as_its_role_within_its_scope(book: Book) -> None:
    made = _made("erp", Role.BILLING, Right.READ_DOCUMENTS, Right.INGEST)
    actor = token.actor_of(made.secret or "")
    assert (actor.name, actor.role, actor.partner) == ("erp", Role.BILLING, None)
    assert [right for right in Right if allowed(actor, right)] == [Right.READ_DOCUMENTS, Right.INGEST]


def test_only_the_digest_is_kept(book: Book) -> None:
    secret = _made().secret or ""
    assert re.fullmatch(r"tollbook_[A-Za-z0-9_-]{43}", secret)
    row, entry = User.objects.get(name="erp"), Journal.objects.get(action="token.create")
    kept = " ".join(str(getattr(each, field.attname)) for each in (row, entry) for field in each._meta.concrete_fields)
    assert secret not in kept
    assert secret.removeprefix("tollbook_") not in kept
    assert row.token_digest == token.digest_of(secret)


def test_who_has_not_the_token_learns_nothing(book: Book) -> None:
    secret = _made().secret or ""
    for wrong in ("", "tollbook_", secret[:-1] + ("A" if secret[-1] != "A" else "B"), secret + "A", secret.upper(), "é" * 52, "\ud800"):
        assert _codes(token.actor_of, wrong) == ["TOKEN_INVALID"]
    # Somebody's digest is no token.
    assert _codes(token.actor_of, User.objects.get(name="erp").token_digest) == ["TOKEN_INVALID"]


def test_a_token_ends(book: Book) -> None:
    secret = _made().secret or ""
    with clock.pinned(NOW_MS + DAY_MS - 1):
        token.actor_of(secret)
    with clock.pinned(NOW_MS + DAY_MS):
        assert _codes(token.actor_of, secret) == ["TOKEN_EXPIRED"]
    token.revoke(OWNER, "erp")
    assert _codes(token.actor_of, secret) == ["TOKEN_REVOKED"]
    assert _codes(token.revoke, OWNER, "nobody") == ["TOKEN_UNKNOWN"]


def test_its_use_is_noted_now_and_then(book: Book) -> None:
    secret = _made().secret or ""
    seen = []
    for later in (0, token.NOTED_EVERY_MS - 1, token.NOTED_EVERY_MS):
        with clock.pinned(NOW_MS + later):
            token.actor_of(secret)
        seen.append((User.objects.get(name="erp").last_used_at or 0) - NOW_MS)
    assert seen == [0, 0, token.NOTED_EVERY_MS]


def test_what_cannot_be_made(book: Book) -> None:
    Partner.objects.create(id="aurora")
    assert _codes(_made, "Erp") == ["TOKEN_NAME"]
    assert _codes(_made, "x") == ["TOKEN_NAME"]
    _made("erp")
    assert _codes(_made, "erp") == ["TOKEN_NAME"]
    assert _codes(_made, "a1", Role.NOC, Right.READ_LEDGER) == ["TOKEN_SCOPE"]
    assert _codes(token.create, OWNER, "a2", Role.NOC, (), expires_at=NOW_MS + 1) == ["TOKEN_SCOPE"]
    assert _codes(_made, "a3", Role.PARTNER, Right.READ_DISPUTES) == ["TOKEN_PARTNER"]
    assert _codes(_made, "a4", partner="nobody") == ["TOKEN_PARTNER"]
    for expires_at in (NOW_MS, NOW_MS - 1, NOW_MS + token.LONGEST_MS + 1, 1 << 60, -5):
        assert _codes(_made, "a5", expires_at=expires_at) == ["TOKEN_EXPIRY"]
    assert _codes(token.create, Actor("b", Role.BILLING), "a6", Role.NOC, (Right.READ_BOOK,), expires_at=NOW_MS + 1) == ["RIGHT_MISSING"]
    assert set(User.objects.filter(kind="TOKEN").values_list("name", flat=True)) == {"erp"}


def test_a_token_gives_on_nothing_it_does_not_have(book: Book) -> None:
    maker = token.actor_of(_made("maker", Role.OWNER, Right.MANAGE_USERS, Right.READ_BOOK).secret or "")
    options = {"expires_at": NOW_MS + DAY_MS}
    assert _codes(token.create, maker, "more", Role.OWNER, (Right.READ_LEDGER,), **options) == ["TOKEN_SCOPE"]
    assert token.create(maker, "less", Role.NOC, (Right.READ_BOOK,), **options).row.created_by == "maker"


def test_the_same_command_again_shows_no_secret(book: Book) -> None:
    first = _made(idempotency_key="k1")
    again = _made(idempotency_key="k1")
    assert first.secret
    assert again.secret is None
    assert again.row.pk == first.row.pk
    assert _codes(_made, idempotency_key="k1", expires_at=NOW_MS + 5) == ["IDEMPOTENCY_CONFLICT"]
    assert User.objects.filter(kind="TOKEN").count() == 1


def test_a_partners_token_has_that_partner_only(book: Book) -> None:
    Partner.objects.create(id="aurora")
    made = _made("theirs", Role.PARTNER, Right.READ_DISPUTES, partner="aurora")
    actor = token.actor_of(made.secret or "")
    assert allowed(actor, Right.READ_DISPUTES, "aurora")
    assert not allowed(actor, Right.READ_DISPUTES, "cirrus")
    assert not allowed(actor, Right.READ_DOCUMENTS, "aurora")
    assert token.default_scope(Role.PARTNER) == [Right.READ_DISPUTES, Right.READ_DOCUMENTS]
