"""Settlement of a period: our invoices to those who sent us calls, what we owe on the suppliers' invoices, and cost nobody has billed yet.

An issued invoice is never changed. Calls that come late for a period that was invoiced are lines of the next invoice, at the rates of their
own period (docs/rules/settlement.md).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final
from uuid import uuid4

import duckdb

from tollbook.core import ledger, settlement
from tollbook.core.agreement import Agreement
from tollbook.core.deck import Deck
from tollbook.core.digest import json_digest
from tollbook.core.invoice import INVOICE, Document, Line, check_arithmetic, document_number, make_lines, totals
from tollbook.core.invoice_record import document_content, read_document, results_of
from tollbook.core.party import Party, read_party, unnamed
from tollbook.core.period import Period
from tollbook.core.problem import Problem, Refusal, problem
from tollbook.core.rights import Actor
from tollbook.core.zone import find_zone
from tollbook.engine.settlement import rates_of, usages, write_annex
from tollbook.flow import clock, inputs, reference
from tollbook.flow.book import Book
from tollbook.flow.issue import Draft, Finished, Issued, as_issued, issue
from tollbook.flow.rating import agreement_of, partners_with_terms, rate_leg
from tollbook.flow.run import Run, run_of
from tollbook.formats.invoice.pdf import invoice_pdf
from tollbook.store import files, manifest
from tollbook.store.models import Document as DocumentRow

INVOICED: Final = "INVOICE"
PERIODS_LOOKED_BACK: Final = 12
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class SalesInvoice:
    """An invoice of ours: the issued document and the annex it names. `late` counts calls of its period that came after it was issued."""

    partner: str
    issued: Issued
    document: Document
    seller: Party
    buyer: Party
    annex: Path
    late: int = 0


def operator(book: Book, known_at: int | None = None) -> Party:
    """The party the book belongs to: the one it is named after, else the only one without an agreement, else just its name."""
    found = parties(book, known_at)
    for key in (book.name, book.id):
        if key in found:
            return found[key]
    others = [party for name, party in found.items() if name not in partners_with_terms(book, known_at)]
    return others[0] if len(others) == 1 else unnamed(book.name or book.id)


def parties(book: Book, known_at: int | None = None) -> dict[str, Party]:
    """Everybody the book has a party document of, by id."""
    found = [_party(reference.text_of(each), each.file_name) for each in reference.all_as_of(book, reference.PARTY, known_at=known_at)]
    return {party.id: party for party in found}


@lru_cache(maxsize=1024)
def _party(text: str, name: str) -> Party:
    return read_party(text, name)[0]


def today(agreement: Agreement) -> dt.date:
    """The day on which a document is issued now, in the contract's zone."""
    return find_zone(agreement.zone).local_day(clock.now_ms())


def invoice_sales(
    book: Book, partner: str, period: str, *, actor: Actor, known_at: int | None = None, rated: Run | None = None
) -> SalesInvoice | None:
    """Issues the invoice over a partner's calls of a period, or finds it issued; None where there is nothing to bill. `rated` is the
    rating run of the leg where it is at hand.

    INVOICE_ARITHMETIC where its figures break a rule: then it is not issued.
    """
    run = rated or rate_leg(book, partner, "IN", period, actor=actor, known_at=known_at)
    if run is None:
        return None
    agreement, window = agreement_of(book, partner, period, known_at=known_at)
    earlier = invoice_of(partner, period)
    prior = {} if earlier else _late_runs(book, partner, window, actor, known_at)
    seller = operator(book, known_at)
    buyer = parties(book, known_at).get(partner) or unnamed(partner, agreement.name)
    decks = _decks(book, agreement, known_at)
    used = (run, *prior.values())
    annex = book.folder / files.SPOOL_FOLDER / f"{uuid4().hex}.csv"
    try:
        with _charges(book, window, run, prior) as connection:
            rates = rates_of(decks)
            lines = make_lines(usages(connection, "invoice_charges", rates), agreement.rating)
            if not lines:
                return None
            sha256, _ = write_annex(connection, "invoice_charges", "invoice_cdrs", rates, lines, annex)
        document = _document(agreement, window, partner, lines, decks, buyer, sha256)
        if earlier is not None:
            return _as_issued_before(earlier, document, seller, buyer, annex, book)
        return _issue(book, document, agreement, window, seller, buyer, used, annex, actor)
    finally:
        annex.unlink(missing_ok=True)


