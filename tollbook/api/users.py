"""People: who may log in, as what, and the owner's commands."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from tollbook.api import listing, tag
from tollbook.api.fields import Instant, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import Given, instant
from tollbook.api.operation import actor_of, reads, writes
from tollbook.api.repeated import Answer
from tollbook.core.rights import RIGHTS, Right, Role
from tollbook.flow.token import default_scope, rights_of
from tollbook.store.models import User
from tollbook.web.accounts import people
from tollbook.web.page import Scope
from tollbook.web.users import ABOUT, Users, has_password, invitation_address

router = Router(tags=["book"])

listing.add(
    router,
    Listing(
        "/users",
        "users",
        "User",
        Users,
        "Everybody who may log in, with role.",
        "Who may no longer log in stays in the list, so that the journal's names keep their meaning.",
        shapes={"is_active": Shape.FLAG},
    ),
)


class UserDetail(Schema):
    """A person, and what the role may do."""

    name: str
    role: str
    partner: str | None
    is_active: bool
    has_password: bool = Field(description="False until the invitation was used.")
    created_at: Instant | None
    rights: list[str]


class UserInvited(UserDetail):
    """A person with the address to hand over."""

    invitation: str | None = Field(
        description="Sets a password, works once and for three days. Null when the same command comes again: it is kept nowhere."
    )


RoleName: Any = Literal[tuple(str(role) for role in Role)]
PartnerName = Annotated[str, Field(min_length=1, max_length=200, pattern="^[^\\x00]+$")]


class RoleWanted(Given):
    """A role, and for the role partner whose documents and disputes."""

    role: RoleName
    partner: PartnerName | None = None


class UserWanted(RoleWanted):
    """Whom to invite."""

    name: Annotated[str, Field(min_length=2, max_length=100, pattern="^[a-z0-9][a-z0-9._@-]{1,99}$")]


def _one(name: str) -> User:
    row = User.objects.filter(name=name, kind="PERSON").first()
    if row is None:
        raise Http404
    return row


def _told(name: str) -> dict[str, Any]:
    row = _one(name)
    rights = [str(right) for right in Right if right in RIGHTS[Role(row.role)]]
    told = {"name": row.name, "role": row.role, "partner": row.partner_id, "is_active": row.is_active, "rights": rights}
    return {**told, "has_password": has_password(row.name), "created_at": instant(row.created_at)}


def _matched(request: HttpRequest, name: str) -> None:
    told = _told(name)
    tag.require_match(request, lambda: UserDetail(**told))


def _invited(request: HttpRequest, name: str, account: Any, status: int) -> Answer:
    found = UserInvited(**_told(name), invitation=invitation_address(request, account))
    return Answer(found, status, secret=("invitation",), location=f"/api/v1/users/{name}")


class RoleDetail(Schema):
    """A role: what it is for and what it may do."""

    role: str
    about: str = Field(description="What somebody of this role does, in a few words.")
    rights: list[str] = Field(description="Everything it may do: as much as a token of it can be given.")
    reading_rights: list[str] = Field(description="Those of its rights that change nothing: the usual scope of a token.")


class RoleList(Schema):
    """All roles."""

    roles: list[RoleDetail]


@reads(router, "/roles", right=Right.READ_USERS, scope=Scope.OPERATOR, gives=RoleList, summary="All roles with their rights.")
def roles(request: HttpRequest) -> Schema:
    """The table of who may do what. A person has all rights of the role, a token those of them that its scope names."""
    return RoleList(
        roles=[
            RoleDetail(
                role=str(role),
                about=ABOUT[role],
                rights=[str(right) for right in rights_of(role)],
                reading_rights=[str(right) for right in default_scope(role)],
            )
            for role in Role
        ]
    )


@reads(router, "/users/{name}", right=Right.READ_USERS, scope=Scope.OPERATOR, gives=UserDetail, summary="One user.")
def one_user(request: HttpRequest, name: str) -> Schema:
    """The role and what it may do."""
    return UserDetail(**_told(name))


@writes(
    router,
    "POST",
    "/users",
    rights=(Right.MANAGE_USERS,),
    scope=Scope.OPERATOR,
    gives=UserInvited,
    status=201,
    summary="Invite somebody.",
)
def invite_user(request: HttpRequest, body: UserWanted) -> Answer:
    """Gives the address to hand over. A token invites nobody to a role with rights that it does not have itself."""
    return _invited(request, body.name, people.invite(actor_of(request), body.name, Role(body.role), body.partner), 201)


@writes(
    router,
    "POST",
    "/users/{name}/invitations",
    rights=(Right.MANAGE_USERS,),
    scope=Scope.OPERATOR,
    gives=UserInvited,
    status=201,
    summary="Invite somebody again.",
    takes="",
    matches=True,
)
def invite_user_again(request: HttpRequest, name: str) -> Answer:
    """For who missed the invitation, forgot the password or lost the second factor: the old ones no longer count, and every browser is
    logged out."""
    _matched(request, name)
    return _invited(request, name, people.invite_again(actor_of(request), name), 201)


@writes(
    router,
    "PUT",
    "/users/{name}/role",
    rights=(Right.MANAGE_USERS,),
    scope=Scope.OPERATOR,
    gives=UserDetail,
    summary="Give somebody another role.",
    matches=True,
)
def change_user_role(request: HttpRequest, name: str, body: RoleWanted) -> Answer:
    """From the next request on. A book keeps at least one owner."""
    _matched(request, name)
    people.change_role(actor_of(request), name, Role(body.role), body.partner)
    return Answer(UserDetail(**_told(name)))


@writes(
    router,
    "POST",
    "/users/{name}/activation",
    rights=(Right.MANAGE_USERS,),
    scope=Scope.OPERATOR,
    gives=UserDetail,
    summary="Let somebody in again.",
    takes="",
    matches=True,
)
def activate_user(request: HttpRequest, name: str) -> Answer:
    """With the password and the second factor the person had."""
    _matched(request, name)
    people.change(actor_of(request), name, is_active=True)
    return Answer(UserDetail(**_told(name)))


@writes(
    router,
    "POST",
    "/users/{name}/deactivation",
    rights=(Right.MANAGE_USERS,),
    scope=Scope.OPERATOR,
    gives=UserDetail,
    summary="Lock somebody out.",
    takes="",
    matches=True,
)
def deactivate_user(request: HttpRequest, name: str) -> Answer:
    """Out of every browser at once. A book keeps at least one owner."""
    _matched(request, name)
    people.change(actor_of(request), name, is_active=False)
    return Answer(UserDetail(**_told(name)))
