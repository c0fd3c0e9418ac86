"""Sealing a close: what went into it, what came out of it, and one file with both that anybody can verify without the book."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from tollbook import __version__
from tollbook.core.agreement import Agreement, DeckTerms
from tollbook.core.archive import Content, measure
from tollbook.core.canonical import canonical_json
from tollbook.core.digest import json_digest
from tollbook.core.evidence import CLOSE_FORMAT, content_of, entry_name, write_pack
from tollbook.core.invoice_record import results_of
from tollbook.core.rights import Actor, Right
from tollbook.engine.derivation import view_digest
from tollbook.flow import clock, inputs, reference, sources
from tollbook.flow.book import Book
from tollbook.flow.close import STAGES, Close
from tollbook.flow.close_report import close_report
from tollbook.flow.issue import Draft, Finished, issue
from tollbook.flow.mediation import EDGE_MS
from tollbook.flow.run import Run, current_run
from tollbook.flow.settlement import operator
from tollbook.store import files, manifest
from tollbook.store.crash import crash_point
from tollbook.store.models import Document as DocumentRow
from tollbook.store.models import Segment

CLOSED: Final = "CLOSE"
FOLDER: Final = "closes"


@dataclass(slots=True)
class _Evidence:
    """What goes into the file: contents by name, and which of them is what."""

    book: Book
    contents: dict[str, Content] = field(default_factory=dict)
    listed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def file(self, folder: str, path: Path, original: str, sha256: str) -> str:
        """Adds a sealed file under its own name; the same file twice is one part."""
        name = entry_name(folder, sha256, original)
        if name not in self.contents:
            content = measure(name, lambda: path.open("rb"))
            self.contents[name] = content
        return name

    def bytes(self, name: str, data: bytes) -> str:
        self.contents[name] = content_of(name, data)
        return name

    def list(self, kind: str, **values: Any) -> None:
        row = {key: value for key, value in values.items() if value is not None}
        rows = self.listed.setdefault(kind, [])
        if row not in rows:
            rows.append(row)


def seal_close(book: Book, close: Close, *, actor: Actor) -> Close:
    """Writes the file of a close and its report, and records it. The same close again is found again."""
    runs = _runs(book, close)
    results = {"period": close.period, "runs": _run_results(runs), "collection": _collected(book, close, runs), **_money(close)}
    close.result_digest = json_digest(results)
    evidence = _Evidence(book)
    _add_records(evidence, close, runs)
    _add_references(evidence, close, runs)
    _add_documents(evidence, close)
    head = {
        "format": CLOSE_FORMAT,
        "title": f"Close of {close.period}, {operator(book, close.known_at).name}",
        "book": {"id": book.id, "name": book.name, "currency": book.currency, "zone": book.zone},
        "period": close.period,
        "closed_at": clock.show_instant(close.closed_at),
        "known_at": close.known_at,
        "made_with": {"tollbook": __version__, "typst": metadata.version("typst")},
        "complete": close.is_complete,
        "parked": [{"partner": each.partner, "reason": str(found)} for each in close.partners for found in each.parked],
        "result_digest": close.result_digest,
        "results": results,
        "runs": [_run_entry(run) for run in runs],
        "evidence": {kind: sorted(rows, key=canonical_json) for kind, rows in evidence.listed.items()},
    }
    spool = book.folder / files.SPOOL_FOLDER / f"{uuid4().hex}.zip"
    crash_point("close.before_pack")
    try:
        with spool.open("wb") as stream:
            close.root = write_pack(stream, head, list(evidence.contents.values()))
        with spool.open("rb") as content:
            stored = files.put(book.folder, content, f"close-{close.period}.zip")
    finally:
        spool.unlink(missing_ok=True)
    crash_point("close.after_pack")
    row = _record(book, close, stored, actor)
    _publish(book, close, row, stored.path, runs)
    return close


def _runs(book: Book, close: Close) -> list[Run]:
    """Every run the close rests on, in the order of the stages."""
    found: dict[str, Run] = {}
    for each in close.partners:
        for run in [*each.rated, *(run for item in each.reconciliations for run in (item.matching, item.run))]:
            found[run.run_key] = run
            period = run.scope.rsplit("/", 1)[-1]
            for side in EDGE_MS:
                marks = current_run(book, "mediation", f"{each.partner}/{run.parameters['leg']}/{side}/{period}")
                if marks is not None:
                    found[marks.run_key] = marks
    return sorted(found.values(), key=lambda run: (STAGES.index(run.stage), run.scope))


def _run_entry(run: Run) -> dict[str, Any]:
    return {
        "stage": run.stage,
        "scope": run.scope,
        "run_key": run.run_key,
        "semantics_version": run.semantics_version,
        "inputs": list(run.inputs),
        "parameters": run.parameters,
        "known_at": run.known_at,
        "result_digest": run.result_digest,
    }


def _run_results(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """What the runs found, without what depends on how the records came: run keys name segments, results do not."""
    return [{"stage": run.stage, "scope": run.scope, "semantics_version": run.semantics_version, "tables": run.results} for run in runs]


def _windows(runs: Iterable[Run]) -> dict[str, tuple[int, int]]:
    """Per side the span of time whose records the close rests on."""
    found: dict[str, tuple[int, int]] = {}
    for run in runs:
        if run.stage == "mediation":
            side, low, high = run.parameters["side"], run.parameters["from_ms"], run.parameters["until_ms"]
            before = found.get(side, (low, high))
            found[side] = (min(before[0], low), max(before[1], high))
    return found


def _collected(book: Book, close: Close, runs: list[Run]) -> list[dict[str, Any]]:
    """TD1 of the records of each side in its span: the same records in other files have the same."""
    found = []
    for side, (low, high) in sorted(_windows(runs).items()):
        segments = inputs.cdr_segments(book, side, low, high, known_at=close.known_at)
        with inputs.database(book) as connection:
            view = inputs.view(connection, "collected", "cdr", segments.paths, inputs.anchored_in(low, high))
            td1, rows = view_digest(connection, view, "cdr")
        found.append({"side": side, "from_ms": low, "until_ms": high, "td1": td1, "rows": rows})
    return found


def _money(close: Close) -> dict[str, Any]:
    """What was billed, received, disputed and accrued, without numbers and days of issue."""
    return {
        "invoices": [_billed(each.issued.content) for part in close.partners for each in part.invoices],
        "received": [_received(each.issued.content) for part in close.partners for each in part.payables],
        "disputes": [
            {"id": each.id, "currency": each.currency, "disputed_micros": str(each.disputed_micros)}
            for part in close.partners
            for each in part.disputes
        ],
        "accruals": [each.content for part in close.partners for each in part.accruals],
    }


def _billed(content: dict[str, Any]) -> dict[str, Any]:
    named = {name: content[name] for name in ("partner", "period", "currency", "totals")}
    return {**named, "digest": json_digest(results_of(content))}


def _received(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in ("files",)}


def _add_records(evidence: _Evidence, close: Close, runs: list[Run]) -> None:
    """The raw files behind the records, each with the profile that reads it."""
    profiles = {each.digest: each for each in sources.all_profiles(evidence.book)}
    for side, (low, high) in _windows(runs).items():
        chosen = inputs.cdr_segments(evidence.book, side, low, high, known_at=close.known_at).digests
        rows = Segment.objects.filter(digest__in=chosen).select_related("batch__file")
        for batch in {row.batch_id: row.batch for row in rows}.values():
            assert batch is not None
            file = batch.file
            path = files.sealed_path(evidence.book.folder, file.digest, file.suffix)
            part = evidence.file("raw", path, file.name, file.digest)
            document = canonical_json(dict(profiles[batch.profile_digest].document))
            profile = evidence.bytes(f"reference/{batch.profile_digest[:12]}-source.json", document)
            evidence.list("cdr", part=part, name=file.name, source=batch.source, profile=profile)


def _add_references(evidence: _Evidence, close: Close, runs: list[Run]) -> None:
    """Agreements and decks that the runs pinned, and the suppliers' invoices."""
    book = evidence.book
    legs = {(run.parameters["partner"], run.parameters["leg"]) for run in runs if run.stage != "mediation"}
    for agreement, document in reference.agreement_versions(book, known_at=close.known_at):
        used = [leg for partner, leg in sorted(legs) if partner == agreement.partner]
        if not used:
            continue
        part = evidence.file("reference", document.path, document.file_name, document.digest)
        evidence.list("agreement", part=part, name=document.file_name, partner=agreement.partner, digest=agreement.digest)
        for leg in used:
            _add_decks(evidence, close, agreement, agreement.sell if leg == "IN" else agreement.buy)
    for each in close.partners:
        for payable in each.payables:
            head, lines = (_sealed(evidence, digest) for digest in payable.invoice.digests)
            evidence.list("invoice", head=head, lines=lines, number=payable.invoice.number, partner=each.partner)


