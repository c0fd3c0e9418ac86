"""The home of each role: what waits for this person, and where to go on."""

from __future__ import annotations

from typing import Any

from tollbook.core.kpi import FEWEST_SEIZURES
from tollbook.core.rights import Right, Role
from tollbook.flow import clock
from tollbook.store.models import Agreement, Batch, Deck, Document, Journal, Run
from tollbook.web import cube, exposure, figures
from tollbook.web.dispute import visible as visible_disputes
from tollbook.web.documents import visible as visible_documents
from tollbook.web.journal_words import told
from tollbook.web.management import management
from tollbook.web.navigation import HOME_TITLE
from tollbook.web.page import Page, Scope, may_see
from tollbook.web.traffic import alarms

SHOWN = 8
LEG_WORDS = (("OUT", "To suppliers"), ("IN", "From customers"))


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
        context["may_ingest"] = self.may(Right.INGEST)
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
        return {"entries": told(list(Journal.objects.order_by("-seq").values("seq", "action", "subject", "actor", "at")[:SHOWN]))}

    def _decks(self) -> dict[str, Any]:
        return {"decks": Deck.objects.select_related("partner").order_by("-received_at", "pk")[:SHOWN]}

    def _traffic(self) -> dict[str, Any]:
        """The newest day that is summed, both legs, and the trunks that need a look; no money."""
        newest = cube.newest_day()
        if newest is None:
            return {"traffic_day": None}
        trunks: list[dict[str, Any]] = [
            {
                "name": cube.named("trunk", line.key[0]),
                "line": line,
                "alarms": alarms(line.sums),
                "says_something": line.sums.seizures >= FEWEST_SEIZURES,
                "address": selection.query(trunk=line.key[0]),
            }
            for selection in (cube.Selection(newest, newest, leg) for leg in cube.LEGS)
            for line in cube.lines(selection, "trunk")
        ]
        legs = [(words, found[0]) for leg, words in LEG_WORDS if (found := cube.lines(cube.Selection(newest, newest, leg)))]
        shown = sorted(trunks, key=lambda each: (not each["alarms"], -each["line"].sums.seizures))[:SHOWN]
        return {"traffic_day": newest, "traffic_legs": legs, "trunks": shown}

    def _money(self) -> dict[str, Any]:
        """What reconciliation found, what is disputed, what is exposed: each in the management currency."""
        converter = management()
        found = figures.by_currency(figures.found_exceptions(), "amount_micros")
        disputed = figures.by_currency(figures.open_disputes(), "disputed_micros")
        exposed = exposure.by_currency() if self.may(Right.READ_LEDGER) else []
        parts = (
            ("Money found", "differences above their budget, decided or not", found, "exceptions"),
            ("Disputed", "raised and not settled", disputed, "disputes"),
            ("Exposed", "owed to us and not paid, with what is not billed yet", exposed, "partners"),
        )
        rows = [
            {"words": words, "note": note, "number": sum(each.number for each in amounts), "address": name, "parts": amounts}
            | {"total": converter.total((each.currency, each.amount_micros) for each in amounts)}
            for words, note, amounts, name in parts
        ]
        return {"money_rows": rows, "own": converter.currency, "converter": converter}

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
    "traffic": (Right.READ_BOOK, Scope.OPERATOR),
    "money": (Right.READ_LEDGER, Scope.OPERATOR),
}
ORDER: dict[Role, tuple[str, ...]] = {
    Role.OWNER: ("exceptions", "disputes", "sources", "documents", "closes", "journal"),
    Role.BILLING: ("exceptions", "disputes", "documents", "sources"),
    Role.NOC: ("traffic", "sources"),
    Role.ROUTES: ("traffic", "decks", "sources"),
    Role.CFO: ("money", "disputes", "exceptions", "documents", "closes"),
    Role.AUDITOR: ("closes", "journal", "documents", "disputes"),
    Role.PARTNER: ("documents", "disputes"),
}
