"""Disputes: raised with their evidence when a supplier's invoice is outside the error budget, and led through their lifecycle.

One dispute per partner and period. Its pack holds what the partner needs to check every call, and no number of a caller in full.
"""

from __future__ import annotations

import datetime as dt
import hmac
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from tollbook.core import budget, ledger
from tollbook.core.archive import Content, measure
from tollbook.core.canonical import canonical_json
from tollbook.core.digest import json_digest
from tollbook.core.dispute import Deadlines, credit_note_micros, deadlines, next_state
from tollbook.core.evidence import DISPUTE_FORMAT, content_of, write_pack
from tollbook.core.money import format_micros
from tollbook.core.period import parse_period
from tollbook.core.problem import refuse
from tollbook.core.rights import Actor, Right
from tollbook.core.zone import Zone, find_zone
from tollbook.engine import evidence
from tollbook.flow import clock, reference
from tollbook.flow.book import Book
from tollbook.flow.command import Command, perform
from tollbook.flow.issue import Draft, Finished, issue
from tollbook.flow.payables import Payable
from tollbook.flow.reconciliation import Reconciliation
from tollbook.settings import read_secret
from tollbook.store import files, manifest
from tollbook.store.crash import crash_point
from tollbook.store.models import Dispute, ExceptionCase, Partner, SealedFile
from tollbook.store.models import Document as DocumentRow

PACK_KIND: Final = "PACK"
SETTLEMENT: Final = "DISPUTE_SETTLEMENT"
SERIES: Final = "SETTLED"


@dataclass(frozen=True, slots=True)
class Raised:
    """A dispute of the book with its pack and its clocks."""

    id: str
    state: str
    disputed_micros: int
    currency: str
    pack: Path
    root: str
    clocks: Deadlines
    calls: int


def dispute_id(partner: str, period: str) -> str:
    return f"DSP-{partner}-{period}"


def raise_dispute(book: Book, found: Reconciliation, payable: Payable, *, actor: Actor) -> Raised:
    """Raises the dispute over a supplier's invoice, or finds it raised. It begins as a draft that waits to be submitted."""
    name = dispute_id(found.sides.partner, found.sides.period)
    clocks = _clocks(found, payable)
    earlier = Dispute.objects.filter(id=name).select_related("pack").first()
    if earlier is not None:
        return _raised(book, earlier, clocks)
    with _folder(book) as folder:
        parts, calls = _parts(book, found, payable, name, clocks, folder)
        pack = folder / "pack.zip"
        with pack.open("wb") as stream:
            root = write_pack(stream, _manifest(found, payable, name, clocks), parts)
        with pack.open("rb") as content:
            stored = files.put(book.folder, content, f"{name}.zip")

    def work() -> dict[str, Any]:
        manifest.add_sealed_file(stored, name=f"{name}.zip", kind=PACK_KIND, received_at=clock.now_ms(), received_by=str(actor))
        row = _row(name, found, payable, clocks, stored.digest, root)
        crash_point("dispute.after_row")
        ExceptionCase.objects.filter(run_id=found.run.run_key, amount_micros__gt=0).update(dispute=row)
        return {"dispute": name, "root": root, "disputed_micros": str(payable.disputed_micros), "calls": calls}

    command = Command(
        "raise dispute",
        Right.WORK_DISPUTES,
        name,
        actor,
        {"root": root},
        idempotency_key=f"raise {name}",
        partner=None,
        reason="outside the error budget",
    )
    perform(command, work)
    return _raised(book, Dispute.objects.select_related("pack").get(id=name), clocks)


def _raised(book: Book, row: Dispute, clocks: Deadlines) -> Raised:
    pack = files.get(book.folder, row.pack_id or "")
    calls = sum(row.exceptions.values_list("records", flat=True))
    return Raised(row.id, row.state, row.disputed_micros, row.currency, pack, row.pack_root, clocks, calls)


def _row(name: str, found: Reconciliation, payable: Payable, clocks: Deadlines, pack: str, root: str) -> Dispute:
    sides = found.sides
    document = DocumentRow.objects.get(series=payable.issued.series, number=payable.issued.number)
    return Dispute.objects.create(
        id=name,
        partner=Partner.objects.get_or_create(id=sides.partner)[0],
        run_id=found.run.run_key,
        period=sides.period,
        leg=sides.leg,
        cause=_main_cause(found),
        agreement_digest=sides.agreement.digest,
        clause=sides.agreement.dispute.clause,
        document=document,
        currency=payable.invoice.currency,
        disputed_micros=payable.disputed_micros,
        undisputed_micros=payable.release.payable_net,
        state="DRAFT",
        raised_at=clock.now_ms(),
        window_ends_at=end_of_day(clocks.submit_until, find_zone(sides.agreement.zone)),
        pack=SealedFile.objects.get(digest=pack),
        pack_root=root,
    )


