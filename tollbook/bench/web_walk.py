"""The addresses the web bench asks for: every one of the application, with ids that are in the book."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

from tollbook.bench.web import ROLES

SAMPLES: Final = 16
# Addresses without a page behind them, or that need a secret of the moment; allauth's own are not ours to measure.
NOT_PAGES: Final = ("set-up", "invitation", "account_", "mfa_", "metrics", "healthz", "readyz")


def _rows(model: str, field: str = "pk", *, but: dict[str, Any] | None = None, **where: Any) -> list[Any]:
    """Values from all over a table, not only its first rows."""
    from tollbook.store import models

    rows = getattr(models, model).objects.filter(**where).order_by("pk")
    rows = rows.exclude(**but) if but else rows
    step = max(1, rows.count() // SAMPLES)
    return list(rows.values_list(field, flat=True)[: step * SAMPLES : step])


def sampled(columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    """Records from all over the book."""
    from tollbook.store.models import Segment
    from tollbook.web import segments

    rows = Segment.objects.filter(kind="cdr", side="OURS").order_by("day", "path")
    paths = list(rows.values_list("path", flat=True))[:: max(1, rows.count() // SAMPLES)]
    query = f"SELECT {columns} FROM {segments.files_of(paths)} WHERE {where} AND record_no <= 2"  # noqa: S608 - ours alone
    found: list[tuple[Any, ...]] = segments.connection().execute(query).fetchall()
    return found[: 2 * SAMPLES]


def _call_ids() -> list[Any]:
    return [row[0].hex() for row in sampled("cdr_id")]


def _source_files() -> list[dict[str, Any]]:
    found = zip(_rows("Batch", "source"), _rows("Batch", "file_id"), strict=True)
    return [{"source": source, "digest": digest} for source, digest in found]


# How the arguments of an address are found in the book, by the name of the address; others by the name of the argument.
BY_PAGE: Final[dict[str, Callable[[], list[dict[str, Any]]]]] = {
    "exception": lambda: [{"pk": pk} for pk in _rows("ExceptionCase")],
    "dispute": lambda: [{"pk": pk} for pk in _rows("Dispute")],
    "dispute-pack": lambda: [{"pk": pk} for pk in _rows("Dispute", pack__isnull=False)],
    "partner": lambda: [{"pk": pk} for pk in _rows("Partner")],
    "agreement": lambda: [{"pk": pk} for pk in _rows("Agreement")],
    "document": lambda: [{"pk": pk} for pk in _rows("Document", but={"kind": "CLOSE"})],
    "document-file": lambda: [{"pk": pk} for pk in _rows("Document", file__isnull=False)],
    "document-annex": lambda: [{"pk": pk} for pk in _rows("Document", kind="INVOICE")],
    "agreement-file": lambda: [{"pk": pk} for pk in _rows("Agreement")],
    "deck-file": lambda: [{"pk": pk} for pk in _rows("Deck")],
    "document-lines": lambda: [{"pk": pk} for pk in _rows("Document", kind="INVOICE")],
    "document-line": lambda: [{"pk": pk, "line": 1} for pk in _rows("Document", kind="INVOICE")],
    "job": lambda: [{"pk": pk} for pk in _rows("Job")],
    "job-events": lambda: [{"pk": pk} for pk in _rows("Job", state__in=("DONE", "FAILED", "CANCELLED"))],
    "token": lambda: [{"name": name} for name in _rows("User", "name", kind="TOKEN")],
    "close": lambda: [{"pk": pk} for pk in _rows("Document", kind="CLOSE")],
    "close-pack": lambda: [{"pk": pk} for pk in _rows("Document", kind="CLOSE")],
    "source": lambda: [{"source": name} for name in sorted(set(_rows("Batch", "source")))],
    "source-file": _source_files,
    "source-records": _source_files,
    "call": lambda: [{"cdr_id": value} for value in _call_ids()],
    "deck": lambda: [{"pk": pk} for pk in _rows("Deck")],
    "deck-changes": lambda: [{"pk": pk} for pk in _rows("Deck")],
    "deck-lookup": lambda: [{"pk": pk} for pk in _rows("Deck")],
    "journal-row": lambda: [{"seq": value} for value in _rows("Journal", "seq")],
    "user": lambda: [{"name": name} for name in ROLES],
    "waterfall": lambda: [{"scope": scope} for scope in _rows("Head", "scope", stage="reconciliation")],
    "pairs": lambda: [{"scope": scope} for scope in _rows("Head", "scope", stage="reconciliation")],
}
BY_ARGUMENT: Final[dict[str, Callable[[], list[Any]]]] = {
    "partner": lambda: _rows("Partner"),
    "cdr_id": _call_ids,
    "source": lambda: _rows("Batch", "source"),
    "scope": lambda: _rows("Head", "scope", stage="reconciliation"),
    "seq": lambda: _rows("Journal", "seq"),
}


def _patterns() -> Iterator[Any]:
    from django.urls import URLPattern, get_resolver

    def walk(entries: Any) -> Iterator[Any]:
        for entry in entries:
            if isinstance(entry, URLPattern):
                yield entry
            else:
                yield from walk(entry.url_patterns)

    yield from walk(get_resolver().url_patterns)


def _arguments(name: str, wanted: list[str]) -> list[dict[str, Any]]:
    if not wanted:
        return [{}]
    if name in BY_PAGE:
        return BY_PAGE[name]()
    if len(wanted) == 1 and wanted[0] in BY_ARGUMENT:
        return [{wanted[0]: value} for value in BY_ARGUMENT[wanted[0]]()]
    return []


def _named() -> Iterator[tuple[str, list[str]]]:
    """Name and addresses of everything that is a page for people."""
    from django.urls import NoReverseMatch, reverse

    for pattern in _patterns():
        name = pattern.name or ""
        if not name or name.startswith(NOT_PAGES) or not hasattr(getattr(pattern.callback, "view_class", None), "scope"):
            continue
        if "get" not in pattern.callback.view_class.http_method_names:
            continue
        try:
            yield name, [reverse(name, kwargs=each) for each in _arguments(name, list(pattern.pattern.converters))]
        except NoReverseMatch:
            yield name, []


def left_out() -> list[str]:
    """Pages whose arguments nothing here knows how to find, or of which the book has none."""
    return [name for name, where in _named() if not where]


def addresses() -> Iterator[tuple[str, str, list[str]]]:
    """What is measured: a name, the role that looks, and addresses in turn."""
    for name, where in _named():
        if where and name != "home":
            yield name, "owner", where
    for role in (*ROLES, "partner"):
        yield f"home of {role}", role, ["/"]
    yield from _searches()
    yield from _drilled()
    yield from _looked_up()
    yield from _behind_figures()
    yield from _suppliers_lines()


def _searches() -> Iterator[tuple[str, str, list[str]]]:
    """Calls by everything one can know of them."""
    found = sampled("b_e164, a_e164, call_id, icid, CAST(epoch_ms(answer_at) AS BIGINT), partner")

    def of(**columns: int | slice) -> list[str]:
        return [f"/calls/?{urlencode({name.replace('_', '-'): row[place] for name, place in columns.items()})}" for row in found]

    yield "call search by number", "owner", of(number=0)
    yield "call search by caller", "owner", of(number=1)
    yield "call search by the end of a number", "owner", [f"/calls/?number={row[0][-6:]}" for row in found]
    yield "call search by the beginning of a number", "owner", [f"/calls/?number={row[0][:7]}" for row in found]
    yield "call search by a short beginning", "owner", [f"/calls/?number={row[0][:3]}" for row in found]
    yield "call search by Call-ID", "owner", of(call_id=2)
    yield "call search by ICID", "owner", of(icid=3)
    yield "call search by partner", "owner", of(partner=5)
    yield "call search by day", "owner", [f"/calls/?from={_day(row[4])}&to={_day(row[4])}" for row in found]
    yield "call search by day and partner", "owner", [f"/calls/?from={_day(row[4])}&to={_day(row[4])}&partner={row[5]}" for row in found]
    yield "call search, nothing found", "owner", [f"/calls/?call-id=none-{place}" for place in range(8)]
    yield "call search, page 20", "owner", ["/calls/?t-page=20", "/calls/?t-page=20&t-leg=IN"]


def _day(at_ms: int) -> str:
    from tollbook.flow.clock import show_instant

    return show_instant(at_ms)[:10]


def _drilled() -> Iterator[tuple[str, str, list[str]]]:
    """From the waterfall down to the calls, by each way the waterfall offers."""
    from tollbook.store.models import Head

    heads = Head.objects.select_related("run").filter(stage="reconciliation").order_by("scope")
    ways: dict[str, list[str]] = {"cause": [], "destination": [], "day": [], "trunk": [], "class": []}
    for head in heads:
        address, summary = f"/reconciliation/{head.scope}/calls/", head.run.summary
        ways["cause"] += [f"{address}?{urlencode({'t-cause': row['cause']})}" for row in summary["money"]["causes"]]
        ways["class"] += [f"{address}?{urlencode({'class': row['class']})}" for row in summary.get("classes", [])]
        for way, name in (("destination", "destinations"), ("day", "days"), ("trunk", "trunks")):
            ways[way] += [f"{address}?{urlencode({f't-{way}': row['name']})}" for row in summary[name][:8]]
    for way, where in ways.items():
        if where:
            yield f"pairs by {way}", "owner", where


def _looked_up() -> Iterator[tuple[str, str, list[str]]]:
    """The row that prices a number, of every deck."""
    numbers = [number for (number,) in sampled("b_e164")]
    decks = _rows("Deck")
    where = [f"/decks/{deck}/lookup/?{urlencode({'number': number})}" for deck, number in zip(decks * len(numbers), numbers, strict=False)]
    if where:
        yield "deck row of a number", "owner", where


def _behind_figures() -> Iterator[tuple[str, str, list[str]]]:
    """The calls behind a key figure, by each way the traffic page offers."""
    found = sampled("trunk, leg, source, CAST(epoch_ms(setup_at) AS BIGINT)", "setup_at IS NOT NULL")
    ways: dict[str, list[str]] = {"trunk": [], "hour": [], "cause": [], "destination of a trunk": []}
    places = _destinations()
    for number, (trunk, leg, source, at) in enumerate(found):
        base = {"leg": leg, "from": _day(at), "to": _day(at)}
        ways["trunk"].append(urlencode({**base, "trunk": trunk}))
        ways["hour"].append(urlencode({**base, "hour": at // 3_600_000 % 24, "source": source}))
        ways["cause"].append(urlencode({**base, "cause": "ANSWER"}))
        if places:
            ways["destination of a trunk"].append(urlencode({**base, "trunk": trunk, "destination": places[number % len(places)]}))
    for way, queries in ways.items():
        if queries:
            yield f"calls of a {way}", "owner", [f"/traffic/calls/?{query}" for query in queries]


def _suppliers_lines() -> Iterator[tuple[str, str, list[str]]]:
    """The lines of invoices that suppliers sent, and why the first ones differ."""
    received = _rows("Document", kind="RECEIVED_INVOICE")
    if received:
        yield "lines of a supplier's invoice", "owner", [f"/documents/{pk}/lines/" for pk in received]
        yield "line of a supplier's invoice", "owner", [f"/documents/{pk}/lines/1/" for pk in received]


def _destinations() -> list[str]:
    """The busiest destinations of the newest day."""
    from tollbook.web import cube

    newest = cube.newest_day()
    if newest is None:
        return []
    found = cube.lines(cube.Selection(newest, newest), "destination")
    return [line.key[0] for line in found if line.key[0]][:SAMPLES]
