"""Two small files, a deck and an agreement on disk: what a person who tries `reconcile` has."""

from __future__ import annotations

import csv
from pathlib import Path

TERMS = """
format = "tollbook-agreement/1"
id = "X-1"
partner = "carrier"
name = "Carrier"
currency = "USD"
zone = "UTC"
[rating]
clause = "2.1"
[decks.buy]
clause = "2.4"
deck = "deck.csv"
[period]
clause = "3.1"
[tolerance]
clause = "5.1"
[dispute]
clause = "5.2"
[clauses."2.1"]
title = "Charges"
text = "Per second."
[clauses."2.4"]
title = "Rates"
text = "As notified."
[clauses."3.1"]
title = "Periods"
text = "Monthly."
[clauses."5.1"]
title = "Tolerance"
text = "0.3 and 0.2 per cent."
[clauses."5.2"]
title = "Disputes"
text = "Within 30 days."
"""
DECK = """Code,Destination,Rate,Billing Increment,Effective Date
44,UK Fixed,0.0050,1/1,2026-01-01
447,UK Mobile,0.0120,1/1,2026-01-01
90,Turkey,0.0200,1/1,2026-01-01
"""
OUR_COLUMNS = ["cdr_id", "leg", "partner", "trunk", "answer_at", "release_at", "duration_ms", "a_e164", "b_e164", "call_id"]
THEIR_COLUMNS = [*OUR_COLUMNS, "their_rate_text", "their_billed_s", "their_amount_text", "their_currency", "their_destination"]


def call(number: int, b: str = "447700900123", seconds: int = 60, **more: object) -> dict[str, object]:
    """A call in minute `number` of an hour, the same on both sides unless told otherwise."""
    minute, second = divmod(seconds, 60)
    return {
        "leg": "OUT",
        "partner": "carrier",
        "trunk": "T1",
        "answer_at": f"2026-03-10T12:{number:02d}:00.000Z",
        "release_at": f"2026-03-10T12:{number + minute:02d}:{second:02d}.000Z",
        "duration_ms": seconds * 1000,
        "a_e164": f"4930{number:07d}",
        "b_e164": b,
        "call_id": f"call-{number}@example",
        **more,
    }


def stated(seconds: int, rate: str, amount: str) -> dict[str, object]:
    return {"their_rate_text": rate, "their_billed_s": seconds, "their_amount_text": amount, "their_currency": "USD"}


OURS = [
    call(1),
    call(2),
    call(3, b="905320000000"),
    call(4),  # only ours
    call(5, trunk="T9", partner="other"),  # another partner's
    call(6, seconds=0),  # answered, lasted no second, only ours
]
THEIRS = [
    call(1, **stated(60, "0.012", "0.012000")),
    call(2, their_destination="=HYPERLINK(1)<script>x</script>", **stated(60, "0.015", "0.015000")),  # another rate: 0.003 more
    call(3, b="905320000000", **stated(120, "0.02", "0.040000")),  # another increment: 0.02 more
    call(3, b="905320000000", **stated(120, "0.02", "0.040000")),  # the same call again: 0.04
    call(7, **stated(60, "0.012", "0.012000")),  # only theirs: 0.012
]


def write_csv(path: Path, columns: list[str], rows: list[dict[str, object]]) -> Path:
    used = [name for name in columns if any(name in row for row in rows)]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, used)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_all(folder: Path) -> tuple[Path, Path, Path]:
    """ours.csv, theirs.csv and terms.toml with its deck beside it."""
    (folder / "deck.csv").write_text(DECK, encoding="utf-8")
    terms = folder / "terms.toml"
    terms.write_text(TERMS, encoding="utf-8")
    return write_csv(folder / "ours.csv", OUR_COLUMNS, OURS), write_csv(folder / "theirs.csv", THEIR_COLUMNS, THEIRS), terms
