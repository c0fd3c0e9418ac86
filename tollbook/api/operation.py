"""How an operation is declared: its right and scope, what it gives and takes. There is no other way to add one.

A read returns its model; a write returns `Answer`. The answer of a write with an Idempotency-Key is kept and given again (api.repeated).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Final, get_type_hints

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import Router, Schema

from tollbook.api import repeated, tag
from tollbook.api.bearer import JSON, LARGEST_BODY_BYTES, Bearer, Declared
from tollbook.core.rights import Actor, Right
from tollbook.web.page import Page, Scope

View = Callable[..., Any]
_KEY_HEADER: Final = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
    "description": "A text of your own that names this command. The same key with the same input gives the first answer again and does "
    "nothing; with another input it is refused (409). Kept for 30 days.",
}
_MATCH_HEADER: Final = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of the thing as you read it: the command is refused (412) where it was changed since.",
}
_NONE_MATCH_HEADER: Final = {
    "in": "header",
    "name": "If-None-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of an earlier answer: where nothing changed, the answer is 304 without a body.",
}
_READ_ERRORS: Final = (401, 403, 404, 406, 422, 429, 500)
_WRITE_ERRORS: Final = (400, 401, 403, 404, 406, 409, 411, 412, 413, 415, 422, 428, 429, 500)
_MEANING: Final = {
    304: "Not changed",
    400: "The request cannot be read",
    401: "No token, or one that does not count",
    403: "The token does not have the right",
    404: "Not there, or not yours to see",
    406: "Not in a form that Accept allows",
    409: "It does not go with what was done before",
    411: "The length of the body is missing",
    412: "Changed since it was read",
    413: "The body is too large",
    415: "The body is of another media type",
    422: "A parameter or field cannot be used",
    428: "It does not say what it was decided on",
    429: "Too many wrong tokens",
    500: "It failed on our side",
    503: "Try again later",
}
PROBLEM_CONTENT: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def problems(statuses: Iterable[int]) -> dict[int, Any]:
    """How the document describes answers that are problems."""
    return {status: {"$ref": f"#/components/responses/{status}"} for status in statuses}


def problem_responses() -> dict[str, Any]:
    """What those refer to."""
    return {str(status): {"description": words, "content": PROBLEM_CONTENT} for status, words in _MEANING.items() if status >= 400}


def actor_of(request: HttpRequest) -> Actor:
    """Whose token the request carries."""
    actor: Actor = request.auth  # type: ignore[attr-defined]
    return actor


def page_for(request: HttpRequest, kind: type[Page] = Page, **arguments: Any) -> Any:
    """A page of the web application as the token's holder would see it: for its rows, and for what is its viewer's own."""
    page = kind()
    page.setup(request, **arguments)
    page.viewer = actor_of(request)
    return page


def reads(
    router: Router,
    path: str,
    *,
    right: Right | None,
    scope: Scope,
    gives: Any = None,
    summary: str,
    media: tuple[str, ...] = (JSON,),
    also: Mapping[str, Any] | None = None,
    content: Mapping[str, Any] | None = None,
    more: Mapping[int, Any] | None = None,
) -> Callable[[View], View]:
    """A GET. `gives` is the model of its JSON; `content` describes other media types of the 200 answer, `more` its further answers."""
    declared = Declared((right,) if right else (), scope, media)
    responses: dict[int, Any] = {304: {"description": _MEANING[304]}, **problems(_READ_ERRORS), **(more or {})}
    if content:
        responses[200] = {"description": "OK", "content": dict(content)}
    extra = {"parameters": [_NONE_MATCH_HEADER], "responses": responses, **(also or {}), "x-right": str(right) if right else None}
    return _added(router, "GET", path, declared, {200: gives}, summary, extra)


def writes(
    router: Router,
    method: str,
    path: str,
    *,
    rights: tuple[Right, ...],
    scope: Scope,
    gives: Any,
    summary: str,
    status: int = 200,
    takes: str = JSON,
    largest_bytes: int | Callable[[], int] = 0,
    needs_key: bool = False,
    matches: bool = False,
    also: Mapping[str, Any] | None = None,
    at_once: bool = True,
    keeps_itself: bool = False,
) -> Callable[[View], View]:
    """A command. `needs_key` where it moves money; `at_once` says that it is one short transaction with its kept answer;
    `keeps_itself` that it asks for the kept answer when it has read its body, which is too large for memory."""
    declared = Declared(rights, scope, (JSON,), takes, largest_bytes or LARGEST_BODY_BYTES)
    parameters = [{**_KEY_HEADER, "required": needs_key}, *([_MATCH_HEADER] if matches else [])]
    extra = {"parameters": parameters, "responses": problems(_WRITE_ERRORS), **(also or {}), "x-right": " or ".join(map(str, rights))}

    added = _added(router, method, path, declared, {status: gives}, summary, extra)

    def decorated(view: View) -> View:
        if keeps_itself:
            return added(view)

        @wraps(view)
        def once(request: HttpRequest, *given: Any, **arguments: Any) -> HttpResponseBase:
            actor = actor_of(request)
            key = repeated.key_of(request, needs_key=needs_key)
            digest = repeated.input_of(request, takes)
            return repeated.answered(actor, key, digest, lambda: view(request, *given, **arguments), at_once=at_once)

        return added(once)

    return decorated


def _added(
    router: Router, method: str, path: str, declared: Declared, gives: dict[int, Any], summary: str, extra: dict[str, Any]
) -> Callable[[View], View]:
    def decorated(view: View) -> View:
        @wraps(view)
        def outside(request: HttpRequest, *given: Any, **arguments: Any) -> Any:
            found = view(request, *given, **arguments)
            return found if isinstance(found, HttpResponse | HttpResponseBase) else json_response(found)

        outside.__signature__ = _resolved(view)  # type: ignore[attr-defined]
        name = view.__name__.replace("_", "-")
        router.api_operation(
            [method],
            path,
            auth=Bearer(declared),
            response=gives,
            operation_id=name,
            summary=summary,
            description=(view.__doc__ or summary).strip(),
            openapi_extra=extra,
        )(outside)
        return view

    return decorated


def _resolved(view: View) -> inspect.Signature:
    """The view's signature with its types as they are, which stand in its module as text."""
    innermost, signature = inspect.unwrap(view), inspect.signature(view)
    known = get_type_hints(innermost, include_extras=True)
    return signature.replace(
        parameters=[each.replace(annotation=known.get(name, each.annotation)) for name, each in signature.parameters.items()]
    )


def json_response(found: Schema, status: int = 200) -> HttpResponse:
    """A model as JSON, with the tag of its bytes."""
    content = tag.content_of(found)
    response = HttpResponse(content, status=status, content_type=JSON)
    response.headers["ETag"] = tag.of_bytes(content)
    return response
