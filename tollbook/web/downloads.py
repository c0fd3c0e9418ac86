"""Files as they were sealed: what came from switches and partners, and the calls that went out with an invoice."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase

from tollbook.core.rights import Right
from tollbook.store import files
from tollbook.store.models import Agreement, Batch, Deck, SealedFile, Segment
from tollbook.web import book
from tollbook.web.documents import visible
from tollbook.web.page import Page, Scope


class Download(Page):
    """A sealed file, byte by byte and never shown in the browser: what others wrote is not ours to run."""

    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django types it

    @abstractmethod
    def digest(self) -> str:
        """Of the file; empty where there is none. 404 where the viewer may not know of what it belongs to."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        row = SealedFile.objects.filter(digest=self.digest()).first()
        path = files.find(book.folder(), row.digest) if row else None
        if row is None or path is None:
            raise Http404
        return FileResponse(path.open("rb"), content_type="application/octet-stream", as_attachment=True, filename=row.name)


class Annex(Download):
    """Every call of an invoice with its price, as it was sealed with it."""

    right, scope = Right.READ_DOCUMENTS, Scope.OWN

    def digest(self) -> str:
        content = self.one(visible(self), pk=self.kwargs["pk"]).content
        return str(content.get("annex_sha256") or "") if isinstance(content, dict) else ""


class AgreementDocument(Download):
    """The agreement as it was sealed."""

    right, scope = Right.READ_REFERENCE, Scope.OPERATOR

    def digest(self) -> str:
        return str(self.one(Agreement.objects.all(), pk=self.kwargs["pk"]).file_id)


class RateSheet(Download):
    """A deck's file as it was received."""

    right, scope = Right.READ_REFERENCE, Scope.OPERATOR

    def digest(self) -> str:
        return str(self.one(Deck.objects.all(), pk=self.kwargs["pk"]).file_id)


def may_have_records(page: Page, digest: str) -> bool:
    """Whether the viewer may have a whole file of records: a partner's may state prices, which not everybody sees who sees calls."""
    theirs = Segment.objects.filter(batch__file_id=digest, kind="cdr", side="THEIRS")
    return page.may(Right.READ_CALLS) and (page.may(Right.READ_MARGIN) or not theirs.exists())


class Records(Download):
    """A file of records as it was received."""

    right, scope = Right.READ_CALLS, Scope.OPERATOR

    def digest(self) -> str:
        digest: str = self.kwargs["digest"]
        if not Batch.objects.filter(source=self.kwargs["source"], file_id=digest).exists():
            raise Http404
        if not may_have_records(self, digest):
            raise PermissionDenied
        return digest
