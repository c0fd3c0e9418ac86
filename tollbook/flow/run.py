"""A run: one execution of a stage as a pure function of pinned inputs, named by their digests, published in one transaction.

    run = execute_run(book, stage="rating", scope="aurora/OUT/OURS/2026-11", semantics_version=1, inputs=[...digests],
                      parameters={...}, known_at=None, compute=lambda: {"charge": table}, actor=actor)
    run.paths("charge"), run.result_digest, run.summary

The same inputs have the same run key: if that run is there and its files hold, it is used again and nothing is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa

from tollbook.core.digest import run_key
from tollbook.core.problem import Refusal, refuse
from tollbook.core.rights import Actor, Right, require
from tollbook.core.tables import KINDS
from tollbook.flow import clock
from tollbook.flow.book import Book
from tollbook.flow.command import Command, perform
from tollbook.store import digests, files, manifest
from tollbook.store.crash import crash_point
from tollbook.store.models import Head, Segment
from tollbook.store.models import Run as RunRow
from tollbook.store.segments import SegmentFile, SegmentWriter

Rows: TypeAlias = pa.Table | pa.RecordBatch | Iterable[pa.Table | pa.RecordBatch]

PLANS_AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class Computed:
    """What a stage found: rows by kind (core.tables.KINDS), and figures for people as JSON values (large integers as text)."""

    tables: Mapping[str, Rows]
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """A published run. `results` has TD1 and row count by kind; `is_reused` says that nothing had to be computed."""

    book: Book
    run_key: str
    stage: str
    scope: str
    semantics_version: int
    inputs: tuple[str, ...]
    parameters: dict[str, Any]
    known_at: int | None
    result_digest: str
    results: dict[str, Any]
    summary: dict[str, Any]
    files: dict[str, tuple[Path, ...]]
    is_reused: bool = False

    def paths(self, kind: str) -> list[Path]:
        """The Parquet files of one kind, in a fixed order; none where the table is empty."""
        return list(self.files.get(kind, ()))

    def segment_digests(self) -> list[str]:
        """The digests of all its files: what a run that builds on this one pins beside `result_digest`."""
        return sorted(path.stem for paths in self.files.values() for path in paths)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that is to be. `compute` returns the rows of each kind and reads nothing that `inputs` and `parameters` do not name, and not
    the database; `also` writes further rows in the publishing transaction whenever the current run of the scope changes."""

    book: Book
    stage: str
    scope: str
    semantics_version: int
    inputs: Iterable[str]
    parameters: Mapping[str, Any]
    compute: Callable[[], Mapping[str, Rows] | Computed]
    known_at: int | None = None
    side: str = ""
    right: Right = Right.RUN
    also: Callable[[Run], None] | None = None

    @property
    def pinned(self) -> tuple[str, ...]:
        """The digests it reads, each once."""
        return tuple(sorted(set(self.inputs)))

    @property
    def run_key(self) -> str:
        """Its name: that of everything that decides it."""
        return run_key(
            stage=self.stage,
            scope=self.scope,
            semantics_version=self.semantics_version,
            input_digests=self.pinned,
            parameters=self.parameters,
            known_at=self.known_at,
        )


@dataclass(frozen=True, slots=True)
class _Made:
    """What a plan came to, written but not published."""

    computed: Computed
    segments: list[SegmentFile]
    results: dict[str, Any]
    started_at: int


def execute_run(book: Book, *, actor: Actor, dry_run: bool = False, **plan: Any) -> Run:
    """`execute` for a plan that is named in place."""
    return execute(Plan(book, **plan), actor=actor, dry_run=dry_run)


def execute(plan: Plan, *, actor: Actor, dry_run: bool = False) -> Run:
    """Runs a plan, or uses the run that did exactly this before, and makes it the current one of its scope.

    Refuses with RIGHT_MISSING before anything is computed, and with RUN_NOT_REPRODUCED where the same run gave something else before.
    """
    require(actor, plan.right)
    key = plan.run_key
    row = RunRow.objects.filter(run_key=key).first()
    if row is not None and not dry_run and _holds(plan.book, row):
        return _reuse(plan.book, row, actor, plan.right, plan.also)
    return _finish(plan, key, row, _make(plan, key, clock.now_ms()), actor, dry_run)


def execute_together(plans: Sequence[Plan], *, actor: Actor) -> list[Run | Refusal]:
    """Runs plans that do not rest on one another. They are computed several at a time and published one after the other, in their order,
    so that the book is the same as if they had followed each other. A plan that is refused stops no other."""
    for plan in plans:
        require(actor, plan.right)
    done: list[Run | Refusal] = []
    with ThreadPoolExecutor(PLANS_AT_ONCE) as pool:
        begun = []
        for plan in plans:
            key = plan.run_key
            row = RunRow.objects.filter(run_key=key).first()
            holds = row is not None and _holds(plan.book, row)
            begun.append((key, row, None if holds else pool.submit(copy_context().run, _make, plan, key, clock.now_ms())))
        for plan, (key, row, made) in zip(plans, begun, strict=True):
            try:
                if made is None and row is not None:
                    done.append(_reuse(plan.book, row, actor, plan.right, plan.also))
                elif made is not None:
                    done.append(_finish(plan, key, row, made.result(), actor, dry_run=False))
            except Refusal as refusal:
                done.append(refusal)
    return done


