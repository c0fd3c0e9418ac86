"""The evidence pack of a dispute: what the partner needs to check every call, and no number of a caller in full."""

from __future__ import annotations

import hmac
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tollbook.core import budget
from tollbook.core.archive import Content, measure
from tollbook.core.canonical import canonical_json
from tollbook.core.dispute import Deadlines
from tollbook.core.evidence import DISPUTE_FORMAT, content_of, write_pack
from tollbook.core.money import format_micros
from tollbook.engine import evidence
from tollbook.flow import reference
from tollbook.flow.book import Book
from tollbook.flow.payables import Payable
from tollbook.flow.reconciliation import Reconciliation
from tollbook.settings import read_secret
from tollbook.store import files
from tollbook.store.files import Stored


def make_pack(book: Book, found: Reconciliation, payable: Payable, name: str, clocks: Deadlines) -> tuple[Stored, str, int]:
    """Writes and stores the pack; gives its file, its ROOT and how many calls it holds."""
    with _folder(book) as folder:
        parts, calls = _parts(book, found, payable, name, clocks, folder)
        pack = folder / "pack.zip"
        with pack.open("wb") as stream:
            root = write_pack(stream, _manifest(found, payable, name, clocks), parts)
        with pack.open("rb") as content:
            stored = files.put(book.folder, content, f"{name}.zip")
    return stored, root, calls


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
