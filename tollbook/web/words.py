"""Figures and words as people read them. All in integers; instants in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from tollbook.core.money import HALF_EVEN, HALF_UP, divide_rounded, format_micros, format_scaled, minor_unit_places
from tollbook.core.reconciliation_words import CAUSE_LABELS, CLASS_LABELS

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


def moment(milliseconds: int) -> str:
    """An instant to the second."""
    return f"{_at(milliseconds):%Y-%m-%d %H:%M:%S}"


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
    return f"{'−' if tenths < 0 else ''}{abs(tenths) // 10}.{abs(tenths) % 10}"


def whole_percent(value: Fraction) -> str:
    """A share in whole per cent, half up: 0.609 is 61."""
    return str(divide_rounded(100 * value.numerator, value.denominator, HALF_UP))


def length(value_ms: Fraction | int) -> str:
    """Exact milliseconds as seconds with one decimal."""
    tenths = divide_rounded(Fraction(value_ms).numerator, 100 * Fraction(value_ms).denominator, HALF_EVEN)
    return f"{tenths // 10}.{tenths % 10}"


# Words of closed lists that say nothing when they are only written small.
_WORDS = {
    "True": "yes",
    "False": "no",
    "IN": "From customer",
    "OUT": "To supplier",
    "OURS": "Ours",
    "THEIRS": "Theirs",
    "ESCALATED_L1": "Escalated, level 1",
    "ESCALATED_L2": "Escalated, level 2",
    "kpi": "Traffic figures",
    "create-owner user": "Make the owner",
    "run kpi": "Count traffic",
}


def human(word: str) -> str:
    """A word of a closed list for people: UNDER_REVIEW is Under review; a truth value is yes or no; a leg says whose calls it has."""
    if word in _WORDS:
        return _WORDS[word]
    text = word.replace("_", " ").strip()
    if text.isupper():
        text = text.capitalize()
    return " ".join(_CAPITALS.get(part, part) for part in text.split(" "))


# What a document is called to the partner it went to or came from.
_KINDS_FOR_A_PARTNER = {"INVOICE": "Invoice to you", "RECEIVED_INVOICE": "Your invoice"}


def document_kind(kind: str, *, to_partner: bool = False) -> str:
    """A kind of document in the words of who reads them."""
    return _KINDS_FOR_A_PARTNER.get(kind, human(kind)) if to_partner else human(kind)


# What a badge of one word means, for its title.
_MEANINGS = {
    "DATA": "Records, clocks or prices do not agree: for billing",
    "QUALITY": "The calls themselves do not agree, as in their seconds: for network operations",
    "FRAUD": "The calls look like fraud: for the fraud desk",
}


def meaning(state: str) -> str:
    """What a badge means where its word alone does not say it; else empty."""
    return _MEANINGS.get(state, "")


def lower_first(text: str) -> str:
    """A label inside a sentence: Hour (UTC) is hour (UTC), and ASR stays."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def calls(number: int) -> str:
    """1 call, 9,076 calls."""
    return f"{number:,} call{'' if number == 1 else 's'}"


_DATE = re.compile(r"(?<![\w-])\d{4}-(?:\d\d-\d\d|\d\d(?:-[A-Z])?|W\d\d)(?![\w-])")


def dates(text: str) -> SafeString:
    """A text in which no day and no period is broken at its hyphens. What is HTML already stays as it is."""
    if isinstance(text, SafeString):
        return text
    return mark_safe(_DATE.sub(lambda found: f'<span class="nowrap">{found.group()}</span>', conditional_escape(text)))  # noqa: S308 - escaped


_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_KIND = re.compile(r"^([A-Z][A-Z_]+) (?:(?:accrue|close|invoice|receive) )?")


_RECORDS = {"OURS": "our records", "THEIRS": "their records"}


def scope(text: str, partner: str = "") -> str:
    """What a run is about: aurora/OUT/2026-11 is aurora, to supplier, 2026-11; by the partner's name where it is given."""
    first, *rest = text.split("/")
    said = [_RECORDS.get(part) or (human(part).lower() if part in ("IN", "OUT") else part) for part in rest]
    return ", ".join([(partner or first) if rest else first, *said])


