"""The rate decks of the example: who charges what to whom, since when. All prices are constructed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bookmaker.facts import Code
from bookmaker.prices import buy_price, chance, draw

CHANGE_AT = "2026-11-22T01:39:00"  # UTC: where Aurora's second version starts, in the middle of the traffic
LATER = "2026-12-01T00:00:00"
FIRST = "2026-11-01T00:00:00"

# The destinations of the differences planted in Aurora's invoice keep out of every other change.
INCREASED_EARLY = "Philippines - Mobile Globe"
OTHER_INCREMENT = "Turkey - Mobile Turkcell"
MAPPED_WRONG = "Egypt - Mobile Vodafone"
MAPPED_TO = "Egypt - Mobile Etisalat"
KEPT = {OTHER_INCREMENT, MAPPED_WRONG, MAPPED_TO}

# Nobody in the example has a rate for Ascension Island (+247): its one answered call stays UNRATED, on purpose.


@dataclass(frozen=True)
class Row:
    """One row of a rate sheet. `price` counts 0.00001 of the deck's currency per minute; `effective` is in the deck's zone."""

    code: str
    destination: str
    price: int
    increment: str
    effective: str
    change: str = ""

    @property
    def rate(self) -> str:
        """The price as a plain decimal with at least four places."""
        text = f"{self.price // 100_000}.{self.price % 100_000:05d}"
        return text[:-1] if text.endswith("0") else text


def aurora(codes: Iterable[Code]) -> tuple[list[Row], list[Row]]:
    """Both versions of the supplier's A to Z. The second is full: every code again, changed ones with their new instant."""
    first, second = [], []
    for code in codes:
        name = code.destination
        row = Row(code.code, name, buy_price(code), supplier_increment(code), FIRST)
        if name == MAPPED_TO:
            row = replace(row, price=buy_price(code) * 118 // 1000 * 10)
        first.append(row)
        if not dropped(code):
            second.append(changed(row))
    return first, [*second, Row("88237", "International Networks - 882 37", 655_000, "60/60", CHANGE_AT, "New")]


def supplier_increment(code: Code) -> str:
    """1/1, but a few countries by custom of the trade: Mexico 60/60, North America 6/6, the islands of the Pacific 60/1."""
    if code.iso in {"MX", "XN"}:
        return "60/60"
    if code.iso in {"US", "CA"}:
        return "6/6"
    return "60/1" if code.iso in {"PG", "SB", "KI", "NR", "TV", "TO"} else "1/1"


def dropped(code: Code) -> bool:
    """A handful of operator codes that the second version no longer lists; none of them carries traffic here."""
    return code.iso == "KI" and code.kind == "MOBILE" and chance(15, "dropped", code.code)


def changed(row: Row) -> Row:
    """The row of the second version: an eighth dearer or cheaper in the middle of the traffic, some only from December."""
    name = row.destination
    if name in KEPT:
        return replace(row, change="Unchanged")
    percent = 18 if name == INCREASED_EARLY else draw(4, 19, "by", name)
    step = 10 if row.price >= 1_000 else 1
    if name == INCREASED_EARLY or chance(14, "up", name):
        price = row.price + max(step, row.price * percent // 100 // step * step)
        return replace(row, price=price, effective=CHANGE_AT, change="Increase")
    if chance(9, "down", name):
        price = row.price - max(step, row.price * percent // 100 // step * step)
        return replace(row, price=price, effective=CHANGE_AT, change="Decrease")
    if chance(6, "later", name):
        price = row.price + max(step, row.price * percent // 100 // step * step)
        return replace(row, price=price, effective=LATER, change="Increase")
    return replace(row, change="Unchanged")
