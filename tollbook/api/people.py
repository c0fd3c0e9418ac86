"""The journal, tokens, and what the token in hand may do."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from tollbook import __version__
from tollbook.api import listing, tag
from tollbook.api.fields import Instant, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import Given, Text, instant
from tollbook.api.operation import actor_of, reads, writes
from tollbook.api.repeated import Answer
from tollbook.core.rights import Right, Role, allowed
from tollbook.flow import clock, token
from tollbook.store import journal
from tollbook.store.models import Journal, User
from tollbook.web import book
from tollbook.web.journal import Entries
from tollbook.web.page import Scope
from tollbook.web.tokens import Tokens

router = Router(tags=["book"])

listing.add(
    router,
    Listing(
        "/journal",
        "journal",
        "JournalRow",
        Entries,
        "Every change of the book, in order.",
        "Each row carries the hash of the row before it; the database refuses to change or remove one.",
    ),
)
listing.add(
    router,
    Listing(
        "/tokens",
        "tokens",
        "Token",
        Tokens,
        "The tokens of this API, without their secrets.",
        "A token that was revoked or has expired stays in the list.",
        shapes={"is_active": Shape.FLAG},
    ),
)


class JournalRowDetail(Schema):
    """One change: who, what, why, what came of it, and whether the chain holds here."""

    seq: int
    at: Instant
    actor: str
    action: str
    subject: str
    reason: str
    idempotency_key: str | None = Field(description="The key of the command, where it had one: the same one again did nothing.")
    input_hash: str = Field(description="SHA-256 of what the command was given.")
    result: dict[str, Any]
    prev_hash: str = Field(description="The hash of the row before this one; noughts for the first.")
    row_hash: str = Field(
        description="SHA-256 of the canonical JSON (RFC 8785) of seq, at (in milliseconds), actor, action, subject, reason, "
        "idempotency_key, input_hash, result (as the text of its canonical JSON) and prev_hash."
    )
    own_hash_holds: bool = Field(description="Whether the row still has the hash of its content.")
    follows: bool = Field(description="Whether it carries the hash of the row before it.")


@reads(
    router,
    "/journal/{number:seq}",
    right=Right.READ_JOURNAL,
    scope=Scope.OPERATOR,
    gives=JournalRowDetail,
    summary="One row of the journal.",
)
def journal_row(request: HttpRequest, seq: int) -> Schema:
    """With its result, and whether it holds to the row before it."""
    found = {row.seq: row for row in Journal.objects.filter(seq__in=(seq - 1, seq))}
    row = found.get(seq)
    if row is None:
        raise Http404
    before = found[seq - 1].row_hash if seq - 1 in found else journal.GENESIS
    return JournalRowDetail(
        at=instant(row.at) or "",
        result=json.loads(row.result),
        own_hash_holds=row.row_hash == journal.row_hash(row),
        follows=row.prev_hash == before,
        **{name: getattr(row, name) for name in ("seq", "actor", "action", "subject", "reason", "idempotency_key")},
        **{name: getattr(row, name) for name in ("input_hash", "prev_hash", "row_hash")},
    )


class Me(Schema):
    """The token in hand, and the book it opens."""

    token: str
    role: str
    partner: str | None
    rights: list[str] = Field(description="What it may do: its role cut down to its scope.")
    expires_at: Instant | None
    book: str
    currency: str = Field(description="Of the book's own management figures.")
    zone: str
    version: str = Field(description="Of the software.")
    now: Instant


@reads(router, "/me", right=None, scope=Scope.PERSON, gives=Me, summary="The token in hand and the book it opens.")
def me(request: HttpRequest) -> Schema:
    """A good first request: it needs no right but a token."""
    actor, own = actor_of(request), book.current()
    row = User.objects.get(name=actor.name)
    return Me(
        token=actor.name,
        role=str(actor.role),
        partner=actor.partner,
        rights=[str(right) for right in Right if allowed(actor, right, actor.partner)],
        expires_at=instant(row.expires_at),
        book=own.name or own.id,
        currency=own.currency,
        zone=own.zone,
        version=__version__,
        now=clock.show_instant(clock.now_ms()),
    )


class TokenDetail(Schema):
    """A token without its secret."""

    name: str
    role: str
    partner: str | None
    scope: list[str]
    hint: str = Field(description="Its last four letters.")
    is_active: bool
    created_at: Instant
    created_by: str
    expires_at: Instant | None
    last_used_at: Instant | None = Field(description="To within ten minutes.")


class TokenMade(TokenDetail):
    """A token with its secret, which is shown this once."""

    secret: str | None = Field(description="Send it as Authorization: Bearer. Null when the same command comes again: it is kept nowhere.")


# From the table of rights, so that the document names them all.
RightName: Any = Literal[tuple(str(right) for right in Right)]


class TokenWanted(Given):
    """A token to make."""

    name: Annotated[str, Field(min_length=2, max_length=100, pattern="^[a-z0-9][a-z0-9._@-]{1,99}$")]
    role: Literal[tuple(str(role) for role in Role)]  # type: ignore[valid-type]
    scope: Annotated[list[RightName], Field(min_length=1, max_length=len(Right))]
    expires_at: Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})] = Field(
        description="At most two years from now."
    )
    partner: Annotated[str, Field(max_length=200, pattern="^[^\\x00]+$")] | None = None
    reason: Text = ""


def _token(row: User) -> dict[str, Any]:
    return {
        "name": row.name,
        "role": row.role,
        "partner": row.partner_id,
        "scope": row.scope,
        "hint": row.token_hint,
        "is_active": row.is_active,
        "created_at": instant(row.created_at),
        "created_by": row.created_by,
        "expires_at": instant(row.expires_at),
        "last_used_at": instant(row.last_used_at),
    }


def _one(name: str) -> User:
    row = User.objects.filter(name=name, kind="TOKEN").first()
    if row is None:
        raise Http404
    return row


@reads(router, "/tokens/{name}", right=Right.READ_USERS, scope=Scope.OPERATOR, gives=TokenDetail, summary="One token.")
def one_token(request: HttpRequest, name: str) -> Schema:
    """What it may do and when it was last used."""
    return TokenDetail(**_token(_one(name)))


@writes(
    router,
    "POST",
    "/tokens",
    rights=(Right.MANAGE_USERS,),
    scope=Scope.OPERATOR,
    gives=TokenMade,
    status=201,
    summary="Make a token.",
)
def make_token(request: HttpRequest, body: TokenWanted) -> Answer:
    """With a role and the rights of it that it is to have. Who acts by a token can give on no right that it does not have itself."""
    made = token.create(
        actor_of(request),
        body.name,
        Role(body.role),
        [Right(each) for each in body.scope],
        expires_at=clock.parse_instant_ms(body.expires_at),
        partner=body.partner,
        reason=body.reason,
    )
    found = TokenMade(**_token(made.row), secret=made.secret)
    return Answer(found, 201, secret=("secret",), location=f"/api/v1/tokens/{made.row.name}")


@writes(
    router,
    "DELETE",
    "/tokens/{name}",
    rights=(Right.MANAGE_USERS,),
    scope=Scope.OPERATOR,
    gives=TokenDetail,
    summary="Revoke a token.",
    takes="",
    matches=True,
)
def revoke_token(request: HttpRequest, name: str) -> Answer:
    """From now on it opens nothing. Its row stays, so that the journal's names keep their meaning."""
    row = _one(name)
    tag.require_match(request, lambda: TokenDetail(**_token(row)))
    return Answer(TokenDetail(**_token(token.revoke(actor_of(request), name))))
