"""Invoices: lines that the payer can compute again, the cascade of rounding, totals, and the arithmetic that validators enforce.

A line never holds two rates: its key is direction, destination, code set, zone of the A-number, band, jurisdiction, increments, rate,
currency and rate version. Amounts are micro-units in whole minor units of the currency. See docs/rules/settlement.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from tollbook.core.agreement import RatingTerms
from tollbook.core.money import (
    HALF_UP,
    ROUNDING_MODES,
    SIXTIETHS_PER_UNIT,
    divide_rounded,
    format_micros,
    format_scaled,
    minor_unit_places,
)
from tollbook.core.problem import Problem, problem

INVOICE: Final = "380"
CREDIT_NOTE: Final = "381"
# A line may be so far from quantity times price before the difference has to be shown (EN 16931 as Peppol enforces it, R120).
LINE_SLACK_MICROS: Final = 20_000
CALL_ROUNDING: Final = "CALL_ROUNDING"
CALL_FEES: Final = "CALL_FEES"
REASONS: Final = {CALL_ROUNDING: "rounding of each call", CALL_FEES: "charges per call"}


@dataclass(frozen=True, slots=True)
class Usage:
    """All calls of one line before it is rounded: what engine.settlement sums. `exact_60th_nanos` may need more than 64 bits."""

    direction: str
    destination: str
    codes: tuple[str, ...]
    increments: str
    rate_nanos_per_minute: int
    currency: str
    rate_version: str
    deck_digest: str
    calls: int
    duration_ms: int
    billed_s: int
    exact_60th_nanos: int
    amount_micros: int
    band: str = ""
    a_zone: str = ""
    jurisdiction: str = ""
    clause: str = ""
    prior_period: str = ""  # the earlier period that late calls belong to; they are billed by its rates

    @property
    def key(self) -> tuple[str, ...]:
        """The order of lines on the document: by name, then by version and rate."""
        rate = str(self.rate_nanos_per_minute).rjust(20, "0")
        parts = (
            self.direction,
            self.prior_period,
            self.destination,
            self.a_zone,
            self.band,
            self.jurisdiction,
            self.rate_version,
            rate,
            self.increments,
        )
        return (*parts, self.currency, self.deck_digest, *self.codes)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the document. `adjustment_micros` is what it is more than quantity times price, beyond the slack; `reason` says why."""

    number: int
    usage: Usage
    net_micros: int
    adjustment_micros: int = 0
    reason: str = ""

    @property
    def quantity_minutes(self) -> str:
        """Billed minutes as a decimal: exact to six places, rounded there when seconds do not divide (the seconds are exact)."""
        return format_scaled(divide_rounded(self.usage.billed_s * 10**6, 60, HALF_UP), 6, 2)

    @property
    def price_per_minute(self) -> str:
        return format_scaled(self.usage.rate_nanos_per_minute, 9, 4)


@dataclass(frozen=True, slots=True)
class Tax:
    """The treatment of the whole document: EN 16931 category (S, AE, O), rate in basis points, and the words the law wants."""

    category: str = "O"
    rate_bp: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of the document with the business terms of EN 16931 they stand for."""

    lines: int  # BT-106
    rounding_allowance: int  # BT-107: the rounding point DOCUMENT gives less than the sum of lines
    rounding_charge: int  # BT-108: ... or more
    net: int  # BT-109
    tax: int  # BT-110
    gross: int  # BT-112
    prepaid: int  # BT-113
    payable: int  # BT-115


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice or a credit note with everything it was made from. `number` is empty while it is a draft."""

    kind: str
    number: str
    partner: str
    currency: str
    period: str
    first_day: date
    last_day: date
    zone: str
    issued_on: date
    due_on: date
    dispute_until: date
    agreement_id: str
    agreement_version: str
    agreement_digest: str
    rounding: str
    lines: tuple[Line, ...]
    tax: Tax
    totals: Totals
    decks: tuple[tuple[str, str, str], ...] = ()  # (name, version, digest)
    clauses: tuple[tuple[str, str], ...] = ()  # (what it decides, clause number and title)
    annex_name: str = ""
    annex_sha256: str = ""
    preceding: str = ""
    notes: tuple[str, ...] = field(default=())


def quantised(exact_60th_nanos: int, places: int, mode: int) -> int:
    """An exact charge as micro-units rounded to so many places (6 at most): 2.3446 at two places is 2.34, never 2.35 by way of 2.345."""
    return divide_rounded(exact_60th_nanos * 1_000_000, SIXTIETHS_PER_UNIT * _unit(places), mode) * _unit(places)


def _unit(places: int) -> int:
    """One unit of the last of so many decimal places, in micro-units."""
    return int("1".ljust(7 - places, "0"))


def to_minor_unit(amount_micros: int, currency: str) -> int:
    """An amount rounded half up to the currency's minor unit: what every later point of the cascade does."""
    unit = _unit(minor_unit_places(currency))
    return divide_rounded(amount_micros, unit, HALF_UP) * unit


def make_lines(usages: Sequence[Usage], terms: RatingTerms) -> tuple[Line, ...]:
    """The lines in the order of the document, each rounded where the contract says."""
    return tuple(_line(number, usage, terms) for number, usage in enumerate(sorted(usages, key=lambda each: each.key), start=1))