def _main_cause(found: Reconciliation) -> str:
    """The cause that costs most."""
    causes = found.summary["money"]["causes"]
    return str(max(causes, key=lambda each: (int(each["exact_60th_nanos"]), each["cause"]))["cause"]) if causes else ""


def _clocks(found: Reconciliation, payable: Payable) -> Deadlines:
    sides = found.sides
    window = parse_period(sides.period, find_zone(sides.agreement.zone))
    invoice = payable.invoice
    return deadlines(sides.agreement.dispute, period_end=window.last_day, issued_on=invoice.issued_on, received_on=invoice.received_on)


def end_of_day(day: dt.date, zone: Zone) -> int:
    """The last millisecond of a local day: a deadline on that day is met until then."""
    return zone.midnight_ms(day + dt.timedelta(days=1)) - 1


def dispute_key(book: Book, name: str) -> bytes:
    """The key of one dispute, under which the numbers of callers leave; made from the book's secret, so it is the same when made again."""
    return hmac.digest(read_secret(book.folder).encode("ascii"), f"dispute {name}".encode(), "sha256")


@contextmanager
def _folder(book: Book) -> Iterator[Path]:
    folder = book.folder / files.SPOOL_FOLDER / uuid4().hex
    files.make_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parts(book: Book, found: Reconciliation, payable: Payable, name: str, clocks: Deadlines, folder: Path) -> tuple[list[Content], int]:
    """The files of the pack, written by the engine from the reconciliation's own tables."""
    chosen = found.failed_destinations if found.outcome == budget.LINES else None
    with found.tables() as connection:
        difference = evidence.open_disputed(connection, chosen)
        calls = evidence.write_calls(connection, "charges", dispute_key(book, name), folder / "calls.csv")
        evidence.write_differences(connection, folder / "differences.csv")
        evidence.write_rates(connection, "charges", [deck.deck for deck in found.decks], folder / "rates.csv")
        sums = evidence.sums(connection)
    agreement = found.sides.agreement
    document = reference.agreement_with(book, agreement.partner, known_at=found.sides.known_at)[1]
    valuation = {
        "currency": payable.invoice.currency,
        "disputed_micros": str(payable.disputed_micros),
        "difference_60th_nanos": str(difference),
        "budget": found.summary["budget"],
        **sums,
    }
    letter = _letter(found, payable, name, clocks, calls)
    parts = [_file(each, folder) for each in ("calls.csv", "differences.csv", "rates.csv")]
    parts += [
        content_of("valuation.json", canonical_json(valuation)),
        content_of("agreement.toml", document.path.read_bytes()),
        content_of("letter.md", letter.encode("utf-8")),
    ]
    return parts, calls


def _file(name: str, folder: Path) -> Content:
    path = folder / name
    return measure(name, lambda: path.open("rb"))


def _manifest(found: Reconciliation, payable: Payable, name: str, clocks: Deadlines) -> dict[str, Any]:
    agreement, invoice = found.sides.agreement, payable.invoice
    used = sorted({agreement.dispute.clause, agreement.tolerance.clause, *(row["clause"] for row in found.summary["classes"])} - {""})
    quoted = {number: agreement.clauses[number] for number in used if number in agreement.clauses}
    return {
        "format": DISPUTE_FORMAT,
        "title": f"Dispute {name} over invoice {invoice.number}",
        "dispute": name,
        "partner": agreement.partner,
        "period": found.sides.period,
        "currency": invoice.currency,
        "disputed_micros": str(payable.disputed_micros),
        "agreement_digest": agreement.digest,
        "clauses": {number: [clause.title, clause.text] for number, clause in quoted.items()},
        "invoice": {
            "number": invoice.number,
            "issued_on": invoice.issued_on.isoformat(),
            "total_micros": str(invoice.total_micros),
            "sha256": list(invoice.digests),
        },
        "submit_until": clocks.submit_until.isoformat(),
        "reconciliation": found.run.result_digest,
        "matching": {"result_digest": found.matching.result_digest, "rules": found.matching.summary.get("rules", {})},
        "decks": [{"version": each.deck.version, "digest": each.deck.digest} for each in found.decks],
        "semantics_version": found.run.semantics_version,
    }


