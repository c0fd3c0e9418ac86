"""Health and metrics: is it alive, can it work, and how long do pages take. No label ever carries a name, a number or an amount."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Max, Min
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tollbook import __version__
from tollbook.flow import clock
from tollbook.store.models import Batch, Dispute, Document, ExceptionCase, Job, Journal, Worker

# A worker says that it is there every ten seconds.
SILENT_MS = 60_000

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0)
REQUESTS = Counter("tollbook_web_requests", "Answered requests.", ["page", "status"])
SECONDS = Histogram("tollbook_web_request_seconds", "Server time of a request.", ["page"], buckets=BUCKETS)


class MeasureRequests:
    """Times every request by the name of its page, never by its address."""

    def __init__(self, handler: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._handler = handler

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self._handler(request)
        seconds = time.perf_counter() - started
        match = request.resolver_match
        page = (match.view_name or "unnamed") if match else "none"
        REQUESTS.labels(page, f"{response.status_code // 100}xx").inc()
        SECONDS.labels(page).observe(seconds)
        response.headers["Server-Timing"] = f"app;dur={seconds * 1000:.1f}"
        return response


def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"status": "ok", "version": __version__})


def readyz(request: HttpRequest) -> HttpResponse:
    """The book can be read: its database answers and its folder is there. 503 otherwise, with what is wrong."""
    wrong = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, OSError):
        wrong.append("the database does not answer")
    if not settings.BOOK_FOLDER.is_dir():
        wrong.append("the book's folder is not there")
    work = {} if wrong else {"work": _work()}
    return JsonResponse({"status": "not ready" if wrong else "ready", "wrong": wrong, **work}, status=503 if wrong else 200)


def _work() -> dict[str, int | None]:
    """The queue of long work. Without a worker pages are answered all the same, so it makes nobody unready; see docs/guides/operate.md."""
    now = clock.real_now_ms()
    waiting = Job.objects.filter(state="QUEUED").aggregate(number=Count("id"), oldest=Min("created_at"))
    seen = Worker.objects.aggregate(seen=Max("seen_at"))["seen"]
    return {
        "waiting": waiting["number"],
        "oldest_waiting_s": (now - waiting["oldest"]) // 1000 if waiting["oldest"] else 0,
        "running": Job.objects.filter(state="RUNNING").count(),
        "workers": Worker.objects.filter(seen_at__gte=now - SILENT_MS).count(),
        "worker_seen_s_ago": (now - seen) // 1000 if seen else None,
    }


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text. For this machine only, or for whoever shows the token; behind a proxy the token is always needed."""
    if not _may_measure(request):
        return HttpResponse("Metrics need the bearer token of TOLLBOOK_METRICS_TOKEN.\n", status=403, content_type="text/plain")
    book = CollectorRegistry()
    for name, about, number in _book_figures():
        Gauge(name, about, registry=book).set(number)
    return HttpResponse(generate_latest(REGISTRY) + generate_latest(book), content_type=CONTENT_TYPE_LATEST)


def behind_proxy() -> bool:
    """Whether every request seems to come from this machine because a proxy on it passes them on."""
    return bool(getattr(settings, "TRUST_PROXY", False))


def _may_measure(request: HttpRequest) -> bool:
    token = os.environ.get("TOLLBOOK_METRICS_TOKEN", "")
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(shown.encode(), token.encode()):
        return True
    is_local = request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1")
    return is_local and not behind_proxy() and not token


def _known(number: int | None) -> int:
    return -1 if number is None else number


def _book_figures() -> list[tuple[str, str, int]]:
    last = Batch.objects.order_by("-published_at").values_list("published_at", flat=True).first()
    work, latest = _work(), Job.objects.filter(finished_at__isnull=False).aggregate(ended=Max("finished_at"))["ended"]
    ended = {row["state"]: row["number"] for row in Job.objects.values("state").annotate(number=Count("id")).order_by("state")}
    return [
        ("tollbook_jobs_waiting", "Long work that no worker has begun.", work["waiting"] or 0),
        ("tollbook_jobs_oldest_waiting_seconds", "How long the oldest of it waits.", work["oldest_waiting_s"] or 0),
        ("tollbook_jobs_running", "Long work that is being done.", work["running"] or 0),
        ("tollbook_jobs_failed", "Long work that could not be done, ever.", ended.get("FAILED", 0)),
        ("tollbook_jobs_last_end_timestamp_ms", "When the last one ended.", latest or 0),
        ("tollbook_workers", "Workers seen within a minute.", work["workers"] or 0),
        ("tollbook_worker_seen_seconds_ago", "When a worker was last seen; -1: none is there.", _known(work["worker_seen_s_ago"])),
        ("tollbook_last_batch_timestamp_ms", "When the last batch was published.", last or 0),
        ("tollbook_open_exceptions", "Exceptions nobody has decided.", ExceptionCase.objects.filter(state="OPEN").count()),
        ("tollbook_disputes", "Disputes of all states.", Dispute.objects.count()),
        ("tollbook_documents", "Issued and received documents.", Document.objects.count()),
        ("tollbook_journal_rows", "Rows of the journal.", Journal.objects.count()),
    ]
