"""What long work there is: a closed table of kinds, each with its right, how its parameters are checked, and the flow function it calls."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tollbook.core.period import days_of
from tollbook.core.problem import Problem, Refusal, Severity, refuse
from tollbook.core.rights import Actor, Right
from tollbook.flow import check, clock, intake, kpi, progress, reference
from tollbook.flow.book import Book
from tollbook.flow.collection import SHOWN_PROBLEMS, FileReport
from tollbook.store import files
from tollbook.store.models import Document, SealedFile

MOST_FILES: Final = 50


@dataclass(frozen=True, slots=True)
class Task:
    """What a kind's function is given when it runs."""

    id: str
    book: Book
    actor: Actor
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of it: figures as JSON values, and the first problems that were found on the way; the work itself was done."""

    result: dict[str, Any]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of long work. `right` is needed to start it, `sees` to look at somebody else's. `checked` gives the parameters as they are
    kept and what they are about, or refuses with JOB_PARAMETERS. One of a kind that `is_shared` is enough at a time: asking for the same
    again gives the one that waits or runs."""

    name: str
    right: Right
    sees: Right
    checked: Callable[[Mapping[str, Any]], tuple[dict[str, Any], str]]
    run: Callable[[Task], Finding]
    is_shared: bool = True


def _wrong(reason: str, value: object = "") -> Refusal:
    return refuse("JOB_PARAMETERS", reason, value=value)


def _only(parameters: Mapping[str, Any], *names: str) -> None:
    unknown = sorted(set(parameters) - set(names))
    if unknown:
        raise _wrong(f"It takes no {unknown[0]}.", unknown[0])


def _text(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name, "")
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        raise _wrong(f"{name.replace('_', ' ').capitalize()} is a short text.", value)
    return value.strip()


# Ingest


