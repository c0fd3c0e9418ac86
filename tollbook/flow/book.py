"""A book: the folder one operator owns, its settings in book.toml, and the database that indexes it."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.db import DatabaseError

from tollbook import __version__
from tollbook.core.digest import sha256_hex
from tollbook.core.problem import refuse
from tollbook.core.rights import Actor, Right, Role, require
from tollbook.core.zone import find_zone
from tollbook.settings import DATABASE_FILE_NAME, SECRET_FILE_NAME, read_secret
from tollbook.store import files
from tollbook.store.models import Setting
from tollbook.store.prepare import migrate, point_at

FORMAT_NAME: Final = "tollbook-book"
FORMAT_VERSION: Final = 1
SETTINGS_FILE_NAME: Final = "book.toml"
FOLDERS: Final = ("sealed", "segments", "known", "spool")
_KEYS: Final = {"format", "id", "name", "currency", "zone", "database", "drop"}
_DROP_KEYS: Final = {"folder", "source", "as"}


@dataclass(frozen=True, slots=True)
class Drop:
    """A folder the worker looks into. `source` or `kind` may be empty: then the file's name and content decide."""

    folder: Path
    source: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """An open book. `currency` and `zone` are those of its own management figures; contracts have their own."""

    folder: Path
    id: str
    name: str
    currency: str
    zone: str
    database: str
    drops: tuple[Drop, ...] = ()

    def path(self, relative: str) -> Path:
        """A file of the book from its path below the folder."""
        return self.folder / relative


def local_actor() -> Actor:
    """Whoever can write the book's folder on this machine acts as its owner; the journal keeps the account's name."""
    name = "local"
    with suppress(OSError, KeyError):
        name = getpass.getuser()
    return Actor(name, Role.OWNER)


def default_folder() -> Path:
    """$TOLLBOOK_BOOK, else ./book."""
    return Path(os.environ.get("TOLLBOOK_BOOK") or "book")


def init_book(folder: Path, *, name: str = "", currency: str = "USD", zone: str = "UTC", actor: Actor | None = None) -> Book:
    """Makes a new book: folders, secret, database, and last its book.toml, without which it is no book yet.

    BOOK_EXISTS where there is one; an interrupted init is simply run again.
    """
    require(actor or local_actor(), Right.MANAGE_USERS)
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise refuse("BOOK_SETTINGS", "A currency is three capital letters.", column="currency", value=currency)
    find_zone(zone)  # refuses what is no IANA name
    folder = folder.absolute()
    if (folder / SETTINGS_FILE_NAME).exists():
        raise refuse("BOOK_EXISTS", file=str(folder))
    try:
        files.make_folder(folder)
        for each in FOLDERS:
            files.make_folder(folder / each)
        _make_secret(folder)
    except OSError as error:
        raise refuse("OUTPUT_UNWRITABLE", f"{error.strerror}.", file=str(folder)) from error
    database = "postgresql" if os.environ.get("TOLLBOOK_DATABASE_URL") else "sqlite"
    # From the secret, so that an interrupted init that is run again finds its own database and not a stranger's.
    book_id = sha256_hex(b"tollbook-book/1\n" + read_secret(folder).encode("ascii"))[:16]
    _open_database(folder, fresh=True)
    owner, _ = Setting.objects.get_or_create(name="book_id", defaults={"value": book_id})
    if owner.value != book_id:
        raise refuse("BOOK_DATABASE_MISMATCH", "The database already belongs to another book.", file=str(folder))
    Setting.objects.get_or_create(name="made_by", defaults={"value": __version__})
    text = _settings_text(book_id, name, currency, zone, database)
    with files.writing(folder / files.SPOOL_FOLDER) as stream:
        stream.write(text.encode("utf-8"))
        files.publish(stream, folder / SETTINGS_FILE_NAME)
    return open_book(folder)


def _make_secret(folder: Path) -> None:
    file = folder / SECRET_FILE_NAME
    if file.exists():
        return
    unfinished = file.with_suffix(".tmp")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_urlsafe(48) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    files.publish_path(unfinished, file)


