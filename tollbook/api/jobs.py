"""Long work: started here, done by a worker, looked at while it runs. And the catalogue of problems, which needs no token."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from ninja import Router, Schema
from pydantic import Field

from tollbook.api import listing
from tollbook.api.fields import Instant
from tollbook.api.listing import Listing
from tollbook.api.models import Digest, Given, PlainProblem, Text, instant
from tollbook.api.operation import actor_of, problems, reads, writes
from tollbook.api.problem import ApiError
from tollbook.api.repeated import Answer
from tollbook.core.rights import Right
from tollbook.flow import job as flow
from tollbook.flow.job_kinds import KINDS, MOST_FILES
from tollbook.store.models import Job
from tollbook.web.job_stream import shot_of, stream
from tollbook.web.jobs import is_anybody_working
from tollbook.web.listing import ListPage
from tollbook.web.page import Scope
from tollbook.web.table import Column, Kind, QueryRows, choices

router = Router(tags=["jobs"])
STARTABLE = ("INGEST", "DECKS", "CLOSE", "VERIFY", "CHECK", "REPAIR")
RIGHTS = tuple(dict.fromkeys(KINDS[name].right for name in STARTABLE))


class Jobs(ListPage):
    """The jobs a token may look at: its own, and those of kinds whose results it may read."""

    right, scope = Right.READ_BOOK, Scope.OPERATOR
    sort = "-created_at"
    columns = (
        Column("id", "32 hexadecimal digits", sorts=False),
        Column("kind", "What it does", filter="exact"),
        Column("subject", "What it is about", filter="text"),
        Column("state", "QUEUED, RUNNING, DONE, FAILED or CANCELLED", filter="choice", options=choices(*flow.ACTIVE, *flow.OVER)),
        Column("actor", "Who started it", filter="exact"),
        Column("created_at", "Started to wait", Kind.INSTANT),
        Column("started_at", "Taken by a worker", Kind.INSTANT),
        Column("finished_at", "Ended", Kind.INSTANT),
    )

    def rows(self) -> QueryRows:
        return QueryRows(flow.visible(self.viewer), tie="id")


listing.add(
    router,
    Listing(
        "/jobs", "jobs", "Job", Jobs, "Long work: what waits, runs and is done.", "A worker does it: tollbook worker, or the server itself."
    ),
)


class JobDetail(Schema):
    """One job and how far it is."""

    id: str
    kind: str
    subject: str
    state: str
    actor: str
    parameters: dict[str, Any]
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    stage: str = Field(description="What it is at.")
    detail: str
    done: int = Field(description="How much of `total`.")
    total: int = Field(description="0 where nobody can say.")
    words: str = Field(description="Where it is, in words: its place in the queue, what it is at, or how it ended.")
    share: int = Field(description="How much is done, in whole per cent: 100 when it is done and not before, 0 where nobody can say.")
    before_it: int | None = Field(description="How many jobs come before it; null where it does not wait.")
    cancel_wanted_by: str | None = Field(description="Who asked it to stop; null where nobody did.")
    is_stuck: bool = Field(description="Whether it waits while no worker was seen for a minute: start one with tollbook worker.")
    result: dict[str, Any]
    problems: list[PlainProblem]


class Upload(Given):
    """A file that was uploaded: under which digest it is sealed, and its name."""

    digest: Digest
    name: Annotated[str, Field(min_length=1, max_length=200, pattern="^[^\\x00/\\\\]+$")]


Uploads = Annotated[list[Upload], Field(min_length=1, max_length=MOST_FILES)]


class JobWanted(Given):
    """What to start. CLOSE takes {"period": "2026-11"} and may take "known_at"; VERIFY takes {"close": 17}; INGEST takes {"files": [...]},
    what POST /api/v1/uploads answered, and may take "source" and "as"; DECKS takes the same "files" and reads them as decks and their
    profiles; the others take nothing."""

    kind: Literal[STARTABLE]  # type: ignore[valid-type]
    parameters: Annotated[dict[str, Annotated[str, Field(max_length=200)] | int | Uploads], Field(max_length=5)] = {}  # noqa: RUF012 - pydantic copies it
    reason: Text = ""


def _one(request: HttpRequest, name: str) -> Job:
    row = flow.visible(actor_of(request)).filter(id=name).select_related("progress").first()
    if row is None:
        raise Http404
    return row


def _detail(row: Job) -> JobDetail:
    far, shot = getattr(row, "progress", None), shot_of(row.id)
    assert shot is not None, "a job is never removed"
    return JobDetail(
        created_at=instant(row.created_at) or "",
        started_at=instant(row.started_at),
        finished_at=instant(row.finished_at),
        stage=far.stage if far else "",
        detail=far.detail if far else "",
        done=far.done if far else 0,
        total=far.total if far else 0,
        words=shot.words,
        share=100 if shot.state == flow.DONE else shot.share,
        before_it=shot.before,
        cancel_wanted_by=row.cancel_wanted_by or None,
        is_stuck=row.state == flow.QUEUED and not is_anybody_working(),
        problems=[PlainProblem(**each) for each in row.problems],
        **{name: getattr(row, name) for name in ("id", "kind", "subject", "state", "actor", "parameters", "result")},
    )


@reads(router, "/jobs/{id}", right=Right.READ_BOOK, scope=Scope.OPERATOR, gives=JobDetail, summary="One job and how far it is.")
def job(request: HttpRequest, id: str) -> Schema:  # noqa: A002 - as the address calls it
    """Ask again until `state` is DONE, FAILED or CANCELLED; with If-None-Match an answer that changed nothing costs nothing. How long it
    has taken is `finished_at`, or now, less `started_at`."""
    return _detail(_one(request, id))


EVENTS: Final = "text/event-stream"
_LAST_SEEN: Final = {
    "in": "header",
    "name": "Last-Event-ID",
    "required": False,
    "schema": {"type": "string", "maxLength": 100},
    "description": "The id of the last event you saw: it is not sent again. Where it was the end, the answer is 204.",
}


@reads(
    router,
    "/jobs/{id}/events",
    right=Right.READ_BOOK,
    scope=Scope.OPERATOR,
    media=(EVENTS,),
    content={EVENTS: {"schema": {"type": "string", "description": "Server-sent events, as HTML's living standard has them."}}},
    more={204: {"description": "It is over, and you saw its end"}, **problems((503,))},
    also={"parameters": [_LAST_SEEN]},
    summary="The progress of a job as it goes.",
)
def job_events(request: HttpRequest, id: str) -> HttpResponseBase:  # noqa: A002 - as the address calls it
    """An event `progress` for every change, with state, words, done, total, share (whole per cent) and elapsed_ms as JSON; an event `end`
    with the state when it is over. A comment now and then keeps the connection. A stream ends by itself after two minutes: ask again with
    Last-Event-ID, as every client of server-sent events does."""
    row = _one(request, id)
    last = request.headers.get("Last-Event-ID", "")[:100]
    shot = shot_of(row.id)
    if shot is not None and shot.is_over and shot.mark == last:
        return HttpResponse(status=204)
    content = stream(row.id, last)
    if content is None:
        raise ApiError(503, "API_STREAMS", headers={"Retry-After": "5"})
    # Compression would hold events back until there are enough of them; it goes by this header.
    request.META["HTTP_ACCEPT_ENCODING"] = "identity"
    response = StreamingHttpResponse(content, content_type=f"{EVENTS}; charset=utf-8")
    response.headers["X-Accel-Buffering"] = "no"
    return response


@writes(
    router,
    "POST",
    "/jobs",
    rights=RIGHTS,
    scope=Scope.OPERATOR,
    gives=JobDetail,
    status=202,
    summary="Start long work.",
    needs_key=True,
)
def start_job(request: HttpRequest, body: JobWanted) -> Answer:
    """A close, a verification, a check, files that were uploaded. The answer comes at once and names the job; asking for what waits or
    runs already gives that."""
    row = flow.start(body.kind, body.model_dump()["parameters"], actor=actor_of(request), reason=body.reason)
    return Answer(_detail(row), 202, location=f"/api/v1/jobs/{row.id}")


@writes(
    router,
    "POST",
    "/jobs/{id}/cancellation",
    rights=RIGHTS,
    scope=Scope.OPERATOR,
    gives=JobDetail,
    summary="Stop a job.",
    takes="",
)
def cancel_job(request: HttpRequest, id: str) -> Answer:  # noqa: A002 - as the address calls it
    """Out of the queue at once, or at its next step; what was published until then stays."""
    return Answer(_detail(flow.cancel(_one(request, id).id, actor=actor_of(request))))