def invoice_of(partner: str, period: str) -> DocumentRow | None:
    """The invoice over a partner's period, if it was issued."""
    return DocumentRow.objects.filter(kind=INVOICED, partner_id=partner, period=period).order_by("number").first()


def _issue(
    book: Book,
    document: Document,
    agreement: Agreement,
    window: Period,
    seller: Party,
    buyer: Party,
    runs: tuple[Run, ...],
    annex: Path,
    actor: Actor,
) -> SalesInvoice:
    wrong = [*check_arithmetic(document), *against_rating(document.lines, runs[0], document.currency)]
    if wrong:
        raise Refusal(wrong)
    series = f"{seller.series}-{document.issued_on.year}"
    draft = Draft(
        key=f"invoice {document.partner} {document.period}",
        series=series,
        kind=INVOICED,
        partner=document.partner,
        currency=document.currency,
        total_micros=document.totals.gross,
        tax_micros=document.totals.tax,
        period=document.period,
        start_ms=window.from_ms,
        end_ms=window.until_ms,
        issued_on=document.issued_on,
        due_on=document.due_on,
        agreement_digest=agreement.digest,
        runs=tuple(run.run_key for run in runs),
        results_digest=json_digest(results_of(document_content(document, seller, buyer))),
    )
    with annex.open("rb") as stream:
        stored = files.put(book.folder, stream, "annex.csv")
    final = document

    def finish(sequence: int) -> Finished:
        nonlocal final
        number = document_number(series, sequence)
        final = replace(document, number=number, annex_name=f"{number}-calls.csv")
        manifest.add_sealed_file(stored, name=final.annex_name, kind="ANNEX", received_at=clock.now_ms(), received_by=str(actor))
        postings = ledger.sales_invoice(number, document.partner, document.currency, document.totals.net, document.totals.tax)
        return Finished(document_content(final, seller, buyer), postings, invoice_pdf(final, seller, buyer), f"{number}.pdf")

    issued = issue(book, draft, finish, actor=actor)
    return SalesInvoice(document.partner, issued, final, seller, buyer, stored.path)


def against_rating(lines: Sequence[Line], run: Run, currency: str) -> list[Problem]:
    """Whether the lines of a period hold the exact sum of all its rated calls, which its rating run counted by another way; late calls
    of earlier periods are another run's."""
    billed = sum(line.usage.exact_60th_nanos for line in lines if not line.usage.prior_period)
    rated = int(run.summary.get(f"RATED {currency}", {}).get("exact_60th_nanos", "0"))
    if billed == rated:
        return []
    reason = f"The lines come to {billed} sixtieths of a nano, the rated calls of {run.scope} to {rated}."
    return [problem("INVOICE_ARITHMETIC", reason, value=run.scope)]


def _as_issued_before(row: DocumentRow, fresh: Document, seller: Party, buyer: Party, annex: Path, book: Book) -> SalesInvoice:
    """The invoice as it was issued, and how many calls of its period came since."""
    document, old_seller, old_buyer = read_document(row.content)
    calls = sum(line.usage.calls for line in fresh.lines)
    billed = sum(line.usage.calls for line in document.lines if not line.usage.prior_period)
    return SalesInvoice(
        row.partner_id or "", as_issued(row), document, old_seller, old_buyer, files.get(book.folder, document.annex_sha256), calls - billed
    )


