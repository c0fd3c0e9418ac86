"""A small world for reconciliation tests: a deck with a change of price, calls of two sides, and the pairs that are known to be true."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import pyarrow as pa

from tollbook.core.agreement import Agreement, DeckTerms, DisputeTerms, MatchingTerms, PeriodTerms, RatingTerms, RoundAt, ToleranceTerms
from tollbook.core.cdr import CDR, CHARGE, MATCH
from tollbook.core.deck import DECK_ROW, Deck
from tollbook.core.rating import price, price_terms
from tollbook.core.zone import UTC
from tollbook.engine.database import open_database
from tollbook.engine.deck import CompiledDeck, compile_timeline
from tollbook.engine.number import number_keys
from tollbook.engine.reconciliation import Inputs, Reconciled, reconcile
from tollbook.engine.reconciliation_prices import DeckPrices

UNIT = 60_000_000_000  # one currency unit in 1/60 nanos
NOON = int(dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC).timestamp()) * 1000
CHANGE = NOON + 3_600_000  # 447 gets dearer at 13:00

# code, destination, rate in nanos, minimum, step, effective_from
ROWS = [
    ("44", "UK Fixed", 5_000_000, 1, 1, 0),
    ("447", "UK Mobile", 12_000_000, 1, 1, 0),
    ("447", "UK Mobile", 15_000_000, 1, 1, CHANGE),
    ("4479", "UK Special", 30_000_000, 1, 1, 0),
    ("90", "Turkey", 20_000_000, 1, 1, 0),
    ("33", "France", 7_000_000, 30, 6, 0),
]


def deck(rows: list[tuple[str, str, int, int, int, int]] | None = None) -> Deck:
    columns: dict[str, list[Any]] = {name: [] for name in DECK_ROW.names}
    for number, (code, destination, rate, minimum, step, start) in enumerate(rows or ROWS, 2):
        row: dict[str, Any] = dict.fromkeys(DECK_ROW.names, 0)
        row |= {"code": code, "destination": destination, "country": "", "a_zone": "*", "band": "*", "rate_unit": "PER_MINUTE"}
        row |= {
            "rate_nanos": rate,
            "rate_first_nanos": rate,
            "minimum_s": minimum,
            "step_s": step,
            "max_charge_nanos": None,
            "declared_change": None,
        }
        row |= {
            "effective_from": start,
            "effective_until": None,
            "status": "ACTIVE",
            "declared_change": None,
            "row": number,
            "rate_text": str(rate),
        }
        for name, value in row.items():
            columns[name].append(value)
    table = pa.table({name: pa.array(values, DECK_ROW.field(name).type) for name, values in columns.items()}, schema=DECK_ROW)
    return Deck(rows=table, partner="carrier", currency="USD")


def agreement(**rating: Any) -> Agreement:
    return Agreement(
        id="X-1", version="1", partner="carrier", effective_from=None, known_from=None, zone="UTC", currency="USD", digest="0" * 64,
        rating=RatingTerms(**{"clause": "2.1", **rating}), buy=DeckTerms("deck.csv", clause="2.4"), sell=None, period=PeriodTerms(),
        tolerance=ToleranceTerms(clause="5.1"), dispute=DisputeTerms(clause="5.2"), matching=MatchingTerms(), clauses={},
    )  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A record of one side. `their_*` as their file states them; None where it does not."""

    number: str = "447700900123"
    at: int = NOON
    ms: int = 60_000
    rate: str | None = None
    billed_s: int | None = None
    amount: str | None = None
    currency: str | None = "USD"
    code: str | None = None
    destination: str | None = None
    trunk: str = "T1"
    partner: str = "carrier"
    answered: bool = True
    time_quality: str = "EXACT"


@dataclass
class World:
    """Pairs of calls, calls on one side only, duplicates and calls of another partner; then `run`."""

    terms: Agreement = field(default_factory=agreement)
    versions: Deck = field(default_factory=deck)
    pairs: list[tuple[Call, Call, dict[str, Any]]] = field(default_factory=list)
    ours_alone: list[Call] = field(default_factory=list)
    theirs_alone: list[Call] = field(default_factory=list)
    our_duplicates: list[Call] = field(default_factory=list)
    their_duplicates: list[Call] = field(default_factory=list)
    other_block: list[Call] = field(default_factory=list)
    with_prices: bool = True

    def pair(self, ours: Call, theirs: Call | None = None, **match: Any) -> None:
        self.pairs.append((ours, theirs or ours, match))

    def run(self) -> Reconciled:
        compiled = compile_timeline([self.versions])
        ours = [pair[0] for pair in self.pairs] + self.ours_alone
        theirs = [pair[1] for pair in self.pairs] + self.theirs_alone
        connection = open_database(threads=1)
        our_table = cdrs(ours, "OURS", 0)
        connection.register("w_ours", our_table)
        connection.register("w_theirs", cdrs(theirs, "THEIRS", 0))
        connection.register("w_matches", matches(self.pairs))
        connection.register("w_our_duplicates", marked(cdrs(self.our_duplicates, "OURS", 10_000)))
        connection.register("w_their_duplicates", marked(cdrs(self.their_duplicates, "THEIRS", 10_000)))
        connection.register("w_other", cdrs(self.other_block, "OURS", 20_000))
        connection.register("w_charges", charges(ours, our_table, compiled, self.terms))
        inputs = Inputs("w_ours", "w_theirs", "w_matches", "w_charges", "w_our_duplicates", "w_their_duplicates", "w_other")
        prices = DeckPrices(compiled, self.terms.rating) if self.with_prices else None
        return reconcile(connection, inputs, self.terms, UTC, prices, leg="OUT")


