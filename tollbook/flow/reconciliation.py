"""Reconciliation of one partner's leg in a period: what was matched, priced step by step and summed by cause; and the exceptions of it.

The run pins the matching run, the rating run and the deck versions. What the error budget does not cover becomes exceptions, one per
class, in the transaction that publishes the run; those of an earlier run of the scope are then superseded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb

from tollbook import __version__
from tollbook.core.agreement import DeckTerms
from tollbook.core.money import SIXTIETHS_PER_MICRO
from tollbook.core.rights import Actor
from tollbook.core.zone import Zone, find_zone
from tollbook.engine.reconciliation import Inputs, Reconciled, reconcile
from tollbook.engine.reconciliation_prices import DeckPrices
from tollbook.engine.reconciliation_summary import Setting, summarize
from tollbook.flow import inputs, reference
from tollbook.flow.book import Book
from tollbook.flow.compiled_decks import compiled
from tollbook.flow.exception_opening import open_exceptions
from tollbook.flow.matching import Sides, match_sides, open_sides, sides_of
from tollbook.flow.rating import rate_leg
from tollbook.flow.reference import DeckVersion
from tollbook.flow.run import Computed, Run, execute_run

STAGE: Final = "reconciliation"
SEMANTICS_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The runs of a reconciled leg and what they found. `summary` is that of engine.reconciliation_summary."""

    sides: Sides
    rating: Run | None
    matching: Run
    run: Run
    decks: tuple[DeckVersion, ...]
    # The tables of a reconciliation that was just computed, as long as somebody may want its calls; see `tables`.
    open_tables: ExitStack = field(default_factory=ExitStack, repr=False, compare=False)
    live: list[duckdb.DuckDBPyConnection] = field(default_factory=list, repr=False, compare=False)

    @contextmanager
    def tables(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The reconciliation in the tables of a connection (engine.reconciliation), with the view `charges`: computed again at need."""
        if self.live:
            yield self.live[0]
            return
        with opened(self.sides, self.matching, self.rating, list(self.decks)) as (_, connection):
            yield connection

    def close(self) -> None:
        """Gives the memory of the tables back."""
        self.live.clear()
        self.open_tables.close()

    @property
    def summary(self) -> dict[str, Any]:
        return self.run.summary

    @property
    def outcome(self) -> str:
        """What the error budget says: ACCEPT, LINES, DISPUTE or ACCRUE."""
        return str(self.summary["budget"]["outcome"])

    @property
    def disputed_60th_nanos(self) -> int:
        return int(self.summary["budget"]["disputed_60th_nanos"])

    @property
    def failed_destinations(self) -> list[str]:
        """The destinations beyond their guard, as the reconciliation names them (empty where a number has none)."""
        lines = self.summary["budget"]["failed_lines"]
        return ["" if line["destination"] == "no destination" else line["destination"] for line in lines]


def reconcile_leg(book: Book, partner: str, leg: str, period: str, *, actor: Actor, known_at: int | None = None) -> Reconciliation | None:
    """Matches and reconciles one partner's leg; None where the partner sent no records of the period."""
    sides = sides_of(book, partner, leg, period, actor=actor, known_at=known_at)
    if not has_records(sides):
        return None
    matching = match_sides(sides, actor=actor)
    rating = rate_leg(book, partner, leg, period, actor=actor, known_at=known_at)
    decks = decks_of(sides)
    stack, live = ExitStack(), []

    def compute() -> Computed:
        found, connection = stack.enter_context(opened(sides, matching, rating, decks))
        live.append(connection)
        return _computed(sides, matching, found)

    run = execute_run(
        book,
        stage=STAGE,
        scope=sides.scope,
        semantics_version=SEMANTICS_VERSION,
        inputs=[
            *sides.pinned(),
            matching.result_digest,
            *([rating.result_digest] if rating else []),
            *(digest for deck in decks for digest in deck.inputs),
        ],
        parameters={
            "partner": partner,
            "leg": leg,
            "from_ms": sides.from_ms,
            "until_ms": sides.until_ms,
            "agreement": sides.agreement.digest,
            "decks": _digests(sides, decks),
        },
        compute=compute,
        actor=actor,
        known_at=known_at,
        also=lambda run: open_exceptions(sides, run, actor=actor),
    )
    return Reconciliation(sides, rating, matching, run, tuple(decks), stack, live)


def has_records(sides: Sides) -> bool:
    """Whether the partner sent anything of the period; the segments may be those of another partner."""
    with inputs.database(sides.book) as connection:
        inputs.view(connection, "theirs_all", "cdr", sides.segments["THEIRS"].paths, inputs.commercial_leg(sides.partner, sides.leg))
        return bool(connection.execute("SELECT 1 FROM theirs_all LIMIT 1").fetchall())


def deck_terms(sides: Sides) -> DeckTerms | None:
    """What the agreement says of the deck that prices the leg."""
    return sides.agreement.sell if sides.leg == "IN" else sides.agreement.buy


def _digests(sides: Sides, decks: list[DeckVersion]) -> list[str]:
    terms = deck_terms(sides)
    return list(compiled(sides.book, decks, terms).digests) if terms and decks else []


def decks_of(sides: Sides) -> list[DeckVersion]:
    """The versions of the deck that prices the leg; none where the agreement names none."""
    terms = deck_terms(sides)
    return reference.deck_versions(sides.book, sides.agreement, terms, known_at=sides.known_at) if terms else []


@contextmanager
def opened(
    sides: Sides, matching: Run, rating: Run | None, decks: list[DeckVersion]
) -> Iterator[tuple[Reconciled, duckdb.DuckDBPyConnection]]:
    """The reconciliation in the tables of a connection: for its run, and later for a dispute's evidence. `charges` is a view there."""
    agreement, terms = sides.agreement, deck_terms(sides)
    with open_sides(sides, matching) as connection:
        inputs.view(connection, "charges", "charge", rating.paths("charge") if rating else [])
        prices = DeckPrices(compiled(sides.book, decks, terms), agreement.rating) if terms and decks else None
        found = Inputs(
            ours="ours",
            theirs="theirs",
            matches="matches",
            charges="charges",
            our_duplicates="ours_duplicates",
            their_duplicates="theirs_duplicates",
            other_block="other_block",
        )
        yield reconcile(connection, found, agreement, zone_of(sides), prices, leg=sides.leg), connection


def zone_of(sides: Sides) -> Zone:
    return find_zone(sides.agreement.zone)


def _computed(sides: Sides, matching: Run, found: Reconciled) -> Computed:
    setting = Setting(sides.agreement, zone_of(sides), payable=sides.leg == "OUT", software=__version__)
    summary = summarize(found, setting)
    summary["clock"]["matching"] = matching.summary
    return Computed({"match": found.matches(), "variance": found.variances()}, summary)


def to_micros(value_60th_nanos: int) -> int:
    """An exact value in micro-units, towards zero: what is claimed is never more than what was found."""
    sign = -1 if value_60th_nanos < 0 else 1
    return sign * (abs(value_60th_nanos) // SIXTIETHS_PER_MICRO)
