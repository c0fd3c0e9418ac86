"""Rating: every partner's legs of a period, each a run of its own, so that one that cannot be rated is parked and the others go on.

A run pins the CDR segments of the window, the mediation run that says which records are kept, the agreement versions in force in the
period, and every deck version known. A record is priced under the agreement in force at its anchor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.agreement import Agreement, DeckTerms
from tollbook.core.period import Period
from tollbook.core.problem import Problem, Refusal, problem, refuse
from tollbook.core.rights import Actor, Right, require
from tollbook.core.zone import find_zone
from tollbook.engine import derivation
from tollbook.engine.deck import CompiledDeck
from tollbook.flow import inputs, reference
from tollbook.flow.book import Book
from tollbook.flow.compiled_decks import compiled
from tollbook.flow.mediation import EDGE_MS, mediated, mediation_plan
from tollbook.flow.reference import DeckVersion, Document
from tollbook.flow.run import Computed, Plan, Run, execute, execute_together
from tollbook.store import manifest
from tollbook.store.models import UsageTotal

STAGE: Final = "rating"
SEMANTICS_VERSION: Final = 1
# Who owes whom: calls that come in are our revenue and priced by the deck we sell, calls that go out are our cost.
LEGS: Final = {"IN": ("sell", 1), "OUT": ("buy", -1)}


@dataclass(frozen=True, slots=True)
class Terms:
    """One agreement version and the part of the period it is in force for, with its compiled deck."""

    agreement: Agreement
    from_ms: int
    until_ms: int
    deck: CompiledDeck
    clause: str


@dataclass(slots=True)
class RatingReport:
    """The runs of a period by partner and leg, and the partners that were parked."""

    runs: dict[tuple[str, str], Run] = field(default_factory=dict)
    parked: list[Problem] = field(default_factory=list)


def scope_of(partner: str, leg: str, period: str) -> str:
    """The scope of every stage that works on one partner's leg in one period."""
    return f"{partner}/{leg}/{period}"


def rate_period(
    book: Book, period: str, *, actor: Actor, known_at: int | None = None, partners: Iterable[str] | None = None, dry_run: bool = False
) -> RatingReport:
    """Rates every leg of every partner with an agreement; a partner whose terms or decks do not hold is parked with RUN_PARKED."""
    require(actor, Right.RUN)
    report = RatingReport()
    wanted = set(partners) if partners is not None else None
    for partner in partners_with_terms(book, known_at):
        if wanted is not None and partner not in wanted:
            continue
        for leg in LEGS:
            try:
                run = rate_leg(book, partner, leg, period, actor=actor, known_at=known_at, dry_run=dry_run)
            except Refusal as refusal:
                report.parked.append(parked(STAGE, scope_of(partner, leg, period), refusal))
                continue
            if run is not None:
                report.runs[partner, leg] = run
    return report


def parked(stage: str, scope: str, refusal: Refusal) -> Problem:
    """What is said of a run that could not be done."""
    return problem("RUN_PARKED", f"{stage} of {scope}: {'; '.join(str(each) for each in refusal.problems)}", value=scope)


def partners_with_terms(book: Book, known_at: int | None = None) -> list[str]:
    """Every partner that had an agreement at any time, as far as was known."""
    return sorted({agreement.partner for agreement, _ in reference.agreement_versions(book, known_at=known_at)})


def terms_of(book: Book, partner: str, leg: str, period: str, *, known_at: int | None = None) -> tuple[list[Terms], list[str]]:
    """The agreement versions in force in a period, each with its part of it, and the digests of all that decided them.

    Where the agreements of the period are in different zones, each bounds the period in its own.
    """
    side, _ = LEGS[leg]
    terms: list[Terms] = []
    digests: list[str] = []
    for agreement, document, from_ms, until_ms in _in_force(book, partner, period, known_at):
        deck_terms: DeckTerms | None = getattr(agreement, side)
        if from_ms >= until_ms or deck_terms is None:
            continue
        decks = reference.deck_versions(book, agreement, deck_terms, known_at=known_at)
        _check_currency(agreement, decks)
        terms.append(Terms(agreement, from_ms, until_ms, compiled(book, decks, deck_terms), agreement.rating.clause or deck_terms.clause))
        digests += [document.digest, *(digest for deck in decks for digest in deck.inputs)]
    terms.sort(key=lambda each: each.from_ms)
    for before, after in pairwise(terms):
        if after.from_ms < before.until_ms:
            raise refuse("AGREEMENTS_OVERLAP", f"{before.agreement.id} and {after.agreement.id} both price the {leg} leg.", value=partner)
    return terms, digests


