"""Prices a CDR file by a deck file, without a book: a row per record, nothing dropped. See docs/rules/rating.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tollbook.core.agreement import RatingTerms
from tollbook.core.problem import Problem, Severity, problem, refuse
from tollbook.engine.collection import CdrBatch, canonical_batches
from tollbook.engine.deck import CompiledDeck, compile_timeline
from tollbook.engine.rating import rate
from tollbook.formats.cdr.profile import SourceProfile, detect_profile, find_profile
from tollbook.formats.csv_text import CsvWriter
from tollbook.formats.deck import read_deck, read_deck_profile, with_currency
from tollbook.plain.agreement_file import read_agreement_file
from tollbook.plain.columns import decimal_texts, hex_texts, micros_texts

COLUMNS = ["cdr_id", "record_no", "called_number", "code", "billed_s", "rate", "amount", "currency", "problem"]
OUTPUT = pa.schema([(name, pa.int64() if name in ("record_no", "billed_s") else pa.string()) for name in COLUMNS])
# Charges with these statuses have no amount, and say so in the problem column.
WITHOUT_PRICE = ("UNRATED", "BLOCKED", "HELD")
MOST_PROBLEMS = 1_000
Write = Callable[[pa.Table], None]


@dataclass
class RateReport:
    """What came of a file: records read, rows written, how many per status, the total in micro-units, and every problem."""

    read: int = 0
    rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    billed_s: int = 0
    amount_micros: int = 0
    currency: str = ""
    deck_digest: str = ""
    problems: list[Problem] = field(default_factory=list)


def rate_file(
    cdrs: Path,
    deck: Path,
    output: Path,
    *,
    format_name: str | None = None,
    agreement: Path | None = None,
    profile: Path | None = None,
    leg: str | None = None,
) -> RateReport:
    """Price every record of `cdrs` by `deck` under the terms of `agreement` (the usual ones without) into `output`, .csv or .parquet.

    A record of a switch that stands for two legs is priced on its IN leg unless `leg` says OUT. A record that could not be read has a row
    with its number and the code of its problem. Raises `Refusal` where nothing can be done.
    """
    if output.suffix.lower() not in (".csv", ".parquet"):
        raise refuse("OUTPUT_UNWRITABLE", f"{output.name} is neither .csv nor .parquet.", file=output.name)
    report = RateReport()
    terms, zone = RatingTerms(), "UTC"
    if agreement:
        agreed, found = read_agreement_file(agreement)
        report.problems += found
        terms, zone, report.currency = agreed.rating, agreed.zone, agreed.currency
    source = find_profile(format_name) if format_name else detect_profile(cdrs)
    read, problems = read_deck(deck, profile=read_deck_profile(profile) if profile else None, zone=zone)
    read = with_currency(read, report.currency)
    report.currency = read.currency
    report.deck_digest = read.digest
    report.problems += [each for each in problems if each.code != "DECK_CURRENCY_UNKNOWN" or not report.currency]
    compiled = compile_timeline([read])
    with _writer(output) as write:
        _rate_all(cdrs, source, leg, write, report, _Pricing(compiled, terms, zone))
    report.problems += [
        problem(status, f"{report.statuses[status]:,} calls have no price.", file=cdrs.name, value=report.statuses[status])
        for status in WITHOUT_PRICE
        if report.statuses[status]
    ]
    return report


@dataclass(frozen=True)
class _Pricing:
    compiled: CompiledDeck
    terms: RatingTerms
    zone: str


@contextmanager
def _writer(output: Path) -> Any:
    """A function that appends a table to the output."""
    if output.suffix.lower() == ".csv":
        with CsvWriter(output, COLUMNS) as writer:
            yield writer.write
        return
    try:
        # Files that are read refuse by themselves: what fails here is the one that is written.
        with pq.ParquetWriter(output, OUTPUT, compression="zstd") as file:
            yield file.write_table
    except OSError as error:
        raise refuse("OUTPUT_UNWRITABLE", f"{output}: {error}.", file=output.name) from error


def _rate_all(cdrs: Path, source: SourceProfile, leg: str | None, write: Write, report: RateReport, pricing: _Pricing) -> None:
    for batch in canonical_batches(cdrs, source):
        report.read += batch.read
        chosen = _one_leg(batch.cdrs, leg)
        charges = rate(chosen, pricing.compiled, pricing.terms, sign=1, zone=pricing.zone, currency=report.currency or None)
        rows = pa.concat_tables([_rows(chosen, charges, report.currency), _refused(batch)])
        write(rows.sort_by("record_no"))
        report.rows += rows.num_rows
        report.statuses.update(
            {each["values"]: each["counts"] for each in charges.column("status").cast(pa.string()).value_counts().to_pylist()}
        )
        report.billed_s += pc.sum(charges.column("billed_s")).as_py() or 0
        report.amount_micros += sum(charges.column("amount_micros").to_numpy().astype(object)) if charges.num_rows else 0
        _keep_problems(batch, cdrs.name, report)


def _one_leg(cdrs: pa.Table, leg: str | None) -> pa.Table:
    """One row per record: the leg asked for, else IN where the record has one, and the first of its legs of that kind."""
    if not cdrs.num_rows:
        return cdrs
    record = cdrs.column("record_no").to_numpy()
    is_leg = pc.equal(cdrs.column("leg").cast(pa.string()), leg or "IN").to_numpy()
    wanted = is_leg if leg else is_leg | ~np.isin(record, record[is_leg])
    places = np.flatnonzero(wanted)
    _, first = np.unique(record[places], return_index=True)
    return cdrs.take(pa.array(np.sort(places[first])))


def _rows(cdrs: pa.Table, charges: pa.Table, currency: str) -> pa.Table:
    """The priced records as the output shows them: no amount where there is no price."""
    status = charges.column("status").cast(pa.string())
    unpriced = pc.is_in(status, value_set=pa.array(WITHOUT_PRICE))
    null = pa.scalar(None, pa.int64())
    columns = {
        "cdr_id": hex_texts(cdrs.column("cdr_id")),
        "record_no": cdrs.column("record_no"),
        "called_number": pc.coalesce(cdrs.column("b_e164"), cdrs.column("b_raw")),
        "code": charges.column("code").cast(pa.string()),
        "billed_s": pc.if_else(unpriced, null, charges.column("billed_s")),
        "rate": decimal_texts(charges.column("rate_nanos_per_minute"), 9),
        "amount": micros_texts(pc.if_else(unpriced, null, charges.column("amount_micros"))),
        "currency": pa.array([currency or None], pa.string()).take(pa.array(np.zeros(cdrs.num_rows, dtype=np.int64))),
        "problem": pc.if_else(unpriced, status, pa.scalar(None, pa.string())),
    }
    return pa.table([columns[name] for name in COLUMNS], schema=OUTPUT)


def _refused(batch: CdrBatch) -> pa.Table:
    """The records that could not be read: their number and what is wrong."""
    wrong = pc.and_(
        pc.equal(batch.problems.column("severity").cast(pa.string()), str(Severity.ERROR)), pc.is_valid(batch.problems.column("record_no"))
    )
    found = batch.problems.filter(wrong)
    columns: dict[str, Any] = {name: pa.nulls(found.num_rows, OUTPUT.field(name).type) for name in COLUMNS}
    columns |= {"record_no": found.column("record_no"), "problem": found.column("code").cast(pa.string())}
    return pa.table([columns[name] for name in COLUMNS], schema=OUTPUT)


def _keep_problems(batch: CdrBatch, file: str, report: RateReport) -> None:
    room = MOST_PROBLEMS - len(report.problems)
    for row in batch.problems.slice(0, max(0, room)).to_pylist():
        report.problems.append(
            problem(
                row["code"], row["reason"] or "", file=file, record=row["record_no"], column=row["column"] or "", value=row["value"] or ""
            )
        )
