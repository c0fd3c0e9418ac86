"""Issuing a document: its number, its frozen content, its file and its postings, in one transaction.

Numbers of a series have no gap, because the number is the last one plus one, read under a lock in the transaction that uses it; a
transaction that fails gives it back. See docs/rules/settlement.md.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Max

from tollbook.core import ledger
from tollbook.core.digest import json_digest
from tollbook.core.rights import Actor, Right, require
from tollbook.flow import clock
from tollbook.flow.book import Book
from tollbook.flow.command import Command, perform
from tollbook.store import files, journal, manifest
from tollbook.store.crash import crash_point
from tollbook.store.models import Document, Journal, Partner, Posting, SealedFile


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of a document before it has a number. `key` names it for idempotency: issuing it twice issues it once."""

    key: str
    series: str
    kind: str
    partner: str
    currency: str
    total_micros: int
    tax_micros: int
    period: str = ""
    start_ms: int | None = None
    end_ms: int | None = None
    issued_on: dt.date = dt.date(1970, 1, 1)
    due_on: dt.date | None = None
    agreement_digest: str = ""
    runs: tuple[str, ...] = ()
    results_digest: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The document once it has its number: content as canonical JSON values, the pages, the postings under its name."""

    content: Mapping[str, Any]
    postings: Sequence[ledger.Posting] = ()
    pages: bytes = b""
    pages_name: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A document of the book. `is_repeated` says that it had been issued before."""

    series: str
    number: int
    content: dict[str, Any]
    file_digest: str = ""
    is_repeated: bool = False
    postings: int = field(default=0)


def issue(book: Book, draft: Draft, finish: Callable[[int], Finished], *, actor: Actor, right: Right = Right.ISSUE_DOCUMENTS) -> Issued:
    """Gives the draft the next number of its series and freezes what `finish` makes of it. Postings that do not balance stop it."""

    def work() -> dict[str, Any]:
        number = next_number(draft.series)
        crash_point("document.after_number")
        finished = finish(number)
        file = _seal_pages(book, finished, actor)
        row = Document.objects.create(
            series=draft.series,
            number=number,
            kind=draft.kind,
            partner=Partner.objects.get_or_create(id=draft.partner)[0] if draft.partner else None,
            agreement_digest=draft.agreement_digest,
            period=draft.period,
            start_at=draft.start_ms,
            end_at=draft.end_ms,
            issued_at=clock.now_ms(),
            due_on=draft.due_on,
            currency=draft.currency,
            total_micros=draft.total_micros,
            tax_micros=draft.tax_micros,
            runs=list(draft.runs),
            content=dict(finished.content),
            content_digest=json_digest(finished.content),
            file=file,
        )
        crash_point("document.after_row")
        _post(row, draft, finished.postings)
        crash_point("document.after_postings")
        return {"series": draft.series, "number": number, "content_digest": row.content_digest}

    parameters = {"key": draft.key, "results": draft.results_digest, "total_micros": str(draft.total_micros)}
    command = Command("issue document", right, f"{draft.kind} {draft.key}", actor, parameters, idempotency_key=f"issue {draft.key}")
    if (earlier := _issued_by_another(command)) is not None:
        return as_issued(earlier)
    outcome = perform(command, work)
    row = Document.objects.select_related("file").get(series=outcome.result["series"], number=outcome.result["number"])
    return as_issued(row, is_repeated=outcome.is_repeated)


def _issued_by_another(command: Command) -> Document | None:
    """The very document, where somebody else issued it before: a period is closed again by whoever is on duty."""
    require(command.actor, command.right, command.partner)
    row = Journal.objects.filter(idempotency_key=command.idempotency_key).first()
    name = row.actor.rpartition(" (")[0] if row else command.actor.name
    if row is None or name == command.actor.name:
        return None
    theirs = replace(command, actor=replace(command.actor, name=name))
    if theirs.input_hash() != row.input_hash:
        return None
    result = json.loads(row.result)
    return Document.objects.select_related("file").get(series=result["series"], number=result["number"])


def as_issued(row: Document, *, is_repeated: bool = True) -> Issued:
    return Issued(row.series, row.number, row.content, row.file_id or "", is_repeated, row.postings.count())


def next_number(series: str) -> int:
    """The next number of a series, inside the transaction that uses it; others that want one of the same series wait."""
    journal.lock_key(f"series {series}")
    last = Document.objects.filter(series=series).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1


def _seal_pages(book: Book, finished: Finished, actor: Actor) -> SealedFile | None:
    if not finished.pages:
        return None
    stored = files.put(book.folder, io.BytesIO(finished.pages), finished.pages_name)
    manifest.add_sealed_file(stored, name=finished.pages_name, kind="DOCUMENT", received_at=clock.now_ms(), received_by=str(actor))
    return SealedFile.objects.get(digest=stored.digest)


def _post(document: Document, draft: Draft, postings: Sequence[ledger.Posting]) -> None:
    """The postings of a document, checked once more where they are written."""
    now = clock.now_ms()
    Posting.objects.bulk_create(
        Posting(
            document=document,
            entry_no=1,
            line_no=number,
            account=each.account,
            partner=document.partner,
            currency=each.currency,
            debit_micros=each.debit_micros,
            credit_micros=each.credit_micros,
            state=each.status,
            booked_at=now,
            value_on=draft.issued_on,
        )
        for number, each in enumerate(ledger.balanced(list(postings)), start=1)
    )


def postings_of(row: Document) -> list[ledger.Posting]:
    """What a document posted, as the ledger's own values."""
    name = f"{row.series}-{row.number}"
    return [
        ledger.Posting(name, p.account, p.partner_id or "", p.currency, p.debit_micros, p.credit_micros, p.state)
        for p in row.postings.order_by("entry_no", "line_no")
    ]