def _line(number: int, usage: Usage, terms: RatingTerms) -> Line:
    net = line_net(usage, terms)
    by_quantity = usage.billed_s * usage.rate_nanos_per_minute
    shown = _minor(by_quantity, usage)
    if abs(net - shown) <= LINE_SLACK_MICROS:
        return Line(number, usage, net)
    return Line(number, usage, net, net - shown, CALL_ROUNDING if usage.exact_60th_nanos == by_quantity else CALL_FEES)


def _minor(exact_60th_nanos: int, usage: Usage) -> int:
    return quantised(exact_60th_nanos, minor_unit_places(usage.currency), HALF_UP)


def line_net(usage: Usage, terms: RatingTerms) -> int:
    """The amount of a line: the sum of rounded calls, or the exact sum rounded once; then, as on every document, the minor unit."""
    minor = minor_unit_places(usage.currency)
    if terms.round_at.point == "CALL":
        return to_minor_unit(usage.amount_micros, usage.currency)
    if terms.round_at.point == "LINE":
        return quantised(usage.exact_60th_nanos, min(terms.round_at.places, minor), ROUNDING_MODES[terms.rounding])
    return quantised(usage.exact_60th_nanos, minor, HALF_UP)


def totals(lines: Sequence[Line], terms: RatingTerms, tax: Tax, currency: str) -> Totals:
    """The sums of the rounded lines. Under DOCUMENT the exact sum is rounded once and what that moves is an allowance or a charge."""
    of_lines = sum(line.net_micros for line in lines)
    net = of_lines
    if terms.round_at.point == "DOCUMENT":
        places = min(terms.round_at.places, minor_unit_places(currency))
        net = quantised(sum(line.usage.exact_60th_nanos for line in lines), places, ROUNDING_MODES[terms.rounding])
    tax_micros = tax_of(net, tax, currency)
    return Totals(
        lines=of_lines,
        rounding_allowance=max(0, of_lines - net),
        rounding_charge=max(0, net - of_lines),
        net=net,
        tax=tax_micros,
        gross=net + tax_micros,
        prepaid=0,
        payable=net + tax_micros,
    )


def tax_of(net_micros: int, tax: Tax, currency: str) -> int:
    """The tax on a net amount, rounded half up to the minor unit once per document."""
    unit = _unit(minor_unit_places(currency))
    return divide_rounded(net_micros * tax.rate_bp, 10_000 * unit, HALF_UP) * unit


def check_arithmetic(document: Document) -> list[Problem]:
    """The rules a validator of EN 16931 applies to these figures; INVOICE_ARITHMETIC for each that fails."""
    sums, unit = document.totals, _unit(minor_unit_places(document.currency))
    every = (sums.lines, sums.rounding_allowance, sums.rounding_charge, sums.net, sums.tax, sums.gross, sums.prepaid, sums.payable)
    amounts = (*every, *(line.net_micros for line in document.lines))
    rules = [
        ("BR-DEC", "every amount is in whole minor units", all(amount % unit == 0 for amount in amounts)),
        ("BR-CO-10", "the lines add up to BT-106", sum(line.net_micros for line in document.lines) == sums.lines),
        (
            "BR-CO-13",
            "BT-109 is BT-106 less allowances plus charges",
            sums.net == sums.lines - sums.rounding_allowance + sums.rounding_charge,
        ),
        ("BR-CO-15", "BT-112 is BT-109 plus BT-110", sums.gross == sums.net + sums.tax),
        ("BR-CO-16", "BT-115 is BT-112 less what was prepaid", sums.payable == sums.gross - sums.prepaid),
        ("BR-CO-17", "the tax is the net amount times its rate", sums.tax == tax_of(sums.net, document.tax, document.currency)),
        ("BR-AE-10", "reverse charge and out of scope carry no tax", document.tax.category == "S" or sums.tax == 0),
        ("BR-CO-03", "one currency", all(line.usage.currency == document.currency for line in document.lines)),
        ("PEPPOL-R110", "the period does not end before it begins", document.first_day <= document.last_day),
    ]
    found = [problem("INVOICE_ARITHMETIC", f"{rule}: {words}, but not here.", column=rule) for rule, words, holds in rules if not holds]
    return found + [each for line in document.lines if (each := _check_line(line)) is not None]


def _check_line(line: Line) -> Problem | None:
    off = abs(line.net_micros - line.adjustment_micros - _minor(line.usage.billed_s * line.usage.rate_nanos_per_minute, line.usage))
    if off <= LINE_SLACK_MICROS and (not line.adjustment_micros or line.reason in REASONS):
        return None
    reason = f"PEPPOL-R120: line {line.number} is {format_micros(off)} away from quantity times price."
    return problem("INVOICE_ARITHMETIC", reason, row=line.number, column="PEPPOL-R120", value=format_micros(line.net_micros))


def document_number(series: str, sequence: int) -> str:
    """The number as printed: the series and at least four digits. A series is never used twice for the same sequence."""
    return f"{series}-{sequence:04d}"
