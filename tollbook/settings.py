"""Django's settings for a book: SQLite inside the book's folder, or PostgreSQL by one setting.

TOLLBOOK_BOOK           the book's folder (default ./book)
TOLLBOOK_DATABASE_URL   postgres://user:password@host:port/name, or postgres:///name?host=/socket/folder; unset means SQLite

There is no default secret: the key lies in the book's folder, made by `tollbook init` and readable by its owner alone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

BOOK_FOLDER = Path(os.environ.get("TOLLBOOK_BOOK") or "book")
SECRET_FILE_NAME = "secret.key"  # noqa: S105 - the name of the file, not what it holds
DATABASE_FILE_NAME = "book.sqlite3"
BUSY_TIMEOUT_S = 20


def read_secret(folder: Path) -> str:
    """The book's secret, or nothing where there is no book yet; Django refuses to sign anything with nothing."""
    file = folder / SECRET_FILE_NAME
    return file.read_text(encoding="ascii").strip() if file.is_file() else ""


def sqlite_database(folder: Path) -> dict[str, Any]:
    """SQLite with one writer at a time: the write lock is taken when a transaction begins, and a commit is on the disk when it returns."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(folder / DATABASE_FILE_NAME),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": BUSY_TIMEOUT_S,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        },
    }


def postgresql_database(url: str) -> dict[str, Any]:
    """A PostgreSQL database from its URL; options of the query string (host, sslmode, ...) are passed to the driver as they are."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("TOLLBOOK_DATABASE_URL begins with postgres:// or postgresql://")
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": options.pop("port", str(parts.port or "")),
        "OPTIONS": options,
        "CONN_MAX_AGE": 0,
    }


def database_of(folder: Path) -> dict[str, Any]:
    url = os.environ.get("TOLLBOOK_DATABASE_URL", "")
    return postgresql_database(url) if url else sqlite_database(folder)


SECRET_KEY = read_secret(BOOK_FOLDER)
DEBUG = False
ALLOWED_HOSTS: list[str] = []
INSTALLED_APPS = ["tollbook.store"]
MIDDLEWARE: list[str] = []
DATABASES = {"default": database_of(BOOK_FOLDER)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING_CONFIG = None
