"""What Boreal's own customers owe for these calls, and what Cirrus is due, call by call under each contract's rounding."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from bookmaker.decks import Row

from oracle.lab import Lab, ours_ms, utc_ms
from oracle.pricing import PER_MICRO, Deck, billed_seconds, up_to_second

CENT = 10_000  # micro-units

# Zone of the deck, and where the contract rounds: decimals of a call, or "line" for the cent of an invoice line alone.
TERMS: dict[str, tuple[str, int | str]] = {
    "nordtel": ("Europe/Stockholm", "line"),
    "latvox": ("Europe/Riga", 6),
    "gulfrt": ("Asia/Dubai", 4),
    "andes": ("America/Bogota", 6),
    "callshop": ("Europe/London", 4),
    "dialer": ("America/New_York", 6),
    "cirrus": ("Europe/Berlin", 6),
}


@dataclass
class Account:
    """One partner's calls: records, those without a rate, billed seconds, the exact charge, and the invoice's lines in cents."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))  # (destination, rate) to micro-units x 60,000

    def total_cents(self) -> int:
        """The invoice: each line rounded half up to the cent once, then added."""
        return sum((exact + CENT * PER_MICRO // 2) // (CENT * PER_MICRO) for exact in self.lines.values())


def accounts(lab: Lab, decks: dict[str, list[list[Row]]]) -> dict[str, Account]:
    """Every partner's account over the traffic, without A's second records."""
    by_partner = {partner: Deck(versions, TERMS[partner][0]) for partner, versions in decks.items()}
    found = {partner: Account() for partner in TERMS}
    for pair in lab.truth:
        row = lab.ours.get(pair["a_cdr_id"])
        if row is None:
            continue
        customer = row["customer"].lower()
        charge(row, found[customer], by_partner[customer], TERMS[customer][1])
        if row["dst_trunk"] == "C-IC07":
            charge(row, found["cirrus"], by_partner["cirrus"], TERMS["cirrus"][1])
    return found


def charge(row: dict[str, str], account: Account, deck: Deck, places: int | str) -> None:
    account.counts["records"] += 1
    code = deck.code(row["dst_number"])
    if not code:
        account.counts["unrated"] += 1
        return
    price = deck.at(code, utc_ms(row["start_time"]))
    billed = billed_seconds(up_to_second(ours_ms(row)), price.minimum, price.step)
    exact = price.nanos * billed
    if isinstance(places, int):
        unit = PER_MICRO * 10 ** (6 - places)
        rounded = (exact + unit // 2) // unit * unit
    else:
        rounded = exact
    account.counts["billed_s"] += billed
    account.counts["exact_60th_nanos"] += exact
    account.lines[price.destination, price.nanos] += rounded
