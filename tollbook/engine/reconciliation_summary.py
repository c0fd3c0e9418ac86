"""The summary of a reconciliation: everything a report, a pack or a close says about it, as JSON-ready values.

Amounts are decimal texts of six places beside `exact_60th_nanos`, durations integers of milliseconds, instants ISO texts. Documented in
docs/guides/reconcile-two-files.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

import numpy as np

from tollbook.core import budget, exception
from tollbook.core.agreement import Agreement
from tollbook.core.matching.finding import Finding
from tollbook.core.matching.offset import Piece
from tollbook.core.money import HALF_UP, SIXTIETHS_PER_MICRO, divide_rounded, format_scaled
from tollbook.core.reconciliation_sentences import finding_sentences, headline, minutes_headline
from tollbook.core.reconciliation_words import (
    CAUSE_LABELS,
    CAUSE_MEANINGS,
    CLASS_LABELS,
    OUTCOME_SENTENCES,
    REASON_LABELS,
    rule_title,
)
from tollbook.core.zone import Zone
from tollbook.engine.reconciliation import Reconciled
from tollbook.engine.reconciliation_pairs import MINUTES_ONLY, STATED
from tollbook.engine.reconciliation_totals import Row, Totals, add_up, largest

FORMAT: Final = "tollbook-reconciliation/1"
SHOWN_DESTINATIONS: Final = 40
Json = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """What was compared: the agreement, which way the money goes, what the clocks said, and the inputs as they are to be shown."""

    agreement: Agreement
    zone: Zone
    payable: bool
    pieces: Sequence[Piece] = ()
    findings: Sequence[Finding] = ()
    inputs: Sequence[Json] = ()
    software: str = ""
    problems: Sequence[Json] = field(default_factory=list)


def summarize(found: Reconciled, setting: Setting) -> Json:
    """The whole summary. Money is left out (None) where there is no deck."""
    totals = add_up(found)
    agreement = setting.agreement
    with_money = found.basis != MINUTES_ONLY
    verdict = _verdict(totals, setting, with_money=with_money)
    failed = {guard.line.name for guard in verdict.failed_lines}
    money = _money(found, totals, setting) if with_money else None
    causes = [(row["cause"], row["value"]) for row in totals.causes]
    difference = totals.whole["theirs"] - totals.whole["ours"] if totals.whole["ours"] is not None else 0
    if with_money:
        sentence = headline(difference, causes, agreement.currency, payable=setting.payable, stated=found.basis == STATED)
    else:
        sentence = minutes_headline(_int(totals.files["their_ms"]) - _int(totals.files["our_ms"]))
    return {
        "format": FORMAT,
        "software": {"name": "tollbook", "version": setting.software},
        "agreement": _agreement(agreement),
        "direction": "PAYABLE" if setting.payable else "RECEIVABLE",
        "leg": found.leg,
        "period": _period(found, setting.zone),
        "inputs": list(setting.inputs),
        "sentence": sentence,
        "findings": finding_sentences(setting.findings),
        "totals": _sides(totals),
        "money": money,
        "minutes": _minutes(totals),
        "classes": _classes(totals, setting),
        "boundary": {"calls": totals.boundary_calls, "cycle": agreement.period.cycle.lower().replace("_", " ")},
        "destinations": [_side_row(row, failed) for row in totals.destinations[:SHOWN_DESTINATIONS]],
        "destination_count": len(totals.destinations),
        "days": _with_bars(totals.days),
        "trunks": _with_bars(totals.trunks),
        "budget": _budget(verdict, setting, totals, with_money=with_money),
        "matching": _matching(totals),
        "clock": _clock(totals, setting),
        "unmatched": [_unmatched(row) for row in totals.unmatched],
        "largest": _largest(found, [row["cause"] for row in totals.causes if row["plus"] or row["minus"]]) if with_money else [],
        "problems": list(setting.problems),
    }


def decimal(value_60th_nanos: int | None) -> str:
    """An exact value as a decimal of six places, half up: the one rounding between a sum and its text."""
    return format_scaled(divide_rounded(_int(value_60th_nanos), SIXTIETHS_PER_MICRO, HALF_UP), 6, 6)


def percent_text(value: Fraction | None) -> str | None:
    """A percentage as a decimal of six places; None where there is nothing to take it of."""
    return None if value is None else format_scaled(divide_rounded(value.numerator * 10**6, value.denominator, HALF_UP), 6, 6)


def iso(instant_ms: int | None) -> str | None:
    """UTC milliseconds as an ISO text."""
    if instant_ms is None:
        return None
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=instant_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _int(value: int | None) -> int:
    return int(value or 0)


def _agreement(agreement: Agreement) -> Json:
    return {
        "id": agreement.id,
        "version": agreement.version,
        "partner": agreement.partner,
        "name": agreement.name or agreement.partner,
        "currency": agreement.currency,
        "zone": agreement.zone,
        "digest": agreement.digest,
        "rounding": f"{agreement.rating.round_at} {agreement.rating.rounding}",
        "clauses": {number: {"title": clause.title, "text": clause.text} for number, clause in agreement.clauses.items()},
    }


def _period(found: Reconciled, zone: Zone) -> Json:
    """The span of the compared traffic, by our clock where we have the record."""
    query = """
        SELECT epoch_ms(min(at_time)), epoch_ms(max(at_time)) FROM (
            SELECT at_time FROM r_pairs
            UNION ALL SELECT at_time FROM r_alone WHERE class NOT IN ('OTHER_BLOCK', 'MISSING_OURS', 'DUPLICATE_THEIRS'))
    """
    first, last = found.connection.execute(query).fetchall()[0]
    local = [None if each is None else iso(_local(zone, each)) for each in (first, last)]
    return {"from": iso(first), "until": iso(last), "from_local": (local[0] or "").rstrip("Z"), "until_local": (local[1] or "").rstrip("Z")}


def _local(zone: Zone, instant_ms: int) -> int:
    return int(zone.utc_to_local(np.array([instant_ms], np.int64))[0])


def _sides(totals: Totals) -> Json:
    def side(prefix: str, amount: str) -> Json:
        whole = totals.whole
        return {
            "records": _int(totals.files[f"{prefix}_calls"]),
            "calls": _int(whole[f"{prefix}_calls"]),
            "minutes_ms": _int(whole[f"{prefix}_ms"]),
            "billed_s": _int(whole[f"{prefix}_billed_s"]),
            "amount": decimal(whole[amount]),
            "exact_60th_nanos": str(_int(whole[amount])),
        }

    return {"ours": side("our", "ours"), "theirs": side("their", "theirs")}


def _money(found: Reconciled, totals: Totals, setting: Setting) -> Json:
    ours, theirs = _int(totals.whole["ours"]), _int(totals.whole["theirs"])
    explained = sum(row["value"] for row in totals.causes)
    unexplained = sum(row["value"] for row in totals.causes if row["cause"] == "UNEXPLAINED")
    largest_value = max(abs(ours), abs(theirs))
    return {
        "basis": found.basis,
        "currency": setting.agreement.currency,
        "places": 2 if largest_value >= 100_000 * SIXTIETHS_PER_MICRO * 10**6 else 4,
        "ours": decimal(ours),
        "theirs": decimal(theirs),
        "difference": decimal(theirs - ours),
        "ours_60th_nanos": str(ours),
        "theirs_60th_nanos": str(theirs),
        "difference_60th_nanos": str(theirs - ours),
        "difference_pct": percent_text(Fraction(100 * (theirs - ours), abs(ours))) if ours else None,
        "open_60th_nanos": str(theirs - ours - explained),
        "unexplained": decimal(unexplained),
        "unexplained_zero": not any(row["cause"] == "UNEXPLAINED" and (row["plus"] or row["minus"]) for row in totals.causes),
        "causes": [_cause(row, totals, setting, theirs - ours) for row in totals.causes if row["plus"] or row["minus"]],
        "other_currencies": [
            {"currency": row["currency"], "calls": row["calls"], "amount": decimal(_int(row["nanos"]) * 60)} for row in totals.currencies
        ],
    }


def _cause(row: Row, totals: Totals, setting: Setting, difference: int) -> Json:
    cause = row["cause"]

    def part(each: Row) -> Json:
        return {
            "calls": each["calls"],
            "minutes_ms": _int(each["minutes_ms"]),
            "amount": decimal(each["value"]),
            "exact_60th_nanos": str(each["value"]),
        }

    return {
        "cause": cause,
        "label": CAUSE_LABELS[cause],
        "meaning": CAUSE_MEANINGS[cause],
        **part(row),
        "plus": decimal(row["plus"]),
        "minus": decimal(row["minus"]),
        "share_pct": percent_text(Fraction(100 * row["value"], difference)) if difference else None,
        "clause": exception.clause_of(setting.agreement, cause, payable=setting.payable),
        "details": [{"detail": each["detail"], **part(each)} for each in totals.details if each["cause"] == cause and each["value"]],
        "destinations": [
            {"destination": each["destination"] or "no destination", **part(each)}
            for each in totals.cause_destinations
            if each["cause"] == cause
        ],
    }


def _minutes(totals: Totals) -> Json:
    ours, theirs = _int(totals.files["our_ms"]), _int(totals.files["their_ms"])
    classes = [
        {
            "class": row["class"],
            "label": CLASS_LABELS[row["class"]],
            "calls": row["calls"],
            "plus_ms": row["plus_ms"],
            "minus_ms": row["minus_ms"],
            "net_ms": row["plus_ms"] + row["minus_ms"],
        }
        for row in totals.classes
    ]
    open_ms = theirs - ours - sum(row["net_ms"] for row in classes)
    return {"ours_ms": ours, "theirs_ms": theirs, "difference_ms": theirs - ours, "open_ms": open_ms, "classes": classes}


def _classes(totals: Totals, setting: Setting) -> list[Json]:
    result = []
    for row in totals.classes:
        minutes = row["plus_ms"] + row["minus_ms"]
        case = exception.case(setting.agreement, row["class"], row["calls"], minutes, row["plus"], row["minus"], payable=setting.payable)
        result.append(
            {
                "class": row["class"],
                "label": CLASS_LABELS[row["class"]],
                "calls": row["calls"],
                "minutes_ms": minutes,
                "amount": decimal(row["plus"] + row["minus"]),
                "exact_60th_nanos": str(row["plus"] + row["minus"]),
                "at_risk": decimal(case.at_risk if case else 0),
                "kind": case.kind if case else None,
                "owner": case.owner if case else None,
                "clause": case.clause if case else "",
            }
        )
    return result


def _side_row(row: Row, failed: Iterable[str] = ()) -> Json:
    return {
        "name": row["name"] or "no destination",
        **{name: _int(row[name]) for name in ("our_calls", "their_calls", "our_ms", "their_ms", "our_billed_s", "their_billed_s")},
        "ours": decimal(row["ours"]),
        "theirs": decimal(row["theirs"]),
        "difference": decimal(row["theirs"] - row["ours"]),
        "failed": (row["name"] or "") in failed,
    }


def _with_bars(rows: Sequence[Row]) -> list[Json]:
    """Rows with two bars of up to 120 units, by conversation time."""
    longest = max((max(_int(row["our_ms"]), _int(row["their_ms"])) for row in rows), default=0) or 1
    return [
        _side_row(row | {"name": row["name"] or "no date"})
        | {"our_bar": _int(row["our_ms"]) * 120 // longest, "their_bar": _int(row["their_ms"]) * 120 // longest}
        for row in rows
    ]


def _verdict(totals: Totals, setting: Setting, *, with_money: bool) -> budget.Verdict:
    unit = "billed_s" if with_money else "ms"
    quantities = {row["name"] or "": (_int(row[f"our_{unit}"]), _int(row[f"their_{unit}"])) for row in totals.destinations}
    lines = [budget.Line(row["name"] or "", _int(row["ours"]), _int(row["theirs"])) for row in totals.destinations] if with_money else []
    terms = setting.agreement
    return budget.judge(terms.tolerance, quantities, lines, payable=setting.payable, basis=terms.dispute.basis)


def _budget(verdict: budget.Verdict, setting: Setting, totals: Totals, *, with_money: bool) -> Json:
    terms, whole = setting.agreement.tolerance, verdict.whole
    per_minute = 60 if with_money else 60_000

    def minutes(quantity: int) -> str:
        tenths = divide_rounded(quantity * 10, per_minute, HALF_UP)
        return f"{tenths // 10:,}.{tenths % 10}"

    return {
        "outcome": verdict.outcome,
        "sentence": OUTCOME_SENTENCES[verdict.outcome],
        "quantity_basis": "billed" if with_money else "conversation",
        "our_minutes": minutes(whole.our_quantity),
        "their_minutes": minutes(whole.their_quantity),
        "minutes_pct": percent_text(whole.quantity_pct),
        "minutes_allowed_pct": percent_text(terms.minutes_pct),
        "minutes_ok": whole.quantity_ok,
        "value_pct": percent_text(whole.value_pct),
        "value_allowed_pct": percent_text(terms.value_pct),
        "value_ok": whole.value_ok,
        "logic": terms.logic,
        "line_pct": percent_text(terms.line_pct),
        "line_amount": format_scaled(terms.line_amount_micros, 6, 2),
        "clause": terms.clause,
        "basis": setting.agreement.dispute.basis,
        "disputed": decimal(verdict.disputed),
        "disputed_60th_nanos": str(verdict.disputed),
        "failed_lines": [
            {
                "destination": guard.line.name or "no destination",
                "ours": decimal(guard.line.ours),
                "theirs": decimal(guard.line.theirs),
                "difference": decimal(guard.line.difference),
                "limit": decimal(int(guard.limit)),
            }
            for guard in verdict.failed_lines
        ],
    }


def _matching(totals: Totals) -> Json:
    pairs = sum(row["pairs"] for row in totals.rules)
    alone = {side: sum(row["calls"] for row in totals.unmatched if row["class"] == name) for side, name in _MISSING.items()}
    return {
        "pairs": pairs,
        "possible": pairs + min(alone.values()),
        "only_ours": alone["ours"],
        "only_theirs": alone["theirs"],
        "rules": [{"rule": row["rule"], "title": rule_title(row["rule"]), "pairs": row["pairs"]} for row in totals.rules],
    }


_MISSING: Final = {"ours": "MISSING_THEIRS", "theirs": "MISSING_OURS"}


def _unmatched(row: Row) -> Json:
    return {
        "class": row["class"],
        "reason": row["reason"],
        "label": REASON_LABELS.get(row["reason"], CLASS_LABELS[row["class"]]),
        "side": row["side"],
        "partner": row["partner"] or "",
        "trunk": row["trunk"] or "",
        "calls": row["calls"],
        "minutes_ms": _int(row["minutes_ms"]),
        "amount": decimal(row["value"]),
    }


def _clock(totals: Totals, setting: Setting) -> Json:
    """The pieces of their clock, and what its reading would change: the contract's anchor and zone decide who is right."""
    impact = {"rows": totals.clock_moved_calls, "periods": totals.boundary_calls}
    note = (
        f"By their clock {impact['rows']:,} matched calls would be priced by another row of the deck"
        f" and {impact['periods']:,} would fall into another period."
    )
    return {"pieces": [_piece(piece) for piece in setting.pieces], "price_impact": impact, "notes": [note] if any(impact.values()) else []}


