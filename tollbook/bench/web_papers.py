"""The papers of the web bench's book: the invoice of a supplier that bills too much, and our own invoices over all copies of the calls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tollbook.bench.web_base import NOW_MS, PARTNERS, PERIOD

SUPPLIER: Final = PARTNERS[0][0]
# Above what the decks charge on average, so that the invoice is outside every error budget.
RATE_HUNDREDTHS: Final = 24
_HEAD: Final = """format = "tollbook-invoice-in/1"
partner = "{partner}"
number = "{partner}-2026-10"
issued_on = "2026-11-01"
received_at = "2026-11-01T08:00:00Z"
period_from = "2026-10-01"
period_until = "2026-11-01"
currency = "USD"
total = "{amount}"
lines = "{partner}_lines.csv"
"""


def supplier_invoice(theirs: pa.Table, folder: Path) -> list[tuple[Path, str]]:
    """The invoice of the largest supplier over its own records, as files with their kinds: every minute at one rate."""
    of_supplier = theirs.filter(pc.equal(theirs.column("partner").cast(pa.string()), SUPPLIER))
    minutes = max(1, int(np.sum(of_supplier.column("duration_ms").to_numpy())) // 60_000)
    cents = minutes * RATE_HUNDREDTHS
    amount = f"{cents // 100}.{cents % 100:02d}"
    head, lines = folder / f"{SUPPLIER}_invoice.toml", folder / f"{SUPPLIER}_lines.csv"
    head.write_text(_HEAD.format(partner=SUPPLIER, amount=amount), encoding="utf-8")
    line = f"All destinations,,0.{RATE_HUNDREDTHS},{of_supplier.num_rows},{minutes}.0000,{amount}"
    lines.write_text(f"destination,codes,rate,calls,minutes,amount\n{line}\n", encoding="utf-8")
    return [(lines, "INVOICE_LINES"), (head, "INVOICE")]


def submit_disputes(book: Any, actor: Any) -> None:
    """What the close raised goes to the partner."""
    from tollbook.flow.dispute import advance
    from tollbook.store.models import Dispute

    for name in Dispute.objects.filter(state="DRAFT").order_by("id").values_list("id", flat=True):
        advance(book, name, "submit", actor=actor, reason="The invoice bills more than the calls.")


def invoice_copies(book: Any, actor: Any) -> None:
    """One more invoice to every customer, over all its calls: its lines and their annex are as long as the book is."""
    from tollbook.flow.run import current_runs

    for run in current_runs(book, "rating"):
        if run.parameters["leg"] == "IN":
            _invoice(book, run, actor)


def _invoice(book: Any, run: Any, actor: Any) -> None:
    from tollbook.core import ledger
    from tollbook.core.invoice import document_number, make_lines
    from tollbook.core.invoice_record import document_content
    from tollbook.core.party import unnamed
    from tollbook.engine.settlement import rates_of, usages, write_annex
    from tollbook.flow import settlement
    from tollbook.flow.issue import Draft, Finished, issue
    from tollbook.flow.rating import agreement_of
    from tollbook.store import files, manifest

    partner = run.parameters["partner"]
    agreement, window = agreement_of(book, partner, PERIOD)
    seller, buyer = settlement.operator(book), unnamed(partner)
    decks = settlement._decks(book, agreement, None)
    annex = book.folder / files.SPOOL_FOLDER / f"{uuid4().hex}.csv"
    with settlement._charges(book, window, run, {}) as connection:
        rates = rates_of(decks)
        lines = make_lines(usages(connection, "invoice_charges", rates), agreement.rating)
        sha256, _ = write_annex(connection, "invoice_charges", "invoice_cdrs", rates, lines, annex)
    document = settlement._document(agreement, window, partner, lines, decks, buyer, sha256)
    with annex.open("rb") as stream:
        stored = files.put(book.folder, stream, "annex.csv")
    annex.unlink()
    series = f"ALL-{document.issued_on.year}"
    draft = Draft(
        key=f"all calls {partner}",
        series=series,
        kind=settlement.INVOICED,
        partner=partner,
        currency=document.currency,
        total_micros=document.totals.gross,
        tax_micros=document.totals.tax,
        period=PERIOD,
        start_ms=window.from_ms,
        end_ms=window.until_ms,
        issued_on=document.issued_on,
        due_on=document.due_on,
        agreement_digest=agreement.digest,
        runs=(run.run_key,),
    )

    def finish(sequence: int) -> Finished:
        number = document_number(series, sequence)
        final = replace(document, number=number, annex_name=f"{number}-calls.csv")
        manifest.add_sealed_file(stored, name=final.annex_name, kind="ANNEX", received_at=NOW_MS, received_by=str(actor))
        postings = ledger.sales_invoice(number, partner, document.currency, document.totals.net, document.totals.tax)
        return Finished(document_content(final, seller, buyer), postings)

    issue(book, draft, finish, actor=actor)
