"""`tollbook check`: the invariants of a book recomputed from the ground, and whatever disagrees named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
import pyarrow as pa
from django.db.models import Sum

from tollbook.core.problem import Problem, Refusal, problem
from tollbook.core.rights import Actor, Right, require
from tollbook.engine.database import open_database, paths_list
from tollbook.flow import check_files, check_indexes, compiled_decks, kpi, progress, rebuild
from tollbook.flow.book import Book
from tollbook.flow.command import Command, perform
from tollbook.flow.run import run_of
from tollbook.store import digests, files, journal, known_ids, manifest
from tollbook.store.manifest import Usage
from tollbook.store.models import Batch, Head, KnownIds, Posting, UsageTotal


@dataclass(slots=True)
class CheckReport:
    """What was checked, how much of it there was, and what disagrees."""

    counts: dict[str, int] = field(default_factory=dict)
    found: list[Problem] = field(default_factory=list)
    repaired: dict[str, int] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong; files left behind by an interrupted command are not wrong."""
        return not [each for each in self.found if each.code != "CHECK_ORPHAN"]


def check_book(book: Book, *, actor: Actor, repair: bool = False, youngest_orphan_ms: int = check_files.YOUNGEST_ORPHAN_MS) -> CheckReport:
    """Checks everything, in this order: journal, files, batches, known ids, usage, runs, key figures, compiled
    decks, ledger, orphans.

    With `repair` it makes again what can be made again (known ids, usage, compiled decks) and removes orphans; evidence is never touched.
    """
    require(actor, Right.REPAIR if repair else Right.READ_BOOK)
    report = CheckReport()
    if repair:
        _repair(book, actor, report, youngest_orphan_ms)
    for number, (name, check) in enumerate(_CHECKS.items()):
        progress.report("checking", number, len(_CHECKS) + 1, name)
        found = _told(name, check(book))
        report.found.extend(found)
        report.counts[name] = len(found)
    progress.report("checking", len(_CHECKS), len(_CHECKS) + 1, "orphans")
    left = check_files.orphans(book, youngest_ms=youngest_orphan_ms)
    report.counts["orphans"] = len(left)
    report.found.extend(problem("CHECK_ORPHAN", file=str(path.relative_to(book.folder))) for path in left)
    return report


def _told(name: str, found: Iterator[Problem]) -> list[Problem]:
    """What a check finds; a file so damaged that the check cannot go on is one more finding, and the next checks go on."""
    told: list[Problem] = []
    try:
        for each in found:
            told.append(each)
    except (OSError, ValueError, LookupError, pa.ArrowException, duckdb.Error) as error:
        told.append(problem("CHECK_STOPPED", f"The check of {name} could not go on: {' '.join(str(error).split())[:200]}."))
    except Refusal as refusal:
        told.extend(refusal.problems)
    return told


def _journal(book: Book) -> Iterator[Problem]:
    for seq, reason in journal.broken_rows():
        yield problem("CHECK_JOURNAL", f"Journal row {seq}: {reason}.", row=seq)


def _batches(book: Book) -> Iterator[Problem]:
    """read = accepted + duplicates + problems, and the segments hold just the accepted records and the problems."""
    for batch in Batch.objects.select_related("file").order_by("source", "file_id", "part_no"):
        if batch.read != batch.accepted + batch.duplicates + batch.problems:
            yield problem("CHECK_BATCH", f"{batch.read} records read are not accepted + duplicates + problems.", file=batch.file.name)
        paths: dict[str, list[Any]] = {"cdr": [], "problem": []}
        for segment in batch.segments.all():
            paths[segment.kind].append(book.path(segment.path))
        if not all(path.is_file() for kind in paths.values() for path in kind):
            continue  # named by the check of files
        accepted, problems = _counted(paths)
        for word, wanted, present in (("accepted", batch.accepted, accepted), ("problem", batch.problems, problems)):
            if wanted != present:
                reason = f"Part {batch.part_no} has {wanted} {word} records, its segments have {present}."
                yield problem("CHECK_BATCH", reason, file=batch.file.name, value=batch.id)


def _counted(paths: dict[str, list[Any]]) -> tuple[int, int]:
    """Distinct records in the CDR segments, and distinct records that are only in the problem segments."""
    empty = "(SELECT 0::BIGINT AS record_no WHERE false)"
    cdrs, problems = (f"read_parquet({paths_list(paths[kind])})" if paths[kind] else empty for kind in ("cdr", "problem"))
    connection = open_database()
    try:
        row = connection.execute(
            f"SELECT (SELECT count(DISTINCT record_no) FROM {cdrs}), "  # noqa: S608
            f"(SELECT count(DISTINCT p.record_no) FROM {problems} p ANTI JOIN {cdrs} c ON p.record_no = c.record_no)"
        ).fetchone()
    finally:
        connection.close()
    assert row is not None
    return int(row[0]), int(row[1])