def _settings_text(book_id: str, name: str, currency: str, zone: str, database: str) -> str:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return (
        f'format = "{FORMAT_NAME}/{FORMAT_VERSION}"\n'
        f"id = {quoted(book_id)}\n"
        f"name = {quoted(name)}\n"
        f"currency = {quoted(currency)}  # of the book's own management figures\n"
        f"zone = {quoted(zone)}\n"
        f"database = {quoted(database)}\n"
        "\n"
        "# Folders that `tollbook worker` looks into:\n"
        "# [[drop]]\n"
        '# folder = "incoming"\n'
        '# source = "switch-a"\n'
    )


def open_book(folder: Path | None = None) -> Book:
    """Opens a book and makes it the current one of this process; its tables are brought to this version.

    Refuses with BOOK_MISSING, BOOK_SETTINGS, BOOK_NEWER or BOOK_DATABASE_MISMATCH.
    """
    folder = (folder or default_folder()).absolute()
    book = read_settings(folder)
    wanted = "postgresql" if os.environ.get("TOLLBOOK_DATABASE_URL") else "sqlite"
    if book.database != wanted:
        raise refuse("BOOK_DATABASE_MISMATCH", f"The book keeps its rows in {book.database}, the settings say {wanted}.", file=str(folder))
    if wanted == "sqlite" and not (folder / DATABASE_FILE_NAME).is_file():
        raise refuse("BOOK_MISSING", f"{DATABASE_FILE_NAME} is not there.", file=str(folder))
    _open_database(folder)
    known = Setting.objects.filter(name="book_id").values_list("value", flat=True).first()
    if known != book.id:
        raise refuse(
            "BOOK_DATABASE_MISMATCH", f"The database belongs to the book {known}, the folder is that of {book.id}.", file=str(folder)
        )
    return book


def _open_database(folder: Path, *, fresh: bool = False) -> None:
    try:
        point_at(folder)
        unknown = migrate()
    except (DatabaseError, ValueError) as error:
        code = "BOOK_SETTINGS" if fresh else "BOOK_DATABASE_MISMATCH"
        raise refuse(code, f"The database cannot be used: {str(error).strip() or type(error).__name__}.", file=str(folder)) from error
    if unknown:
        raise refuse(
            "BOOK_NEWER", f"Its database has {', '.join(unknown)}, which this version ({__version__}) does not know.", file=str(folder)
        )


def read_settings(folder: Path) -> Book:
    """The settings in a book's book.toml; an unknown key is refused, because a misspelt one would silently do nothing."""
    file = folder / SETTINGS_FILE_NAME
    if not file.is_file():
        raise refuse("BOOK_MISSING", file=str(folder))
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise refuse("BOOK_SETTINGS", f"It is no TOML: {error}.", file=str(file)) from error
    found = re.fullmatch(rf"{FORMAT_NAME}/(\d+)", str(values.get("format", "")))
    if not found:
        raise refuse("BOOK_SETTINGS", f'Its first key is format = "{FORMAT_NAME}/{FORMAT_VERSION}".', file=str(file), column="format")
    if int(found[1]) > FORMAT_VERSION:
        raise refuse(
            "BOOK_NEWER", f"Its format is {found[0]}; this version ({__version__}) knows {FORMAT_VERSION}.", file=str(file), value=found[0]
        )
    unknown = sorted(set(values) - _KEYS)
    if unknown:
        raise refuse("BOOK_SETTINGS", f"The key {unknown[0]} is unknown.", file=str(file), column=unknown[0])
    missing = [key for key in ("id", "currency", "zone", "database") if not isinstance(values.get(key), str)]
    if missing:
        raise refuse("BOOK_SETTINGS", f"The key {missing[0]} is missing or no text.", file=str(file), column=missing[0])
    drops = tuple(_drop(folder, file, each) for each in values.get("drop", []))
    return Book(folder, values["id"], str(values.get("name", "")), values["currency"], values["zone"], values["database"], drops)


def _drop(folder: Path, file: Path, values: dict[str, Any]) -> Drop:
    unknown = sorted(set(values) - _DROP_KEYS)
    if unknown or not isinstance(values.get("folder"), str):
        raise refuse("BOOK_SETTINGS", "A [[drop]] has a folder, and may have a source and a kind (as).", file=str(file), column="drop")
    return Drop(folder / values["folder"], str(values.get("source", "")), str(values.get("as", "")))