def _make(plan: Plan, key: str, started_at: int) -> _Made:
    """Computes and writes; touches no database, so that it may run in a thread of its own."""
    crash_point("run.before_compute")
    found = plan.compute()
    computed = found if isinstance(found, Computed) else Computed(found)
    segments = _write(plan.book, key, plan.side, computed.tables)
    crash_point("run.after_segments")
    return _Made(computed, segments, _results(plan.book, computed.tables, segments), started_at)


def _finish(plan: Plan, key: str, row: RunRow | None, made: _Made, actor: Actor, dry_run: bool) -> Run:
    result_digest = digests.result_digest(made.results)
    crash_point("run.after_digest")
    if row is not None and row.result_digest != result_digest:
        reason = f"{plan.stage} {plan.scope} gave {row.result_digest} before and {result_digest} now."
        raise refuse("RUN_NOT_REPRODUCED", reason, value=key)
    rows = manifest.RunRows(
        run_key=key,
        stage=plan.stage,
        scope=plan.scope,
        semantics_version=plan.semantics_version,
        inputs=plan.pinned,
        parameters=plan.parameters,
        known_at=plan.known_at,
        result_digest=result_digest,
        results=made.results,
        summary=made.computed.summary,
        started_at=made.started_at,
        finished_at=clock.now_ms(),
        segments=tuple(made.segments),
    )
    return _publish(plan.book, rows, actor, plan.right, plan.also, dry_run)


def _publish(book: Book, rows: manifest.RunRows, actor: Actor, right: Right, also: Callable[[Run], None] | None, dry_run: bool) -> Run:
    made: list[Run] = []

    def work() -> dict[str, Any]:
        row = manifest.publish_run(rows)
        run = _as_run(book, row, [(each.kind, each.path) for each in rows.segments])
        made.append(run)
        if also is not None:
            also(run)
        crash_point("run.after_usage")
        manifest.set_head(row)
        return {"run_key": rows.run_key, "result_digest": rows.result_digest}

    command = Command(f"run {rows.stage}", right, rows.scope, actor, {"run_key": rows.run_key, "result_digest": rows.result_digest})
    perform(command, work, dry_run=dry_run)
    if dry_run:
        for each in rows.segments:
            if each.is_new:
                book.path(each.path).unlink(missing_ok=True)
    else:
        crash_point("run.after_commit")
    return made[0]


def _reuse(book: Book, row: RunRow, actor: Actor, right: Right, also: Callable[[Run], None] | None) -> Run:
    run = _as_run(book, row, list(row.segments.order_by("kind", "path").values_list("kind", "path")), is_reused=True)
    if Head.objects.filter(stage=row.stage, scope=row.scope, run=row).exists():
        return run

    def work() -> dict[str, Any]:
        if also is not None:
            also(run)
        manifest.set_head(row)
        return {"run_key": row.run_key, "result_digest": row.result_digest}

    perform(Command(f"run {row.stage} again", right, row.scope, actor, {"run_key": row.run_key}), work)
    return run


def _holds(book: Book, row: RunRow) -> bool:
    return all(files.verify(book.path(each.path), each.digest) for each in row.segments.all())


def _write(book: Book, key: str, side: str, tables: Mapping[str, Rows]) -> list[SegmentFile]:
    written: list[SegmentFile] = []
    for name in sorted(tables):
        writer = SegmentWriter(book.folder, KINDS[name], side, key)
        try:
            rows = tables[name]
            for each in [rows] if isinstance(rows, pa.Table | pa.RecordBatch) else rows:
                writer.write(each)
            written.extend(writer.finish())
        finally:
            writer.abandon()
    return written


def _results(book: Book, tables: Mapping[str, Rows], segments: list[SegmentFile]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for name in sorted(tables):
        paths = [book.path(each.path) for each in segments if each.kind == name]
        td1, rows = digests.table_td1(name, paths, spill_folder=book.folder / files.SPOOL_FOLDER)
        results[name] = {"td1": td1, "rows": rows}
    return results


def _as_run(book: Book, row: RunRow, segments: list[tuple[str, str]], *, is_reused: bool = False) -> Run:
    paths: dict[str, tuple[Path, ...]] = dict.fromkeys(row.results, ())
    for kind, path in sorted(segments):
        paths[kind] = (*paths.get(kind, ()), book.path(path))
    return Run(
        book=book,
        run_key=row.run_key,
        stage=row.stage,
        scope=row.scope,
        semantics_version=row.semantics_version,
        inputs=tuple(row.inputs),
        parameters=row.parameters,
        known_at=row.known_at,
        result_digest=row.result_digest,
        results=row.results,
        summary=row.summary,
        files=paths,
        is_reused=is_reused,
    )


def run_of(book: Book, key: str) -> Run | None:
    """A published run by its key."""
    row = RunRow.objects.filter(run_key=key).first()
    return _as_run(book, row, list(row.segments.values_list("kind", "path"))) if row else None


def current_run(book: Book, stage: str, scope: str) -> Run | None:
    """The current run of a scope."""
    head = Head.objects.filter(stage=stage, scope=scope).select_related("run").first()
    return run_of(book, head.run.run_key) if head else None


def current_runs(book: Book, stage: str, *, scope_prefix: str = "") -> list[Run]:
    """All current runs of a stage whose scope begins so, by scope."""
    heads = Head.objects.filter(stage=stage, scope__startswith=scope_prefix).order_by("scope")
    return [run for run in (run_of(book, head.run_id) for head in heads) if run is not None]


def segment_rows(kind: str) -> Any:
    """Segments of a kind that batches made, as a query; reading functions narrow it down."""
    return Segment.objects.filter(kind=kind, batch__isnull=False)
