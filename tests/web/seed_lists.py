"""The rest of the small book, for the lists of the API: a row in every list, and a value in every field."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from .seed import DAY, NOW_MS, RAW, digest, row, segment
from .test_invoice_lines import received

DECK = """Code,Destination,Rate (USD),Billing Increment,Effective Date,End Date
63,Philippines,0.1100,60/60,2026-11-25,2026-12-25
639,Philippines mobile,0.1600,60/60,2026-11-23,
6391,Philippines mobile new,0.2000,60/60,2026-11-25,
"""
OTHER_ID = bytes(range(16))
SCOPE = "aurora/OUT/2026-10"


def fill(book: Path) -> None:
    """After `seed.fill`. What was worked on is worked on by the commands themselves."""
    _deck(book)
    _records(book)
    _comparison(book)
    _papers()
    _work(book)
    received(book)


def _deck(book: Path) -> None:
    """A second version of aurora's deck, which names its currency and an end; its name, and the map of trunks."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow import clock
    from tollbook.flow.book import read_settings
    from tollbook.flow.documents import add_document
    from tollbook.store.models import Partner, Trunk

    path = book.parent / "aurora_az_v2.csv"
    path.write_text(DECK)
    with clock.pinned(NOW_MS + 1_000):
        add_document(read_settings(book), path, "DECK", actor=Actor("seed", Role.OWNER))
    Partner.objects.filter(id="aurora").update(name="Aurora Voice")
    known = {"effective_from": NOW_MS, "known_from": NOW_MS, "document_digest": digest("trunks")}
    Trunk.objects.create(source="boreal", name="B-IC01", partner_id="aurora", **known)


def _records(book: Path) -> None:
    """A call that was busy, with its cause, and the figures of an hour in which few calls came through."""
    from tollbook.core import cdr
    from tollbook.core.kpi import PDD_CLASSES
    from tollbook.store import manifest
    from tollbook.store.models import Batch, Run

    batch = Batch.objects.get(source="boreal")
    at = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
    told = {"source": "boreal", "tech": "SIP", "zone": "UTC", "time_quality": "EXACT", "duration_source": "RECORDED"}
    place = {"file_digest": batch.file_id, "record_no": 3, "byte_length": len(RAW), "side": "OURS", "leg": "OUT", "leg_no": 1}
    called = {"partner": "aurora", "trunk": "B-IC01", "a_raw": "4930111", "b_raw": "639171234567", "q850": 17, "sip_code": 486}
    busy = row(cdr.CDR, cdr_id=OTHER_ID, setup_at=at, release_at=at, **told, **place, **called)
    manifest.add_segments(segment(book, "cdr", "OURS", [busy], batch.id), batch=batch)
    place = {"hour": at, "source": "boreal", "partner": "aurora", "trunk": "B-IC01", "leg": "OUT", "destination": "Philippines mobile"}
    rang = row(cdr.KPI, **place, cause="ANSWER", seizures=5, answers=5, rung=5, **{PDD_CLASSES[2]: 5})
    lost = row(cdr.KPI, **place, cause="CONGESTION", seizures=300)
    run = Run.objects.get(stage="kpi")
    manifest.add_segments(segment(book, "kpi", "OURS", [rang, lost], run.run_key), run=run)


def _comparison(book: Path) -> None:
    """A comparison that reads the records of its pair, so that the pair has its time and its number."""
    from tollbook.core import cdr
    from tollbook.store import manifest
    from tollbook.store.models import Head, Run, Segment

    from .seed import FIRST_ID, THEIR_ID

    earlier = Head.objects.get(stage="reconciliation").run
    values = {each.attname: getattr(earlier, each.attname) for each in Run._meta.concrete_fields}
    inputs = list(Segment.objects.filter(kind="cdr").values_list("digest", flat=True))
    made = Run.objects.create(**{**values, "run_key": digest(SCOPE), "scope": SCOPE, "inputs": inputs, "finished_at": NOW_MS - 1})
    Head.objects.create(stage=made.stage, scope=SCOPE, run=made)
    pair = {"our_cdr_id": FIRST_ID, "their_cdr_id": THEIR_ID, "leg": "OUT"}
    differs = {"cause": "RATE", "exact_60th_nanos": 1_200_000_000, "currency": "USD", "destination": "Philippines mobile"}
    for kind, found in (
        ("variance", row(cdr.VARIANCE, **pair, **differs)),
        ("match", {**row(cdr.MATCH, **pair), "class": "RATE_VARIANCE"}),
    ):
        manifest.add_segments(segment(book, kind, "", [found], made.run_key), run=made)


def _papers() -> None:
    """What an invoice of ours posted, an accrual without a number of its own, and an invoice with a line of an earlier period."""
    from tollbook.store.models import Document, Posting

    invoice = Document.objects.get(kind="INVOICE", partner_id="aurora")
    names = ("partner_id", "issued_at", "currency", "period", "due_on", "total_micros", "content_digest")
    same = {name: getattr(invoice, name) for name in names}
    lines = [{**invoice.content["lines"][0], "prior_period": "2026-09"}]
    Document.objects.create(series="S", number=2, kind="INVOICE", content={**invoice.content, "lines": lines}, **same)
    Document.objects.create(series="ACCRUAL", number=1, kind="ACCRUAL", content={"kind": "accrual"}, **same)
    entry: dict[str, Any] = {"document": invoice, "entry_no": 1, "booked_at": NOW_MS, "value_on": DAY, "currency": "USD"}
    for number, (account, partner, side, state) in enumerate(
        (
            ("1200", "aurora", "debit_micros", "POSTED"),
            ("4000", None, "credit_micros", "POSTED"),
            ("1200", "aurora", "debit_micros", "PENDING"),
            ("4000", None, "credit_micros", "PENDING"),
        ),
        start=1,
    ):
        told = {"account": account, "partner_id": partner, side: 440_000, "state": state, "reason": "invoice"}
        Posting.objects.create(line_no=number, **entry, **told)


def _work(book: Path) -> None:
    """An exception that was given to somebody and decided, and a dispute that was accepted in part."""
    from tollbook.core.rights import Actor, Role
    from tollbook.flow import dispute, exception
    from tollbook.flow.book import read_settings
    from tollbook.flow.exception import Seen

    own, actor, case = read_settings(book), Actor("billing", Role.BILLING), digest("aurora DURATION_VARIANCE")
    exception.assign([Seen(case, 0)], "billing", actor=actor, reason="yours")
    exception.decide(own, [Seen(case, 1)], "ACCEPTED", actor=actor, reason="theirs is right")
    for event in ("acknowledge", "review"):
        dispute.advance(own, "D-aurora-2026-11", event, actor=actor)
    dispute.advance(own, "D-aurora-2026-11", "accept_part", actor=actor, reason="by mail", credit_micros=1_000_000)