def _check_currency(agreement: Agreement, decks: list[DeckVersion]) -> None:
    """Rates are never converted silently."""
    for each in decks:
        if each.currency and each.currency != agreement.currency:
            reason = f"The deck is in {each.currency}, the agreement {agreement.id} in {agreement.currency}."
            raise refuse("DECK_CURRENCY_DIFFERS", reason, file=each.document.file_name, value=each.currency)


def _in_force(book: Book, partner: str, period: str, known_at: int | None) -> Iterator[tuple[Agreement, Document, int, int]]:
    """Every version of a partner's agreements with the part of the period until the next version of the same agreement."""
    found = [pair for pair in reference.agreement_versions(book, known_at=known_at) if pair[0].partner == partner]
    for agreement, document in found:
        window = inputs.period_of_agreement(agreement, period)
        later = [each.effective_from for _, each in found if each.name == document.name and each.effective_from > document.effective_from]
        yield agreement, document, max(window.from_ms, document.effective_from), min([window.until_ms, *later])


def agreement_of(book: Book, partner: str, period: str, *, known_at: int | None = None) -> tuple[Agreement, Period]:
    """The agreement whose terms settle a period, and the period in its zone: the last one in force in it. REFERENCE_MISSING without one."""
    found = [
        (agreement, document, from_ms)
        for agreement, document, from_ms, until_ms in _in_force(book, partner, period, known_at)
        if from_ms < until_ms
    ]
    if not found:
        raise refuse("REFERENCE_MISSING", f"There is no agreement with {partner} in {period}.", value=partner)
    agreement, _, _ = max(found, key=lambda each: (each[2], each[1].known_from, each[1].digest))
    return agreement, inputs.period_of_agreement(agreement, period)


@dataclass(frozen=True, slots=True)
class RatedLeg:
    """One partner's leg in a period with all that decides its prices: the terms in force, and the digests that pin them."""

    book: Book
    partner: str
    leg: str
    period: str
    terms: tuple[Terms, ...]
    digests: tuple[str, ...]
    known_at: int | None

    def mediation(self) -> Plan:
        """The run that says which of our records are priced."""
        window = self.terms[0].from_ms, self.terms[-1].until_ms
        return mediation_plan(self.book, self.partner, self.leg, "OURS", self.period, *window, known_at=self.known_at)

    def rating(self, marks: Run) -> Plan:
        """The run that prices them."""
        edge = EDGE_MS["OURS"]
        from_ms, until_ms = self.terms[0].from_ms - edge, self.terms[-1].until_ms + edge
        segments = inputs.cdr_segments(self.book, "OURS", from_ms, until_ms, known_at=self.known_at)

        def publish(run: Run) -> None:
            from tollbook.flow.rebuild import usage_of_charges

            manifest.replace_usage(run.scope, usage_of_charges(run))

        return Plan(
            self.book,
            stage=STAGE,
            scope=scope_of(self.partner, self.leg, self.period),
            semantics_version=SEMANTICS_VERSION,
            inputs=[*segments.digests, *self.digests, marks.result_digest],
            parameters=_parameters(self.partner, self.leg, self.period, self.terms),
            compute=lambda: _compute(self.book, self.leg, self.terms, segments, marks),
            known_at=self.known_at,
            side="OURS",
            also=publish,
        )


def leg_of(book: Book, partner: str, leg: str, period: str, *, known_at: int | None = None) -> RatedLeg | None:
    """A leg with its terms; None where the partner's agreements say nothing of it. Refuses as `terms_of` does."""
    terms, digests = terms_of(book, partner, leg, period, known_at=known_at)
    return RatedLeg(book, partner, leg, period, tuple(terms), tuple(digests), known_at) if terms else None


