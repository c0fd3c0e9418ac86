"""`tollbook bench web`: every page of the web application over a book of so many calls: server time, database time, size and queries.

The addresses are those of the application itself, so a new page is measured without being named here; ids are taken from the book.
It fails nothing: it reports.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

# The 95th percentile of so many leaves out the slowest one.
REPEATS: Final = 20
LIMIT_MEDIAN_MS, LIMIT_P95_MS, LIMIT_SEARCH_MS, LIMIT_BYTES = 150, 500, 300, 200_000
ROLES: Final = ("owner", "billing", "noc", "routes", "cfo", "auditor")


@dataclass(slots=True)
class Measured:
    """What the requests of one page took. Times in ms; `first` is the first request of a fresh process,
    `cpu` what all threads worked: on a busy machine the better measure."""

    page: str
    address: str
    first_ms: float = 0
    times_ms: list[float] = field(default_factory=list)
    duckdb_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    queries: int = 0
    size: int = 0
    status: int = 0

    def row(self) -> dict[str, Any]:
        return {
            "page": self.page,
            "first_ms": round(self.first_ms, 1),
            "median_ms": round(statistics.median(self.times_ms), 1),
            "p95_ms": round(percentile(self.times_ms, 95), 1),
            "cpu_ms": round(statistics.median(self.cpu_ms), 1),
            "cpu_p95_ms": round(percentile(self.cpu_ms, 95), 1),
            "duckdb_ms": round(statistics.median(self.duckdb_ms), 1),
            "queries": self.queries,
            "bytes": self.size,
            "status": self.status,
        }


def percentile(values: list[float], percent: int) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * percent // 100) - 1)]


def run(rows: int, folder: Path | None = None) -> dict[str, Any]:
    """Make the book (or use the one a folder holds), walk every page, and report. A folder that is named is kept."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tollbook.web.settings"
    place = folder or Path(tempfile.mkdtemp(prefix="tollbook-bench-"))
    try:
        os.environ["TOLLBOOK_BOOK"] = str(place / "book")
        return _report(rows, place / "book")
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


def _report(rows: int, folder: Path) -> dict[str, Any]:
    from tollbook.store.prepare import prepare_django

    prepare_django()
    started = time.perf_counter()
    _open(rows, folder)
    made_s = time.perf_counter() - started
    from tollbook.bench.web_walk import addresses, left_out

    found = [_measure(name, role, where) for name, role, where in addresses()]
    pages = [each.row() for each in found]
    return {
        "rows": rows,
        "calls": _calls(),
        "pages": len(pages),
        "made_s": round(made_s, 1),
        "median_ms": round(statistics.median([each["median_ms"] for each in pages]), 1),
        "p95_ms": round(percentile([one for each in found for one in each.times_ms], 95), 1),
        "slowest_first_ms": max(each["first_ms"] for each in pages),
        "largest_bytes": max(each["bytes"] for each in pages),
        "over_limits": _over(pages, "median_ms", "p95_ms"),
        "over_limits_by_cpu": _over(pages, "cpu_ms", "cpu_p95_ms"),
        "too_large": ", ".join(each["page"] for each in pages if each["bytes"] > LIMIT_BYTES) or "none",
        "not_walked": ", ".join(left_out()) or "none",
        "environment": {
            "cpus": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
            "machine": platform.machine(),
            "python": platform.python_version(),
        },
        "tables": {"Pages": pages},
    }


def _over(pages: list[dict[str, Any]], median: str, p95: str) -> str:
    """The pages that took longer than they may, by the clock or by what they worked."""
    slow = []
    for each in pages:
        limit = LIMIT_SEARCH_MS if "search" in each["page"] else LIMIT_P95_MS
        if each[median] > LIMIT_MEDIAN_MS or each[p95] > limit:
            slow.append(each["page"])
    return ", ".join(slow) or "none"


def _open(rows: int, folder: Path) -> None:
    from django.conf import settings
    from django.core.management import call_command

    from tollbook.bench.web_book import make_book
    from tollbook.flow.book import open_book

    settings.BOOK_FOLDER = folder
    settings.ALLOWED_HOSTS = ["testserver", *settings.ALLOWED_HOSTS]
    if not (folder / "book.toml").is_file():
        make_book(folder, rows)
    open_book(folder)
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    _idle_work(open_book(folder))
    _people()
    from tollbook.web.ready import make_ready

    make_ready()


