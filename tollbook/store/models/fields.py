"""The column kinds of the book's tables.

Amounts are int64 micro-units. Instants are int64 milliseconds since 1970 in UTC under a name that ends in `_at`, or is
`effective_from`, `effective_until` or `known_from`: both databases keep them exactly and alike. A day is a date of the zone its
column names. Digests are 64 hexadecimal digits.
"""

from __future__ import annotations

from typing import Any

from django.db import models


def micros(**options: Any) -> models.BigIntegerField[int, int]:
    """An amount in micro-units of the currency beside it."""
    return models.BigIntegerField(**options)


def instant(**options: Any) -> models.BigIntegerField[int, int]:
    """Milliseconds since 1970, UTC."""
    return models.BigIntegerField(**options)


def instant_or_none() -> models.BigIntegerField[int | None, int | None]:
    """An instant that may be unknown or not have come yet."""
    return models.BigIntegerField(null=True)


def digest(**options: Any) -> models.CharField[str, str]:
    """SHA-256 as 64 hexadecimal digits."""
    return models.CharField(max_length=64, **options)


def word(**options: Any) -> models.CharField[str, str]:
    """A name, a code or a word of a closed list."""
    return models.CharField(max_length=200, **options)


def optional_word(**options: Any) -> models.CharField[str, str]:
    """A name that may be empty; never null, so that there is one way to say nothing."""
    return models.CharField(max_length=200, blank=True, default="", **options)
