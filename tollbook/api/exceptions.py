"""Exceptions: the queue, one of them with its events, and what is done about them: assigned, commented, decided, taken back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from tollbook.api import fields, listing
from tollbook.api.fields import Exact, Instant, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import Clause, Digest, Given, Text, clause, instant
from tollbook.api.operation import actor_of, page_for, reads, writes
from tollbook.api.repeated import Answer
from tollbook.core.exception import DECISIONS, OURS_TO_DECIDE, SUPERSEDED, open_decisions
from tollbook.core.rights import Right
from tollbook.flow import exception as flow
from tollbook.flow.exception import MOST_AT_ONCE, Seen
from tollbook.store.models import ExceptionCase
from tollbook.web import book, reference
from tollbook.web.exceptions import Exceptions
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.table import Column, Kind, QueryRows, choices

router = Router(tags=["exceptions"])


class ExceptionList(Exceptions):
    """Every exception, whatever was decided; filters choose."""

    columns = (
        *Exceptions.columns,
        Column("leg", "IN or OUT", filter="choice", options=choices("IN", "OUT")),
        Column("minutes_ms", "Conversation of its calls", Kind.MINUTES),
        Column("opened_at", "Opened", Kind.INSTANT),
        Column("run", "The run that found it", Kind.DIGEST, field="run_id", filter="exact", sorts=False),
        Column("dispute", "The dispute it is in; null where it is in none", field="dispute_id", filter="exact"),
    )

    def rows(self) -> QueryRows:
        return QueryRows(self.own(ExceptionCase.objects.all()), fields=("id", "last_event", "clause", "destination"))

    def shown_columns(self) -> tuple[Column, ...]:
        return self.columns


listing.add(
    router,
    Listing(
        "/exceptions",
        "exceptions",
        "Exception",
        ExceptionList,
        "Differences above the error budget.",
        "Each has one class, one desk, one clause and one amount. The largest first. Those that a later run of their period replaced are "
        "SUPERSEDED: they stay in the list, and in no sum.",
        extra=(
            fields.Field("id", "id", Shape.TEXT, "The exception."),
            fields.Field("last_event", "last_event", Shape.NUMBER, "The number of its last event, which a decision must have seen."),
            fields.Field("clause", "clause", Shape.TEXT, "The clause it stands on."),
            fields.Field("destination", "destination", Shape.TEXT, "The destination it is of; empty where it is of all of them."),
        ),
        blanks=("assignee",),
        fields_about={
            "cause": "The class of the difference.",
            "exception_class": "FRAUD, QUALITY or DATA: which desk looks at it.",
            "assignee": "Whom it was given to; empty for nobody",
            "amount_micros": "At risk",
        },
    ),
)


class ExceptionEvent(Schema):
    """One thing that was done to it."""

    number: int
    kind: str = Field(description="ASSIGN, COMMENT, DECIDE, UNDO, or CARRY: taken over from the run before.")
    at: Instant
    actor: str
    decision: str
    assignee: str
    remark: str


class EarlierException(Schema):
    """The same class of the same place in the run before."""

    id: str = Field(description="The exception of the run before.")
    amount_micros: Exact = Field(description="What was at risk in it: micro-units (10^-6) of the currency, as a string of digits.")
    currency: str = Field(description="ISO 4217 code of the amount.")
    decided_by: str = Field(description="Who decided it; empty for nobody.")


class ExceptionDetail(Schema):
    """One exception: why, by which clause, with which calls, and what was done."""

    id: str
    cause: str
    exception_class: str
    partner: str
    period: str
    leg: str
    destination: str
    run: str = Field(description="The run that found it.")
    agreement_digest: str
    clause: Clause | None = Field(description="Null where none is named.")
    currency: str
    amount_micros: Exact
    minutes_ms: int
    records: int
    state: str
    owner: str = Field(description="The desk that looks at it.")
    assignee: str
    decided_by: str
    decided_at: Instant | None
    opened_at: Instant
    dispute: str | None
    earlier: EarlierException | None = Field(description="What the run before had in its place; null where it had nothing.")
    later: str | None = Field(description="Of one that is SUPERSEDED: the exception of the later run, which is the one to decide.")
    may_be_undone: bool = Field(description="Whether a decision was made that can be taken back: the partner does not have the dispute.")
    last_event: int = Field(description="Send it back with a decision: it is refused where somebody else was quicker.")
    calls: list[str] | None = Field(description="Its heaviest calls, a hundred at most; null for a token without the right to read calls.")
    decisions: dict[str, str] = Field(description="What may be decided, each with what speaks against it now; empty where it is open.")
    events: list[ExceptionEvent]


class Events(ListPage):
    """What happened to one exception."""

    right, scope = Right.READ_DISPUTES, Scope.OPERATOR
    sort = "number"
    columns = (
        Column("number", "Counts the events of the exception, from 1", Kind.COUNT),
        Column("kind", "What happened", filter="exact"),
        Column("at", "When", Kind.INSTANT),
        Column("actor", "Who did it", filter="exact"),
        Column("decision", "What was decided; empty where nothing was", filter="exact"),
        Column("assignee", "Whom it was given to; empty for nobody", filter="exact"),
        Column("remark", "What was said", sorts=False),
    )

    def rows(self) -> QueryRows:
        return QueryRows(self.one(ExceptionCase.objects.all(), pk=self.kwargs["id"]).events.all(), fields=("number",))


listing.add(
    router,
    Listing(
        "/exceptions/{id}/events",
        "exception_events",
        "ExceptionEventLine",
        Events,
        "What happened to an exception.",
        "Assignments, comments, decisions and what was taken back: events are added, never changed.",
        parameters={"id": "The exception's digest."},
    ),
)


class SeenException(Given):
    """An exception as you saw it."""

    id: Digest
    last_event: Annotated[int, Field(ge=0, le=2_147_483_647)]


Chosen = Annotated[list[SeenException], Field(min_length=1, max_length=MOST_AT_ONCE, description="All of them or none.")]


class Assignment(Given):
    """Who is to look at them; an empty text gives them back to the queue."""

    exceptions: Chosen
    assignee: Annotated[str, Field(max_length=200, pattern="^[^\\x00]*$")]
    reason: Text = ""


class Comment(Given):
    """Something to say about them."""

    exceptions: Annotated[list[Digest], Field(min_length=1, max_length=MOST_AT_ONCE)]
    text: Text


class Decided(Given):
    """A decision about them."""

    exceptions: Chosen
    decision: Literal[tuple(DECISIONS)]  # type: ignore[valid-type]
    reason: Text = ""


class TakenBack(Given):
    """Why the last decision about them is taken back."""

    exceptions: Chosen
    reason: Text


class Done(Schema):
    """What one exception is now."""

    exception: str
    event: int
    kind: str
    state: str


class DoneList(Schema):
    """What the exceptions are now, in the order of their ids."""

    done: list[Done]


@reads(
    router,
    "/exceptions/{id}",
    right=Right.READ_DISPUTES,
    scope=Scope.OPERATOR,
    gives=ExceptionDetail,
    summary="One exception with its events.",
)
def exception(request: HttpRequest, id: str) -> Schema:  # noqa: A002 - as the address calls it
    """Why, by which clause, with which calls, what may be decided and what was."""
    page = page_for(request)
    row = page.one(ExceptionCase.objects.select_related("earlier"), pk=id)
    found = reference.agreement_by_digest(row.agreement_digest)
    given = flow.circumstances(book.current(), row, actor_of(request))
    return ExceptionDetail(
        id=row.id,
        cause=row.cause,
        exception_class=row.exception_class,
        partner=row.partner_id,
        period=row.period,
        leg=row.leg,
        destination=row.destination,
        run=row.run_id,
        agreement_digest=row.agreement_digest,
        clause=clause(row.clause, found[1].clauses.get(row.clause) if found else None),
        currency=row.currency,
        amount_micros=str(row.amount_micros),
        minutes_ms=row.minutes_ms,
        records=row.records,
        state=row.state,
        owner=row.owner,
        assignee=row.assignee,
        decided_by=row.decided_by,
        decided_at=instant(row.decided_at),
        opened_at=instant(row.opened_at) or "",
        dispute=row.dispute_id,
        earlier=_earlier(row),
        later=row.later.order_by("-opened_at").values_list("id", flat=True).first() if row.state == SUPERSEDED else None,
        may_be_undone=row.state in DECISIONS and given.dispute_state in OURS_TO_DECIDE,
        last_event=row.last_event,
        calls=[str(each) for each in row.examples] if page.may(Right.READ_CALLS) else None,
        decisions=open_decisions(row.state, given),
        events=[_event(each) for each in row.events.order_by("number")[:500]],
    )


def _earlier(row: ExceptionCase) -> EarlierException | None:
    found = row.earlier
    if found is None:
        return None
    return EarlierException(id=found.id, amount_micros=str(found.amount_micros), currency=found.currency, decided_by=found.decided_by)


def _event(row: Any) -> ExceptionEvent:
    return ExceptionEvent(
        number=row.number,
        kind=row.kind,
        at=instant(row.at) or "",
        actor=row.actor,
        decision=row.decision,
        assignee=row.assignee,
        remark=row.remark,
    )


def _seen(chosen: list[SeenException]) -> list[Seen]:
    return [Seen(each.id, each.last_event) for each in chosen]


def _done(outcomes: list[Any]) -> Answer:
    names = Done.model_fields
    return Answer(DoneList(done=[Done(**{name: each.result[name] for name in names}) for each in outcomes]))


_WORK: dict[str, Any] = {"rights": (Right.WORK_EXCEPTIONS,), "scope": Scope.OPERATOR, "gives": DoneList}


@writes(router, "POST", "/exceptions/assignments", summary="Give exceptions to somebody.", **_WORK)
def assign_exceptions(request: HttpRequest, body: Assignment) -> Answer:
    """To a person who may decide them, or to nobody."""
    return _done(flow.assign(_seen(body.exceptions), body.assignee, actor=actor_of(request), reason=body.reason))


@writes(router, "POST", "/exceptions/comments", summary="Say something about exceptions.", **_WORK)
def comment_exceptions(request: HttpRequest, body: Comment) -> Answer:
    """A comment moves nothing."""
    return _done(flow.comment(body.exceptions, body.text, actor=actor_of(request)))


@writes(router, "POST", "/exceptions/decisions", summary="Decide exceptions.", needs_key=True, **_WORK)
def decide_exceptions(request: HttpRequest, body: Decided) -> Answer:
    """DISPUTED keeps them in the dispute, ACCEPTED takes theirs as right, TOLERATED lets it be up to the guard of a line, OUR_ERROR says
    that ours is wrong. All of them or none: what is wrong with any is said for all it is wrong with."""
    return _done(flow.decide(book.current(), _seen(body.exceptions), body.decision, actor=actor_of(request), reason=body.reason))


@writes(router, "POST", "/exceptions/undos", summary="Take decisions back.", needs_key=True, **_WORK)
def undo_exceptions(request: HttpRequest, body: TakenBack) -> Answer:
    """With a reason, and only while the partner does not have the dispute."""
    return _done(flow.undo(_seen(body.exceptions), actor=actor_of(request), reason=body.reason))
