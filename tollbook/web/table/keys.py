"""Going on where a page ended: the place of a row in an order, as a condition. Rows that come meanwhile change nothing of it.

A place is the row's value of every column that is sorted by, the last of which tell every row from every other. What is null comes last,
in either direction, on every database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import F, Q
from django.db.models.expressions import OrderBy


@dataclass(frozen=True, slots=True)
class Key:
    """One column of an order."""

    source: str
    is_descending: bool = False


def order(sort: tuple[str, bool] | None, tie: Sequence[str]) -> list[Key]:
    """The whole order of a table: the column that is sorted by, then those that tell rows apart."""
    first = [Key(sort[0], sort[1])] if sort else []
    return first + [Key(name) for name in tie if not sort or name != sort[0]]


def order_by(keys: Sequence[Key]) -> list[OrderBy]:
    """The order for a query of Django."""
    return [F(key.source).desc(nulls_last=True) if key.is_descending else F(key.source).asc(nulls_last=True) for key in keys]


def after(keys: Sequence[Key], place: Sequence[Any]) -> Q:
    """The rows beyond a place, for a query of Django."""
    found, same = [], Q()
    for key, value in zip(keys, place, strict=True):
        absent = Q(**{f"{key.source}__isnull": True})
        if value is not None:
            found.append(same & (Q(**{f"{key.source}__{'lt' if key.is_descending else 'gt'}": value}) | absent))
        same &= Q(**{key.source: value}) if value is not None else absent
    return reduce(or_, found) if found else Q(pk__in=())


def order_by_sql(keys: Sequence[Key]) -> str:
    """The order in SQL."""
    return ", ".join(f'"{key.source}" {"DESC" if key.is_descending else "ASC"} NULLS LAST' for key in keys)


def after_sql(keys: Sequence[Key], place: Sequence[Any]) -> tuple[str, list[Any]]:
    """The rows beyond a place as a condition in SQL over bound values."""
    parts: list[str] = []
    values: list[Any] = []
    same: list[str] = []
    known: list[Any] = []
    for key, value in zip(keys, place, strict=True):
        if value is not None:
            parts.append(" AND ".join([*same, f'("{key.source}" {"<" if key.is_descending else ">"} ? OR "{key.source}" IS NULL)']))
            values += [*known, value]
            same.append(f'"{key.source}" = ?')
            known.append(value)
        else:
            same.append(f'"{key.source}" IS NULL')
    return f"({' OR '.join(parts) or 'false'})", values
