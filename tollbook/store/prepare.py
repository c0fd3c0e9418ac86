"""Starts Django for a book and points it at the book's database; one process works with one book at a time."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

SETTINGS_MODULE = "tollbook.settings"


def prepare_django() -> None:
    """Loads the app, so that the models can be imported. Costs a fraction of a second, once; needs no book and no database."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS_MODULE)
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()


def point_at(folder: Path) -> None:
    """Makes this folder's database the current one; a connection to another is closed."""
    os.environ["TOLLBOOK_BOOK"] = str(folder)
    prepare_django()
    from django.conf import settings
    from django.db import connections

    from tollbook.settings import database_of, read_secret

    connections.close_all()
    configured = connections.configure_settings({"default": database_of(folder)})
    connections.settings["default"] = configured["default"]
    with suppress(AttributeError):  # there is none yet in this thread
        del connections["default"]
    settings.SECRET_KEY = read_secret(folder)


def migrate() -> list[str]:
    """Brings the tables to this version. Returns the names of migrations in the database that this version does not know, and then
    changes nothing: such a book was written by a newer version."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    unknown = [
        name for app, name in executor.loader.applied_migrations if app == "store" and (app, name) not in executor.loader.disk_migrations
    ]
    if unknown:
        return sorted(unknown)
    targets = executor.loader.graph.leaf_nodes("store")
    if executor.migration_plan(targets):
        executor.migrate(targets)
    return []