def _sealed(evidence: _Evidence, digest: str) -> str:
    path = files.get(evidence.book.folder, digest)
    return evidence.file("reference", path, f"invoice{path.suffix}", digest)


def _add_decks(evidence: _Evidence, close: Close, agreement: Agreement, terms: DeckTerms | None) -> None:
    if terms is None:
        return
    for version in reference.deck_versions(evidence.book, agreement, terms, known_at=close.known_at):
        document = version.document
        with_profile = reference.deck_profile_for(evidence.book, document.file_name)
        profile = None
        if with_profile is not None:
            profile = evidence.file("reference", with_profile[1].path, with_profile[1].file_name, with_profile[1].digest)
        evidence.list(
            "deck",
            part=evidence.file("reference", document.path, document.file_name, document.digest),
            name=document.file_name,
            profile=profile,
            partner=agreement.partner,
            deck=terms.deck,
            version=version.deck.version,
            received_at=document.effective_from,
            zone=agreement.zone,
            digest=version.deck.digest,
        )


def _add_documents(evidence: _Evidence, close: Close) -> None:
    """The invoices as they went out, what was received, and the packs of disputes."""
    for each in close.partners:
        for sales in each.invoices:
            number = sales.document.number
            content = evidence.bytes(f"documents/{number}.json", canonical_json(sales.issued.content))
            pages = files.get(evidence.book.folder, sales.issued.file_digest)
            pdf, annex = f"documents/{number}.pdf", f"documents/{sales.document.annex_name}"
            evidence.contents[pdf] = measure(pdf, _opener(pages))
            evidence.contents[annex] = measure(annex, _opener(sales.annex))
            evidence.list("document", content=content, pages=pdf, annex=annex, number=number, partner=each.partner)
        for raised in each.disputes:
            name = f"disputes/{raised.id}.zip"
            evidence.contents[name] = measure(name, _opener(raised.pack))
            evidence.list("dispute", part=name, id=raised.id, root=raised.root, partner=each.partner)


