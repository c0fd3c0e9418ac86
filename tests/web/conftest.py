"""Books for the tests of the web application: an empty one and one with something of everything, made once and copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("allauth", reason="the web extra is not installed")
pytest.importorskip("django_htmx", reason="the web extra is not installed")

from . import seed


def _prepare(folder: Path) -> None:
    from tollbook.store.prepare import prepare_django

    prepare_django()
    from django.conf import settings
    from django.core.management import call_command

    from tollbook.flow.book import init_book

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    init_book(folder)
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)


@pytest.fixture(scope="session")
def made_books(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("books")
    books = {"empty": root / "empty", "full": root / "full"}
    for name, folder in books.items():
        _prepare(folder)
        if name == "full":
            _point(folder)
            seed.fill(folder)
    return books


def _point(folder: Path) -> None:
    from django.conf import settings

    from tollbook.store.prepare import point_at

    point_at(folder)
    settings.BOOK_FOLDER = folder
    settings.ALLOWED_HOSTS = ["testserver", *settings.LOOPBACK_HOSTS]


def _copied(made: Path, target: Path) -> Iterator[Path]:
    from django.db import connections

    from tollbook.flow import clock

    shutil.copytree(made, target)
    _point(target)
    with clock.pinned(seed.NOW_MS):
        yield target
    connections.close_all()


@pytest.fixture
def full_book(made_books: dict[str, Path], tmp_path: Path) -> Iterator[Path]:
    yield from _copied(made_books["full"], tmp_path / "book")


@pytest.fixture
def empty_book(made_books: dict[str, Path], tmp_path: Path) -> Iterator[Path]:
    yield from _copied(made_books["empty"], tmp_path / "book")


@pytest.fixture
def log_in() -> Callable[[str], Any]:
    """A client that is logged in as somebody of the full book."""

    def of(name: str) -> Any:
        from django.contrib.auth.models import User
        from django.test import Client

        client = Client()
        client.force_login(User.objects.get(username=name), backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return of
