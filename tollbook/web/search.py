"""The palette: partners, destinations, documents, disputes, numbers and Call-IDs by what is typed, and pages by their name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from tollbook.core.rights import Right
from tollbook.store.models import Deck, Head, Partner
from tollbook.web import cube
from tollbook.web.dispute import visible as visible_disputes
from tollbook.web.documents import visible as visible_documents
from tollbook.web.navigation import ENTRIES
from tollbook.web.page import Page, Scope, may_see
from tollbook.web.reconciliation import STAGE
from tollbook.web.templatetags.tollbook import document_name
from tollbook.web.words import document_kind, human

LONGEST_QUERY = 200
PER_KIND = 5
SHORTEST_DESTINATION = 3
# A plain word is a name; a Call-ID has digits or signs in it.
_WORD = re.compile(r"[^\W\d_]+(?:[\s-]+[^\W\d_]+)*")
_NUMBER = re.compile(r"\+?[0-9][0-9 .()/-]{2,24}")


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of the palette."""

    label: str
    note: str
    icon: str
    address: str


class Suggest(Page):
    """The lines for what is typed so far, as a fragment of HTML."""

    scope = Scope.PERSON
    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django types it

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        query = request.GET.get("q", "").strip()[:LONGEST_QUERY].replace("\0", "")
        return render(request, "web/palette.html", {"hits": self._hits(query), "query": query})

    def _hits(self, query: str) -> list[Hit]:
        hits = self._pages(query)
        if not query:
            return hits
        things = self._destinations(query) + self._partners(query) + self._documents(query) + self._disputes(query) + self._decks(query)
        # Digits are a number before they are anything else; words are a Call-ID only when they are nothing else.
        calls = self._calls(query)
        hits += calls + things if _NUMBER.fullmatch(query) else things + calls
        return hits[:24]

    def _sees(self, right: Right, scope: Scope) -> bool:
        return may_see(self.viewer, right, scope)

    def _pages(self, query: str) -> list[Hit]:
        return [
            Hit(entry.label, "Page", entry.icon, reverse(entry.name))
            for entry in ENTRIES
            if query.lower() in entry.label.lower() and may_see(self.viewer, entry.right, entry.scope)
        ]

    def _calls(self, query: str) -> list[Hit]:
        if not self._sees(Right.READ_CALLS, Scope.OPERATOR):
            return []
        address = reverse("calls")
        hits = []
        if re.fullmatch(r"[0-9a-f]{32}", query.lower()):
            hits.append(Hit(query.lower(), "Call", "phone-call", reverse("call", args=[query.lower()])))
        if _NUMBER.fullmatch(query):
            hits.append(Hit(f"Calls from or to {query}", "Search calls", "phone", f"{address}?{urlencode({'number': query})}"))
        elif len(query) >= 6 and not _WORD.fullmatch(query):
            hits.append(Hit(f"Calls with Call-ID {query}", "Search calls", "phone", f"{address}?{urlencode({'call-id': query})}"))
        return hits

    def _partners(self, query: str) -> list[Hit]:
        if not self._sees(Right.READ_REFERENCE, Scope.OPERATOR):
            return []
        found = Partner.objects.filter(Q(id__icontains=query) | Q(name__icontains=query)).order_by("id")[:PER_KIND]
        return [Hit(each.name or each.id, "Partner", "users", reverse("partner", args=[each.id])) for each in found]

    def _destinations(self, query: str) -> list[Hit]:
        """Destinations of the newest comparison, with its calls that differ; else of the newest day of traffic."""
        if len(query) < SHORTEST_DESTINATION or _NUMBER.fullmatch(query):
            return []
        if self._sees(Right.READ_DISPUTES, Scope.OPERATOR) and self._sees(Right.READ_CALLS, Scope.OPERATOR):
            return self._compared(query)
        newest = cube.newest_day() if self._sees(Right.READ_BOOK, Scope.OPERATOR) else None
        if newest is None:
            return []
        selection = cube.Selection(newest, newest)
        names = [line.key[0] for line in cube.lines(selection, "destination") if query.lower() in line.key[0].lower()]
        address = reverse("traffic")
        return [Hit(each, "Traffic", "calendar-stats", f"{address}?{selection.query(destination=each)}") for each in names[:PER_KIND]]

    def _compared(self, query: str) -> list[Hit]:
        rows = Head.objects.filter(stage=STAGE).order_by("-run__finished_at", "scope")
        found = rows.values_list("scope", "run__summary__destinations", "run__summary__agreement__name").first()
        if found is None or not isinstance(found[1], list):
            return []
        scope, destinations, partner = found
        names = [str(each["name"]) for each in destinations if query.lower() in str(each["name"]).lower()]
        note = f"Differences with {partner or scope.partition('/')[0]}"
        address = reverse("pairs", args=[scope])
        return [Hit(each, note, "arrows-diff", f"{address}?{urlencode({'t-destination': each})}") for each in names[:PER_KIND]]

    def _documents(self, query: str) -> list[Hit]:
        if not self._sees(Right.READ_DOCUMENTS, Scope.OWN):
            return []
        wanted = Q(series__icontains=query) | Q(content__number__icontains=query)
        parts = re.fullmatch(r"(.*?)[-/ ]?0*(\d{1,12})", query)
        if parts:
            wanted |= Q(number=int(parts[2]), series__icontains=parts[1].strip())
        found = visible_documents(self).filter(wanted).order_by("-issued_at", "pk")[:PER_KIND]
        return [
            Hit(
                document_name(each),
                document_kind(each.kind, to_partner=self.viewer.partner is not None),
                "file-invoice",
                reverse("document", args=[each.pk]),
            )
            for each in found
        ]

    def _disputes(self, query: str) -> list[Hit]:
        if not self._sees(Right.READ_DISPUTES, Scope.OWN):
            return []
        found = visible_disputes(self).filter(id__icontains=query).order_by("-raised_at", "id")[:PER_KIND]
        return [Hit(each.id, f"Dispute, {human(each.state).lower()}", "gavel", reverse("dispute", args=[each.id])) for each in found]

    def _decks(self, query: str) -> list[Hit]:
        if not self._sees(Right.READ_REFERENCE, Scope.OPERATOR):
            return []
        found = Deck.objects.filter(deck_id__icontains=query).order_by("deck_id", "-received_at")[:PER_KIND]
        return [Hit(f"{each.deck_id} {each.version}", "Deck", "book-2", reverse("deck", args=[each.pk])) for each in found]
