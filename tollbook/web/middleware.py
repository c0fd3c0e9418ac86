"""What every answer carries and every failure becomes: the content security policy, and refusals as pages that say what to do."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import render

from tollbook.core.problem import Refusal

# Nothing inline and nothing from elsewhere. Frames are for our own PDFs. data: images are allowed for the QR code of an authenticator.
POLICY = (
    "default-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
    "frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)

# What is packed in itself: packs, spreadsheets, PDFs. To pack it again takes seconds, makes it no smaller and hides its length.
PACKED = ("application/zip", "application/pdf", "application/vnd.openxmlformats", "application/gzip", "image/", "font/")

Handler = Callable[[HttpRequest], HttpResponseBase]


class ContentSecurityPolicy:
    """Adds the policy and the permissions nobody here needs. A view that sends a PDF sets its own, narrower policy first."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._handler(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault(
            "Permissions-Policy",
            "camera=(), microphone=(), geolocation=(), payment=(), publickey-credentials-get=(self), publickey-credentials-create=(self)",
        )
        if not request.path.startswith("/static/"):
            # Money of a partner: kept by nobody on the way, and not shown again by the back button after a log-out.
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class Compress(GZipMiddleware):
    """Compresses what gets smaller by it."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.headers.get("Content-Type", "").startswith(PACKED):
            return response
        compressed: HttpResponseBase = super().process_response(request, response)
        return compressed


class Problems:
    """A refusal of the core becomes a page with its problems, each with reason and remedy; never a traceback."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._handler(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        status = 403 if any(each.code == "RIGHT_MISSING" for each in exception.problems) else 409
        return render(request, "web/refused.html", {"problems": exception.problems}, status=status)
