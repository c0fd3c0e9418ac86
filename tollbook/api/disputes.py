"""Disputes: where each stands, its pack, and the steps of both sides."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from django.http import HttpRequest, HttpResponseBase
from ninja import Router, Schema
from pydantic import Field

from tollbook.api import files, listing, tag
from tollbook.api.fields import Exact, Instant, Shape
from tollbook.api.listing import Listing
from tollbook.api.models import Clause, Given, Text, clause, instant
from tollbook.api.operation import actor_of, page_for, reads, writes
from tollbook.api.problem import ApiError
from tollbook.api.repeated import Answer
from tollbook.core.dispute import CLOCK_OF_STATE, STATES, STEPS
from tollbook.core.rights import Right
from tollbook.flow import clock
from tollbook.flow.dispute import advance, concession, current_exceptions
from tollbook.store.models import Dispute
from tollbook.web import book, reference
from tollbook.web.dispute import Disputes, OneDispute, OpenStep, visible
from tollbook.web.dispute_course import CLOCKS, is_recorded_for_them
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.table import Column, Kind, MemoryRows, choices

router = Router(tags=["disputes"])

_AMOUNTS: Final[dict[str, Literal["PART", "CREDIT"]]] = {"part": "PART", "credit": "CREDIT"}
_TOLD: Final = "Whether ours wrote a step of theirs down for them; null for a partner's token"


class DisputeList(Disputes):
    """All disputes the token may see, with the document each is over."""

    columns = (
        *Disputes.columns,
        Column("leg", "IN or OUT", filter="choice", options=choices("IN", "OUT")),
        Column("document", "The number in this book of the invoice it is over", Kind.COUNT, field="document_id", filter="exact"),
    )

    def shown_columns(self) -> tuple[Column, ...]:
        return self.columns


listing.add(
    router,
    Listing(
        "/disputes",
        "disputes",
        "Dispute",
        DisputeList,
        "What is disputed with partners.",
        "A partner's token sees its own, once they are submitted. What must be answered first comes first.",
    ),
)


class DisputeEvent(Schema):
    """One step. A partner's token sees remarks that are for both sides, and no names of ours."""

    number: int
    event: str
    from_state: str
    to_state: str
    side: str = Field(description="OURS or THEIRS: whose step it is.")
    at: Instant
    actor: str | None
    is_recorded_for_them: bool | None = Field(description=f"{_TOLD}.")
    amount_micros: Exact | None
    remark: str | None


class NextStep(Schema):
    """A step that is open to this token now, and what it takes."""

    event: str = Field(description="What POST /api/v1/disputes/{id}/steps calls it.")
    label: str = Field(description="The step in words.")
    next_state: str = Field(description="The state that follows.")
    amount: Literal["PART", "CREDIT"] | None = Field(
        description="What `credit_micros` says of it: PART is what is accepted of a part, CREDIT what the partner credits."
    )
    needs_reason: bool = Field(description="Whether it is refused without a reason.")
    is_told: bool = Field(description="Whether both sides read the reason; else ours alone do.")


class Submission(Schema):
    """What submitting a draft would do, by what was decided about its exceptions."""

    given_up_micros: Exact = Field(description="What was decided otherwise, and becomes payable.")
    claimed_micros: Exact = Field(description="What is claimed: what is disputed less what is given up.")
    undecided: int = Field(description="Exceptions that nobody decided: they are decided as disputed.")


