"""The side navigation: what there is, in the order people look for it. A page a role may not see is not in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from tollbook.core.rights import Actor, Right, Role
from tollbook.web.page import Scope, may_see


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation. `group` heads it where the group changes."""

    label: str
    name: str
    icon: str
    right: Right | None
    scope: Scope
    group: str = ""


ENTRIES: Final = (
    Entry("Home", "home", "home", None, Scope.PERSON),
    Entry("Overview", "overview", "layout-dashboard", Right.READ_MARGIN, Scope.OPERATOR),
    Entry("Reconciliation", "reconciliation", "arrows-diff", Right.READ_DISPUTES, Scope.OPERATOR, "Difference"),
    Entry("Exceptions", "exceptions", "list-check", Right.READ_DISPUTES, Scope.OPERATOR, "Difference"),
    Entry("Disputes", "disputes", "gavel", Right.READ_DISPUTES, Scope.OWN, "Difference"),
    Entry("Partners", "partners", "users", Right.READ_REFERENCE, Scope.OPERATOR, "Settlement"),
    Entry("Documents", "documents", "file-invoice", Right.READ_DOCUMENTS, Scope.OWN, "Settlement"),
    Entry("Closes", "closes", "shield-check", Right.READ_LEDGER, Scope.OPERATOR, "Settlement"),
    Entry("Traffic", "traffic", "calendar-stats", Right.READ_BOOK, Scope.OPERATOR, "Traffic"),
    Entry("Sources", "sources", "database-import", Right.READ_BOOK, Scope.OPERATOR, "Traffic"),
    Entry("Calls", "calls", "list-search", Right.READ_CALLS, Scope.OPERATOR, "Traffic"),
    Entry("Decks", "decks", "book-2", Right.READ_REFERENCE, Scope.OPERATOR, "Traffic"),
    Entry("Jobs", "jobs", "clock-hour-4", Right.READ_BOOK, Scope.OPERATOR, "Book"),
    Entry("Journal", "journal", "timeline", Right.READ_JOURNAL, Scope.OPERATOR, "Book"),
    Entry("Users", "users", "shield-lock", Right.READ_USERS, Scope.OPERATOR, "Book"),
)
HOME_TITLE: Final = {
    Role.OWNER: "Everything that waits",
    Role.BILLING: "What needs a decision today",
    Role.NOC: "Sources and traffic",
    Role.ROUTES: "Decks and destinations",
    Role.CFO: "Where the money stands",
    Role.AUDITOR: "Closes and the journal",
    Role.PARTNER: "Your documents and disputes",
}


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as a template needs it."""

    label: str
    address: str
    icon: str
    heading: str
    is_current: bool


def entries_of(viewer: Actor, path: str) -> list[Link]:
    """The navigation of a viewer; the entry whose address the path begins with is the current one."""
    links: list[Link] = []
    group = ""
    for entry in ENTRIES:
        if not may_see(viewer, entry.right, entry.scope):
            continue
        address = reverse(entry.name)
        is_current = path == address or (address != "/" and path.startswith(address))
        links.append(Link(entry.label, address, entry.icon, entry.group if entry.group != group else "", is_current))
        group = entry.group
    return links
