"""A whole small book, from nothing to matched: what the crash tests kill and run again.

Run as a script it makes one book undisturbed and one per crash point: a child process is killed at the point, another runs the same again,
and the last line of the output is a JSON object with what each left.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "data" / "small_book"
NOW = "2026-12-01T09:00:00Z"
PERIOD = "2026-11"


def build(folder: Path) -> dict[str, Any]:
    """Everything into a book, rated and matched; runs as often as one likes. Gives what must be the same however often."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow import intake, matching, rating, sources
    from tollbook.flow.book import init_book, open_book
    from tollbook.flow.collection import Cut, ingest_cdrs

    book = open_book(folder) if (folder / "book.toml").exists() else init_book(folder, name="test")
    actor = Actor("ines", Role.OWNER)
    intake.ingest(book, [DATA / "aurora.toml", DATA / "aurora-az_v1.csv"], actor=actor)
    cut = Cut(part_records=3, piece_bytes=250)
    for name, label in (("ours.csv", "switch"), ("ours_again.csv", "switch"), ("theirs.csv", "aurora")):
        source = sources.source_for(book, DATA / name, label)
        ingest_cdrs(book, DATA / name, source=source.label, profile=source.profile, actor=actor, cut=cut)
    report = rating.rate_period(book, PERIOD, actor=actor)
    runs = [*report.runs.values(), matching.match_leg(book, "aurora", "OUT", PERIOD, actor=actor)]
    return {f"{run.stage} {run.scope}": run.result_digest for run in runs}


def state(folder: Path) -> dict[str, Any]:
    """What the book holds and what its check finds, before and after orphans were swept."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow import check_files
    from tollbook.flow.book import open_book
    from tollbook.flow.check import check_book
    from tollbook.store.models import Batch, Head, Journal, SealedFile

    book = open_book(folder)
    owner = Actor("ines", Role.OWNER)
    before = check_book(book, actor=owner, youngest_orphan_ms=0)
    check_files.sweep(book, youngest_ms=0)
    fields = ("source", "part_no", "is_last", "read", "accepted", "duplicates", "problems")
    return {
        "found": [str(each) for each in before.found if each.code != "CHECK_ORPHAN"],
        "left": [str(path) for path in check_files.orphans(book, youngest_ms=0)],
        "batches": [list(row) for row in Batch.objects.order_by("source", "file__name", "part_no").values_list(*fields)],
        "heads": sorted(f"{head.stage} {head.scope}" for head in Head.objects.all()),
        "files": SealedFile.objects.count(),
        "journal": Journal.objects.count(),
    }


def _forked(work: Any) -> tuple[int, dict[str, Any]]:
    """The exit code of a child that does the work, and the JSON it wrote."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            os.write(writing, json.dumps(work()).encode())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), json.loads(text or b"{}")


def _one(folder: Path, database: str, point: str) -> dict[str, Any]:
    os.environ["TOLLBOOK_DATABASE_URL"] = database
    os.environ["TOLLBOOK_BOOK"] = str(folder)
    os.environ["TOLLBOOK_CRASH_AT"] = point
    code, _ = _forked(lambda: build(folder))
    os.environ["TOLLBOOK_CRASH_AT"] = ""
    again, digests = _forked(lambda: build(folder))
    checked, left = _forked(lambda: state(folder))
    return {"code": code, "again": again, "digests": digests, "checked": checked, "state": left}


def _make_tables(folder: Path) -> None:
    """An SQLite database with the tables of a book and no rows; each book starts with a copy, because making them takes a second."""
    from tollbook.store.prepare import migrate, point_at

    given, os.environ["TOLLBOOK_DATABASE_URL"] = os.environ["TOLLBOOK_DATABASE_URL"], ""
    folder.mkdir()
    point_at(folder)
    migrate()
    from django.db import connections

    connections.close_all()
    os.environ["TOLLBOOK_DATABASE_URL"] = given


def main() -> None:
    root, databases, points = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
    os.environ["TOLLBOOK_NOW"] = NOW
    from django.db import connections

    # One undisturbed run in this process first: it loads and compiles everything that the children then have, and is what they must equal.
    os.environ["TOLLBOOK_DATABASE_URL"] = databases.pop() if databases else ""
    found: dict[str, Any] = {"": {"digests": build(root / "whole"), "state": state(root / "whole")}}
    connections.close_all()
    template = root / "template"
    _make_tables(template)
    for number, point in enumerate(points):
        folder = root / f"book{number}"
        if not databases:
            folder.mkdir()
            shutil.copy(template / "book.sqlite3", folder)
        found[point] = _one(folder, databases[number] if databases else "", point)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
