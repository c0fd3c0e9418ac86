"""The journal: every change with who, what, why, and the chain that shows whether it was touched."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse

from tollbook.core.rights import Right
from tollbook.store import journal
from tollbook.store.models import Journal
from tollbook.web.journal_words import ToldRows, told
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.table import Column, Kind, QueryRows, Table


def _row_address(row: Any) -> str:
    return reverse("journal-row", args=[row["seq"]])


class Entries(ListPage):
    """All rows, the newest first."""

    right, scope = Right.READ_JOURNAL, Scope.OPERATOR
    title = "Journal"
    lead = (
        "Every change of the book, in order. Each row carries the hash of the row before it; the database refuses to change or remove one."
    )
    sort = "-seq"
    empty_heading = "No change yet"
    empty_advice = "The first row appears when a file is ingested or a person is invited."
    empty_command = "tollbook ingest FILES"
    empty_icon = "timeline"
    columns = (
        Column("seq", "No.", Kind.COUNT, link=_row_address),
        Column("at", "When (UTC)", Kind.INSTANT),
        Column("actor", "Who", filter="text", is_optional=True),
        Column("action", "What", Kind.ACTION, filter="text"),
        Column("subject", "Of", Kind.SUBJECT, filter="text", breaks=True),
        Column("reason", "Why", is_optional=True),
        Column("row_hash", "Hash", Kind.DIGEST, sorts=False, is_optional=True),
    )

    def rows(self) -> QueryRows:
        return QueryRows(Journal.objects.all())

    def shown_columns(self) -> tuple[Column, ...]:
        """The same columns; `ToldRows` has put the words in already."""
        return tuple(replace(each, kind=Kind.TEXT) if each.name in ("action", "subject") else each for each in self.columns)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        table = Table(request, ToldRows(), self.shown_columns(), sort=self.sort, label=self.title)
        return table.export() or self.show(table=table, **self.context())


class Row(Page):
    """One row, with its result and whether it holds to its neighbours."""

    right, scope = Right.READ_JOURNAL, Scope.OPERATOR
    template = "web/journal_row.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Journal", reverse("journal"))]

    def context(self) -> dict[str, Any]:
        seq = self.kwargs["seq"]
        found = {row.seq: row for row in Journal.objects.filter(seq__in=(seq - 1, seq, seq + 1))}
        row = found.get(seq)
        if row is None:
            raise Http404
        before = found[seq - 1].row_hash if seq - 1 in found else journal.GENESIS
        return {
            "title": f"Row {seq:,}",
            "row": row,
            "said": told([{"seq": row.seq, "action": row.action, "subject": row.subject}])[0],
            "result": json.dumps(json.loads(row.result), indent=2, ensure_ascii=False),
            "own_hash_holds": row.row_hash == journal.row_hash(row),
            "follows": row.prev_hash == before,
            "previous": seq - 1 if seq - 1 in found else None,
            "following": seq + 1 if seq + 1 in found else None,
        }