def _letter(found: Reconciliation, payable: Payable, name: str, clocks: Deadlines, calls: int) -> str:
    """The covering letter, in plain words."""
    agreement, invoice, summary = found.sides.agreement, payable.invoice, found.summary
    money = summary["money"]
    lines = [f"| {row['label']} | {row['calls']:,} | {row['amount']} |" for row in money["causes"]]
    rows = "\n".join(lines)
    return f"""# Dispute {name}

Invoice {invoice.number} of {invoice.issued_on}, traffic of {found.sides.period} ({agreement.zone}),
agreement {agreement.id} version {agreement.version}.

We dispute {invoice.currency} {format_micros(payable.disputed_micros, invoice.currency)} net
under clause {agreement.clause_title(agreement.dispute.clause)}.
{invoice.currency} {format_micros(payable.release.payable_gross, invoice.currency)} is undisputed and will be paid on {payable.due_on}.

{summary["sentence"]} The value is {summary["budget"]["value_pct"]} % apart; {summary["budget"]["value_allowed_pct"]} % is allowed
by {agreement.clause_title(agreement.tolerance.clause)}.

| cause | calls | {invoice.currency} |
|---|---:|---:|
{rows}
| all of them | | {money["difference"]} |

`calls.csv` has the {calls:,} calls that make the difference, yours by your record number; `differences.csv` says what each cause
is worth on each of them; `rates.csv` has the rates we price them by. Callers' numbers are shortened, and keyed for this dispute alone.

Last day to submit: {clocks.submit_until}. Check this pack with: tollbook verify {name}.zip
"""


def advance(book: Book, name: str, event: str, *, actor: Actor, reason: str = "", credit_micros: int | None = None) -> str:
    """Takes a dispute one step on (core.dispute.TRANSITIONS) and returns its state. A settlement says how much the partner credits.

    DISPUTE_STEP where the step is not open. Settling posts what is owed after all and leaves nothing pending.
    """
    row = Dispute.objects.select_related("document").filter(id=name).first()
    if row is None:
        raise refuse("DISPUTE_UNKNOWN", value=name)
    now = clock.now_ms()
    in_window = row.window_ends_at is None or now <= row.window_ends_at
    facts = {"in_window": in_window, "window_missed": not in_window, "silence_accepts": False, "credit_note": credit_micros is not None}
    state = next_state(row.state, event, facts)
    if state == "SETTLED":
        _settle(book, row, credit_micros or 0, actor)

    def work() -> dict[str, Any]:
        changes: dict[str, Any] = {"state": state}
        if state == "SETTLED":
            changes["accepted_micros"] = credit_micros or 0
        if state == "CLOSED":
            changes["closed_at"] = now
        Dispute.objects.filter(id=name, state=row.state).update(**changes)
        return {"dispute": name, "from": row.state, "to": state}

    perform(Command(f"dispute {event}", Right.WORK_DISPUTES, name, actor, {"event": event, "from": row.state}, reason=reason), work)
    return state


def _settle(book: Book, row: Dispute, credit_micros: int, actor: Actor) -> None:
    """The document of a settlement: what was pending leaves it, and what we owe after all is posted."""
    assert row.document is not None
    content = row.document.content
    disputed, disputed_tax = int(content["disputed_net_micros"]), int(content["disputed_tax_micros"])
    credited = credit_note_micros(disputed, credit_micros)
    owed = disputed - credited
    owed_tax = disputed_tax * owed // disputed if disputed else 0
    settled = {
        "format": "tollbook-dispute-settlement/1",
        "dispute": row.id,
        "currency": row.currency,
        "credited_micros": str(credited),
        "payable_micros": str(owed + owed_tax),
    }
    postings = ledger.settled_dispute(
        row.id,
        row.partner_id,
        row.currency,
        disputed_net_micros=disputed,
        disputed_tax_micros=disputed_tax,
        payable_net_micros=owed,
        payable_tax_micros=owed_tax,
    )
    draft = Draft(
        key=f"settle {row.id}",
        series=SERIES,
        kind=SETTLEMENT,
        partner=row.partner_id,
        currency=row.currency,
        total_micros=owed + owed_tax,
        tax_micros=owed_tax,
        period=row.period,
        issued_on=dt.date(1970, 1, 1) + dt.timedelta(days=clock.now_ms() // 86_400_000),
        agreement_digest=row.agreement_digest,
        results_digest=json_digest(settled),
    )
    issue(book, draft, lambda number: Finished(settled, postings), actor=actor, right=Right.WORK_DISPUTES)
