"""The API as one application: its routers, how errors are answered, and the OpenAPI document that is made from both."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, Final

from django.http import Http404, HttpRequest
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from tollbook import __version__
from tollbook.api import (
    assignees,
    calls,
    closes,
    deck_changes,
    decks,
    dispute_verification,
    disputes,
    document_lines,
    documents,
    exceptions,
    exposure,
    jobs,
    money,
    overview,
    partners,
    people,
    received_lines,
    reconciliations,
    runs,
    sources,
    traffic,
    traffic_sums,
    uploads,
    users,
)
from tollbook.api.operation import PROBLEM_CONTENT, problem_responses
from tollbook.api.problem import ApiError, answer_to
from tollbook.core.problem import Refusal

PREFIX: Final = "/api/v1"
ABOUT: Final = (
    "The data and commands of a book: what the pages show and do, under the same rights.",
    "Every request carries a token: `Authorization: Bearer tollbook_...`. The owner makes tokens on the pages, each with a role and a "
    "scope. Sessions of the pages are not taken. `GET /api/v1/me` says what a token may do.",
    "Amounts are integers in 10^-6 of their currency, rates in 10^-9 per minute, both as JSON strings of digits and never added across "
    "currencies; instants are RFC 3339 in UTC with milliseconds; digests are SHA-256 in lower-case hexadecimal digits.",
    "Lists are sorted by `sort`, filtered by their fields, and paged: follow `next_cursor`, or the Link header, until there is none. A "
    "page is stable while rows come in. With `Accept: text/csv` or `application/vnd.apache.arrow.stream` a list comes whole, streamed.",
    "Answers carry an ETag: send it in If-None-Match, and what did not change is a 304. Where it matters who is quicker, send it in "
    "If-Match.",
    "Commands take an Idempotency-Key, and those that move money need one: the same key with the same input gives the first answer "
    "again and does nothing, with another input it is a 409. Try again with the same key after any failure of the network.",
    "Errors are application/problem+json (RFC 9457): `code` is for programs and never changes its meaning, `remedy` says what to do, "
    "`errors` names the parameter or field.",
)
TAGS: Final = {
    "book": "The token in hand, tokens, users, the journal.",
    "overview": "Revenue, cost and margin by day.",
    "partners": "Partners, agreements with their clauses, trunks; what each owes and how it goes with it.",
    "decks": "Rate decks, what a version changes, and the row that prices a number.",
    "sources": "Files received and what became of every record; sending files in.",
    "calls": "Records, searched, and one with how it got its price.",
    "traffic": "Key figures by trunk, destination, hour and cause, and the records behind them.",
    "runs": "Runs, running usage, the ledger.",
    "reconciliations": "Differences with partners by cause, down to the calls.",
    "exceptions": "Differences above the error budget and what is decided about them.",
    "disputes": "What is disputed, its clocks, its evidence, its steps.",
    "documents": "Invoices and other documents with pages and annex, and the calls behind every line.",
    "closes": "Sealed periods and their packs.",
    "jobs": "Long work.",
}
PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "code", "remedy"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "The code's place in the catalogue."},
        "title": {"type": "string", "description": "What the code means, always the same."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What it is this time."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "code": {"type": "string", "description": "For programs: docs/reference/problems.md has them all."},
        "remedy": {"type": "string", "description": "What to do."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["in", "name", "detail"],
                "properties": {"in": {"type": "string"}, "name": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
        "problems": {"type": "array", "items": {"$ref": "#/components/schemas/PlainProblem"}},
    },
}
_ROUTERS: Final = (
    *(people, users, overview, money, partners, exposure, decks, deck_changes, sources, uploads, calls, traffic, traffic_sums),
    # Before the exceptions, of which it is none.
    assignees,
    *(runs, reconciliations, exceptions, disputes, dispute_verification, documents, document_lines, received_lines, closes, jobs),
)


class BookApi(NinjaAPI):
    """The application; its document has what the operations themselves cannot say."""

    def get_openapi_schema(self, **_: Any) -> Any:
        document = super().get_openapi_schema(path_prefix=PREFIX.strip("/"))
        document["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
        document["components"]["securitySchemes"] = {
            "Bearer": {"type": "http", "scheme": "bearer", "description": "A token that the owner of the book made: tollbook_..."}
        }
        document["components"]["responses"] = problem_responses() | {
            "other": {"description": "Anything else that went wrong", "content": PROBLEM_CONTENT}
        }
        document["servers"] = [{"url": "/", "description": "The book's own server."}]
        document["tags"] = [{"name": name, "description": about} for name, about in TAGS.items()]
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"]["default"] = {"$ref": "#/components/responses/other"}
        return document


@cache
def application() -> BookApi:
    """The application, made once."""
    api = BookApi(
        title="Tollbook",
        version=__version__,
        description="\n\n".join(ABOUT),
        openapi_url=None,
        docs_url=None,
        urls_namespace="tollbook-api",
        openapi_extra={"info": {"license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}}},
    )
    for module in _ROUTERS:
        api.add_router("", module.router)
    handler: Any = answer_to
    for kind in (Exception, Http404, HttpError, ValidationError, Refusal, ApiError):
        api.add_exception_handler(kind, partial(_answer, handler))
    return api


def _answer(handler: Any, request: HttpRequest, error: Exception) -> Any:
    return handler(request, error)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document, with plain keys."""
    import json

    found: dict[str, Any] = json.loads(json.dumps(application().get_openapi_schema()))
    return found
