"""The check of a dispute's evidence, as whoever receives the pack would make it."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from ninja import Router, Schema
from pydantic import Field

from tollbook.api.closes import Verified, verified
from tollbook.api.operation import page_for, reads
from tollbook.core.rights import Right
from tollbook.plain.verify import verify
from tollbook.store import files
from tollbook.web import book
from tollbook.web.dispute import visible
from tollbook.web.page import Scope

router = Router(tags=["disputes"])


class DisputeVerification(Verified):
    """What the verification of a dispute's pack found. Nothing is changed by it."""

    dispute: str = Field(description="The dispute's name.")


@reads(
    router,
    "/disputes/{id}/verification",
    right=Right.READ_DISPUTES,
    scope=Scope.OWN,
    gives=DisputeVerification,
    summary="Check a dispute's pack and say whether it holds.",
)
def dispute_verification(request: HttpRequest, id: str) -> Schema:  # noqa: A002 - as the address calls it
    """Everything computed again from the pack alone, as tollbook verify does with the file. A file that is no pack is refused (422)."""
    page = page_for(request)
    row = page.one(visible(page), pk=id)
    path = files.find(book.folder(), row.pack_id) if row.pack_id else None
    if path is None:
        raise Http404
    return DisputeVerification(dispute=row.id, **verified(verify(path)).dict())