def compared(text: str) -> str:
    """A run's scope beside its partner: aurora/OUT/2026-11 is Calls to supplier, 2026-11."""
    _, _, rest = scope(text).partition(", ")
    return f"Calls {rest}" if rest else text


_OF_RUN = re.compile(r"\b([\w.-]+)/(?:IN|OUT)(?:/[\w.-]+)+")
_ROWS = (("mark rows", "marks"), ("charge rows", "charges"), ("match rows", "pairs"), ("variance rows", "differences"))


def verified(text: str, names: dict[str, str]) -> str:
    """A check of a verification: what a run is about in words, its rows by what they are."""
    said = _OF_RUN.sub(lambda found: scope(found.group(), names.get(found.group(1), "")), text)
    for rows, plain in _ROWS:
        said = said.replace(rows, plain)
    return said


def action(text: str) -> str:
    """What a journal row did: user.invite is Invite user, run rating is Run rating."""
    noun, _, verb = text.partition(".")
    said = f"{verb} {noun}" if verb else text
    return _WORDS.get(said) or said[:1].upper() + said[1:]


def subject(text: str) -> str:
    """What a journal row was about, with kinds as words and digests by their beginning."""
    said = _DIGEST.sub(lambda found: found.group()[:12], _KIND.sub(lambda found: f"{human(found.group(1))} ", text))
    parts = said.split("/")
    return scope(said) if any(part in ("IN", "OUT") for part in parts) else said.removeprefix("user/")


# What the words of the canonical record say, where they are not yet words.
_VALUES = {
    "RECORDED": "as the switch recorded it",
    "COMPUTED": "release less answer",
    "EXACT": "exact",
    "AMBIGUOUS_LOCAL": "the hour the clock was set back; the earlier one is taken",
    "NONEXISTENT_LOCAL": "an hour the clock skipped",
    "ASSUMED_UTC": "no zone was named; taken as UTC",
    "OURS": "ours",
    "THEIRS": "theirs",
    "IN": "from customer",
    "OUT": "to supplier",
    "true": "yes",
    "false": "no",
}
_CODED = frozenset(("side", "leg", "duration_source", "time_quality", "a_class", "b_class", "npdi", "release_party", "ss7_variant"))
# The fields of signalling that carry a calling number; what a source calls otherwise is the name of its own column.
_CALLER_SOURCES = {
    "PAI": "P-Asserted-Identity",
    "RPID": "Remote-Party-ID",
    "FROM": "the From header",
    "CGPN": "calling party number",
    "GN": "generic number",
}


def value(name: str, text: str) -> str:
    """A value of the canonical record: words of closed lists as people write them, milliseconds as seconds, everything else as it is."""
    if name.endswith("duration_ms") and text.isascii() and text.isdigit():
        return f"{format_scaled(int(text), 3)} s"
    if name == "a_source" and text:
        return _CALLER_SOURCES.get(text, f"the field “{text}”")
    if name not in _CODED or not text:
        return text
    if text in _VALUES:
        return _VALUES[text]
    said = text.replace("_", " ").lower()
    return " ".join("CLI" if part == "cli" else part for part in said.split(" "))


# Names of rules inside the steps of a price.
_RULES = {
    "HALF_UP": "half up",
    "HALF_EVEN": "half to even",
    "HALF_DOWN": "half down",
    "CEIL": "any part of a second counts as one",
    "FLOOR": "parts of a second are dropped",
    "TRUNCATE": "cut off",
    "NEAREST": "to the nearest second",
}
_RULE = re.compile(r"\b(" + "|".join(_RULES) + r")\b")
_ZULU = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(?:\.\d+)?Z\b")


def step(text: str) -> str:
    """A step of a price: rules by their names, instants as everywhere else."""

    def told(found: re.Match[str]) -> str:
        seconds = found.group(3) if found.group(3) not in (None, ":00") else ""
        return f"{found.group(1)} {found.group(2)}{seconds} UTC"

    return _ZULU.sub(told, _RULE.sub(lambda found: _RULES[found.group()], text))


