"""Triggers by which the database itself refuses to change or remove what must stay: the second lock behind our own code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Table, and the condition (on OLD) under which a removal is refused; an update of any of these rows is always refused.
APPEND_ONLY: Final = {
    "journal": "TRUE",
    "posting": "TRUE",
    "document": "TRUE",
    "sealed_file": "TRUE",
    "batch": "TRUE",
    "run": "FALSE",
    "segment": "OLD.batch_id IS NOT NULL",
}
# Tables of later migrations, each with its own installation.
OF_EVENTS: Final = {"exception_event": "TRUE", "dispute_event": "TRUE"}
MESSAGE: Final = "is append-only: what happened is corrected by a new entry"


def install(apps: Any, schema_editor: Any) -> None:
    """Creates the triggers on the connection of a migration, in the words of its database."""
    _install(APPEND_ONLY, schema_editor)


def install_of_events(apps: Any, schema_editor: Any) -> None:
    """Those of the tables of events."""
    _install(OF_EVENTS, schema_editor)


def _install(tables: Mapping[str, str], schema_editor: Any) -> None:
    for statement in _STATEMENTS[schema_editor.connection.vendor](tables):
        schema_editor.execute(statement, params=None)


def remove(apps: Any, schema_editor: Any) -> None:
    """Drops them again; only a migration that rebuilds a table does so, and installs them afterwards."""
    _remove(APPEND_ONLY, schema_editor)


def remove_of_events(apps: Any, schema_editor: Any) -> None:
    """Drops those of the tables of events."""
    _remove(OF_EVENTS, schema_editor)


def _remove(tables: Mapping[str, str], schema_editor: Any) -> None:
    vendor = schema_editor.connection.vendor
    for table in tables:
        place = f" ON {table}" if vendor == "postgresql" else ""
        for event in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_refuses_{event}{place}")
        if vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_refuses_truncate{place}")


def _sqlite(tables: Mapping[str, str]) -> list[str]:
    statements = []
    for table, removal in tables.items():
        for event, condition in (("update", "TRUE"), ("delete", removal)):
            statements.append(
                f"CREATE TRIGGER {table}_refuses_{event} BEFORE {event.upper()} ON {table} WHEN {condition} "
                f"BEGIN SELECT RAISE(ABORT, '{table} {MESSAGE}'); END"
            )
    return statements


def _postgresql(tables: Mapping[str, str]) -> list[str]:
    statements = [
        "CREATE OR REPLACE FUNCTION tollbook_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '% {MESSAGE}', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$"
    ]
    for table, removal in tables.items():
        for event, condition in (("update", "TRUE"), ("delete", removal)):
            statements.append(
                f"CREATE TRIGGER {table}_refuses_{event} BEFORE {event.upper()} ON {table} FOR EACH ROW WHEN ({condition}) "
                "EXECUTE FUNCTION tollbook_refuse()"
            )
        statements.append(
            f"CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION tollbook_refuse()"
        )
    return statements


_STATEMENTS: Final = {"sqlite": _sqlite, "postgresql": _postgresql}
