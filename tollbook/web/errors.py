"""The pages of what went wrong; each says what to do next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def _page(request: HttpRequest, status: int, heading: str, advice: str) -> HttpResponse:
    return render(request, "web/error.html", {"heading": heading, "advice": advice, "status": status, "title": heading}, status=status)


def bad_request(request: HttpRequest, exception: BaseException) -> HttpResponse:
    return _page(
        request,
        400,
        "This request cannot be read",
        "Something in the address or the form is not what this page takes. Go back and try again.",
    )


def forbidden(request: HttpRequest, exception: BaseException) -> HttpResponse:
    return _page(request, 403, "Not for your role", "Ask the owner of the book for a role that has this right.")


def not_found(request: HttpRequest, exception: BaseException) -> HttpResponse:
    return _page(
        request, 404, "There is nothing here", "It was never here, or it is not yours to see. From your home page, Ctrl K searches for it."
    )


def failed(request: HttpRequest) -> HttpResponse:
    return _page(
        request,
        500,
        "This page failed",
        "Nothing was changed. Try again; if it fails again, tell who runs this server the time and the address.",
    )
