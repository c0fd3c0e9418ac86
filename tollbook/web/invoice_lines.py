"""The lines of a supplier's invoice as they were printed, each beside what the comparison, call by call, makes of its destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
from django.urls import reverse

from tollbook.core.money import HALF_EVEN, divide_rounded
from tollbook.core.reconciliation_sentences import is_billed_as
from tollbook.core.reconciliation_words import CAUSE_LABELS, CAUSE_MEANINGS
from tollbook.core.rights import Actor
from tollbook.flow.deck_rows import SheetRow, rows_of_codes
from tollbook.flow.pairs import pairs_of
from tollbook.formats.invoice.incoming import IncomingInvoice, IncomingLine, read_incoming
from tollbook.store import files
from tollbook.store.models import Document, Head, Run
from tollbook.web import book, reference
from tollbook.web.pair_rows import calls_behind, micros
from tollbook.web.table import Column, Kind

RECEIVED: Final = "RECEIVED_INVOICE"
SHOWN_CODES: Final = 4
MOST_RATES: Final = 20
# The millionths of a minute in a millisecond, as a fraction: a minute is a million of them and 60,000 ms.
_MILLIONTHS, _MILLISECONDS = 1_000_000, 60_000


@dataclass(frozen=True, slots=True)
class LineRate:
    """A rate that our deck has for codes of a line from some instant on (UTC ms, None for ever), and where it stands."""

    rate_nanos_per_minute: int
    since: int | None
    sheet: str
    codes: str
    rows: str
    is_theirs: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What one cause makes of a destination: theirs less ours in 1/60 nanos, and of how many calls."""

    cause: str
    exact_60th_nanos: int
    calls: int


@lru_cache(maxsize=32)
def _read(head: str, lines: str) -> IncomingInvoice:
    """Sealed files never change, so that an invoice is read once per process."""
    head_path, lines_path = (files.get(book.folder(), digest) for digest in (head, lines))
    return read_incoming(head_path.read_bytes(), lines_path.read_bytes())[0]


def has_lines(row: Document) -> bool:
    """Whether the document is a supplier's invoice whose files the book has."""
    content = row.content if isinstance(row.content, dict) else {}
    digests = content.get("files")
    if row.kind != RECEIVED or not isinstance(digests, list) or len(digests) != 2:
        return False
    return all(files.find(book.folder(), str(digest)) is not None for digest in digests)


def invoice_of(row: Document) -> IncomingInvoice:
    """The invoice as it came."""
    head, lines = row.content["files"]
    return _read(str(head), str(lines))


def comparison_of(row: Document) -> tuple[str, Run] | None:
    """The comparison that explains a supplier's invoice: its scope and its current run."""
    scope = f"{row.partner_id}/OUT/{row.period}"
    head = Head.objects.select_related("run").filter(stage="reconciliation", scope=scope).first()
    return (scope, head.run) if head else None


def _parts(run: Run) -> dict[str, tuple[Part, ...]]:
    return _parts_of(str(book.folder()), run.run_key)


