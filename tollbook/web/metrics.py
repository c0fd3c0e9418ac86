"""Health and metrics: is it alive, can it work, and how long do pages take. No label ever carries a name, a number or an amount."""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from tollbook import __version__
from tollbook.store.models import Batch, Dispute, Document, ExceptionCase, Journal

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
    return JsonResponse({"status": "not ready" if wrong else "ready", "wrong": wrong}, status=503 if wrong else 200)


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


def _book_figures() -> list[tuple[str, str, int]]:
    last = Batch.objects.order_by("-published_at").values_list("published_at", flat=True).first()
    return [
        ("tollbook_last_batch_timestamp_ms", "When the last batch was published.", last or 0),
        ("tollbook_open_exceptions", "Exceptions nobody has decided.", ExceptionCase.objects.filter(state="OPEN").count()),
        ("tollbook_disputes", "Disputes of all states.", Dispute.objects.count()),
        ("tollbook_documents", "Issued and received documents.", Document.objects.count()),
        ("tollbook_journal_rows", "Rows of the journal.", Journal.objects.count()),
    ]