class DisputeDetail(Schema):
    """One dispute: money, clause, clocks, steps."""

    id: str
    partner: str
    period: str
    leg: str
    cause: str
    state: str
    clause: Clause | None = Field(description="Null where none is named.")
    agreement_digest: str
    document: int | None = Field(description="The invoice it is over.")
    currency: str
    disputed_micros: Exact
    conceded_micros: Exact = Field(description="Of what is disputed, the part we gave up when it was submitted.")
    undisputed_micros: Exact
    accepted_micros: Exact
    raised_at: Instant | None
    submitted_at: Instant | None
    window_ends_at: Instant | None
    acknowledge_by_at: Instant | None
    answer_by_at: Instant | None
    escalate_l1_at: Instant | None = Field(description="Settle or escalate by.")
    escalate_l2_at: Instant | None = Field(description="Settle or escalate again by.")
    due_at: Instant | None = Field(description="When the clock that runs in its state ends; null where none runs.")
    closed_at: Instant | None
    pack_name: str | None = Field(description="What the file of the evidence is called.")
    pack_bytes: int | None = Field(description="Its size.")
    pack_sha256: str | None
    pack_root: str = Field(description="Of the pack's manifest; tollbook verify derives it from the pack.")
    submission: Submission | None = Field(description="Of a draft: what submitting it would do; null in every other state.")
    steps: list[str] = Field(description="The steps that are open to this token now.")
    next_steps: list[NextStep] = Field(description="The same steps, each with what it takes and what follows.")
    events: list[DisputeEvent]


class Events(ListPage):
    """What happened to one dispute, as the token's holder may read it."""

    right, scope = Right.READ_DISPUTES, Scope.OWN
    sort = "number"
    columns = (
        Column("number", "Counts the steps of the dispute, from 1", Kind.COUNT),
        Column("event", "The step", filter="exact"),
        Column("from_state", "State before", filter="exact"),
        Column("to_state", "State after", filter="exact"),
        Column("side", "OURS or THEIRS: whose step it is", filter="exact"),
        Column("at", "When", Kind.INSTANT),
        Column("actor", "Who took it; null where that is not for the token to know", filter="exact"),
        Column("is_recorded_for_them", _TOLD, sorts=False),
        Column("amount_micros", "The amount of a credit or of what was accepted", Kind.MONEY, currency="currency"),
        Column("remark", "What was said; null where it is not for both sides", sorts=False),
    )

    def rows(self) -> MemoryRows:
        row, is_ours = self.one(visible(self), pk=self.kwargs["id"]), self.viewer.partner is None
        return MemoryRows([_line(each, row.currency, is_ours) for each in row.events.order_by("number")], tie=("number",))


def _line(row: Any, currency: str, is_ours: bool) -> dict[str, Any]:
    names = ("number", "event", "from_state", "to_state", "side", "at", "amount_micros")
    told = _event(row, is_ours)
    seen = {name: getattr(told, name) for name in ("actor", "is_recorded_for_them", "remark")}
    return {**{name: getattr(row, name) for name in names}, **seen, "currency": currency}


listing.add(
    router,
    Listing(
        "/disputes/{id}/events",
        "dispute_events",
        "DisputeEventLine",
        Events,
        "What happened to a dispute.",
        "Every step of both sides; steps are added, never changed.",
        parameters={"id": "The dispute's name."},
        shapes={"is_recorded_for_them": Shape.FLAG},
    ),
)


class StepTaken(Given):
    """A step of the lifecycle."""

    event: Literal[tuple(STEPS)]  # type: ignore[valid-type]
    seen_state: Literal[("", *STATES)] = Field(  # type: ignore[valid-type]
        "", description="The state you decided on: refused (409) where it is another by now. Needed where there is no If-Match."
    )
    reason: Text = ""
    credit_micros: Annotated[str, Field(pattern="^[0-9]{1,18}$")] | None = Field(
        None, description="What the partner credits: of a settlement, or of a part that is accepted. Micro-units as a string of digits."
    )


@reads(router, "/disputes/{id}", right=Right.READ_DISPUTES, scope=Scope.OWN, gives=DisputeDetail, summary="One dispute with its steps.")
def dispute(request: HttpRequest, id: str) -> Schema:  # noqa: A002 - as the address calls it
    """Where it stands, by which clause, by when who has to answer, and what happened."""
    return _detail(request, id)