def rate_leg(
    book: Book, partner: str, leg: str, period: str, *, actor: Actor, known_at: int | None = None, dry_run: bool = False
) -> Run | None:
    """The rating run of one partner's leg; None where its agreements say nothing of that leg."""
    rated = leg_of(book, partner, leg, period, known_at=known_at)
    if rated is None:
        return None
    marks = execute(rated.mediation(), actor=actor)
    return execute(rated.rating(marks), actor=actor, dry_run=dry_run)


def rate_ahead(book: Book, legs: Iterable[tuple[str, str, str]], *, actor: Actor, known_at: int | None = None) -> None:
    """Mediates and rates many legs (partner, leg, period), several at a time: `rate_leg` then finds their runs made. What is refused here
    is refused there again, with its reason, where somebody can be told."""
    rated, plans = [], []
    for partner, leg, period in legs:
        try:
            found = leg_of(book, partner, leg, period, known_at=known_at)
            if found is not None:
                plans.append(found.mediation())
                rated.append(found)
        except Refusal:
            continue
    runs = execute_together(plans, actor=actor)
    execute_together([each.rating(marks) for each, marks in zip(rated, runs, strict=True) if isinstance(marks, Run)], actor=actor)


def _parameters(partner: str, leg: str, period: str, terms: Sequence[Terms]) -> dict[str, Any]:
    parts = [
        {"agreement": each.agreement.digest, "from_ms": each.from_ms, "until_ms": each.until_ms, "decks": list(each.deck.digests)}
        for each in terms
    ]
    return {"partner": partner, "leg": leg, "period": period, "terms": parts}


def _compute(book: Book, leg: str, terms: Sequence[Terms], segments: inputs.SegmentSet, marks: Run) -> Computed:
    totals: dict[str, Any] = {}

    def charges() -> Iterator[pa.Table]:
        with inputs.database(book) as connection:
            mediated(connection, "ours", segments, marks)
            for each in terms:
                zone = find_zone(each.agreement.zone)
                for table in derivation.charges(
                    connection, "ours", each.agreement, each.deck, zone, leg, each.clause, each.from_ms, each.until_ms
                ):
                    _add(totals, table)
                    yield table

    return Computed({"charge": charges()}, totals)


def _add(totals: dict[str, Any], charges: pa.Table) -> None:
    """Counts and exact sums by status and currency; the sums as text, because they may be beyond 64 bits."""
    words = [charges.column(name).cast(pa.string()) for name in ("status", "currency")]
    exact = charges.column("exact_60th_nanos").to_numpy()
    halves = {"high": pa.array(exact >> 32), "low": pa.array(exact & 0xFFFFFFFF)}
    table = pa.table({"status": words[0], "currency": pc.fill_null(words[1], ""), "billed_s": charges.column("billed_s"), **halves})
    grouped = table.group_by(["status", "currency"]).aggregate([("status", "count"), ("billed_s", "sum"), ("high", "sum"), ("low", "sum")])
    for row in grouped.to_pylist():
        line = totals.setdefault(f"{row['status']} {row['currency']}".strip(), {"records": 0, "billed_s": 0, "exact_60th_nanos": "0"})
        line["records"] += row["status_count"]
        line["billed_s"] += row["billed_s_sum"]
        line["exact_60th_nanos"] = str(int(line["exact_60th_nanos"]) + (row["high_sum"] << 32) + row["low_sum"])


def total_micros(run: Run, currency: str) -> Fraction:
    """The exact total of a rating run in a currency, in micro-units, before any rounding."""
    line = run.summary.get(f"RATED {currency}", {})
    return Fraction(int(line.get("exact_60th_nanos", "0")), 60_000)


def current_usage(book: Book, partner: str) -> list[UsageTotal]:
    """The running rated usage of a partner, by day."""
    return list(UsageTotal.objects.filter(partner=partner).exclude(currency="").order_by("day", "leg", "currency"))
