"""Aurora's bill as Aurora makes it, with four differences planted on calls that have nothing else to do with each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bookmaker.decks import CHANGE_AT, INCREASED_EARLY, MAPPED_TO, MAPPED_WRONG, OTHER_INCREMENT

from oracle.lab import Lab, aurora_ms, utc_ms
from oracle.pricing import Deck, Priced, billed_seconds, decimal, micros

EARLY_BY_MS = 4 * 60_000
THEIR_INCREMENT = (60, 60)
DUPLICATES = 40
# Released in this minute by Aurora's clock: after A's last restart and before Aurora's, so nothing else happens to these calls.
DUPLICATED_FROM, DUPLICATED_UNTIL = utc_ms("2026-11-22T01:40:20"), utc_ms("2026-11-22T01:41:00")


@dataclass(frozen=True)
class Billed:
    """One row of Aurora's rated file: their record, the row they used, what they billed, and which planted rule touched it."""

    record: dict[str, str]
    used: Priced
    billed_s: int
    planted: str = ""

    @property
    def seconds(self) -> int:
        return int(self.record["bill_sec"])

    @property
    def exact(self) -> int:
        return self.used.nanos * self.billed_s

    @property
    def amount_micros(self) -> int:
        return micros(self.exact)


def bill(record: dict[str, str], deck: Deck) -> Billed:
    """One call under Aurora's own terms: its clock, its whole seconds, and the planted rule of the destination if there is one."""
    at_ms = aurora_ms(record["connect_ts"])
    used = deck.price(record["b_number"], at_ms)
    change_ms = utc_ms(CHANGE_AT)
    planted = ""
    if used.destination == INCREASED_EARLY and change_ms - EARLY_BY_MS <= at_ms < change_ms:
        used, planted = deck.at(used.code, change_ms), "increase_early"
    elif used.destination == OTHER_INCREMENT:
        used, planted = replace(used, minimum=THEIR_INCREMENT[0], step=THEIR_INCREMENT[1]), "other_increment"
    elif used.destination == MAPPED_WRONG:
        used, planted = deck.at(code_of(MAPPED_TO, deck), at_ms), "mapped_wrong"
    return Billed(record, used, billed_seconds(int(record["bill_sec"]), used.minimum, used.step), planted)


def code_of(destination: str, deck: Deck) -> str:
    """The only code of a destination."""
    (code,) = {priced.code for rows in deck.rows.values() for priced in rows.values() if priced.destination == destination}
    return code


def repeated(billed: list[Billed], lab: Lab) -> list[Billed]:
    """The rows Aurora's mediation wrote twice: same everything, a new running number, at the end of the file."""
    calm = {pair["b_cdr_id"] for pair in lab.truth if pair["a_cdr_id"] and pair["cause"] == "none"}
    found = [
        each
        for each in billed
        if each.record["cdr_id"] in calm
        and each.record["call_ref"]
        and each.seconds > 0
        and not each.planted
        and each.used.destination != INCREASED_EARLY
        and DUPLICATED_FROM <= aurora_ms(each.record["release_ts"]) < DUPLICATED_UNTIL
    ][:DUPLICATES]
    last = max(int(each.record["cdr_id"]) for each in billed)
    copies = []
    for number, each in enumerate(found, last + 1):
        copies.append(replace(each, record={**each.record, "cdr_id": str(number)}, planted="duplicated_calls"))
    return copies


def bill_all(lab: Lab, deck: Deck) -> list[Billed]:
    """Every row of Aurora's rated file, in its order."""
    billed = [bill(record, deck) for record in lab.theirs.values()]
    return billed + repeated(billed, lab)


def rated_rows(billed: list[Billed]) -> list[dict[str, str]]:
    """Aurora's records unchanged, and the six columns its rating added."""
    return [
        {
            **each.record,
            "destination": each.used.destination,
            "dest_code": each.used.code,
            "rate": each.used.rate_text,
            "billed_sec": str(each.billed_s),
            "amount": decimal(each.amount_micros),
            "currency": "USD",
        }
        for each in billed
    ]
