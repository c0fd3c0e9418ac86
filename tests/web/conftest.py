"""Books for the tests of the web application: an empty one and one with something of everything, made once and copied."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

# The root's conftest says so at the top of the report.
IS_INSTALLED = bool(find_spec("allauth"))
if not IS_INSTALLED:
    collect_ignore_glob = ["test_*.py"]

from tollbook.store.prepare import prepare_django  # noqa: E402 - after the look for what is installed

from . import seed  # noqa: E402

# The root's conftest chooses the settings when the session starts; test modules need the apps when they are imported.
if IS_INSTALLED and "DJANGO_SETTINGS_MODULE" in os.environ:
    prepare_django()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart() -> None:
    if IS_INSTALLED:
        prepare_django()


def _prepare(folder: Path) -> None:
    from django.conf import settings
    from django.core.management import call_command

    from tollbook.flow.book import init_book

    settings.PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in ("MD5", "PBKDF2")]
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


def _copied(made: Path, target: Path, now_ms: int = seed.NOW_MS) -> Iterator[Path]:
    """A copy of a made book, at its own time."""
    from django.db import connections

    from tollbook.flow import clock

    shutil.copytree(made, target)
    _point(target)
    with clock.pinned(now_ms):
        yield target
    connections.close_all()


def closed_month(root: Path) -> Path:
    """A book of a month of two partners, closed, with an owner who may log in."""
    from django.contrib.auth.models import User as Account
    from django.db import connections
    from flow import closing

    from tollbook.flow import clock
    from tollbook.store.models import User

    _prepare(root / "book")
    _point(root / "book")
    with clock.pinned(clock.parse_instant_ms(closing.NOW)):
        assert closing.build(root / "book", root / "files")["complete"]
        User.objects.create(name="owner", kind="PERSON", role="owner", is_active=True, created_at=0)
        Account.objects.create_user("owner")
    connections.close_all()
    return root / "book"


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
