"""Two questions to a deck: what a version changed, and which row prices a number at an instant, as it was known at another."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from tollbook.core.deck import Deck
from tollbook.core.deck_notice import NoticeTerms, earliest_ms
from tollbook.core.rights import Right
from tollbook.engine import deck_difference
from tollbook.engine.deck import CompiledDeck, compile_timeline
from tollbook.flow import clock, deck_sheets
from tollbook.flow.book import Book
from tollbook.flow.reference import DeckVersion
from tollbook.store.models import Deck as DeckRow
from tollbook.web import book, reference, segments
from tollbook.web.decks import in_currency
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, MemoryRows, SegmentRows, Table, choices

_NOTICES: Final = (("too short", "too short, so deferred"), ("kept", "in time"))
LATEST: Final = 253_402_300_799_000  # 9999-12-31T23:59:59Z


class _OfADeck(Page):
    right, scope = Right.READ_REFERENCE, Scope.OPERATOR

    @property
    def row(self) -> DeckRow:
        if not hasattr(self, "_row"):
            self._row = self.one(DeckRow.objects.select_related("partner", "file"), pk=self.kwargs["pk"])
        return self._row

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Decks", reverse("decks")), (f"{self.row.deck_id} {self.row.version}", reverse("deck", args=[self.row.pk]))]

    def versions(self) -> list[DeckRow]:
        rows = DeckRow.objects.select_related("partner", "file").filter(partner_id=self.row.partner_id, deck_id=self.row.deck_id)
        return list(rows.order_by("received_at", "pk"))


class Changes(_OfADeck):
    """This version against the one before it, or another of the same deck."""

    template = "web/deck_changes.html"
    columns = (
        Column("code", "Code", Kind.CODE, filter="text"),
        Column("destination", "Destination", filter="text"),
        Column("change", "Change", Kind.WORD, filter="choice", options=choices(*deck_difference.CHANGES), is_roomy=True),
        Column("old_rate", "Rate before", Kind.RATE),
        Column("new_rate", "Rate now", Kind.RATE),
        Column("difference", "More", Kind.RATE, is_optional=True),
        Column("old_increments", "Increments before", is_optional=True),
        Column("new_increments", "Increments now", is_optional=True),
        Column("from_ms", "Claimed from (UTC)", Kind.INSTANT, is_roomy=True),
        Column("notice", "Notice", filter="choice", options=choices("too short", "kept")),
    )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        wanted = request.GET.get("against", "")
        against, others = self.against(wanted)
        title = f"What {self.row.version} changes"
        if against is None:
            if wanted:
                raise Http404
            return self.show(title=title, row=self.row, against=None, others=others)
        connection, query, earliest, notice = differences(self.row, against)
        columns = self.shown_columns(self.row.currency)
        table = Table(request, SegmentRows(connection, query, fields=("code",)), columns, sort="code", label=title)
        if (export := table.export()) is not None:
            return export
        counted = segments_count(connection, query)
        return self.show(
            title=title, row=self.row, against=against, others=others, table=table, counted=counted, earliest=earliest, notice=notice
        )

    def shown_columns(self, currency: str) -> tuple[Column, ...]:
        """The columns as people read them: rates with their currency."""
        return tuple(_as_read(each, currency) for each in self.columns)

    def against(self, wanted: str) -> tuple[DeckRow | None, list[DeckRow]]:
        """The version of this number, else the one before this; and all there are beside this."""
        others = [each for each in self.versions() if each.pk != self.row.pk]
        before = [each for each in others if (each.received_at, each.pk) < (self.row.received_at, self.row.pk)]
        found = (each for each in others if str(each.pk) == wanted)
        return next(found, before[-1] if before and not wanted else None), others


def _as_read(column: Column, currency: str) -> Column:
    if column.kind is Kind.RATE:
        return in_currency(replace(column, label="Rate changes by") if column.name == "difference" else column, currency)
    return replace(column, kind=Kind.WORD, options=_NOTICES) if column.name == "notice" else column


def differences(row: DeckRow, against: DeckRow) -> tuple[Any, str, int, NoticeTerms]:
    """A connection, the relation in it of what a version changes against another, when an increase may begin, and by which terms."""
    notice = NoticeTerms(increase_days=reference.notice_days_of(row))
    changes, earliest = _changes(book.current(), reference.version_of(against), reference.version_of(row), notice.increase_days)
    connection = segments.connection()
    connection.register("deck_changes", changes)
    return connection, "SELECT * FROM deck_changes", earliest, notice


@lru_cache(maxsize=64)
def _changes(of: Book, old: DeckVersion, new: DeckVersion, notice_days: int) -> tuple[pa.Table, int]:
    """What a version changes, and when an increase may begin: both sheets are sealed, so it is computed once per process."""
    decks = [deck_sheets.deck_of(of, each) for each in (old, new)]
    earliest = earliest_ms(new.document.effective_from, notice_days, decks[1].clock)
    connection = segments.connection()
    query = deck_difference.relation(connection, *decks, earliest_increase_ms=earliest)
    return connection.sql(query).to_arrow_table(), earliest


def segments_count(connection: Any, query: str) -> list[tuple[str, int, int]]:
    """Change, how many codes, and of how many the notice is too short."""
    rows = connection.execute(
        f"SELECT change, count(*), count(*) FILTER (notice = 'too short') FROM ({query}) GROUP BY change ORDER BY 2 DESC, 1"  # noqa: S608
    ).fetchall()
    return [(change, int(number), int(short)) for change, number, short in rows]


# The longest code first, as the rule has it, until somebody sorts otherwise.
MET_COLUMNS: Final = (
    Column("code", "Code", Kind.CODE, filter="text"),
    Column("destination", "Destination", filter="text"),
    Column("rate_nanos", "Rate per minute", Kind.RATE),
    Column("status", "Status", Kind.WORD, is_roomy=True),
    Column("from_ms", "Claimed from (UTC)", Kind.INSTANT, is_roomy=True),
    Column("version", "Version", link=lambda row: reverse("deck", args=[row["pk"]]), is_roomy=True),
    Column("said", "Here"),
)


class Lookup(_OfADeck):
    """Which row of which version prices a number at an instant, as it was known at another, and the other rows that its digits meet."""

    template = "web/deck_lookup.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        now = clock.now_ms()
        wrong: list[str] = []
        number = re.sub(r"[ ()./+-]", "", request.GET.get("number", "").strip()[:60])
        if number and not re.fullmatch(r"[0-9]{1,15}", number):
            wrong.append("A number has up to 15 digits, with the country code first.")
            number = ""
        at, known = (self._instant(name, now, wrong) for name in ("at", "known"))
        context: dict[str, Any] = {"title": f"Look up in {self.row.deck_id}", "row": self.row, "number": number, "wrong": wrong}
        context |= {"at": at, "known": known, "at_text": _text(at), "known_text": _text(known)}
        if number:
            context |= self.found(number, at, known)
        return self.file(context) or self.show(422 if wrong else 200, **context)

    def _instant(self, name: str, now: int, wrong: list[str]) -> int:
        text = self.request.GET.get(name, "").strip()
        if not text:
            return now
        try:
            moment = dt.datetime.fromisoformat(text)
        except ValueError:
            wrong.append(f"“{text[:40]}” is no instant; write it as {_text(now)}.")
            return now
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return min(max((moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1), 0), LATEST)

    def found(self, number: str, at: int, known: int) -> dict[str, Any]:
        versions = [each for each in self.versions() if each.known_from <= known]
        if not versions:
            return {"searched": True, "winner": None, "candidates": []}
        sheets = tuple(reference.version_of(each) for each in versions)
        decks = [deck_sheets.deck_of(book.current(), each) for each in sheets]
        compiled = _timeline(book.current(), sheets, reference.notice_days_of(self.row))
        place = int(compiled.find_text(pa.array([number]), at)[0][0])
        winner = compiled.rows.slice(place, 1).to_pylist()[0] if place >= 0 else None
        candidates = [found for version, deck in zip(versions, decks, strict=True) for found in _meeting(number, version, deck)]
        for each in candidates:
            each["wins"] = winner is not None and (each["digest"], each["row"]) == (compiled.digests[winner["deck"]], winner["row"])
        candidates.sort(key=lambda each: (-len(each["code"]), each["received_at"]))
        won = next((each for each in candidates if each["wins"]), None)
        rows = [{**each, "place": place, "said": "prices it" if each["wins"] else ""} for place, each in enumerate(candidates)]
        columns = tuple(in_currency(one, self.row.currency) if one.kind is Kind.RATE else one for one in MET_COLUMNS)
        table = Table(self.request, MemoryRows(rows, tie=("place",)), columns, name="m", label="Rows it meets")
        return {"searched": True, "winner": won, "candidates": candidates, "tables": {"met": table}}


@lru_cache(maxsize=32)
def _timeline(of: Book, sheets: tuple[DeckVersion, ...], notice_days: int) -> CompiledDeck:
    """What versions of a deck come to together: all of them are sealed, so it is compiled once per process."""
    return compile_timeline([deck_sheets.deck_of(of, each) for each in sheets], notice=NoticeTerms(increase_days=notice_days))


def _meeting(number: str, version: DeckRow, deck: Deck) -> list[dict[str, Any]]:
    beginnings = pa.array([number[:length] for length in range(1, len(number) + 1)], pa.string())
    rows = deck.rows.filter(pc.is_in(deck.rows.column("code"), value_set=beginnings))
    names = ("code", "destination", "rate_nanos", "minimum_s", "step_s", "status", "row")
    starts = pc.cast(rows.column("effective_from"), pa.int64()).to_pylist()
    return [
        {**row, "from_ms": start, "version": version.version, "pk": version.pk, "received_at": version.received_at, "digest": deck.digest}
        for row, start in zip(rows.select(names).to_pylist(), starts, strict=True)
    ]


def _text(instant_ms: int) -> str:
    return f"{dt.datetime.fromtimestamp(instant_ms // 1000, dt.UTC):%Y-%m-%dT%H:%M}"
