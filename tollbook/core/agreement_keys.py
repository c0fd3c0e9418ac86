"""The keys an agreement may have: type, allowed values and default of each, as data.

The reader, the lint and the reference page are made from these tables, so none of them can disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what kind of value it takes, which values are allowed, its default as printed in the reference, its meaning."""

    kind: str  # text, word, flag, count, days, percent, money, instant, zone, currency, round_at, rewrites
    meaning: str
    default: str = ""
    allowed: tuple[str, ...] = ()
    required: bool = False


_CLAUSE: Final = Key("text", "Number of the clause that is the ground of this table.")
_ROUNDING: Final = ("HALF_UP", "HALF_EVEN", "CEIL", "FLOOR")

TOP: Final = {
    "format": Key("text", "The document's format and its version.", required=True),
    "id": Key("text", "The agreement's name between the parties.", required=True),
    "version": Key("text", "Version of the agreement; a new version is a new document.", "1"),
    "partner": Key("text", "The partner's id in the book.", required=True),
    "name": Key("text", "The partner's legal name, as printed on documents.", "the partner's id"),
    "effective_from": Key("instant", "From when it is in force: a date (midnight in its zone) or an instant.", "always"),
    "known_from": Key("instant", "From when we knew it; a run pinned before does not see it.", "when it was received"),
    "zone": Key("zone", "The contract's zone: an IANA name or a zone document of the book.", "UTC"),
    "currency": Key("currency", "ISO 4217 code of the contract's currency.", required=True),
}

TABLES: Final[dict[str, dict[str, Key]]] = {
    "rating": {
        "clause": _CLAUSE,
        "price_anchor": Key("word", "The instant that selects the rate.", "ANSWER", ("ANSWER", "SETUP", "RELEASE")),
        "duration_mode": Key(
            "word", "How a duration becomes whole seconds.", "CEIL", ("CEIL", "HALF_UP", "FLOOR", "THRESHOLD", "MILLISECONDS")
        ),
        "threshold_ms": Key("count", "THRESHOLD alone: a fraction of at least so many ms counts as a second.", "50"),
        "duration_basis": Key("word", "The switch's own duration, or release minus answer.", "RECORDED", ("RECORDED", "COMPUTED")),
        "round_at": Key("round_at", "The one rounding point and its decimal places, as CALL(6), LINE(2) or DOCUMENT(2).", "CALL(6)"),
        "rounding": Key("word", "How that rounding treats what is between.", "HALF_UP", _ROUNDING),
        "zero_duration_billable": Key("flag", "Whether an answered call of no duration bills a first increment.", "false"),
        "grace_waives_fees": Key("flag", "Whether a call within the grace time is free of fees too.", "true"),
        "free_keeps_connect": Key("flag", "Whether a call within the free seconds still pays the connect fee.", "false"),
    },
    "decks.buy": {
        "clause": _CLAUSE,
        "deck": Key("text", "The deck they bill us by: a path beside the agreement, or a deck's name in the book.", required=True),
        "notice_days": Key("days", "Days of notice that an increase needs.", "7"),
    },
    "decks.sell": {
        "clause": _CLAUSE,
        "deck": Key("text", "The deck we bill them by: a path beside the agreement, or a deck's name in the book.", required=True),
        "notice_days": Key("days", "Days of notice that an increase needs.", "7"),
    },
    "period": {
        "clause": _CLAUSE,
        "cycle": Key("word", "How often a document is due.", "MONTHLY", ("DAILY", "WEEKLY", "IPRN_WEEKLY", "SEMI_MONTHLY", "MONTHLY")),
        "anchor": Key("word", "The instant that puts a call into its period.", "ANSWER", ("ANSWER", "SETUP", "RELEASE")),
        "terms_days": Key("days", "Days from the invoice date to the due date.", "30"),
    },
    "tolerance": {
        "clause": _CLAUSE,
        "minutes_pct": Key("percent", "Largest difference of minutes that is accepted, in percent of ours.", "0.3"),
        "value_pct": Key("percent", "Largest difference of value that is accepted, in percent of ours.", "0.2"),
        "logic": Key("word", "Whether both must hold or either.", "ALL", ("ALL", "ANY")),
        "line_pct": Key("percent", "Guard per destination line, in percent of the line.", "2"),
        "line_amount": Key("money", "Guard per destination line, in the contract's currency.", "25.00"),
    },
    "dispute": {
        "clause": _CLAUSE,
        "window_days": Key("days", "Days within which a dispute can be raised.", "30"),
        "from": Key("word", "What the window counts from.", "INVOICE_DATE", ("INVOICE_DATE", "INVOICE_RECEIVED")),
        "basis": Key("word", "Dispute the whole variance, or only what is above the tolerance.", "FULL", ("FULL", "EXCESS")),
    },
    "matching": {
        "callid_rewrite": Key("rewrites", "Anchored patterns and replacements for the partner's Call-ID, tried in order.", "[]"),
    },
}

# Tables a contract may have that are kept and shown but not applied by this version; each is warned about by name.
KEPT_TABLES: Final = ("acceptance", "chargeback", "commit", "fx", "interest", "netting", "reserve", "retention", "tax")

MONEY_TABLES: Final = ("rating", "decks.buy", "decks.sell", "period", "tolerance", "dispute")