@lru_cache(maxsize=16)
def _parts_of(folder: str, run_key: str) -> dict[str, tuple[Part, ...]]:
    """Every destination's causes, the heaviest first. Sums are of integers throughout."""
    pairs = pairs_of(book.current(), Run.objects.get(run_key=run_key))
    causes, destinations = pairs.words["cause"], pairs.words["destination"]
    places = pairs.codes["destination"].astype(np.int64) * len(causes) + pairs.codes["cause"]
    sums = np.zeros(len(causes) * len(destinations), dtype=np.int64)
    np.add.at(sums, places, pairs.codes["exact_60th_nanos"].astype(np.int64))
    calls = np.bincount(places, minlength=len(sums))
    found: dict[str, list[Part]] = {}
    for place in np.flatnonzero(calls).tolist():
        part = Part(causes[place % len(causes)], int(sums[place]), int(calls[place]))
        found.setdefault(destinations[place // len(causes)], []).append(part)
    return {name: tuple(sorted(parts, key=lambda each: (-abs(each.exact_60th_nanos), each.cause))) for name, parts in found.items()}


def _sum(parts: tuple[Part, ...]) -> int:
    return sum(each.exact_60th_nanos for each in parts)


def line_rows(row: Document, run: Run | None) -> list[dict[str, Any]]:
    """The lines as rows of a table, and after them what is on no line of theirs. Without a run, the lines alone."""
    invoice, parts = invoice_of(row), _parts(run) if run else {}
    rows = [
        {
            "number": line.row,
            "destination": line.destination,
            "codes": _few(line.codes),
            "all_codes": ", ".join(line.codes),
            "rate_nanos": line.rate_nanos_per_minute,
            "calls": line.calls,
            "minutes_ms": divide_rounded(line.minutes_millionths * _MILLISECONDS, _MILLIONTHS, HALF_EVEN),
            "amount_micros": line.amount_micros,
            "currency": invoice.currency,
            **(_difference(parts.get(line.destination, ())) if run else {"difference_micros": None, "cause": None}),
        }
        for line in invoice.lines
    ]
    named = {line.destination for line in invoice.lines}
    absent = ("number", "all_codes", "rate_nanos", "calls", "minutes_ms", "amount_micros")
    nothing = {**dict.fromkeys(absent), "codes": "on no line of theirs"}
    unnamed = [
        {**nothing, "destination": name, "currency": invoice.currency, **_difference(found)}
        for name, found in sorted(parts.items())
        if name not in named and found
    ]
    return rows + unnamed


def _few(codes: tuple[str, ...]) -> str:
    shown = ", ".join(codes[:SHOWN_CODES])
    return f"{shown} and {len(codes) - SHOWN_CODES} more" if len(codes) > SHOWN_CODES else shown


def _difference(parts: tuple[Part, ...]) -> dict[str, Any]:
    return {"difference_micros": micros(_sum(parts)), "cause": parts[0].cause if parts else None}


def line_columns(document: int, pairs: str | None, *, billed: str = "They bill") -> tuple[Column, ...]:
    """The columns of that table. `pairs` is the address of the calls that differ, None where the viewer sees no comparison; `billed`
    heads what the lines say, in the words of who reads them."""

    def address(row: Mapping[str, Any]) -> str:
        if row["number"] is None:
            return f"{pairs}?{urlencode({'t-destination': row['destination']})}"
        return reverse("document-line", args=[document, row["number"]])

    lines = (
        Column("number", "Line", Kind.COUNT, filter="exact"),
        Column("destination", "Destination", filter="text", link=address if pairs else None),
        Column("codes", "Codes", whole="all_codes", is_optional=True),
        Column("rate_nanos", "Rate per minute", Kind.RATE, is_optional=True),
        Column("calls", "Calls", Kind.COUNT, is_optional=True),
        Column("minutes_ms", "Minutes", Kind.MINUTES, is_optional=True),
        Column("amount_micros", billed, Kind.MONEY, currency="currency"),
    )
    if pairs is None:
        return lines
    return (
        *lines,
        Column("difference_micros", "Destination differs by", Kind.MONEY, currency="currency"),
        Column("cause", "Main cause", Kind.CLASS, is_optional=True),
    )


def line_of(row: Document, number: int) -> IncomingLine | None:
    """A line by its number; None where there is none."""
    return next((line for line in invoice_of(row).lines if line.row == number), None)


# A line's causes for a file; on the page they stand as a reckoning.
CAUSE_COLUMNS: Final = (
    Column("label", "Cause"),
    Column("clause", "Clause"),
    Column("calls", "Calls", Kind.COUNT),
    Column("amount_micros", "Theirs less ours", Kind.MONEY, currency="currency"),
)


def line_context(row: Document, line: IncomingLine, scope: str, run: Run) -> dict[str, Any]:
    """Why a line differs: its destination's causes with their clauses, each leading to the calls."""
    invoice, parts = invoice_of(row), _parts(run).get(line.destination, ())
    same = [each for each in invoice.lines if each.destination == line.destination]
    billed = sum(each.amount_micros for each in same)
    difference = micros(_sum(parts))
    summary = run.summary
    told = {each["cause"]: each for each in summary["money"]["causes"]}
    pairs = reverse("pairs", args=[scope])
    version = reference.agreement_by_digest(summary["agreement"]["digest"])
    causes = [
        {
            "cause": each.cause,
            "label": CAUSE_LABELS.get(each.cause, each.cause),
            "meaning": CAUSE_MEANINGS.get(each.cause, ""),
            "clause": told.get(each.cause, {}).get("clause", ""),
            "reasons": _reasons(told.get(each.cause, {}), line.destination),
            "calls": each.calls,
            "amount_micros": micros(each.exact_60th_nanos),
            "address": calls_behind(pairs, each.exact_60th_nanos, destination=line.destination, cause=each.cause),
        }
        for each in parts
    ]
    return {
        "line": line,
        "same": [each for each in same if each is not line],
        "billed_micros": billed,
        "difference_micros": difference,
        "ours_micros": billed - difference,
        "currency": invoice.currency,
        "causes": causes,
        "agreement_row": version[0] if version else None,
        "others": _billed_here(line.destination, told.get("DESTINATION", {})),
        "others_address": f"{pairs}?{urlencode({'t-cause': 'DESTINATION'})}",
        "pairs_address": f"{pairs}?{urlencode({'t-destination': line.destination})}",
        "scope": scope,
    }


def _reasons(cause: Mapping[str, Any], destination: str) -> list[str]:
    """What the comparison found out about a cause, where all of it is this destination's."""
    if {each["destination"] for each in cause.get("destinations", [])} != {destination}:
        return []
    return [str(each["detail"]) for each in cause.get("details", []) if each.get("detail")]


def rates_of(line: IncomingLine, run: Run, actor: Actor) -> list[LineRate]:
    """What our deck says of the line's codes over the period, the same price once; marked where it is the one they billed."""
    until = run.parameters.get("until_ms")
    rows = rows_of_codes(
        book.current(),
        line.codes,
        actor=actor,
        partner=run.scope.partition("/")[0],
        agreement_digest=run.summary["agreement"]["digest"],
        side="buy",
        known_at=run.known_at,
    )
    grouped: dict[tuple[int, int | None, str], list[SheetRow]] = {}
    for row in rows:
        if row.since is None or until is None or row.since < until:
            grouped.setdefault((row.rate_nanos_per_minute, row.since, row.sheet), []).append(row)
    found = [
        LineRate(
            rate,
            since,
            sheet,
            _few(tuple(row.code for row in same)),
            _few(tuple(str(row.row) for row in same)),
            rate == line.rate_nanos_per_minute,
        )
        for (rate, since, sheet), same in grouped.items()
    ]
    return sorted(found, key=lambda each: (each.since or 0, each.sheet, each.rate_nanos_per_minute))[:MOST_RATES]


def _billed_here(destination: str, cause: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Calls that by our deck belong to another destination and stand on this one's line: the comparison words them by both."""
    return [each for each in cause.get("details", []) if is_billed_as(str(each.get("detail", "")), destination)]
