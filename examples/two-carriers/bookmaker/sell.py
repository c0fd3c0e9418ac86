"""The decks Boreal sells by, and the deck of its second supplier, derived from Aurora's prices with a constructed margin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bookmaker.decks import Row
from bookmaker.facts import Code, longest_code
from bookmaker.prices import draw

# Constructed exchange rates: units of the currency per 10,000 US dollars.
PER_10000_USD = {"USD": 10_000, "EUR": 9_250, "GBP": 7_900}

BUSY = {
    *("GB", "PK", "IN", "BD", "NG", "GH", "KE", "ET", "SO", "ZW", "MA", "DZ", "TN", "EG", "TR", "SA", "AE", "IQ", "AF", "SY", "UZ", "TJ"),
    *("GE", "UA", "RU", "FR", "DE", "ES", "IT", "PL", "RO", "PH", "ID", "VN", "CN", "TH", "BR", "CO", "PE", "EC", "CL", "LV", "EE", "SL"),
    *("KM", "GA", "PG", "SB", "CU", "KP", "IO", "XN", "KZ", "JE", "GG", "IM"),
}
FEWER = {"GB", "PK", "IN", "BD", "NG", "KE", "SO", "MA", "EG", "TR", "SA", "AE", "AF", "RU", "FR", "DE", "PH", "VN"}


@dataclass(frozen=True)
class Plan:
    """How a deck is derived: which countries get mobile breakouts, by operator or not, the margin in percent, the increments."""

    currency: str
    breakouts: frozenset[str]
    operators: bool
    margin: tuple[int, int]
    increment: Callable[[Code], str]
    effective: str
    loss: frozenset[str] = frozenset()  # destinations sold below their price of purchase, as an increase missed would


def always(increment: str) -> Callable[[Code], str]:
    """The same increment everywhere."""
    return lambda _code: increment


def per_minute_overseas(code: Code) -> str:
    """30/6, but whole minutes where the country is a far one."""
    return "60/60" if code.iso in {"MX", "PG", "SB", "CU", "KP", "IO", "XN"} else "30/6"


PLANS = {
    "cirrus": Plan("EUR", frozenset(BUSY), False, (101, 109), always("1/1"), "2026-11-01"),
    "nordtel": Plan("EUR", frozenset(BUSY), True, (107, 131), always("1/1"), "2026-11-01", frozenset({"Somalia - Mobile Hormuud"})),
    "latvox": Plan("EUR", frozenset(FEWER), False, (109, 134), always("6/6"), "2026-11-01"),
    "gulfrt": Plan("USD", frozenset(BUSY), False, (104, 122), per_minute_overseas, "2026-11-01"),
    "andes": Plan("USD", frozenset(FEWER), True, (106, 125), always("60/1"), "2026-11-01"),
    "callshop": Plan("GBP", frozenset(FEWER), False, (118, 160), always("60/60"), "2026-11-01", frozenset({"Jamaica"})),
    "dialer": Plan("USD", frozenset(), False, (105, 119), always("6/6"), "2026-11-01"),
}


def derive(partner: str, codes: Iterable[Code], cost: dict[str, int]) -> list[Row]:
    """The deck of a partner: its codes, its names, and a price above the dearest cost among the codes that fall to each name."""
    plan = PLANS[partner]
    listed = {code.code: outline(code, plan) for code in codes if code.kind != "MOBILE" or code.iso in plan.breakouts}
    listed = without_repeats(listed)
    dearest: dict[str, int] = {}
    for code, price in cost.items():
        holder = longest_code(listed, code)
        if holder:
            name = listed[holder].destination
            dearest[name] = max(dearest.get(name, 0), price)
    rows = []
    for code in listed.values():
        name = code.destination
        percent = 88 if name in plan.loss else draw(*plan.margin, "margin", partner, name)
        price = dearest[name] * percent * PER_10000_USD[plan.currency] // 1_000_000
        price = max(1, price // 10 * 10) if price >= 1_000 else max(1, price)
        rows.append(Row(code.code, name, price, plan.increment(code), plan.effective))
    return rows


def outline(code: Code, plan: Plan) -> Code:
    """The code under the name this deck uses: without the operator, or without the place, where the deck is not that fine."""
    return code if plan.operators and code.kind != "NETWORK" else replace(code, name="" if code.kind == "MOBILE" else code.name)


def without_repeats(table: dict[str, Code]) -> dict[str, Code]:
    """The table without the codes whose parent already has the same destination."""
    kept: dict[str, Code] = {}
    for code in sorted(table):
        parent = longest_code(kept, code[:-1])
        if not parent or kept[parent].destination != table[code].destination:
            kept[code] = table[code]
    return kept


def passed_on(rows: list[Row], first: dict[str, int], second: dict[str, int], effective: str) -> list[Row]:
    """A second version of a sell deck that passes the supplier's changes on, destination by destination, from an instant on."""
    by_name: dict[str, str] = {}
    listed = {row.code: row for row in rows}
    for code, price in second.items():
        holder = longest_code(listed, code)
        if holder and price > first.get(code, price):
            by_name[listed[holder].destination] = "Increase"
    changed = []
    for row in rows:
        if by_name.get(row.destination):
            changed.append(replace(row, price=(row.price * 112 // 100 + 9) // 10 * 10, effective=effective, change="Increase"))
        else:
            changed.append(replace(row, change="Unchanged"))
    return changed
