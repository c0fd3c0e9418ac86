"""More of the small book: the cube of a day of traffic, and an invoice of ours with its calls."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from .seed import DAY, FIRST_ID, NOW_MS, THEIR_ID, digest, row, run, segment


def traffic(book: Path) -> None:
    """The cube of a day: 250 attempts to aurora, 130 of them answered, and 40 of a customer in the hour after."""
    from tollbook.core import cdr
    from tollbook.store import manifest

    made = run("kpi", DAY.isoformat())
    rows = []
    for hour, leg, partner, trunk, cause, seizures, amount, currency in (
        (10, "OUT", "aurora", "B-IC01", "ANSWER", 130, 2_000_000, "USD"),
        (10, "OUT", "aurora", "B-IC01", "BUSY", 90, 0, ""),
        (11, "OUT", "aurora", "B-IC01", "CONGESTION", 30, 0, ""),
        (11, "IN", "nordtel", "NORDTEL", "ANSWER", 40, 3_000_000, "EUR"),
    ):
        answers = seizures if cause == "ANSWER" else 0
        rows.append(
            row(
                cdr.KPI,
                hour=dt.datetime(2026, 11, 21, hour, tzinfo=dt.UTC),
                source="boreal",
                partner=partner,
                trunk=trunk,
                leg=leg,
                destination="Philippines mobile",
                country="63",
                cause=cause,
                currency=currency,
                other_currency="USD" if currency else "",
                seizures=seizures,
                answers=answers,
                conversation_ms=answers * 61_000,
                short_6=answers // 10,
                amount_micros=amount,
                other_micros=amount // 2,
            )
        )
    manifest.add_segments(segment(book, "kpi", "OURS", rows, made.run_key), run=made)


def sales(book: Path) -> None:
    """An invoice of ours to aurora: one line of two calls, with its annex."""
    import io

    from tollbook.store import files
    from tollbook.store.models import Document, SealedFile

    head = "line,cdr_id,call_id,setup_at,answer_at,release_at,a_number,b_number,code,destination,duration_ms,billed_s,rate_per_minute,"
    calls = [
        f"1,{FIRST_ID.hex()},c1,2026-11-21T10:00:00.000Z,2026-11-21T10:00:01.000Z,,49301**,639171234567,639,Philippines mobile,61000,120,"
        "0.145000000,17400000000,0.290000,USD,,d,3",
        f"1,{THEIR_ID.hex()},c2,2026-11-21T11:00:00.000Z,,,49301**,639171234568,639,Philippines mobile,7000,60,"
        "0.145000000,8700000000,0.145000,USD,,d,3",
    ]
    text = "\n".join([head + "exact_60th_nanos,amount,currency,q850,deck_digest,deck_row", *calls]) + "\n"
    annex = files.put(book, io.BytesIO(text.encode()), "annex.csv")
    SealedFile.objects.create(digest=annex.digest, name="S-1-calls.csv", suffix=".csv", size=annex.size, kind="ANNEX", received_at=NOW_MS)
    usage = {"calls": 2, "duration_ms": "68000", "billed_s": "180", "exact_60th_nanos": "26100000000", "amount_micros": "435000"}
    line = {"number": 1, "net_micros": "440000", "destination": "Philippines mobile", "codes": ["639"], "increments": "60/60", **usage}
    line |= {"rate_nanos_per_minute": "145000000", "currency": "USD", "prior_period": ""}
    Document.objects.create(
        series="S",
        number=1,
        kind="INVOICE",
        partner_id="aurora",
        period="2026-10",
        issued_at=NOW_MS - 1,
        due_on=dt.date(2026, 11, 30),
        currency="USD",
        total_micros=440_000,
        content={"lines": [line], "annex_sha256": annex.digest, "rounding": "CALL(6) HALF_UP"},
        content_digest=digest("sales"),
    )