def _detail(request: HttpRequest, name: str) -> DisputeDetail:
    page = page_for(request, OneDispute, pk=name)
    row = page.one(visible(page).select_related("pack"), pk=name)
    found = reference.agreement_by_digest(row.agreement_digest)
    names = ("id", "period", "leg", "cause", "state", "agreement_digest", "currency", "pack_root")
    sums = ("disputed_micros", "conceded_micros", "undisputed_micros", "accepted_micros")
    instants = ("raised_at", "submitted_at", "closed_at", *(column for column, _ in CLOCKS))
    is_ours, steps = page.viewer.partner is None, page.open_steps(row, clock.now_ms())
    values: dict[str, Any] = {each: instant(getattr(row, each)) for each in instants}
    running = CLOCK_OF_STATE.get(row.state)
    return DisputeDetail(
        partner=row.partner_id,
        clause=clause(row.clause, found[1].clauses.get(row.clause) if found else None),
        document=row.document_id,
        due_at=values.get(running) if running else None,
        pack_name=row.pack.name if row.pack else None,
        pack_bytes=row.pack.size if row.pack else None,
        pack_sha256=row.pack_id,
        submission=_submission(row) if is_ours and row.state == "DRAFT" else None,
        steps=[each.step.event for each in steps],
        next_steps=[_next_step(each) for each in steps],
        events=[_event(each, is_ours) for each in row.events.order_by("number")[:500]],
        **{each: getattr(row, each) for each in names},
        **{each: str(getattr(row, each)) for each in sums},
        **values,
    )


def _next_step(found: OpenStep) -> NextStep:
    return NextStep(
        event=found.step.event,
        label=found.words,
        next_state=found.state,
        amount=_AMOUNTS.get(found.amount),
        needs_reason=found.step.needs_reason,
        is_told=found.step.is_told,
    )


def _submission(row: Dispute) -> Submission:
    found = concession(row, current_exceptions(row))
    return Submission(
        given_up_micros=str(found.given_up_micros),
        claimed_micros=str(row.disputed_micros - found.given_up_micros),
        undecided=len(found.undecided),
    )


def _event(row: Any, is_ours: bool) -> DisputeEvent:
    return DisputeEvent(
        number=row.number,
        event=row.event,
        from_state=row.from_state,
        to_state=row.to_state,
        side=row.side,
        at=instant(row.at) or "",
        actor=row.actor if is_ours or row.partner else None,
        is_recorded_for_them=is_recorded_for_them(row) if is_ours else None,
        amount_micros=None if row.amount_micros is None else str(row.amount_micros),
        remark=row.remark if is_ours or row.is_told else None,
    )


@reads(
    router,
    "/disputes/{id}/pack",
    right=Right.READ_DISPUTES,
    scope=Scope.OWN,
    media=(files.ZIP,),
    content=files.content(files.ZIP),
    summary="The evidence of a dispute.",
)
def dispute_pack(request: HttpRequest, id: str) -> HttpResponseBase:  # noqa: A002 - as the address calls it
    """A file that verifies offline: tollbook verify PACK."""
    page = page_for(request)
    row = page.one(visible(page).select_related("pack"), pk=id)
    return files.sealed(request, row.pack_id, row.pack.name if row.pack else "", files.ZIP)


@writes(
    router,
    "POST",
    "/disputes/{id}/steps",
    rights=(Right.WORK_DISPUTES, Right.ANSWER_DISPUTES),
    scope=Scope.OWN,
    gives=DisputeDetail,
    summary="Take a dispute one step on.",
    needs_key=True,
    matches=True,
)
def step_dispute(request: HttpRequest, id: str, body: StepTaken) -> Answer:  # noqa: A002 - as the address calls it
    """Ours lead a dispute, a partner's token answers its own. Submitting starts the clocks of the answer; settling posts what is owed
    after all. It is decided on what you saw: send the dispute's ETag in If-Match, or at least its state in `seen_state`, and nobody can be
    quicker without you noticing."""
    page = page_for(request)
    if not tag.names_one(request) and not body.seen_state:
        raise ApiError(428, "API_PRECONDITION_MISSING")
    row = page.one(visible(page), pk=id)
    tag.require_match(request, lambda: _detail(request, id))
    credit = int(body.credit_micros) if body.credit_micros is not None else None
    # What If-Match let through may still be overtaken before the row is locked: its state then stands for what was seen.
    seen = body.seen_state or row.state
    advance(book.current(), row.id, body.event, actor=actor_of(request), reason=body.reason, credit_micros=credit, seen_state=seen)
    return Answer(_detail(request, id))