def _checked_ingest(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    _only(parameters, "files", "source", "as")
    kind, given = _text(parameters, "as"), parameters.get("files")
    if kind and kind not in intake.WORDS:
        raise _wrong(f"A file is one of {', '.join(intake.WORDS)}.", kind)
    if not isinstance(given, list) or not given:
        raise refuse("UPLOAD_EMPTY")
    if len(given) > MOST_FILES:
        raise _wrong(f"At most {MOST_FILES} files at a time.", len(given))
    kept = []
    for each in given:
        digest, name = str(each.get("digest", "")), safe_name(str(each.get("name", "")))
        if not SealedFile.objects.filter(digest=digest).exists():
            raise _wrong("A file has not been received.", digest)
        kept.append({"digest": digest, "name": name})
    subject = kept[0]["name"] if len(kept) == 1 else f"{len(kept)} files"
    return {"files": kept, "source": _text(parameters, "source"), "as": kind}, subject


def _checked_decks(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    _only(parameters, "files")
    return _checked_ingest(parameters)


def safe_name(name: str) -> str:
    """A file name of somebody else's machine as a name of ours: no folders, no signs a terminal or a shell would take, not too long."""
    plain = "".join(sign if sign.isprintable() and sign not in '\\/:*?"<>|' else "_" for sign in name.replace("\\", "/").rpartition("/")[2])
    plain = plain.strip().lstrip(".-") or "file"
    while len(plain.encode("utf-8")) > 180:
        stem, dot, suffix = plain.rpartition(".")
        plain = f"{stem[:-1]}{dot}{suffix}" if dot and len(suffix) < 20 and len(stem) > 1 else plain[:-1]
    return plain


@contextmanager
def _laid(task: Task) -> Iterator[list[Path]]:
    """The sealed bytes under the names they came with, as if they lay in a folder; each in its own, so that equal names stay apart."""
    folder = task.book.folder / files.SPOOL_FOLDER / f"job-{task.id}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        paths = []
        for number, each in enumerate(task.parameters["files"]):
            files.make_folder(folder / str(number))
            path = folder / str(number) / each["name"]
            _lay(files.get(task.book.folder, each["digest"]), path)
            paths.append(path)
        yield paths
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ingest(task: Task) -> Finding:
    with _laid(task) as paths:
        kind = intake.WORDS.get(task.parameters["as"], "")
        reports = intake.ingest(task.book, paths, actor=task.actor, source=task.parameters["source"], kind=kind, progress=_records)
    if any(each.accepted for each in reports):
        progress.report("counting")
        kpi.refresh(task.book, actor=task.actor)
    return Finding({"files": [_line(each) for each in reports]}, _first([found for each in reports for found in each.found]))


def deck_kind(name: str) -> str:
    """What a file sent as a deck is: the profile that says how a sheet is laid out is TOML, everything else is a sheet."""
    return reference.DECK_PROFILE if name.lower().endswith(".toml") else reference.DECK


def _decks(task: Task) -> Finding:
    """Decks and their profiles and nothing else, for those who bring in no records; a profile goes in before the sheets it explains."""
    with _laid(task) as paths:
        found = []
        for kind in (reference.DECK_PROFILE, reference.DECK):
            chosen = [path for path in paths if deck_kind(path.name) == kind]
            found += intake.ingest(task.book, chosen, actor=task.actor, kind=kind) if chosen else []
    return Finding({"files": [_line(each) for each in found]}, _first([problem for each in found for problem in each.found]))


def _lay(sealed: Path, path: Path) -> None:
    """A second name of the same bytes where the disk knows that, else a copy."""
    try:
        os.link(sealed, path)
    except OSError:
        shutil.copyfile(sealed, path)


def _records(path: Path, records: int) -> None:
    progress.note(f"{path.name}, {records:,} records")


def _line(report: FileReport) -> dict[str, Any]:
    names = ("name", "kind", "digest", "status", "source", "read", "accepted", "duplicates", "problems")
    return {name: getattr(report, name) for name in names}


def _first(found: list[Problem]) -> tuple[Problem, ...]:
    """The worst first, and no more than a page shows."""
    order = list(Severity)
    return tuple(sorted(found, key=lambda each: -order.index(each.severity))[:SHOWN_PROBLEMS])


# Close


def _checked_close(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    _only(parameters, "period", "known_at")
    period, known_at = _text(parameters, "period"), _text(parameters, "known_at")
    days_of(period)
    if known_at:
        clock.parse_instant_ms(known_at)
    return {"period": period, "known_at": known_at}, period


def _close(task: Task) -> Finding:
    from tollbook.flow.close import close_period
    from tollbook.flow.seal import CLOSED

    known_at = task.parameters["known_at"]
    done = close_period(
        task.book, task.parameters["period"], actor=task.actor, known_at=clock.parse_instant_ms(known_at) if known_at else None
    )
    row = Document.objects.filter(kind=CLOSED, content__root=done.root).order_by("-pk").first()
    result = {
        "close": row.pk if row else None,
        "is_complete": done.is_complete,
        "result_digest": done.result_digest,
        "root": done.root,
        "invoices": sum(len(each.invoices) for each in done.partners),
        "payables": sum(len(each.payables) for each in done.partners),
        "disputes": sum(len(each.disputes) for each in done.partners),
        "partners": len(done.partners),
        "problem_count": len(done.all_problems),
    }
    return Finding(result, _first(done.all_problems))


# Verify


def _checked_verify(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    _only(parameters, "close")
    number = parameters.get("close")
    row = Document.objects.filter(kind="CLOSE", pk=number).first() if isinstance(number, int) else None
    if row is None:
        raise _wrong("There is no such close.", number)
    return {"close": row.pk}, f"close of {row.period}"


def _verify(task: Task) -> Finding:
    from tollbook.plain.verify import verify

    row = Document.objects.get(kind="CLOSE", pk=task.parameters["close"])
    progress.report("verifying", detail=f"the close of {row.period}")
    found = verify(files.get(task.book.folder, str(row.content.get("pack", ""))), work_folder=task.book.folder / files.SPOOL_FOLDER)
    return Finding({"close": row.pk, **found.as_dict(), "problems": []}, _first(found.problems))


# Check


def _checked_nothing(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    _only(parameters)
    return {}, "the whole book"


def _check(task: Task) -> Finding:
    return _checked_book(task, repair=False)


def _repair(task: Task) -> Finding:
    return _checked_book(task, repair=True)


def _checked_book(task: Task, *, repair: bool) -> Finding:
    report = check.check_book(task.book, actor=task.actor, repair=repair)
    result = {"is_whole": report.is_whole, "checks": report.counts, "repaired": report.repaired, "problem_count": len(report.found)}
    return Finding(result, _first(report.found))


KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("INGEST", Right.INGEST, Right.READ_BOOK, _checked_ingest, _ingest, is_shared=False),
        Kind("DECKS", Right.WRITE_DECKS, Right.READ_BOOK, _checked_decks, _decks, is_shared=False),
        Kind("CLOSE", Right.CLOSE, Right.READ_LEDGER, _checked_close, _close),
        Kind("VERIFY", Right.READ_LEDGER, Right.READ_LEDGER, _checked_verify, _verify),
        Kind("CHECK", Right.READ_BOOK, Right.READ_BOOK, _checked_nothing, _check),
        Kind("REPAIR", Right.REPAIR, Right.READ_BOOK, _checked_nothing, _repair),
    )
}


def kind_of(name: str) -> Kind:
    """A kind by its name; JOB_UNKNOWN where there is none."""
    if name not in KINDS:
        raise refuse("JOB_UNKNOWN", value=name)
    return KINDS[name]
