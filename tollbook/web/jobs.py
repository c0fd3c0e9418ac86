"""Long work: what waits, runs and ran; one of them with its bar and its result; its progress as a stream."""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import uuid4

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from tollbook.core.rights import Right
from tollbook.flow import clock, job
from tollbook.flow.job_kinds import KINDS
from tollbook.store.models import Job, Worker
from tollbook.web.job_stream import OVER_WORDS, shot_of, stream
from tollbook.web.listing import ListPage
from tollbook.web.metrics import SILENT_MS
from tollbook.web.page import Page, Scope
from tollbook.web.partner_names import names_of
from tollbook.web.table import Column, Kind, MemoryRows, QueryRows, Table, choices

TITLES = {
    "INGEST": "Ingest of {}",
    "DECKS": "Decks from {}",
    "CLOSE": "Close of {}",
    "VERIFY": "Verification of the {}",
    "CHECK": "Check of {}",
    "REPAIR": "Repair of {}",
}
STATES = (job.QUEUED, job.RUNNING, job.DONE, job.FAILED, job.CANCELLED)
# What may be started without anything further to say.
PLAIN = ("CHECK", "REPAIR")
KEY = re.compile(r"[0-9a-f]{32}")


def new_key() -> str:
    """For a form that starts something: sent twice, it starts once."""
    return uuid4().hex


def key_of(request: HttpRequest) -> str | None:
    """The form's key, where it is one."""
    given = request.POST.get("key", "")
    return given if KEY.fullmatch(given) else None


def title_of(row: Job) -> str:
    return TITLES.get(row.kind, "{}").format(row.subject)


def is_anybody_working() -> bool:
    """Whether a worker was seen of late."""
    return Worker.objects.filter(seen_at__gte=clock.real_now_ms() - SILENT_MS).exists()


class Jobs(ListPage):
    """Everything somebody started that takes long, the newest first."""

    right, scope = Right.READ_BOOK, Scope.OPERATOR
    template, title = "web/jobs.html", "Jobs"
    lead = "What takes longer than a page: files being read, closes, verifications, checks. It goes on when you leave."
    sort = "-created_at"
    empty_heading = "Nothing was started yet"
    empty_advice = (
        "Ingest files under Sources, close a period under Closes, or check the book here. A worker does it, beside the server or elsewhere."
    )
    empty_command = "tollbook worker"
    empty_icon = "clock-hour-4"
    columns = (
        Column("kind", "Work", Kind.WORD, filter="choice", options=choices(*KINDS), link=lambda row: reverse("job", args=[row["pk"]])),
        Column("subject", "Of", filter="text", breaks=True),
        Column("state", "State", Kind.BADGE, filter="choice", options=choices(*STATES)),
        Column("actor", "Started by", filter="exact", is_roomy=True),
        Column("created_at", "Started (UTC)", Kind.INSTANT),
        Column("finished_at", "Ended (UTC)", Kind.INSTANT, is_optional=True),
    )

    def rows(self) -> QueryRows:
        return QueryRows(job.visible(self.viewer), fields=("pk",))

    def context(self) -> dict[str, Any]:
        startable = job.startable(self.viewer)
        waiting = Job.objects.filter(state=job.QUEUED).exists()
        return {
            "plain": [name for name in PLAIN if name in startable],
            "key": new_key(),
            "is_stuck": waiting and not is_anybody_working(),
        }

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Starts a check or a repair."""
        kind = request.POST.get("kind", "")
        if kind not in PLAIN:
            raise Http404
        started = job.start(kind, {}, actor=self.viewer, idempotency_key=key_of(request))
        return redirect("job", pk=started.id)


class OneJob(Page):
    """One job: its bar while it runs, what came of it afterwards."""

    right, scope = Right.READ_BOOK, Scope.OPERATOR
    template = "web/job.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Jobs", reverse("jobs"))]

    def _row(self) -> Job:
        return self.one(job.visible(self.viewer), pk=self.kwargs["pk"])

    def context(self) -> dict[str, Any]:
        row, shot = self._row(), shot_of(self.kwargs["pk"])
        assert shot is not None
        is_active = shot.is_active
        may_start = row.kind in job.startable(self.viewer)
        return {
            "title": title_of(row),
            "row": row,
            "shot": shot,
            "result": row.result,
            "totals": _totals(row),
            "tables": _files(self.request, row),
            "names": names_of() if row.kind == "VERIFY" else {},
            "verification": _verification(row),
            "may_cancel": is_active and not row.cancel_wanted_by and (may_start or row.actor == self.viewer.name),
            "may_repeat": not is_active and row.state != job.DONE and may_start,
            "is_stuck": row.state == job.QUEUED and not is_anybody_working(),
            "key": new_key(),
        }

    def post(self, request: HttpRequest, pk: str) -> HttpResponseBase:
        row, step = self._row(), request.POST.get("step")
        if step == "cancel":
            after = job.cancel(row.id, actor=self.viewer)
            messages.success(request, OVER_WORDS[job.CANCELLED] if after.state == job.CANCELLED else "It stops at its next step.")
        elif step == "again":
            row = job.start(row.kind, row.parameters, actor=self.viewer, idempotency_key=key_of(request), again=row.id)
        else:
            raise Http404
        return redirect("job", pk=row.id)


def _verification(row: Job) -> dict[str, Any]:
    """A verification's result as the page of a close shows one."""
    if row.kind != "VERIFY":
        return {}
    return {"is_verified": row.result.get("verified"), "checks": row.result.get("checks", []), "problems": []}


