"""Decks: every version, its rows, and which row prices a number at an instant, as it was known at another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from tollbook.core.rights import Right
from tollbook.store.models import Deck
from tollbook.web import reference, segments
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, QueryRows, SegmentRows, Table, choices


class Decks(ListPage):
    """Every version of every deck."""

    right, scope = Right.READ_REFERENCE, Scope.OPERATOR
    template, title = "web/decks.html", "Decks"
    lead = "Every version of every rate sheet as it was received. A version is never changed; a later one takes over from the day it names."
    sort = "-received_at"
    empty_heading = "No deck yet"
    empty_advice = "Ingest the agreements first: they name the decks. Then the rate sheets, as CSV or XLSX."
    empty_command = "tollbook ingest agreements decks"
    empty_icon = "book-2"
    columns = (
        Column("deck_id", "Deck", filter="text", link=lambda row: reverse("deck", args=[row["pk"]])),
        Column("version", "Version", filter="text", link=lambda row: reverse("deck", args=[row["pk"]])),
        Column("partner", "Partner", field="partner_id", filter="exact", is_optional=True),
        Column("direction", "Direction", Kind.BADGE, filter="choice", options=choices("BUY", "SELL"), is_roomy=True),
        Column("mode", "Mode", Kind.WORD, is_optional=True),
        Column("currency", "Currency", is_optional=True),
        Column("received_at", "Received (UTC)", Kind.INSTANT),
        Column("rows", "Rows", Kind.COUNT, is_roomy=True),
        Column("digest", "Digest", Kind.DIGEST, sorts=False, is_optional=True),
    )

    def rows(self) -> QueryRows:
        return QueryRows(Deck.objects.all(), fields=("pk",))

    def context(self) -> dict[str, Any]:
        return {"may_send": self.may(Right.WRITE_DECKS)}


class OneDeck(Page):
    """One version: its rows as a table, and the other versions beside it."""

    right, scope = Right.READ_REFERENCE, Scope.OPERATOR
    template = "web/deck.html"
    columns = (
        Column("code", "Code", Kind.CODE, filter="text"),
        Column("destination", "Destination", filter="text"),
        Column("rate_nanos", "Rate per minute", Kind.RATE),
        Column("minimum_s", "First", Kind.SECONDS, is_roomy=True),
        Column("step_s", "Then", Kind.SECONDS, is_roomy=True),
        Column("from_ms", "From (UTC)", Kind.INSTANT),
        Column("until_ms", "Until (UTC)", Kind.INSTANT, is_optional=True),
        Column("status", "Status", Kind.WORD, is_optional=True),
        Column("row", "Row", Kind.COUNT, is_roomy=True),
    )

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Decks", reverse("decks"))]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        row = self.one(Deck.objects.select_related("partner", "file"), pk=kwargs["pk"])
        deck = reference.deck_of(row)
        columns = tuple(in_currency(one, row.currency) if one.kind is Kind.RATE else one for one in self.columns)
        table = Table(request, deck_rows(deck.rows), columns, sort="code", label=f"{row.deck_id} {row.version}")
        versions = Deck.objects.filter(partner_id=row.partner_id, deck_id=row.deck_id).order_by("-received_at", "pk")
        return table.export() or self.show(title=f"{row.deck_id} {row.version}", row=row, deck=deck, table=table, versions=versions)


def in_currency(column: Column, currency: str) -> Column:
    """A column of rates with their currency in its head, where the deck names one."""
    return replace(column, label=f"{column.label} ({currency})") if currency else column


def deck_rows(rows: pa.Table) -> SegmentRows:
    """The rows of one version."""
    connection = segments.connection()
    connection.register("deck_rows", rows)
    instants = "epoch_ms(effective_from) AS from_ms, epoch_ms(effective_until) AS until_ms"
    relation = f"SELECT * EXCLUDE (effective_from, effective_until), {instants} FROM deck_rows"  # noqa: S608 - no value comes from outside
    return SegmentRows(connection, relation, fields=("row",))
