"""Key figures of traffic: for every UTC day a sealed cube of sums, made of all our records of the day and the current rating runs.

    refresh(book, actor=actor)          the days that records or prices were added to since they were last summed
    refresh(book, actor=actor, first=day, last=day)   these days, whatever was there before

A day is a run of its own, so a late file makes one day again and no other; what is shown reads cubes only. See docs/rules/kpi.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

import duckdb
import pyarrow as pa
from django.db.models import Max

from tollbook.core.problem import Problem, problem
from tollbook.core.rights import Actor, Right, require
from tollbook.engine import kpi as engine
from tollbook.flow import inputs, rating
from tollbook.flow.book import Book
from tollbook.flow.run import Computed, Run, current_runs, execute_run, run_of, segment_rows
from tollbook.store import digests, files
from tollbook.store.models import Head, Segment

STAGE: Final = "kpi"
SEMANTICS_VERSION: Final = 1
MS_PER_DAY: Final = 86_400_000
EPOCH: Final = dt.date(1970, 1, 1)
EVENTS: Final = "EVENTS"
# A call's price may be anchored a day before or after the record that is summed.
ANCHOR_DAYS: Final = dt.timedelta(days=1)


def refresh(book: Book, *, actor: Actor, first: dt.date | None = None, last: dt.date | None = None) -> list[Run]:
    """Sums the days that need it, or every day of a range; gives their runs. A day whose inputs are the same is not computed again."""
    require(actor, Right.INGEST)
    days = _stale_days() if first is None or last is None else _days_between(first, last)
    if not days:
        return []
    ratings, mediations = current_runs(book, rating.STAGE), current_runs(book, "mediation")
    return [_day(book, day, ratings, mediations, actor) for day in days]


def _days_between(first: dt.date, last: dt.date) -> list[dt.date]:
    rows = segment_rows("cdr").filter(side="OURS", day__gte=first, day__lte=last)
    return [day for day in rows.order_by("day").values_list("day", flat=True).distinct() if day is not None]


def _stale_days() -> list[dt.date]:
    """The days whose newest records or prices are younger than their sums."""
    rows = segment_rows("cdr").filter(side="OURS", day__isnull=False)
    newest = dict(rows.order_by("day").values("day").annotate(at=Max("batch__published_at")).values_list("day", "at"))
    priced = Segment.objects.filter(kind="charge", run__heads__isnull=False, day__isnull=False)
    for day, at in priced.order_by("day").values("day").annotate(at=Max("run__finished_at")).values_list("day", "at"):
        if day is None:
            continue
        for each in (day - ANCHOR_DAYS, day, day + ANCHOR_DAYS):
            if each in newest:
                newest[each] = max(newest[each], at)
    summed = dict(Head.objects.filter(stage=STAGE).values_list("scope", "run__finished_at"))
    return [day for day, at in sorted(newest.items()) if day.isoformat() not in summed or summed[day.isoformat()] <= at]


class _Day:
    """What one day is made of, pinned."""

    def __init__(self, book: Book, day: dt.date, ratings: list[Run], mediations: list[Run]) -> None:
        self.book, self.day = book, day
        from_ms = (day - EPOCH).days * MS_PER_DAY
        low, high = from_ms - MS_PER_DAY, from_ms + 2 * MS_PER_DAY
        self.ratings = [run for run in ratings if any(_overlaps(each, low, high) for each in run.parameters["terms"])]
        self.mediations = [run for run in mediations if run.parameters["side"] == "OURS" and _overlaps(run.parameters, low, high)]
        records = list(segment_rows("cdr").filter(side="OURS", day=day).order_by("digest").values_list("digest", "path", "batch__layer"))
        self.cdrs = [path for _, path, layer in records if layer != EVENTS]
        self.events = [path for _, path, layer in records if layer == EVENTS]
        near = Segment.objects.filter(kind="charge", day__gte=day - ANCHOR_DAYS, day__lte=day + ANCHOR_DAYS)
        charges = list(near.filter(run_id__in=[run.run_key for run in self.ratings]).order_by("digest").values_list("digest", "path"))
        self.charges = [path for _, path in charges]
        self.inputs = [digest for digest, *_ in [*records, *charges]]
        self.inputs += [run.result_digest for run in self.mediations]

    @property
    def parameters(self) -> dict[str, Any]:
        """The decks that name the destinations are pinned by the rating runs that used them."""
        return {"day": self.day.isoformat(), "ratings": sorted(run.run_key for run in self.ratings)}

    def compute(self) -> pa.Table:
        with inputs.database(self.book) as connection:
            records = self._view(connection, "kpi_cdrs", "cdr", self.cdrs)
            if self.events:
                records = engine.with_events(connection, records, self._view(connection, "kpi_events", "cdr", self.events))
            charges = self._view(connection, "kpi_charges", "charge", self.charges)
            marks = inputs.view(connection, "kpi_marks", "mark", [path for run in self.mediations for path in run.paths("mark")])
            terms = list(self._terms())
            return engine.cube(connection, records=records, marks=marks, charges=charges, terms=terms, day=self.day)

    def _view(self, connection: duckdb.DuckDBPyConnection, name: str, kind: str, paths: list[str]) -> str:
        return inputs.view(connection, name, kind, [self.book.path(path) for path in paths])

    def _terms(self) -> Iterator[engine.Terms]:
        for run in self.ratings:
            partner, leg = run.parameters["partner"], run.parameters["leg"]
            terms, _ = rating.terms_of(self.book, partner, leg, run.parameters["period"], known_at=run.known_at)
            for each in terms:
                yield engine.Terms(partner, leg, each.from_ms, each.until_ms, each.deck)


def _overlaps(window: dict[str, Any], low: int, high: int) -> bool:
    return bool(window["from_ms"] < high and window["until_ms"] > low)


def _day(book: Book, day: dt.date, ratings: list[Run], mediations: list[Run], actor: Actor) -> Run:
    pinned = _Day(book, day, ratings, mediations)
    return execute_run(
        book,
        stage=STAGE,
        scope=day.isoformat(),
        semantics_version=SEMANTICS_VERSION,
        inputs=pinned.inputs,
        parameters=pinned.parameters,
        compute=lambda: Computed({"kpi": pinned.compute()}),
        actor=actor,
        side="OURS",
        right=Right.INGEST,
    )


def check(book: Book) -> Iterator[Problem]:
    """Every day whose inputs are still the current ones, summed again from its records; one that is behind is left to the next refresh."""
    ratings, mediations = current_runs(book, rating.STAGE), current_runs(book, "mediation")
    for scope, key in Head.objects.filter(stage=STAGE).order_by("scope").values_list("scope", "run_id"):
        run = run_of(book, key)
        pinned = _Day(book, dt.date.fromisoformat(scope), ratings, mediations)
        if run is None or run.inputs != tuple(sorted(set(pinned.inputs))) or run.parameters != pinned.parameters:
            continue
        paths = [book.path(path) for path in (*pinned.cdrs, *pinned.events, *pinned.charges)]
        if not all(path.is_file() for path in (*paths, *run.paths("kpi"))):
            continue  # named by the check of files
        present = digests.table_td1("kpi", run.paths("kpi"), spill_folder=book.folder / files.SPOOL_FOLDER)[0]
        wanted = digests.in_memory_td1("kpi", pinned.compute())
        if present != wanted:
            yield problem("CHECK_KPI", f"Those of {scope} are not the sums of its records.", value=scope)
