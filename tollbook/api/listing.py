"""A list: one definition serves the page and this. Sorted and filtered as the page is, paged by a cursor, or streamed whole.

A cursor is the place of the last row in the order, signed, so that rows that come meanwhile neither repeat nor hide one. CSV and Arrow go
out in pieces, so that the size of a list does not matter.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Final, Literal

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from ninja import Path, Query, Router, Schema
from pydantic import Field as Described
from pydantic import StringConstraints, create_model

from tollbook.api import tag
from tollbook.api.bearer import ARROW, CSV, JSON
from tollbook.api.fields import Field, Shape, fields_of, model_of
from tollbook.api.operation import page_for, reads
from tollbook.api.problem import ApiError, wrong
from tollbook.api.stream import arrow_of, csv_of
from tollbook.core.digest import json_digest
from tollbook.web.listing import ListPage
from tollbook.web.table import keys
from tollbook.web.table.columns import Column, Kind, Row

MOST_ROWS: Final = 1_000
SALT: Final = "tollbook.api.cursor"
Blank = Annotated[str, StringConstraints(max_length=200, pattern="^[^\\x00]*$")]
Number = Annotated[int, Described(ge=0, le=2**53)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern="^[^\\x00]*$")]
_LINK_HEADER: Final = {"Link": {"description": 'The next page: <address>; rel="next".', "schema": {"type": "string"}}}
_STREAMED: Final = {
    CSV: {"schema": {"type": "string", "description": "All rows, streamed; the first line has the names of the fields."}},
    ARROW: {"schema": {"type": "string", "contentEncoding": "binary", "description": "All rows, streamed as Arrow IPC record batches."}},
}


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: where, of what, and how its fields are called. `page` has right, scope, columns, rows and first order.

    `parameters` are those of the address; `query` are further ones that the page reads itself, with their type and what they say;
    `blanks` are filters that take an empty text, for rows that have nothing there.
    """

    path: str
    name: str
    item: str
    page: type[ListPage]
    summary: str
    about: str
    extra: Sequence[Field] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    fields_about: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    blanks: Sequence[str] = ()

    def fields(self) -> list[Field]:
        """The fields of a row."""
        return fields_of(self.page.columns, extra=self.extra, names=self.names, shapes=self.shapes, about=self.fields_about)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants of a list: filters and order by the page's columns."""

    columns: tuple[Column, ...]
    filters: dict[str, str]
    sort: tuple[str, bool] | None

    def digest(self, path: str, given: str) -> str:
        """What a cursor belongs to: it leads nowhere in another list, order or filter."""
        return json_digest({"path": path, "given": given, "filters": self.filters, "sort": list(self.sort or ())})[:16]


def add(router: Router, listing: Listing) -> None:
    """Adds the list's operation."""
    fields = listing.fields()
    item = model_of(listing.item, fields, listing.summary)
    page = create_model(
        f"{listing.item}List",
        __base__=Schema,
        items=(list[item], Described(description=f"The rows, at most `limit`. {listing.summary}")),  # type: ignore[valid-type]
        next_cursor=(str | None, Described(description="Where the next page begins; null where there is none.")),
    )
    query, path = _query_model(listing, fields), _path_model(listing)

    def view(request: HttpRequest, **given: Any) -> HttpResponseBase:
        arguments = given["path"].dict() if "path" in given else {}
        return answer(request, listing, fields, given["query"].dict(), arguments)

    view.__name__, view.__doc__ = listing.name, listing.about
    view.__signature__ = _signature(query, path)  # type: ignore[attr-defined]
    assert listing.page.right is not None
    assert listing.page.scope is not None
    also = {"x-list": True}
    operation = reads(
        router,
        listing.path,
        right=listing.page.right,
        scope=listing.page.scope,
        gives=page,
        summary=listing.summary,
        media=(JSON, CSV, ARROW),
        also=also,
        content=_STREAMED,
    )
    operation(view)


def _signature(query: type[Schema], path: type[Schema] | None) -> Any:
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    parameters.append(inspect.Parameter("query", kind, annotation=Annotated[query, Query()]))  # type: ignore[type-arg]
    if path is not None:
        parameters.append(inspect.Parameter("path", kind, annotation=Annotated[path, Path()]))  # type: ignore[type-arg]
    return inspect.Signature(parameters)


def _query_model(listing: Listing, fields: Sequence[Field]) -> type[Schema]:
    sorts = [each.name for each in fields if each.column and each.column.sorts]
    names = tuple(sign + name for name in sorts for sign in ("", "-"))
    given: dict[str, Any] = {
        "limit": (int, Described(100, ge=1, le=MOST_ROWS, description="Rows of a page of JSON. CSV and Arrow are always whole.")),
        "cursor": (
            Annotated[str, StringConstraints(min_length=1, max_length=4_000)] | None,
            Described(None, description="`next_cursor` of the page before, with the same filters and order."),
        ),
        "sort": (
            Literal[names] | None if names else str | None,
            Described(None, description="The field to sort by, with - before it for the largest first. What is null comes last."),
        ),
    }
    for each in fields:
        if each.column and each.column.filter:
            kind = Blank | None if each.name in listing.blanks else _filter_type(each.column)
            given[each.name] = (kind, Described(None, description=_filter_about(each)))
    for name, (kind, about) in listing.query.items():
        given[name.replace("-", "_") + "_"] = (kind | None, Described(None, alias=name, description=about))
    return create_model(f"{listing.item}Query", __base__=Schema, **given)