def _idle_work(book: Any) -> None:
    """What a worker makes ahead while nobody asks."""
    from tollbook.flow import annexes, check_indexes, deck_sheets, pairs

    for work in (check_indexes.build_missing, pairs.build_missing, annexes.build_missing, deck_sheets.build_missing):
        work(book)


def _people() -> None:
    from django.contrib.auth.models import User as Account

    from tollbook.store.models import Partner, User

    for name in (*ROLES, "partner"):
        partner = Partner.objects.order_by("id").first() if name == "partner" else None
        User.objects.get_or_create(
            name=name, defaults={"kind": "PERSON", "role": name, "partner": partner, "is_active": True, "created_at": 0}
        )
        Account.objects.get_or_create(username=name)
    _things()


def _things() -> None:
    """One token, and one job that has ended: pages about things the month itself does not make."""
    from tollbook.core.rights import Right
    from tollbook.store.models import Job, User

    reader = {"kind": "TOKEN", "role": "auditor", "scope": [str(Right.READ_BOOK)], "is_active": True, "created_at": 0}
    User.objects.get_or_create(name="bench-token", defaults=reader)
    ended = {"kind": "VERIFY", "subject": "book", "parameters": {}, "actor": "owner", "role": "owner", "state": "DONE", "created_at": 0}
    Job.objects.get_or_create(id="0" * 31 + "1", defaults={**ended, "started_at": 0, "finished_at": 1_000, "attempts": 1})


def _calls() -> int:
    from django.db.models import Sum

    from tollbook.store.models import Segment

    return int(Segment.objects.filter(kind="cdr", side="OURS").aggregate(total=Sum("rows"))["total"] or 0)


def _measure(name: str, role: str, where: list[str]) -> Measured:
    """One request for the first time, then each of the addresses of the page in turn."""
    from django.contrib.auth.models import User as Account
    from django.test import Client

    client = Client(headers={"accept-encoding": "gzip"})
    client.force_login(Account.objects.get(username=role), backend="allauth.account.auth_backends.AuthenticationBackend")
    measured = Measured(name, where[0])
    measured.first_ms = _request(client, where[0], measured)
    measured.times_ms.clear()
    measured.duckdb_ms.clear()
    measured.cpu_ms.clear()
    for index in range(REPEATS):
        _request(client, where[(index + 1) % len(where)], measured)
    return measured


def _request(client: Any, address: str, measured: Measured) -> float:
    from django.db import connection

    count = [0]

    def counted(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        count[0] += 1
        return execute(sql, parameters, many, context)

    with _duckdb_timed() as spent, connection.execute_wrapper(counted):
        started, busy = time.perf_counter(), time.process_time()
        response = client.get(address)
        content = _content(response)
        taken = (time.perf_counter() - started) * 1000
    measured.cpu_ms.append((time.process_time() - busy) * 1000)
    response.close()
    measured.times_ms.append(taken)
    measured.duckdb_ms.append(spent[0] * 1000)
    measured.queries = max(measured.queries, count[0])
    measured.size = max(measured.size, 0 if response.streaming else len(content))
    measured.status = max(measured.status, response.status_code)
    return taken


def _content(response: Any) -> bytes:
    """All of a page or an export. Of a sealed file its first block, since the rest is as long as the file and no work of ours."""
    from django.http import FileResponse

    if isinstance(response, FileResponse):
        blocks: Any = response.streaming_content
        return bytes(next(iter(blocks), b""))
    return b"".join(response.streaming_content) if response.streaming else bytes(response.content)


class _Timed:
    """Passes everything on and adds the time that methods take."""

    def __init__(self, inner: Any, spent: list[float]) -> None:
        self._inner, self._spent = inner, spent

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value):
            return value

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                found = value(*args, **kwargs)
            finally:
                self._spent[0] += time.perf_counter() - started
            return _Timed(found, self._spent) if type(found).__module__.startswith(("duckdb", "_duckdb")) else found

        return timed


@contextmanager
def _duckdb_timed() -> Iterator[list[float]]:
    """The seconds pages spend in DuckDB, as the only item of a list."""
    from tollbook.web import segments

    spent, connect = [0.0], segments.connection
    segments.connection = lambda: _Timed(connect(), spent)  # type: ignore[assignment,return-value]
    try:
        yield spent
    finally:
        segments.connection = connect
