"""The addresses below /api, and what every one of them does beside its operation: HEAD, OPTIONS, 304, headers, problems for all errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt

from tollbook.api import tag
from tollbook.api.application import application, document
from tollbook.api.catalogue import one_problem
from tollbook.api.problem import answer_to, problem_json
from tollbook.api.reference import Reference

View = Callable[..., HttpResponseBase]


def guarded(view: View, methods: frozenset[str]) -> View:
    """The view with what all operations have in common."""

    @csrf_exempt  # a token is sent by the program itself, never by a browser on its own
    @wraps(view)
    def door(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked = request.method or ""
        allow = {"Allow": ", ".join(sorted(methods | ({"HEAD", "OPTIONS"} if "GET" in methods else {"OPTIONS"})))}
        if asked == "OPTIONS":
            return HttpResponse(status=204, headers=allow)
        if "\0" in request.path or asked not in methods | ({"HEAD"} if "GET" in methods else set()):
            code, status = ("API_NOT_FOUND", 404) if "\0" in request.path else ("API_METHOD", 405)
            return problem_json(request, status, code, headers=allow if status == 405 else None)
        if asked == "HEAD":
            request.method = "GET"
        try:
            response = view(request, *args, **kwargs)
        except (SuspiciousOperation, UnicodeError):
            response = problem_json(request, 400, "API_PARAMETER")
        except Exception as error:
            response = answer_to(request, error)
        finally:
            request.method = asked
        return _finished(request, response)

    door.is_operation = True  # type: ignore[attr-defined]
    return door


def _finished(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    mark, is_read = response.headers.get("ETag", ""), request.method in ("GET", "HEAD")
    if is_read and response.status_code == 200 and mark and tag.is_known(request, mark):
        response.close()
        response = HttpResponse(status=304, headers={"ETag": mark})
    if response.status_code == 304:
        response.headers.pop("Content-Type", None)
    # Kept by nobody but the caller, who asks each time whether it still holds.
    kept = "private, no-cache" if is_read and response.status_code in (200, 304) else "no-store"
    response.headers.setdefault("Cache-Control", kept)
    response.headers["Vary"] = "Accept, Authorization"
    if request.method == "HEAD":
        length = response.headers.get("Content-Length") or (str(len(response.content)) if isinstance(response, HttpResponse) else "")
        headers = {**response.headers, **({"Content-Length": length} if length else {})}
        response.close()
        response = HttpResponse(status=response.status_code, headers=headers)
    if mark and _is_guarded(request):
        # Compressed on the way its tag would become a weak one, which If-Match must not take.
        request.META["HTTP_ACCEPT_ENCODING"] = ""
    return response


def _is_guarded(request: HttpRequest) -> bool:
    return request.path.startswith(("/api/v1/disputes/", "/api/v1/tokens/"))


@cache
def _document_bytes() -> bytes:
    return json.dumps(document(), ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def openapi(request: HttpRequest) -> HttpResponseBase:
    """The document. It holds nothing of the book, so it needs no token."""
    content = _document_bytes()
    response = HttpResponse(content, content_type="application/json")
    response.headers["ETag"] = tag.of_bytes(content)
    return response


def nothing(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    """An address that is no operation."""
    return problem_json(request, 404, "API_NOT_FOUND")


def _patterns() -> list[URLPattern | URLResolver]:
    api = application()
    methods: dict[str, set[str]] = {}
    views: dict[str, View] = {}
    for router in api._get_bound_routers():
        for entry in router.urls_paths(router.prefix):
            assert isinstance(entry, URLPattern)
            route = str(entry.pattern)
            views[route] = entry.callback
        for route, operations in router.path_operations.items():
            name = route.strip("/").replace("{", "<").replace("}", ">")
            methods.setdefault(name, set()).update(method for each in operations.operations for method in each.methods)
    # A word of an address goes before whatever may stand in its place.
    routes = sorted(views, key=lambda route: ["<" in part for part in route.split("/")])
    return [path(f"v1/{route}", guarded(views[route], frozenset(methods[route]))) for route in routes]


GET = frozenset({"GET"})
urlpatterns: list[URLPattern | URLResolver] = [
    path("", Reference.as_view(), name="api-reference"),
    path("v1/openapi.json", guarded(openapi, GET)),
    path("v1/problems/<str:code>", guarded(one_problem, GET)),
    *_patterns(),
    re_path(r"^(?P<rest>.+)$", guarded(nothing, frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"}))),
]
