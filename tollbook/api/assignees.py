"""Whom exceptions can be given to."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from tollbook.api.operation import reads
from tollbook.core.rights import Right
from tollbook.flow.exception import assignees
from tollbook.web.page import Scope

router = Router(tags=["exceptions"])


class Assignees(Schema):
    """Everybody who can be given an exception."""

    assignees: list[str] = Field(description="The names of the active people whose role decides exceptions, in their order.")


@reads(
    router,
    "/exceptions/assignees",
    right=Right.WORK_EXCEPTIONS,
    scope=Scope.OPERATOR,
    gives=Assignees,
    summary="Whom exceptions can be given to.",
)
def exception_assignees(request: HttpRequest) -> Schema:
    """For POST /api/v1/exceptions/assignments; an empty text there gives an exception back to the queue."""
    return Assignees(assignees=assignees())