def _document(
    agreement: Agreement, window: Period, partner: str, lines: tuple[Line, ...], decks: list[Deck], buyer: Party, annex_sha256: str
) -> Document:
    days = settlement.dates(agreement, today(agreement))
    used = {line.usage.deck_digest for line in lines}
    clauses = (
        ("prices", agreement.rating.clause),
        ("rates", agreement.sell.clause if agreement.sell else ""),
        ("payment", agreement.period.clause),
        ("disputes", agreement.dispute.clause),
    )
    return Document(
        kind=INVOICE,
        number="",
        partner=partner,
        currency=agreement.currency,
        period=window.name,
        first_day=window.first_day,
        last_day=window.last_day,
        zone=agreement.zone,
        issued_on=days.issued_on,
        due_on=days.due_on,
        dispute_until=days.dispute_until,
        agreement_id=agreement.id,
        agreement_version=agreement.version,
        agreement_digest=agreement.digest,
        rounding=f"{agreement.rating.round_at} {agreement.rating.rounding}",
        lines=lines,
        tax=buyer.tax,
        totals=totals(lines, agreement.rating, buyer.tax, agreement.currency),
        decks=tuple((agreement.sell.deck if agreement.sell else "", deck.version, deck.digest) for deck in decks if deck.digest in used),
        clauses=tuple((what, agreement.clause_title(number)) for what, number in clauses if number),
        annex_name="",
        annex_sha256=annex_sha256,
    )


def _decks(book: Book, agreement: Agreement, known_at: int | None) -> list[Deck]:
    return [each.deck for each in reference.deck_versions(book, agreement, agreement.sell, known_at=known_at)] if agreement.sell else []


def _late_runs(book: Book, partner: str, window: Period, actor: Actor, known_at: int | None) -> dict[str, Run]:
    """For each earlier period that was invoiced: the rating of all that is known of it by now, where that is more than was billed."""
    rows = DocumentRow.objects.filter(kind=INVOICED, partner_id=partner, end_at__lte=window.from_ms).order_by("-end_at")
    found = {}
    for row in rows[:PERIODS_LOOKED_BACK]:
        run = rate_leg(book, partner, "IN", row.period, actor=actor, known_at=known_at)
        if run is not None and run.run_key not in row.runs:
            found[row.period] = run
    return found


@contextmanager
def _charges(book: Book, window: Period, run: Run, prior: dict[str, Run]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The views invoice_charges and invoice_cdrs: the period's charges, and of earlier periods those no invoice has billed."""
    with inputs.database(book) as connection:
        inputs.view(connection, "charges_now", "charge", run.paths("charge"))
        parts = ["SELECT *, '' AS prior_period FROM charges_now"]
        from_ms = window.from_ms
        if prior:
            from_ms = min(from_ms, *(_window_of(each) for each in prior.values()))
            billed = [path for key in _billed_runs(run) for path in _paths_of(book, key)]
            inputs.view(connection, "charges_billed", "charge", billed)
        for number, (period, each) in enumerate(sorted(prior.items())):
            inputs.view(connection, f"charges_prior_{number}", "charge", each.paths("charge"))
            parts.append(
                f"SELECT *, '{period}' AS prior_period FROM charges_prior_{number} c WHERE NOT EXISTS (SELECT 1 FROM charges_billed b "  # noqa: S608
                "WHERE b.cdr_id = c.cdr_id AND b.leg = c.leg AND b.leg_no = c.leg_no)"
            )
        connection.execute(f"CREATE OR REPLACE TEMP VIEW invoice_charges AS {' UNION ALL BY NAME '.join(parts)}")
        segments = inputs.cdr_segments(book, "OURS", from_ms - _DAY_MS, window.until_ms + _DAY_MS)
        # Of the partner's leg alone: joined with the records of everybody, a month of millions does not fit into the memory there is.
        inputs.view(connection, "invoice_cdrs", "cdr", segments.paths, inputs.commercial_leg(run.parameters["partner"], "IN"))
        yield connection


def _window_of(run: Run) -> int:
    return min(int(each["from_ms"]) for each in run.parameters["terms"])


def _billed_runs(run: Run) -> list[str]:
    """Every rating run that an invoice to this partner was made from."""
    partner = run.parameters["partner"]
    return sorted({key for row in DocumentRow.objects.filter(kind=INVOICED, partner_id=partner) for key in row.runs})


def _paths_of(book: Book, key: str) -> list[Path]:
    run = run_of(book, key)
    return run.paths("charge") if run else []