def _filter_type(column: Column) -> Any:
    if column.options:
        return Literal[tuple(value for value, _ in column.options)] | None
    if column.kind is Kind.COUNT:
        return Number | None
    return date | None if column.kind is Kind.DAY else Text | None


def _filter_about(found: Field) -> str:
    how = "that contain this text, whatever its case" if found.column and found.column.filter == "text" else "with exactly this"
    return f"Only rows {how}: {found.about.rstrip('.')}."


def _path_model(listing: Listing) -> type[Schema] | None:
    if not listing.parameters:
        return None
    described: dict[str, Any] = {
        name: (int if f"{{number:{name}}}" in listing.path else str, Described(description=about))
        for name, about in listing.parameters.items()
    }
    return create_model(f"{listing.item}Path", __base__=Schema, **described)


def answer(
    request: HttpRequest, listing: Listing, fields: Sequence[Field], query: Mapping[str, Any], arguments: Mapping[str, Any]
) -> HttpResponseBase:
    """One page as JSON, or everything as CSV or Arrow."""
    known = {*query, *listing.query}
    unknown = sorted(set(request.GET) - known)
    if unknown:
        raise wrong("query", unknown[0][:50], "This list has no such parameter.")
    page = page_for(request, listing.page, **arguments)
    asked = _asked(page, fields, query)
    windows = getattr(page, "windows", None) or _one_window(page)
    media = request.media  # type: ignore[attr-defined]
    if media == JSON:
        return _page(request, fields, asked, windows, query)
    stream: Callable[..., Iterator[bytes]] = csv_of if media == CSV else arrow_of
    response = StreamingHttpResponse(stream(fields, asked.columns, asked.filters, asked.sort, windows), content_type=_type(media))
    ending = "csv" if media == CSV else "arrow"
    response.headers["Content-Disposition"] = f'attachment; filename="{listing.name.replace("_", "-")}.{ending}"'
    return response


def _type(media: str) -> str:
    return f"{CSV}; charset=utf-8; header=present" if media == CSV else media


def _one_window(page: ListPage) -> Callable[[str], tuple[Any, str]]:
    rows = page.rows()
    return lambda since: (rows, "")


def _asked(page: ListPage, fields: Sequence[Field], query: Mapping[str, Any]) -> Asked:
    shown = {column.name for column in page.shown_columns()}
    columns = tuple(column for column in page.columns if column.name in shown)
    by_name = {each.name: each.column for each in fields if each.column}
    filters = {by_name[name].name: str(value) for name, value in query.items() if name in by_name and value is not None}
    sort = query.get("sort")
    for name in (*(name for name in by_name if query.get(name) is not None), *([sort.removeprefix("-")] if sort else [])):
        if by_name[name].name not in shown:
            raise wrong("query", name, "This token does not have the right to see this field.")
    if sort:
        return Asked(columns, filters, (by_name[sort.removeprefix("-")].name, sort.startswith("-")))
    first = page.sort
    return Asked(columns, filters, (first.removeprefix("-"), first.startswith("-")) if first else None)


def _page(
    request: HttpRequest, fields: Sequence[Field], asked: Asked, windows: Callable[[str], tuple[Any, str]], query: Mapping[str, Any]
) -> HttpResponse:
    given = request.GET.copy()
    for name in ("cursor", "limit"):
        given.pop(name, None)
    belongs, limit = asked.digest(request.path, given.urlencode()), query["limit"]
    since, place = _read_cursor(query.get("cursor") or "", belongs)
    rows, following = windows(since)
    if place is not None and len(place) != len(_order(asked, rows)):
        raise ApiError(422, "API_CURSOR")
    found = rows.after(asked.columns, asked.filters, asked.sort, place, limit + 1) if rows is not None else []
    cursor = ""
    if len(found) > limit:
        cursor = _cursor(belongs, since, [_plain(found[limit - 1][key.source]) for key in _order(asked, rows)])
    elif following:
        cursor = _cursor(belongs, following, None)
    items = [{each.name: each.json(row) for each in fields} for row in found[:limit]]
    content = json.dumps({"items": items, "next_cursor": cursor or None}, ensure_ascii=False, separators=(",", ":")).encode()
    response = HttpResponse(content, content_type=JSON)
    response.headers["ETag"] = tag.of_bytes(content)
    if cursor:
        given["limit"], given["cursor"] = str(limit), cursor
        response.headers["Link"] = f'<{request.path}?{given.urlencode()}>; rel="next"'
    return response


def _order(asked: Asked, rows: Any) -> list[keys.Key]:
    by_name = {column.name: column for column in asked.columns}
    return keys.order((by_name[asked.sort[0]].source, asked.sort[1]) if asked.sort else None, rows.tie)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | str) else str(value)


def _cursor(belongs: str, since: str, place: Sequence[Any] | None) -> str:
    return signing.dumps([belongs, since, place], salt=SALT, compress=True)


def _read_cursor(text: str, belongs: str) -> tuple[str, list[Any] | None]:
    if not text:
        return "", None
    try:
        found, since, place = signing.loads(text, salt=SALT)
    except (signing.BadSignature, ValueError) as error:
        raise ApiError(422, "API_CURSOR") from error
    if found != belongs:
        raise ApiError(422, "API_CURSOR")
    return since, place


def rows_of(found: Sequence[Row], fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Rows as JSON values, for lists inside other answers."""
    return [{each.name: each.json(row) for each in fields} for row in found]
