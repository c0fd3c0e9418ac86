"""What a process of the web application does before it serves: whatever the first request would otherwise wait for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from django.db import DatabaseError
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import URLPattern, get_resolver

from tollbook.core.problem import Refusal


def make_ready() -> None:
    """Loads the stages a page asks (the price function takes seconds to import), the compiled look-ups, the templates, the decks of the
    agreements in force and the database over segments. Without a book that can be read it loads what needs none."""
    from tollbook.engine import number, segment_keys
    from tollbook.flow import explain
    from tollbook.web import book, segments

    segment_keys.number_bounds("0")
    segment_keys.text_bounds("")
    segment_keys.number_keys(pa.array(["0"]))
    number.number_keys(pa.array(["0"]))
    segments.connection().execute("SELECT 1")
    for name in sorted(set(_templates(get_resolver().url_patterns))):
        try:
            get_template(name)
        except TemplateDoesNotExist:
            continue  # its page says so
    try:
        explain.make_ready(book.current())
    except (DatabaseError, OSError, Refusal):
        return  # no book yet, or none that can be read: the first page says what is wrong


def _templates(entries: Any) -> Iterator[str]:
    for entry in entries:
        if not isinstance(entry, URLPattern):
            yield from _templates(entry.url_patterns)
        elif name := getattr(getattr(entry.callback, "view_class", None), "template", ""):
            yield name
