"""The book this process serves: its folder and settings, read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.conf import settings

from tollbook.flow.book import Book, read_settings


def folder() -> Path:
    """The book's folder."""
    return Path(settings.BOOK_FOLDER)


@cache
def _read(path: Path) -> Book:
    return read_settings(path)


def current() -> Book:
    """The book; its settings are those of the start of the process, as the command line would say too."""
    return _read(folder().absolute())
