"""A small month to close, with every figure worked out in the comments: one customer, one supplier whose invoice is wrong in known ways.

Our switch has 12 calls of 60 s to UK Mobile. The customer pays 2.00 a minute (24.00 EUR), the supplier gets 1.20 (14.40 USD). The
supplier's records have c1 to c8 as ours (9.60), c9 with 70 s (1.40), c10 at 1.50 (1.50), nothing of c11, c12 twice (2.40), and c99 that we
do not know (1.20): 16.10. So they bill 1.70 too much: DURATION +0.20, RATE +0.30, DUPLICATE_THEIRS +1.20, MISSING_OURS +1.20,
MISSING_THEIRS -1.20.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

NOW = "2026-12-02T09:00:00Z"
PERIOD = "2026-11"
OUR_COLUMNS = ("call_id", "leg", "partner", "trunk", "setup_at", "answer_at", "release_at", "duration_ms", "a_e164", "b_e164")
THEIR_COLUMNS = (
    *("cdr_id", "call_id", "leg", "side", "partner", "trunk", "answer_at", "release_at", "duration_ms", "a_e164", "b_e164"),
    *("their_rate_text", "their_amount_text", "their_billed_s", "their_currency", "their_destination"),
)
AGREEMENT = """format = "tollbook-agreement/1"
id = "{id}"
version = "1"
partner = "{partner}"
name = "{name}"
effective_from = "2026-01-01"
zone = "UTC"
currency = "{currency}"
[rating]
clause = "2.1"
round_at = "CALL(6)"
[decks.{direction}]
clause = "2.4"
deck = "{deck}"
[period]
clause = "3.1"
cycle = "MONTHLY"
terms_days = 30
[tolerance]
clause = "3.4"
[dispute]
clause = "3.5"
window_days = 30
[clauses."2.1"]
title = "Charges"
text = "Per minute, by the second."
[clauses."2.4"]
title = "Rates"
text = "Seven days of notice."
[clauses."3.1"]
title = "Payment"
text = "Thirty days."
[clauses."3.4"]
title = "Tolerance"
text = "0.3 per cent of the minutes and 0.2 per cent of the value."
[clauses."3.5"]
title = "Disputes"
text = "Within thirty days."
"""
PARTY = 'format = "tollbook-party/1"\nid = "{id}"\nname = "{name}"\naddress = ["1 Example Street"]\nseries = "{series}"\n'
DECK = "Code,Destination,Rate,Billing Increment,Effective Date\n447,UK Mobile,{rate},1/1,2026-01-01\n"
INVOICE = """format = "tollbook-invoice-in/1"
partner = "aurora"
number = "AV-1"
issued_on = "2026-12-01"
received_at = "2026-12-01T08:00:00Z"
period_from = "2026-11-01"
period_until = "2026-12-01"
currency = "USD"
total = "16.10"
lines = "aurora_lines.csv"
"""
# 11 minutes and 70 seconds at 1.20 are 14.60; one minute at 1.50.
INVOICE_LINES = "destination,codes,rate,calls,minutes,amount\nUK Mobile,447,1.2,12,12.1667,14.60\nUK Mobile,447,1.5,1,1.0000,1.50\n"


def instant(number: int, seconds: int = 0, month: str = PERIOD) -> str:
    total = number * 600 + seconds
    return f"{month}-10T{8 + total // 3600:02d}:{total // 60 % 60:02d}:{total % 60:02d}Z"


def our_calls(numbers: range = range(1, 13), month: str = PERIOD) -> list[dict[str, str]]:
    rows = []
    for number in numbers:
        for leg, partner, trunk in (("IN", "nordtel", "NORDTEL"), ("OUT", "aurora", "B-IC01")):
            seconds = {"setup_at": 0, "answer_at": 5, "release_at": 65}
            times = {name: instant(number, second, month) for name, second in seconds.items()}
            numbers_of = {"a_e164": f"467000000{number:02d}", "b_e164": f"4479000000{number:02d}"}
            rows.append(
                {
                    "call_id": f"c{number}@boreal"
                    if leg == "OUT"
                    else f"n{number}@nordtel",  # each leg of a back-to-back agent has its own
                    "leg": leg,
                    "partner": partner,
                    "trunk": trunk,
                    **times,
                    "duration_ms": "60000",
                    **numbers_of,
                }
            )
    return rows


def their_calls() -> list[dict[str, str]]:
    rows = []
    for index, number in enumerate([*range(1, 11), 12, 12, 99]):
        seconds, rate = (70 if number == 9 else 60), ("1.5" if number == 10 else "1.2")
        amount = {"1.2": {60: "1.200000", 70: "1.400000"}, "1.5": {60: "1.500000"}}[rate][seconds]
        place = number if number < 99 else 30
        rows.append(
            {
                # Their own running id is new on the second record of c12; all else is the same, which is what a duplicate looks like.
                "cdr_id": hashlib.sha256(f"aurora {index}".encode()).hexdigest()[:32],
                "call_id": f"c{number}@boreal",
                "leg": "OUT",
                "side": "THEIRS",
                "partner": "aurora",
                "trunk": "B-IC01",
                "answer_at": instant(place, 6),
                "release_at": instant(place, 6 + seconds),
                "duration_ms": str(seconds * 1000),
                "a_e164": f"467000000{number:02d}",
                "b_e164": f"4479000000{number:02d}",
                "their_rate_text": rate,
                "their_amount_text": amount,
                "their_billed_s": str(seconds),
                "their_currency": "USD",
                "their_destination": "UK Mobile",
            }
        )
    return rows


def table(columns: tuple[str, ...], rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def documents(folder: Path, *, invoice: bool = True) -> list[Path]:
    """Contracts, parties, decks and the supplier's invoice."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "aurora.toml": AGREEMENT.format(
            id="AV-1", partner="aurora", name="Aurora Voice", currency="USD", direction="buy", deck="aurora-az"
        ),
        "nordtel.toml": AGREEMENT.format(
            id="NT-1", partner="nordtel", name="Nordtel", currency="EUR", direction="sell", deck="nordtel-sell"
        ),
        "boreal_party.toml": PARTY.format(id="boreal", name="Boreal Carrier", series="BC"),
        "nordtel_party.toml": PARTY.format(id="nordtel", name="Nordtel AB", series="NT"),
        "aurora-az.csv": DECK.format(rate="1.2"),
        "nordtel-sell.csv": DECK.format(rate="2.0"),
    }
    if invoice:
        texts |= {"aurora_invoice.toml": INVOICE, "aurora_lines.csv": INVOICE_LINES}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def records(folder: Path, *, pieces: int = 1, backwards: bool = False) -> list[tuple[Path, str]]:
    """The record files of both sides with their source, in so many pieces."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, columns, rows, source in (("ours", OUR_COLUMNS, our_calls(), "switch"), ("theirs", THEIR_COLUMNS, their_calls(), "aurora")):
        size = -(-len(rows) // pieces)
        for piece in range(pieces):
            path = folder / f"{name}_{pieces}_{piece}.csv"
            path.write_text(table(columns, rows[piece * size : (piece + 1) * size]), encoding="utf-8")
            found.append((path, source))
    return found[::-1] if backwards else found


def fill(book: Any, folder: Path, *, pieces: int = 1, backwards: bool = False, invoice: bool = True) -> None:
    """Everything into a book."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow import intake

    actor = Actor("ines", Role.OWNER)
    reports = intake.ingest(book, documents(folder, invoice=invoice), actor=actor)
    for path, source in records(folder, pieces=pieces, backwards=backwards):
        reports += intake.ingest(book, [path], actor=actor, source=source)
    refused = [each for each in reports if each.status == "refused"]
    assert not refused, refused


