"""What our own deck says of codes over time: where the price of the other side stands, and since when ours holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tollbook.core.rights import Actor, Right, require
from tollbook.flow import reference
from tollbook.flow.book import Book
from tollbook.flow.explain import deck_under


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row of a received sheet: `row` is its place in the file, the heading being 1; in force from `since` to before `until` (UTC ms, None
    for ever): after notice, and until a later version takes its place."""

    sheet: str
    row: int
    code: str
    destination: str
    rate_nanos_per_minute: int
    since: int | None
    until: int | None

    def holds_at(self, instant: int) -> bool:
        """Whether it is in force at an instant (UTC ms)."""
        return (self.since is None or self.since <= instant) and (self.until is None or instant < self.until)


def rows_of_codes(
    book: Book, codes: Iterable[str], *, actor: Actor, partner: str, agreement_digest: str, side: str, known_at: int | None
) -> list[SheetRow]:
    """The rows of these codes that price something at some time, as they were known, by code and start. Needs the right to see margins."""
    require(actor, Right.READ_MARGIN)
    deck = deck_under(book, partner, agreement_digest, side, known_at, reference.newest())
    wanted = pa.array(sorted(set(codes)), pa.string())
    places = pc.indices_nonzero(pc.is_in(pc.cast(deck.rows.column("code"), pa.string()), value_set=wanted))
    found = deck.rows.select(["code", "destination", "rate_nanos", "row", "deck"]).take(places).to_pylist()
    rows = [
        SheetRow(deck.sheets[each["deck"]], each["row"], each["code"], each["destination"] or "", each["rate_nanos"], *deck.in_force(place))
        for place, each in zip(places.to_pylist(), found, strict=True)
    ]
    return sorted(rows, key=lambda each: (each.code, each.since or 0, each.sheet, each.row))
