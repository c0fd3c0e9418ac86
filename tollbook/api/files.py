"""Sealed files as answers: the bytes as they were sealed, under the digest they are named by."""

from __future__ import annotations

from typing import Any, Final

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase

from tollbook.api import tag
from tollbook.store import files
from tollbook.web import book

BYTES: Final = "application/octet-stream"
PDF: Final = "application/pdf"
ZIP: Final = "application/zip"


def content(media: str) -> dict[str, Any]:
    """How the document describes an answer of bytes."""
    return {media: {"schema": {"type": "string", "contentMediaType": media, "contentEncoding": "binary"}}}


def sealed(request: HttpRequest, digest: str | None, name: str, media: str) -> HttpResponseBase:
    """The sealed file of a digest; 404 where there is none. Its tag is its digest, so nothing is read to find it unchanged."""
    path = files.find(book.folder(), digest) if digest else None
    if path is None or digest is None:
        raise Http404
    mark = f'"{digest}"'
    if tag.is_known(request, mark):
        return HttpResponse(status=304, headers={"ETag": mark})
    response = FileResponse(path.open("rb"), content_type=media, as_attachment=True, filename=name)
    response.headers["ETag"] = mark
    return response