def identity(side: str, number: int) -> bytes:
    return side[:1].encode() + number.to_bytes(15, "big")


def cdrs(calls: list[Call], side: str, first: int) -> pa.Table:
    columns: dict[str, list[Any]] = {name: [] for name in CDR.names}
    for number, call in enumerate(calls, first):
        row: dict[str, Any] = dict.fromkeys(CDR.names)
        row |= {"cdr_id": identity(side, number), "leg": "OUT", "leg_no": 1, "side": side, "source": "s", "tech": "SIP", "file_digest": "f"}
        row |= {
            "record_no": number + 1,
            "byte_offset": 0,
            "byte_length": 0,
            "raw_times": "",
            "zone": "UTC",
            "time_quality": call.time_quality,
        }
        row |= {"partner": call.partner, "trunk": call.trunk, "setup_at": call.at - 5_000, "answer_at": call.at if call.answered else None}
        row |= {"release_at": call.at + call.ms, "duration_ms": call.ms, "duration_source": "RECORDED", "b_e164": call.number}
        row |= {
            "their_rate_text": call.rate,
            "their_billed_s": call.billed_s,
            "their_amount_text": call.amount,
            "their_currency": call.currency,
        }
        row |= {"their_amount_nanos": nanos(call.amount), "their_code": call.code, "their_destination": call.destination}
        for name, value in row.items():
            columns[name].append(value)
    return pa.table({name: pa.array(values, CDR.field(name).type) for name, values in columns.items()}, schema=CDR)


def nanos(amount: str | None) -> int | None:
    return None if amount is None else int(Fraction(amount) * 10**9)


def marked(table: pa.Table) -> pa.Table:
    count = table.num_rows
    table = table.append_column("mark", pa.array(["DUP_EXACT"] * count, pa.string()))
    return table.append_column("kept_cdr_id", pa.array([b"k" * 16] * count, pa.binary(16)))


def matches(pairs: list[tuple[Call, Call, dict[str, Any]]]) -> pa.Table:
    columns: dict[str, list[Any]] = {name: [] for name in MATCH.names}
    for number, (ours, theirs, match) in enumerate(pairs):
        row: dict[str, Any] = dict.fromkeys(MATCH.names)
        row |= {"leg": "OUT", "our_cdr_id": identity("OURS", number), "their_cdr_id": identity("THEIRS", number), "rule": "R1"}
        row |= {"class": "MATCHED" if ours.answered == theirs.answered else "ANSWER_MISMATCH", "answer_delta_ms": theirs.at - ours.at}
        row |= {"duration_delta_ms": theirs.ms - ours.ms, "offset_ms": 0, "candidates": 1} | match
        for name, value in row.items():
            columns[name].append(value)
    return pa.table({name: pa.array(values, MATCH.field(name).type) for name, values in columns.items()}, schema=MATCH)


def charges(calls: list[Call], table: pa.Table, compiled: CompiledDeck, terms: Agreement) -> pa.Table:
    """Our own charges, call by call through the scalar price function."""
    keys = number_keys(table.column("b_e164"))
    columns: dict[str, list[Any]] = {name: [] for name in CHARGE.names}
    for number, call in enumerate(calls):
        found = int(compiled.find(keys[number : number + 1], pa.array([call.at]).to_numpy())[0])
        row: dict[str, Any] = dict.fromkeys(CHARGE.names)
        row |= {"cdr_id": identity("OURS", number), "leg": "OUT", "leg_no": 1, "duration_ms": call.ms, "sign": -1, "acceptance": "PAYABLE"}
        row |= {"billed_s": 0, "exact_60th_nanos": 0, "amount_micros": 0, "status": "UNRATED" if found < 0 else "NOT_BILLABLE"}
        if found >= 0 and call.answered:
            billed, exact, amount = price(call.ms, compiled.terms_of(found), price_terms(terms.rating))
            row |= {"billed_s": billed, "exact_60th_nanos": exact, "amount_micros": amount, "status": "RATED"}
            row |= {"code": compiled.rows.column("code")[found].as_py(), "destination": compiled.rows.column("destination")[found].as_py()}
            row |= {"rate_nanos_per_minute": compiled.terms_of(found).rate_nanos, "currency": "USD"}
        for name, value in row.items():
            columns[name].append(value)
    return pa.table({name: pa.array(values, CHARGE.field(name).type) for name, values in columns.items()}, schema=CHARGE)


def causes(found: Reconciled) -> dict[str, Fraction]:
    """Money by cause in currency units, exactly."""
    rows = found.connection.execute("SELECT cause, sum(value)::VARCHAR FROM r_variances GROUP BY cause HAVING sum(value) <> 0").fetchall()
    return {cause: Fraction(int(value), UNIT) for cause, value in rows}


def classes(found: Reconciled) -> list[str]:
    """The class of every pair, in the order in which the world has them."""
    return [row[0] for row in found.connection.execute("SELECT class FROM r_pairs ORDER BY our_cdr_id").fetchall()]


def details(found: Reconciled) -> list[str | None]:
    return [row[0] for row in found.connection.execute("SELECT detail FROM r_pairs ORDER BY our_cdr_id").fetchall()]


__all__ = ["CHANGE", "NOON", "Call", "RoundAt", "World", "agreement", "causes", "classes", "deck", "details", "replace"]
