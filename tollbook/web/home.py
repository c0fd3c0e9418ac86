"""The home of each role: what waits for this person, and where to go on."""

from __future__ import annotations

from typing import Any

from tollbook.core.rights import Right, Role
from tollbook.flow import clock
from tollbook.store.models import Agreement, Batch, Deck, Document, Journal, Run
from tollbook.web import figures
from tollbook.web.dispute import visible as visible_disputes
from tollbook.web.documents import visible as visible_documents
from tollbook.web.navigation import HOME_TITLE
from tollbook.web.page import Page, Scope, may_see

SHOWN = 8


class Home(Page):
    """Panels by what the viewer may read, in the order its role works in."""

    scope = Scope.PERSON
    template = "web/home.html"

    def context(self) -> dict[str, Any]:
        panels = [panel for panel in ORDER[self.viewer.role] if may_see(self.viewer, *NEEDS[panel])]
        context: dict[str, Any] = {"title": "Home", "heading": HOME_TITLE[self.viewer.role], "panels": panels}
        for panel in panels:
            context |= getattr(self, f"_{panel}")()
        context["first_steps"] = self._first_steps() if self.viewer.role is not Role.PARTNER else []
        return context

    def _exceptions(self) -> dict[str, Any]:
        rows = figures.open_exceptions()
        return {
            "exceptions": rows.select_related("partner").order_by("-amount_micros", "id")[:SHOWN],
            "exception_sums": figures.by_currency(rows, "amount_micros"),
        }

    def _disputes(self) -> dict[str, Any]:
        rows = figures.open_disputes(visible_disputes(self))
        return {
            "disputes": rows.select_related("partner").order_by("answer_by_at", "id")[:SHOWN],
            "dispute_sums": figures.by_currency(rows, "disputed_micros"),
        }

    def _documents(self) -> dict[str, Any]:
        return {"documents": visible_documents(self).select_related("partner").order_by("-issued_at", "-pk")[:SHOWN]}

    def _sources(self) -> dict[str, Any]:
        return {"sources": figures.sources(clock.now_ms())[:SHOWN]}

    def _closes(self) -> dict[str, Any]:
        return {"closes": Document.objects.filter(kind="CLOSE").order_by("-issued_at", "-pk")[:SHOWN]}

    def _journal(self) -> dict[str, Any]:
        return {"entries": Journal.objects.order_by("-seq").defer("result")[:SHOWN]}

    def _decks(self) -> dict[str, Any]:
        return {"decks": Deck.objects.select_related("partner").order_by("-received_at", "pk")[:SHOWN]}

    def _first_steps(self) -> list[tuple[str, str, bool]]:
        """What a new book needs, in order, until the last is done: words, command, done."""
        steps = [
            ("Give the book its agreements and decks", "tollbook ingest agreements decks", Agreement.objects.exists()),
            ("Ingest the records of your switch and of the partner", "tollbook ingest records", Batch.objects.exists()),
            ("Close a period: rate, match, reconcile, dispute, invoice, seal", "tollbook close PERIOD", Run.objects.exists()),
        ]
        return [] if all(done for _, _, done in steps) else steps


NEEDS: dict[str, tuple[Right | None, Scope]] = {
    "exceptions": (Right.READ_DISPUTES, Scope.OPERATOR),
    "disputes": (Right.READ_DISPUTES, Scope.OWN),
    "documents": (Right.READ_DOCUMENTS, Scope.OWN),
    "sources": (Right.READ_BOOK, Scope.OPERATOR),
    "closes": (Right.READ_LEDGER, Scope.OPERATOR),
    "journal": (Right.READ_JOURNAL, Scope.OPERATOR),
    "decks": (Right.READ_REFERENCE, Scope.OPERATOR),
}
ORDER: dict[Role, tuple[str, ...]] = {
    Role.OWNER: ("exceptions", "disputes", "sources", "documents", "closes", "journal"),
    Role.BILLING: ("exceptions", "disputes", "documents", "sources"),
    Role.NOC: ("sources",),
    Role.ROUTES: ("decks", "sources"),
    Role.CFO: ("disputes", "exceptions", "documents", "closes"),
    Role.AUDITOR: ("closes", "journal", "documents", "disputes"),
    Role.PARTNER: ("documents", "disputes"),
}
