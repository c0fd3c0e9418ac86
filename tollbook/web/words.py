"""Figures and words as people read them. All in integers; instants in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from tollbook.core.money import HALF_EVEN, divide_rounded, format_micros, minor_unit_places

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TONES = {
    "green": "TRUE SETTLED CLOSED ACCEPTED CLEARED POSTED SEALED HEALTHY DONE PAYABLE RATED MATCHED APPROVED ACTIVE DECIDED OK PUBLISHED",
    "yellow": "DRAFT PENDING MORE_INFO ACKNOWLEDGED UNDER_REVIEW PARTIALLY_ACCEPTED QUALITY WARNING QUIET INVITED MANUAL FALLBACK HELD "
    "QUEUED",
    "red": "REJECTED FRAUD ERROR FATAL ESCALATED_L1 ESCALATED_L2 ARBITRATION TIME_BARRED UNRATED BLOCKED NON_PAYABLE OVERDUE FAILING "
    "FAILED REFUSED",
    "blue": "OPEN SUBMITTED DATA INFO ISSUED INVOICE RECEIVED_INVOICE IN OUT RUNNING",
}
_TONE_OF = {state: tone for tone, states in _TONES.items() for state in states.split()}
_CAPITALS = {"Noc": "NOC", "Cfo": "CFO", "noc": "NOC", "cfo": "CFO", "Id": "ID", "Nack": "NACK", "Fx": "FX", "Cdr": "CDR", "Sip": "SIP"}


def money(amount_micros: int, currency: str = "") -> str:
    """An amount rounded to the minor unit of its currency, for the eye; sums are never made of what this gives."""
    step = 10 ** (6 - minor_unit_places(currency))
    rounded = divide_rounded(amount_micros, step, HALF_EVEN) * step
    # What would read as nothing is shown as it is: 0.000012 is not 0.00.
    return format_micros(rounded or amount_micros, currency).replace("-", "−")


def money_exact(amount_micros: int, currency: str = "") -> str:
    return f"{format_micros(amount_micros, currency)} {currency}".strip()


def _at(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def instant(milliseconds: int) -> str:
    return f"{_at(milliseconds):%Y-%m-%d %H:%M}"


def instant_exact(milliseconds: int) -> str:
    return f"{_at(milliseconds):%Y-%m-%d %H:%M:%S}.{milliseconds % 1000:03d} UTC"


def instant_iso(milliseconds: int) -> str:
    return f"{_at(milliseconds):%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def minutes(duration_ms: int) -> str:
    """Minutes with one decimal: 90,000 ms is 1.5."""
    tenths = divide_rounded(duration_ms, 6_000, HALF_EVEN)
    sign = "−" if tenths < 0 else ""
    return f"{sign}{abs(tenths) // 10:,}.{abs(tenths) % 10}"


def percent(part: int, whole: int) -> str:
    """A share with one decimal; a dash where there is no whole."""
    if not whole:
        return "–"
    tenths = divide_rounded(1000 * part, whole, HALF_EVEN) if whole > 0 else -divide_rounded(1000 * part, -whole, HALF_EVEN)
    sign = "−" if tenths < 0 else ""
    return f"{sign}{abs(tenths) // 10}.{abs(tenths) % 10} %"


def share(value: Fraction) -> str:
    """An exact share in per cent with one decimal: 51/101 is 50.5."""
    tenths = divide_rounded(1000 * value.numerator, value.denominator, HALF_EVEN)
    return f"{'-' if tenths < 0 else ''}{abs(tenths) // 10}.{abs(tenths) % 10}"


def length(value_ms: Fraction | int) -> str:
    """Exact milliseconds as seconds with one decimal."""
    tenths = divide_rounded(Fraction(value_ms).numerator, 100 * Fraction(value_ms).denominator, HALF_EVEN)
    return f"{tenths // 10}.{tenths % 10}"


def human(word: str) -> str:
    """A word of a closed list for people: UNDER_REVIEW is Under review; a truth value is yes or no."""
    if word in ("True", "False"):
        return "yes" if word == "True" else "no"
    text = word.replace("_", " ").strip()
    if text.isupper():
        text = text.capitalize()
    return " ".join(_CAPITALS.get(part, part) for part in text.split(" "))


def tone(state: str) -> str:
    """green, yellow, red, blue or secondary."""
    return _TONE_OF.get(state.upper(), "secondary")


def human(word: str) -> str:
    """A word of a closed list for people: UNDER_REVIEW is Under review; a truth value is yes or no."""
    if word in ("True", "False"):
        return "yes" if word == "True" else "no"
    text = word.replace("_", " ").strip()
    if text.isupper():
        text = text.capitalize()
    return " ".join(_CAPITALS.get(part, part) for part in text.split(" "))


def tone(state: str) -> str:
    """green, yellow, red, blue or secondary."""
    return _TONE_OF.get(state.upper(), "secondary")


def duration(milliseconds: int) -> str:
    """Whole seconds, in the two units that say something: 12 s, 3 min 20 s, 2 h 5 min."""
    seconds = max(0, milliseconds) // 1000
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min {seconds % 60} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def ago(then_ms: int, now_ms: int) -> str:
    """How long ago, in the largest unit that says something: 3 minutes, 2 hours, 5 days."""
    seconds = max(0, now_ms - then_ms) // 1000
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            return f"{number} {name}{'s' if number != 1 else ''}"
    return "less than a minute"


_FIELDS = {
    "a_raw": "Caller as received",
    "a_e164": "Caller",
    "a_class": "Caller is",
    "a_source": "Caller from",
    "b_raw": "Called as received",
    "b_e164": "Called",
    "b_class": "Called is",
    "call_id": "Call-ID",
    "cic": "Circuit",
    "duration_ms": "Duration in ms",
    "icid": "ICID",
    "icid_generated_at": "ICID generated at",
    "ni": "Network indicator",
    "npdi": "Ported number looked up",
    "orig_ioi": "Originating operator",
    "poi": "Point of interconnect",
    "q850": "Release cause (Q.850)",
    "related_icid": "Related ICID",
    "sip_code": "SIP answer",
    "tech": "Technology",
    "term_ioi": "Terminating operator",
    "their_billed_s": "Billed seconds, as they say",
}


def field(name: str) -> str:
    """A column of the canonical record in words."""
    if name in _FIELDS:
        return _FIELDS[name]
    text = name.removeprefix("their_").removesuffix("_text").replace("_at", "").replace("_", " ").capitalize()
    return f"{text}, as they say" if name.startswith("their_") else text
