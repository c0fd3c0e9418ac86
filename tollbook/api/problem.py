"""What went wrong, as application/problem+json (RFC 9457) with the catalogue's code, meaning and remedy. Every error of the API is one."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja.errors import HttpError, ValidationError

from tollbook.core.problem import CATALOGUE, Problem, Refusal

MEDIA_TYPE: Final = "application/problem+json"
WHERE: Final = "/api/v1/problems/"
_STATUS: Final = {
    "RIGHT_MISSING": 403,
    "FILE_TOO_LARGE": 413,
    "BOOK_MISSING": 503,
    "SEALED_FILE_MISSING": 500,
    "API_NOT_FOUND": 404,
    "API_PRECONDITION": 412,
    "API_PRECONDITION_MISSING": 428,
    "API_STREAMS": 503,
}
_CONFLICTS: Final = frozenset(
    {
        *("IDEMPOTENCY_CONFLICT", "IDEMPOTENCY_IN_PROGRESS", "LEASE_HELD", "LEASE_LOST", "DISPUTE_STEP", "DISPUTE_MOVED", "EXCEPTION_STEP"),
        *("EXCEPTION_STALE", "EXCEPTION_IN_DISPUTE", "EXCEPTION_NO_CLAIM", "EXCEPTION_LIMIT", "JOB_RUNNING", "TOKEN_REVOKED"),
    }
)
_MISSING: Final = frozenset({"CDR_UNKNOWN", "DISPUTE_UNKNOWN", "EXCEPTION_UNKNOWN", "TOKEN_UNKNOWN", "JOB_UNKNOWN"})
_log = logging.getLogger(__name__)


class ApiError(Exception):
    """A request that is answered with a problem. `errors` names what is wrong with which parameter or field."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.code, self.detail, self.errors, self.headers = status, code, detail, list(errors), dict(headers or {})
        super().__init__(code)


def wrong(source: str, name: str, detail: str) -> ApiError:
    """One parameter, header or field that is not what the operation takes."""
    return ApiError(422, "API_PARAMETER", detail, errors=[{"in": source, "name": name, "detail": detail}])


def status_of(code: str) -> int:
    """The HTTP status of a refusal with this code: 422 where the input was read and cannot be used."""
    if code in _CONFLICTS:
        return 409
    return 404 if code in _MISSING else _STATUS.get(code, 422)


def problem_json(
    request: HttpRequest,
    status: int,
    code: str,
    detail: str = "",
    *,
    errors: Sequence[Mapping[str, str]] = (),
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The answer. Nothing of what the caller sent is in it but the path, and what a problem quotes of a file or a field."""
    kind = CATALOGUE[code]
    body: dict[str, Any] = {
        "type": f"{WHERE}{code}",
        "title": kind.meaning,
        "status": status,
        "detail": detail or kind.meaning,
        "instance": request.path,
        "code": code,
        "remedy": kind.remedy,
    }
    if errors:
        body["errors"] = list(errors)
    if problems:
        body["problems"] = [each.as_dict() for each in problems]
    response = HttpResponse(json.dumps(body, ensure_ascii=True), status=status, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def of_refusal(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal of core or flow: the first of its problems decides the status, all of them are told."""
    first = refusal.problems[0]
    return problem_json(request, status_of(first.code), first.code, first.reason, problems=refusal.problems)


def answer_to(request: HttpRequest, error: BaseException) -> HttpResponse:
    """The answer to whatever an operation raised. What nobody foresaw is logged without the request's content and told without detail."""
    if isinstance(error, ApiError):
        return problem_json(request, error.status, error.code, error.detail, errors=error.errors, headers=error.headers)
    if isinstance(error, Refusal):
        return of_refusal(request, error)
    if isinstance(error, ValidationError):
        return problem_json(request, 422, "API_PARAMETER", errors=[_error(each) for each in error.errors])
    if isinstance(error, Http404):
        return problem_json(request, 404, "API_NOT_FOUND")
    if isinstance(error, RequestDataTooBig):
        return problem_json(request, 413, "API_TOO_LARGE")
    if isinstance(error, HttpError) and error.status_code == 400:
        return problem_json(
            request, 400, "API_PARAMETER", "The body is no JSON.", errors=[{"in": "body", "name": "", "detail": "No JSON."}]
        )
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem_json(request, 500, "API_FAILED")


def _error(found: Mapping[str, Any]) -> dict[str, str]:
    source, *rest = (str(each) for each in found["loc"])
    # The name of the function's own parameter stands first, where the body is one model.
    names = rest[1:] if source in ("body", "query", "path") and len(rest) > 1 else rest
    return {"in": source, "name": ".".join(names), "detail": str(found["msg"])}
