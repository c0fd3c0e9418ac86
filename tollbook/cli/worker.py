"""`tollbook worker`: does what people start from pages, and watches the book's folders."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tollbook.cli.book import BookOption, JsonOption, report_code, show_reports
from tollbook.cli.output import print_json

if TYPE_CHECKING:
    from tollbook.store.models import Job

# Set by `tollbook serve`: the worker it starts ends with it.
PARENT_VARIABLE = "TOLLBOOK_WORKER_PARENT"


def _say(job: Job, state: str) -> None:
    """One line of what was done, on stderr: where a server's log goes."""
    print(f"{job.kind.lower()} of {job.subject}, job {job.id[:8]}: {state.lower()}", file=sys.stderr, flush=True)


def worker(
    book: BookOption = None,
    once: Annotated[bool, typer.Option("--once", help="Do what waits, look once, and stop.")] = False,
    every_s: Annotated[int, typer.Option("--every", min=1, help="Seconds between two looks into the folders.")] = 30,
    as_json: JsonOption = False,
) -> int:
    """Do the long work that people start from pages, and ingest what is new in the folders that book.toml names (`drop`), for ever or once.

    Several workers share the work, on one machine or on several that see the book's folder. SIGTERM or Ctrl-C ends it: the work at hand
    goes back into the queue at its next step, and nothing that was published is lost.

    Example: tollbook worker --book book
    """
    from tollbook.flow.book import local_actor, open_book
    from tollbook.worker import collect_once
    from tollbook.worker_loop import Rhythm, leave_with, run_for_ever, signed_on, stop_on_signals, work_once

    opened = open_book(book)
    if once:
        with signed_on() as name:
            done = work_once(opened, name)
        reports = collect_once(opened, actor=local_actor())
        if as_json:
            jobs = [{"job": each.id, "kind": each.kind, "subject": each.subject, "state": state} for each, state in done]
            print_json({"jobs": jobs, "files": [report.as_dict() for report in reports]})
        else:
            for each, state in done:
                _say(each, state)
            if reports or not done:
                show_reports(reports, as_json=False)
        return max(report_code(reports), int(any(state == "FAILED" for _, state in done)))
    stop = stop_on_signals()
    parent = os.environ.get(PARENT_VARIABLE, "")
    if parent.isdigit():
        leave_with(int(parent), stop)
    run_for_ever(
        opened,
        actor=local_actor(),
        stop=stop,
        rhythm=Rhythm(folders_s=every_s),
        on_files=lambda reports: show_reports(reports, as_json=as_json),
        on_job=_say,
    )
    return 0
