"""Triggers by which the database itself refuses to change or remove what must stay: the second lock behind our own code."""

from __future__ import annotations

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
MESSAGE: Final = "is append-only: what happened is corrected by a new entry"


def install(apps: Any, schema_editor: Any) -> None:
    """Creates the triggers on the connection of a migration, in the words of its database."""
    vendor = schema_editor.connection.vendor
    for statement in _STATEMENTS[vendor]():
        schema_editor.execute(statement, params=None)


def remove(apps: Any, schema_editor: Any) -> None:
    """Drops them again; only a migration that rebuilds a table does so, and installs them afterwards."""
    vendor = schema_editor.connection.vendor
    for table in APPEND_ONLY:
        place = f" ON {table}" if vendor == "postgresql" else ""
        for event in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_refuses_{event}{place}")
        if vendor == "postgresql":
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {table}_refuses_truncate{place}")


def _sqlite() -> list[str]:
    statements = []
    for table, removal in APPEND_ONLY.items():
        for event, condition in (("update", "TRUE"), ("delete", removal)):
            statements.append(
                f"CREATE TRIGGER {table}_refuses_{event} BEFORE {event.upper()} ON {table} WHEN {condition} "
                f"BEGIN SELECT RAISE(ABORT, '{table} {MESSAGE}'); END"
            )
    return statements


def _postgresql() -> list[str]:
    statements = [
        "CREATE OR REPLACE FUNCTION tollbook_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '% {MESSAGE}', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$"
    ]
    for table, removal in APPEND_ONLY.items():
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