def _piece(piece: Piece) -> Json:
    return {
        "source": piece.source,
        "from": iso(piece.from_ms),
        "until": iso(piece.until_ms),
        "finding": piece.kind,
        "step": piece.step,
        "step_ms": piece.step_ms,
        "measured_ms": piece.measured_ms,
        "offset_ms": piece.offset_ms,
        "skew_ms": piece.skew_ms,
        "pairs": piece.pairs,
    }


def _largest(found: Reconciled, causes: list[str]) -> list[Json]:
    heaviest = largest(found)
    return [{"cause": cause, "label": CAUSE_LABELS[cause], "pairs": [_pair(row) for row in heaviest.get(cause, [])]} for cause in causes]


def _pair(row: Row) -> Json:
    sides = []
    if row["our_record_no"] is not None:
        rate = row["our_rate"]
        sides.append(
            _record("Ours", row, "our")
            | {
                "code": row["our_code"] or "",
                "destination": row["our_destination"] or "",
                "rate": "" if rate is None else format_scaled(rate, 9, 4),
                "amount": "" if row["our_value"] is None else decimal(row["our_value"]),
            }
        )
    if row["their_record_no"] is not None:
        words = {name: row[f"their_{name}"] or "" for name in ("code", "destination")}
        sides.append(
            _record("Theirs", row, "their") | words | {"rate": row["their_rate_text"] or "", "amount": row["their_amount_text"] or ""}
        )
    return {"amount": decimal(row["value"]), "detail": row["detail"] or "", "rule": row["rule"] or "", "sides": sides}


def _record(side: str, row: Row, prefix: str) -> Json:
    return {
        "side": side,
        "record_no": row[f"{prefix}_record_no"],
        "a": row[f"{prefix}_a"] or "",
        "b": row[f"{prefix}_b"] or "",
        "answer": iso(row[f"{prefix}_answer"]),
        "duration_ms": row[f"{prefix}_ms"],
        "billed_s": row[f"{prefix}_billed_s"],
    }