_ROUNDING_POINTS = {"CALL": "the charge of each call", "LINE": "each line", "DOCUMENT": "the whole document"}
_ROUNDING = re.compile(r"(CALL|LINE|DOCUMENT)\((\d+)\) ([A-Z_]+)")


def rounding(text: str) -> str:
    """An agreement's rounding as a sentence: CALL(6) HALF_UP is The contract rounds the charge of each call half up to 6 decimals."""
    found = _ROUNDING.fullmatch(text)
    if found is None:
        return ""
    point, places, mode = found.groups()
    how = _RULES.get(mode, mode.lower().replace("_", " "))
    return f"The contract rounds {_ROUNDING_POINTS[point]} {how} to {places} decimals."


def increments(text: str) -> str:
    """Billing increments in words: 60/1 is 60 s at first, then by 1 s; 1/1 is by the second."""
    first, _, then = text.partition("/")
    if not (first.isdigit() and then.isdigit()):
        return text
    if first == then:
        return "by the second" if first == "1" else f"by {first} s"
    return f"at least {first} s, then by {then} s"


_RIGHTS = {
    "read-book": "See files, runs, their counts and problems",
    "read-calls": "See single calls with their numbers",
    "read-reference": "See partners, agreements and decks",
    "read-margin": "See revenue beside cost",
    "read-disputes": "See differences, exceptions and disputes",
    "read-documents": "See invoices and other documents",
    "read-ledger": "See postings, exposure and closes",
    "read-journal": "See the journal",
    "read-users": "See users and tokens",
    "ingest": "Bring in records of calls",
    "write-reference": "Bring in agreements, sources and whatever else decides money",
    "write-decks": "Bring in decks",
    "run": "Run rating, matching and reconciliation",
    "work-exceptions": "Decide exceptions",
    "work-disputes": "Raise disputes and move them on",
    "answer-disputes": "Answer disputes for a partner",
    "issue-documents": "Issue invoices and other documents",
    "post-payments": "Post payments",
    "close": "Close a period",
    "sign-off": "Sign off",
    "block-accounts": "Block accounts",
    "repair": "Repair the book",
    "manage-users": "Invite people and lock them out",
}


def right(name: str) -> str:
    """A right as something one may do."""
    return _RIGHTS.get(name, name)


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
    "a_source": "Caller taken from",
    "b_raw": "Called as received",
    "b_e164": "Called",
    "b_class": "Called is",
    "call_id": "Call-ID",
    "cic": "Circuit",
    "byte_length": "Length in bytes",
    "byte_offset": "Place in bytes",
    "duration_ms": "Duration",
    "duration_source": "Duration is",
    "file_digest": "File",
    "from_tag": "From tag",
    "icid": "ICID",
    "icid_generated_at": "ICID generated at",
    "leg_no": "Number of the leg",
    "ni": "Network indicator",
    "npdi": "Ported number looked up",
    "orig_ioi": "Originating operator",
    "poi": "Point of interconnect",
    "raw_times": "Times as received",
    "reason_raw": "Reason as received",
    "record_no": "Record",
    "q850": "Release cause (Q.850)",
    "related_icid": "Related ICID",
    "sequence_no": "Sequence number",
    "sip_code": "SIP answer",
    "tech": "Technology",
    "term_ioi": "Terminating operator",
    "time_quality": "Times are",
    "their_billed_s": "Billed seconds, as they say",
}


def field(name: str) -> str:
    """A column of the canonical record in words."""
    if name in _FIELDS:
        return _FIELDS[name]
    text = name.removeprefix("their_").removesuffix("_text").replace("_at", "").replace("_", " ").capitalize()
    return f"{text}, as they say" if name.startswith("their_") else text


def class_label(name: str) -> str:
    """A class or cause of a difference in words."""
    return CLASS_LABELS.get(name) or CAUSE_LABELS.get(name) or human(name)