def _known_ids(book: Book) -> Iterator[Problem]:
    for source in Batch.objects.order_by("source").values_list("source", flat=True).distinct():
        try:
            wanted = rebuild.known_ids_of(book, source)
            present = {row.day: known_ids.load(book.path(row.path)) for row in KnownIds.objects.filter(source=source)}
        except (OSError, ValueError):
            continue  # named by the check of files
        for day in sorted(set(wanted) | set(present)):
            if not known_ids.same(wanted.get(day), present.get(day)):
                yield problem("CHECK_KNOWN_IDS", f"Those of {source} on {day} are not the ids of its segments.", value=source)


def _usage(book: Book) -> Iterator[Problem]:
    try:
        wanted = {
            (origin, line.partner, line.leg, line.currency, line.day): line
            for origin, lines in rebuild.usage(book).items()
            for line in lines
        }
    except OSError:
        return  # named by the check of files
    present = {(row.origin, row.partner, row.leg, row.currency, row.day): row for row in UsageTotal.objects.all()}
    for key in sorted(set(wanted) | set(present), key=str):
        if _figures(wanted.get(key)) != _figures(present.get(key)):
            place = " ".join(str(each) for each in key if each)
            yield problem("CHECK_USAGE", f"{place} is {_figures(present.get(key))}, the records say {_figures(wanted.get(key))}.")


def _figures(line: Usage | UsageTotal | None) -> tuple[int, int, int, int]:
    return (line.records, line.answered, line.duration_ms, line.amount_micros) if line is not None else (0, 0, 0, 0)


def _runs(book: Book) -> Iterator[Problem]:
    """Every current run has its files, and their rows have the digest the run published."""
    for head in Head.objects.select_related("run").order_by("stage", "scope"):
        place = f"{head.stage} {head.scope}"
        run = run_of(book, head.run_id)
        assert run is not None
        missing = [path for path in (path for kind in run.results for path in run.paths(kind)) if not path.is_file()]
        if missing:
            yield problem("CHECK_HEAD", f"{place}: {len(missing)} of its files are missing.", value=head.run_id)
            continue
        results = {}
        for kind in run.results:
            td1, rows = digests.table_td1(kind, run.paths(kind), spill_folder=book.folder / files.SPOOL_FOLDER)
            results[kind] = {"td1": td1, "rows": rows}
        if digests.result_digest(results) != run.result_digest:
            yield problem("CHECK_HEAD", f"{place}: its rows do not have the digest it was published with.", value=head.run_id)


def _ledger(book: Book) -> Iterator[Problem]:
    """Every document balances per currency, in pending and in posted separately."""
    rows = Posting.objects.values("document_id", "document__series", "document__number", "currency", "state")
    for row in rows.annotate(debit=Sum("debit_micros"), credit=Sum("credit_micros")).order_by("document_id", "currency", "state"):
        if row["debit"] != row["credit"]:
            name = f"{row['document__series']}{row['document__number']}"
            yield problem(
                "CHECK_LEDGER", f"{name}: {row['state']} {row['currency']} has debit {row['debit']} and credit {row['credit']} micro-units."
            )


_CHECKS: Final[dict[str, Callable[[Book], Iterator[Problem]]]] = {
    "journal": _journal,
    "files": check_files.damaged,
    "batches": _batches,
    "known ids": _known_ids,
    "usage": _usage,
    "runs": _runs,
    "key figures": kpi.check,
    "compiled decks": compiled_decks.check,
    "indexes": check_indexes.broken,
    "ledger": _ledger,
}


def _repair(book: Book, actor: Actor, report: CheckReport, youngest_orphan_ms: int) -> None:
    """Only what is derived is made again, and never from files that are damaged; then what belongs to nothing is removed."""
    if any(check_files.damaged(book, derived_too=False)):
        report.found.append(problem("CHECK_STOPPED", "Nothing was made again, because files are damaged that it would be made from."))
    else:
        _derive_again(book, actor, report)
    swept = check_files.sweep(book, youngest_ms=youngest_orphan_ms)
    if swept:
        report.repaired["orphans"] = swept


def _derive_again(book: Book, actor: Actor, report: CheckReport) -> None:
    """Known ids, usage, compiled decks and indexes, where they disagree; the journal says so."""
    for problems, word, work in (
        (list(_known_ids(book)), "known ids", lambda: _write_known_ids(book)),
        (list(_usage(book)), "usage", lambda: _write_usage(book)),
    ):
        if problems:
            perform(Command(f"rebuild {word}", Right.REPAIR, book.name or book.id, actor), work)
            report.repaired[word] = len(problems)
    removed = compiled_decks.remove_wrong(book)
    if removed:
        report.repaired["compiled decks"] = removed
    made = check_indexes.repair(book)
    if made:
        report.repaired["indexes"] = made


def _write_known_ids(book: Book) -> dict[str, Any]:
    for source in Batch.objects.order_by("source").values_list("source", flat=True).distinct():
        files_by_day = rebuild.write_known_ids(book, source, rebuild.known_ids_of(book, source))
        KnownIds.objects.filter(source=source).exclude(day__in=list(files_by_day)).delete()
        manifest.set_known_ids(book.folder, source, files_by_day)
    return {"rebuilt": "known ids"}


def _write_usage(book: Book) -> dict[str, Any]:
    UsageTotal.objects.all().delete()
    for origin, lines in rebuild.usage(book).items():
        manifest.add_usage(origin, lines)
    return {"rebuilt": "usage"}
