"""The catalogue of problems by its codes: where the `type` of a problem leads. It holds nothing of the book, so it needs no token."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from tollbook.api import tag
from tollbook.api.bearer import JSON
from tollbook.api.problem import problem_json
from tollbook.core.problem import CATALOGUE


def one_problem(request: HttpRequest, code: str) -> HttpResponseBase:
    """What a code means and what to do."""
    kind = CATALOGUE.get(code)
    if kind is None:
        return problem_json(request, 404, "API_NOT_FOUND")
    values = {"code": code, "severity": str(kind.severity), "meaning": kind.meaning, "remedy": kind.remedy, "mended_by": kind.owner}
    content = json.dumps(values).encode()
    response = HttpResponse(content, content_type=JSON)
    response.headers["ETag"] = tag.of_bytes(content)
    return response
