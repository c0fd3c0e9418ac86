"""Who may do what: roles and rights as one table. Writes ask it in the one door for writes, and every read asks it too.

docs/reference/rights.md shows the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tollbook.core.problem import refuse


class Right(StrEnum):
    """One thing somebody may do. Rights that begin with READ change nothing."""

    READ_BOOK = "read-book"  # files, batches, runs, their counts and problems
    READ_CALLS = "read-calls"  # single records with their numbers
    READ_REFERENCE = "read-reference"  # agreements, decks, trunk maps
    READ_MARGIN = "read-margin"  # buy beside sell
    READ_DISPUTES = "read-disputes"  # disputes and their evidence
    READ_DOCUMENTS = "read-documents"  # invoices, credit notes, statements
    READ_LEDGER = "read-ledger"
    READ_JOURNAL = "read-journal"
    READ_USERS = "read-users"
    INGEST = "ingest"  # records of calls
    WRITE_REFERENCE = "write-reference"  # agreements and whatever else decides money but decks
    WRITE_DECKS = "write-decks"
    RUN = "run"  # mediation, rating, matching, reconciliation
    WORK_EXCEPTIONS = "work-exceptions"
    WORK_DISPUTES = "work-disputes"
    ANSWER_DISPUTES = "answer-disputes"  # the other side's part of a dispute
    ISSUE_DOCUMENTS = "issue-documents"
    POST_PAYMENTS = "post-payments"
    CLOSE = "close"
    SIGN_OFF = "sign-off"
    BLOCK_ACCOUNTS = "block-accounts"
    REPAIR = "repair"
    MANAGE_USERS = "manage-users"


class Role(StrEnum):
    """What somebody is in the carrier, or beside it."""

    OWNER = "owner"
    BILLING = "billing"
    NOC = "noc"
    ROUTES = "routes"
    CFO = "cfo"
    AUDITOR = "auditor"
    PARTNER = "partner"


READING: Final = frozenset(right for right in Right if right.name.startswith("READ_"))

RIGHTS: Final[dict[Role, frozenset[Right]]] = {
    Role.OWNER: frozenset(Right) - {Right.ANSWER_DISPUTES},
    Role.BILLING: (READING - {Right.READ_USERS})
    | {
        Right.INGEST,
        Right.WRITE_REFERENCE,
        Right.WRITE_DECKS,
        Right.RUN,
        Right.WORK_EXCEPTIONS,
        Right.WORK_DISPUTES,
        Right.ISSUE_DOCUMENTS,
        Right.POST_PAYMENTS,
        Right.CLOSE,
    },
    # The NOC sees calls and stops accounts; what they cost is not its business.
    Role.NOC: frozenset({Right.READ_BOOK, Right.READ_CALLS, Right.INGEST, Right.BLOCK_ACCOUNTS}),
    Role.ROUTES: frozenset({Right.READ_BOOK, Right.READ_CALLS, Right.READ_REFERENCE, Right.READ_MARGIN, Right.WRITE_DECKS}),
    Role.CFO: (READING - {Right.READ_USERS}) | {Right.SIGN_OFF, Right.POST_PAYMENTS, Right.BLOCK_ACCOUNTS},
    Role.AUDITOR: READING,
    # Only its own: `allowed` also asks for the partner.
    Role.PARTNER: frozenset({Right.READ_DISPUTES, Right.READ_DOCUMENTS, Right.ANSWER_DISPUTES}),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. A partner's user has its partner; an API token has a scope, and may do what its role and its scope both allow."""

    name: str
    role: Role
    partner: str | None = None
    scope: frozenset[Right] | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.role})"


def allowed(actor: Actor, right: Right, partner: str | None = None) -> bool:
    """Whether the actor has the right over the things of a partner; `partner` None is the whole book, which no partner's user sees."""
    if right not in RIGHTS[actor.role]:
        return False
    if actor.scope is not None and right not in actor.scope:
        return False
    if actor.role is Role.PARTNER or actor.partner is not None:
        return actor.partner is not None and partner == actor.partner
    return True


def require(actor: Actor, right: Right, partner: str | None = None) -> None:
    """Refuses with RIGHT_MISSING unless the actor has the right. The reason tells nothing about what was asked for."""
    if not allowed(actor, right, partner):
        raise refuse("RIGHT_MISSING", f"{actor} has no right to {right}.", value=str(right))
