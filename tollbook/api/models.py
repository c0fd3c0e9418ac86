"""Small models that several answers share."""

from __future__ import annotations

from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from tollbook.api.fields import Exact, Instant
from tollbook.flow import clock
from tollbook.web.words import instant_iso

Text = Annotated[str, StringConstraints(max_length=2_000, pattern="^[^\\x00]*$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern="^[^\\x00]+$")]
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Given(Schema):
    """A body: a field it does not know is refused, since a misspelt one would silently do nothing."""

    model_config = ConfigDict(extra="forbid")


class Instants(Schema):
    """When something holds, and as it was known when."""

    at: str | None = Field(None, max_length=40, description="RFC 3339 instant; now where it is left out.")
    known_at: str | None = Field(None, max_length=40, description="RFC 3339 instant: as it was known then; now where it is left out.")

    def instants(self, now_ms: int) -> tuple[int, int]:
        """Both in milliseconds; INSTANT_INVALID for what is none."""
        at, known_at = (clock.parse_instant_ms(text) if text else now_ms for text in (self.at, self.known_at))
        return at, known_at


class Amount(Schema):
    """How many, and how much of one currency. Amounts are never added across currencies."""

    currency: str = Field(description="ISO 4217 code.")
    number: int = Field(description="How many there are.")
    amount_micros: Exact = Field(description="Their sum in 10^-6 of the currency, as a string of digits.")


class LeftOut(Schema):
    """An amount that no rate was known for: it is in no sum."""

    currency: str = Field(description="ISO 4217 code.")
    amount_micros: Exact = Field(description="10^-6 of the currency, as a string of digits.")


class Clause(Schema):
    """A clause of the contract, as both parties signed it."""

    number: str
    title: str = Field(description="Empty where the book does not have its text.")
    text: str = Field(description="Empty where the book does not have it.")


class Happened(Schema):
    """One row of the journal about a thing."""

    seq: int
    at: Instant
    actor: str
    action: str
    reason: str


class PlainProblem(Schema):
    """One coded problem: its place, the offending value, why, and what to do."""

    code: str
    severity: str
    file: str
    part: str = Field(description="What `number` counts: line, record or row.")
    number: int | None
    column: str
    value: str
    reason: str
    remedy: str


def instant(milliseconds: int | None) -> str | None:
    """An instant for JSON."""
    return None if milliseconds is None else instant_iso(milliseconds)


def amounts(found: Any) -> list[Amount]:
    """Sums by currency, as the pages show them."""
    return [Amount(currency=each.currency, number=each.number, amount_micros=str(each.amount_micros)) for each in found]


def left_out(found: Any) -> list[LeftOut]:
    """Amounts without a rate, as (currency, amount) pairs."""
    return [LeftOut(currency=currency, amount_micros=str(amount)) for currency, amount in found]


def happened(rows: Any) -> list[Happened]:
    """Rows of the journal."""
    return [Happened(seq=row.seq, at=instant_iso(row.at), actor=row.actor, action=row.action, reason=row.reason) for row in rows]


def clause(number: str, found: Any) -> Clause | None:
    """A clause by its number, with its text where the book has it; None where no clause is named."""
    return Clause(number=number, title=found.title if found else "", text=found.text if found else "") if number else None


def clauses(found: Any) -> list[Clause]:
    """Clauses of an agreement, by number."""
    return [Clause(number=number, title=each.title, text=each.text) for number, each in sorted(found.items())]