def _file_address(row: Any) -> str:
    """A file of records has a page of its own."""
    return reverse("source-file", args=[row["source"], row["digest"]]) if row["kind"] == "CDR" and row["status"] == "published" else ""


FILE_COLUMNS: Final = (
    Column("name", "File", filter="text", link=_file_address, breaks=True),
    Column("kind", "Is", Kind.WORD, is_roomy=True),
    Column("status", "State", Kind.BADGE),
    Column("source", "Source, or of whom", filter="text", is_roomy=True),
)
COUNT_COLUMNS: Final = (
    Column("read", "Read", Kind.COUNT),
    Column("accepted", "Accepted", Kind.COUNT, is_roomy=True),
    Column("duplicates", "Duplicates", Kind.COUNT, is_roomy=True),
    Column("problems", "Problems", Kind.COUNT),
)


def _files(request: HttpRequest, row: Job) -> dict[str, Table]:
    """What came of each file of an ingest, in the order they were read."""
    if row.kind not in ("INGEST", "DECKS"):
        return {}
    empty = {"name": "", "kind": "", "status": "", "source": "", "digest": ""}
    found: list[dict[str, Any]] = [{**empty, **each, "place": place} for place, each in enumerate(row.result.get("files", []))]
    # Only files of records are counted.
    counts = {column.name: None for column in COUNT_COLUMNS}
    rows = [{**each, **({} if each["kind"] == "CDR" else counts)} for each in found]
    columns = FILE_COLUMNS + (COUNT_COLUMNS if any(each["kind"] == "CDR" for each in rows) else ())
    return {"files": Table(request, MemoryRows([{**counts, **each} for each in rows], tie=("place",)), columns, name="f", label="Files")}


def _totals(row: Job) -> dict[str, int]:
    """The sums over the files of an ingest."""
    if row.kind not in ("INGEST", "DECKS"):
        return {}
    files = row.result.get("files", [])
    return {name: sum(int(each.get(name, 0)) for each in files) for name in ("read", "accepted", "duplicates", "problems")}


class Events(Page):
    """The progress of a job as server-sent events. 204 where the browser has seen the last one, 503 where too many watch already."""

    right, scope = Right.READ_BOOK, Scope.OPERATOR
    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django types it

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        row = self.one(job.visible(self.viewer), pk=kwargs["pk"])
        last = request.headers.get("Last-Event-ID", "")[:100]
        shot = shot_of(row.id)
        if shot is not None and shot.is_over and shot.mark == last:
            return HttpResponse(status=204)
        content = stream(row.id, last)
        if content is None:
            return HttpResponse("Too many pages watch already.\n", status=503, content_type="text/plain", headers={"Retry-After": "5"})
        # Compression would hold events back until there are enough of them; it goes by this header.
        request.META["HTTP_ACCEPT_ENCODING"] = "identity"
        response = StreamingHttpResponse(content, content_type="text/event-stream; charset=utf-8")
        response.headers["X-Accel-Buffering"] = "no"
        return response
