"""Books with something of everything, as the pages' tests have them, and clients that carry a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from web import conftest as pages
from web import seed

# The same books: what a page shows and what an operation gives is compared on one.
made_books, full_book, empty_book, log_in = pages.made_books, pages.full_book, pages.empty_book, pages.log_in
pytest_sessionstart = pages.pytest_sessionstart
if not pages.IS_INSTALLED:
    collect_ignore_glob = ["test_*.py"]

DAY_MS = 86_400_000


class ApiClient:
    """Django's test client with a token; answers of lists are read whole."""

    def __init__(self, secret: str) -> None:
        from django.test import Client

        self._client = Client(raise_request_exception=False)
        self.secret = secret

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.secret:
            given["Authorization"] = f"Bearer {self.secret}"
        content_type = given.pop("Content-Type", "application/json")
        address = path if path.startswith("/") else f"/api/v1/{path}"
        return self._client.generic(method, address, _bytes(body), content_type=content_type, headers=given)

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("POST", path, body, **headers)

    def items(self, path: str) -> list[dict[str, Any]]:
        response = self.get(path)
        assert response.status_code == 200, response.content
        return list(response.json()["items"])


def _bytes(body: Any) -> bytes:
    import json

    if body is None:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def make_token(name: str, role: str, scope: Any = None, **options: Any) -> str:
    """A token's secret; of all the role's rights where no scope is named."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow import token

    rights = token.rights_of(Role(role)) if scope is None else scope
    made = token.create(Actor("owner", Role.OWNER), name, Role(role), rights, **{"expires_at": seed.NOW_MS + DAY_MS, **options})
    assert made.secret
    return made.secret


@pytest.fixture
def api() -> Callable[..., ApiClient]:
    """A client with a token of a role (and partner), made for it."""

    def of(role: str, scope: Any = None, **options: Any) -> ApiClient:
        from tollbook.store.models import User

        name = f"t-{role}-{User.objects.filter(kind='TOKEN').count()}"
        return ApiClient(make_token(name, role, scope, **options))

    return of