def _opener(path: Path) -> Any:
    return lambda: path.open("rb")


def _record(book: Book, close: Close, stored: files.Stored, actor: Actor) -> DocumentRow:
    """The row of the close. The same results sealed again are the same close, with its first file."""
    key = f"close {close.period} {close.result_digest} {'complete' if close.is_complete else 'incomplete'}"
    draft = Draft(
        key=key,
        series=f"CLOSE-{close.period}",
        kind=CLOSED,
        partner="",
        currency="",
        total_micros=0,
        tax_micros=0,
        period=close.period,
        results_digest=close.result_digest,
    )
    crash_point("close.before_transaction")

    def finish(number: int) -> Finished:
        manifest.add_sealed_file(stored, name=f"close-{close.period}.zip", kind="CLOSE", received_at=clock.now_ms(), received_by=str(actor))
        crash_point("close.after_row")
        return Finished(
            {
                "format": "tollbook-close-record/1",
                "period": close.period,
                "result_digest": close.result_digest,
                "root": close.root,
                "pack": stored.digest,
                "complete": close.is_complete,
                "closed_at": clock.show_instant(close.closed_at),
            }
        )

    issued = issue(book, draft, finish, actor=actor, right=Right.CLOSE)
    crash_point("close.after_commit")
    close.root = issued.content["root"]
    return DocumentRow.objects.get(series=issued.series, number=issued.number)


def _publish(book: Book, close: Close, row: DocumentRow, written: Path, runs: list[Run]) -> None:
    """The file and the report under names people know, in the book's folder of closes."""
    folder = book.folder / FOLDER
    files.make_folder(folder)
    name = f"close-{close.period}" if row.number == 1 else f"close-{close.period}-{row.number}"
    sealed = files.get(book.folder, row.content["pack"])
    if sealed != written:
        written.unlink(missing_ok=True)  # the same results were sealed before; the first file stands
    close.pack, close.report = folder / f"{name}.zip", folder / f"{name}.html"
    _place(sealed, close.pack)
    text = close_report(book, close, runs)
    files_report = folder / f".{uuid4().hex}.tmp"
    files_report.write_text(text, encoding="utf-8")
    os.replace(files_report, close.report)


def _place(sealed: Path, target: Path) -> None:
    """The sealed file under a second name: a link where the file system has them, else a copy."""
    spare = target.with_name(f".{uuid4().hex}.tmp")
    with suppress(OSError):
        os.link(sealed, spare)
    if not spare.exists():
        shutil.copyfile(sealed, spare)
    os.replace(spare, target)