def build(folder: Path, files: Path) -> dict[str, Any]:
    """A book, filled and closed; runs as often as one likes. Gives what must be the same however often."""
    prepare(folder, files)
    return close_and_list(folder)


def prepare(folder: Path, files: Path) -> None:
    """A book filled, rated and reconciled, but not yet closed."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow.book import init_book, open_book
    from tollbook.flow.rating import rate_leg
    from tollbook.flow.reconciliation import reconcile_leg

    book = open_book(folder) if (folder / "book.toml").exists() else init_book(folder, name="boreal")
    fill(book, files)
    actor = Actor("ines", Role.OWNER)
    rate_leg(book, "nordtel", "IN", PERIOD, actor=actor)
    found = reconcile_leg(book, "aurora", "OUT", PERIOD, actor=actor)
    assert found is not None
    found.close()


def close_and_list(folder: Path) -> dict[str, Any]:
    """Closes the month and lists what that left."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow.book import open_book
    from tollbook.flow.close import close_period
    from tollbook.store.models import Dispute, Document, Posting

    close = close_period(open_book(folder), PERIOD, actor=Actor("ines", Role.OWNER))
    rows = Posting.objects.order_by("document__series", "document__number", "line_no")
    documents = Document.objects.order_by("series", "number").values_list("series", "number", "kind", "content_digest")
    return {
        "result_digest": close.result_digest,
        "complete": close.is_complete,
        "documents": [list(row) for row in documents],
        "postings": [list(row) for row in rows.values_list("account", "currency", "debit_micros", "credit_micros", "state")],
        "disputes": [list(row) for row in Dispute.objects.values_list("id", "state", "disputed_micros", "pack_root")],
        "pack": close.pack.exists(),
    }


def main() -> None:
    """Kills a close at each point and runs it again; prints what each left (see test_close_crash.py).

    Every close starts from a copy of one prepared book, so that only the close itself is killed and repeated.
    """
    root, database, points = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    os.environ["TOLLBOOK_NOW"] = NOW
    os.environ["TOLLBOOK_DATABASE_URL"] = database
    prepare(root / "template", root / "files")
    from django.db import connections

    connections.close_all()
    found: dict[str, Any] = {}
    for number, point in enumerate(["", *points]):
        folder = root / f"book{number}"
        shutil.copytree(root / "template", folder)
        os.environ["TOLLBOOK_DATABASE_URL"] = copied(database, number) if database else ""
        os.environ["TOLLBOOK_BOOK"] = str(folder)
        found[point] = killed(folder, point)
    print(json.dumps(found))


def copied(database: str, number: int) -> str:
    """A copy of a PostgreSQL database, by its URL."""
    import psycopg

    url, _, options = database.partition("?")
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres?{options}", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}_{number}" TEMPLATE "{name}"')
    return f"{server}/{name}_{number}?{options}"


def killed(folder: Path, point: str) -> dict[str, Any]:
    """A close killed at a point (none where it is empty), the same close again, and what the check of the book then says."""
    from . import pipeline

    os.environ["TOLLBOOK_CRASH_AT"] = point
    code, first = pipeline._forked(lambda: close_and_list(folder))
    os.environ["TOLLBOOK_CRASH_AT"] = ""
    again, digests = pipeline._forked(lambda: close_and_list(folder)) if point else (code, first)
    checked, left = pipeline._forked(lambda: pipeline.state(folder))
    return {"code": code, "again": again, "digests": digests, "checked": checked, "state": left}


if __name__ == "__main__":
    main()
