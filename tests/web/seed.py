"""A small book with one of everything, made of rows and real segments: what pages show, and who may not see it."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa

DAY = dt.date(2026, 11, 21)
DAY_MS = 1_795_219_200_000  # 2026-11-21T00:00:00Z
NOW_MS = DAY_MS + 36 * 3_600_000
AGREEMENT = """format = "tollbook-agreement/1"
id = "{id}"
version = "2"
partner = "{partner}"
name = "{name}"
effective_from = "2026-01-01"
zone = "UTC"
currency = "USD"
[rating]
clause = "A3.2"
[decks.buy]
clause = "A3.5"
deck = "{partner}-az"
[period]
clause = "A5.1"
[tolerance]
clause = "A6.2"
[dispute]
clause = "A6.4"
[clauses."A3.2"]
title = "Charges"
text = "Calls are charged per minute by the rate in force for the longest code of the called number."
[clauses."A3.5"]
title = "Rate notices"
text = "An increase needs 7 calendar days of notice."
[clauses."A5.1"]
title = "Invoices"
text = "Each calendar month in UTC."
[clauses."A6.2"]
title = "Tolerance"
text = "0.3 per cent of the minutes and 0.2 per cent of the value."
[clauses."A6.4"]
title = "Disputes"
text = "Within 30 days."
"""
DECK = """Code,Destination,Rate,Billing Increment,Effective Date
63,Philippines,0.1200,60/60,2026-10-01
639,Philippines mobile,0.1450,60/60,2026-10-01
"""
FIRST_ID = hashlib.sha256(b"first call").digest()[:16]
THEIR_ID = hashlib.sha256(b"their first call").digest()[:16]
RAW = b"boreal,2026-11-21 10:00:00,4930111,639171234567,61\nboreal,broken line\n"
JOB = "4f" * 16
PEOPLE = ("owner", "billing", "noc", "routes", "cfo", "auditor")
TOKEN = "erp-export"
PASSWORD = "correct horse battery staple"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def fill(book: Path) -> None:
    """Partners aurora and cirrus with everything; a user per role, and one of each partner."""
    from tollbook.flow import clock

    from . import seed_more

    with clock.pinned(NOW_MS):
        _documents(book)
        _records(book)
        _money(book)
        seed_more.traffic(book)
        _people()
        _job()


def _documents(book: Path) -> None:
    from tollbook.core.rights import Actor, Role
    from tollbook.flow.book import read_settings
    from tollbook.flow.documents import add_document

    actor, folder, own = Actor("seed", Role.OWNER), book.parent / f"{book.name}-inbox", read_settings(book)
    folder.mkdir()
    for partner, name in (("aurora", "Aurora Voice"), ("cirrus", "Cirrus Transit")):
        agreement = folder / f"{partner}.toml"
        agreement.write_text(AGREEMENT.format(id=f"{partner}-2026", partner=partner, name=name))
        deck = folder / f"{partner}_az_v1.csv"
        deck.write_text(DECK.replace("0.1200", "0.1200" if partner == "aurora" else "0.1300"))
        add_document(own, agreement, "AGREEMENT", actor=actor)
        add_document(own, deck, "DECK", actor=actor)


def row(schema: pa.Schema, **values: Any) -> dict[str, Any]:
    """A row of a schema: what is not given is null, or the smallest value of its type where null is not allowed."""
    empty: dict[str, Any] = {}
    for field in schema:
        if field.name in values or field.nullable:
            empty[field.name] = values.get(field.name)
        elif pa.types.is_dictionary(field.type) or pa.types.is_string(field.type):
            empty[field.name] = ""
        elif pa.types.is_boolean(field.type):
            empty[field.name] = False
        else:
            empty[field.name] = 0
    return empty


def segment(book: Path, kind: str, side: str, rows: list[dict[str, Any]], maker: str) -> list[Any]:
    """Written as the product writes segments."""
    from tollbook.core.tables import KINDS
    from tollbook.store.segments import SegmentWriter

    writer = SegmentWriter(book, KINDS[kind], side, maker)
    writer.write(pa.Table.from_pylist(rows, schema=KINDS[kind].schema))
    return writer.finish()


def _record(source: str, side: str, cdr_id: bytes, file_digest: str, length: int) -> dict[str, Any]:
    """A call of 61 seconds, which the partner counts as 62."""
    from tollbook.core import cdr

    at = dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC)
    return row(
        cdr.CDR,
        cdr_id=cdr_id,
        leg="OUT",
        leg_no=1,
        side=side,
        source=source,
        tech="SIP",
        file_digest=file_digest,
        record_no=1,
        byte_length=length,
        partner="aurora",
        trunk="B-IC01",
        setup_at=at,
        answer_at=at,
        release_at=at + dt.timedelta(seconds=61 if side == "OURS" else 62),
        raw_times="2026-11-21 10:00:00",
        zone="UTC",
        time_quality="EXACT",
        duration_ms=61_000 if side == "OURS" else 62_000,
        duration_source="RECORDED",
        a_raw="4930111",
        a_e164="4930111",
        b_raw="639171234567",
        b_e164="639171234567",
        call_id="abc-123@boreal.example",
        sip_code=200,
        # What the partner charges: our deck's price of the country, and not of its mobile numbers.
        **(
            {"their_rate_text": "0.1200", "their_billed_s": 62, "their_amount_text": "0.124", "their_currency": "USD"}
            if side == "THEIRS"
            else {}
        ),
    )


def _records(book: Path) -> None:
    import io

    from tollbook.core import cdr
    from tollbook.store import files, known_ids, manifest
    from tollbook.store.models import Batch, KnownIds, SealedFile

    for source, side, cdr_id in (("boreal", "OURS", FIRST_ID), ("aurora", "THEIRS", THEIR_ID)):
        raw = RAW.replace(b"boreal", source.encode())
        stored = files.put(book, io.BytesIO(raw), f"{source}_2026-11.csv")
        SealedFile.objects.create(
            digest=stored.digest, name=f"{source}_2026-11.csv", suffix=".csv", size=len(raw), kind="CDR", received_at=NOW_MS - 3_600_000
        )
        maker = manifest.batch_id(source, stored.digest, 1)
        record = _record(source, side, cdr_id, stored.digest, len(raw.split(b"\n")[0]))
        problem = row(
            cdr.PROBLEM,
            code="CDR_FIELD_MISSING",
            severity="error",
            file_digest=stored.digest,
            record_no=2,
            column="duration",
            value="=broken line",
            reason="The field is empty.",
            remedy="x",
        )
        found = segment(book, "cdr", side, [record], maker) + segment(book, "problem", "", [problem], maker)
        batch = Batch.objects.create(
            id=maker,
            source=source,
            file_id=stored.digest,
            part_no=1,
            is_last=True,
            last_record_no=2,
            read=2,
            accepted=1,
            duplicates=0,
            problems=1,
            profile_digest=digest("profile"),
            published_at=NOW_MS - 3_000_000,
            package_version="0",
        )
        manifest.add_segments(found, batch=batch)
        import numpy as np

        table = np.frombuffer(cdr_id, dtype=np.uint8).reshape(1, 16)
        known = known_ids.write(book, source, "2026-11-21", known_ids.ids_of(table, table))
        KnownIds.objects.create(source=source, day="2026-11-21", digest=known.digest, path=str(known.path.relative_to(book)), rows=1)


def run(stage: str, scope: str, summary: dict[str, Any] | None = None) -> Any:
    from tollbook.store.models import Head, Run

    made = Run.objects.create(
        run_key=digest(f"{stage} {scope}"),
        stage=stage,
        scope=scope,
        semantics_version=1,
        inputs=[],
        parameters={},
        known_at=NOW_MS,
        result_digest=digest(f"result {stage} {scope}"),
        results={},
        summary=summary or {},
        package_version="0",
        started_at=NOW_MS,
        finished_at=NOW_MS,
    )
    Head.objects.create(stage=stage, scope=scope, run=made)
    return made


def _money(book: Path) -> None:

    from tollbook.core import cdr
    from tollbook.store import manifest
    from tollbook.store.models import Agreement, Deck

    agreement = Agreement.objects.get(partner_id="aurora")
    rating = run("rating", "aurora/OUT/2026-11")
    charge = row(
        cdr.CHARGE,
        cdr_id=FIRST_ID,
        leg="OUT",
        leg_no=1,
        partner="aurora",
        agreement_digest=agreement.digest,
        clause="A3.2",
        deck_digest=Deck.objects.get(partner_id="aurora").digest,
        deck_row=3,
        code="639",
        destination="Philippines mobile",
        anchor_at=dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC),
        period_day=DAY,
        duration_ms=61_000,
        billed_s=120,
        rate_nanos_per_minute=145_000_000,
        exact_60th_nanos=17_400_000_000,
        amount_micros=290_000,
        currency="USD",
        sign=-1,
        status="RATED",
        acceptance="PAYABLE",
    )
    manifest.add_segments(segment(book, "charge", "OURS", [charge], rating.run_key), run=rating)
    matching = run("matching", "aurora/OUT/2026-11")
    match = {**row(cdr.MATCH, leg="OUT"), "our_cdr_id": FIRST_ID, "their_cdr_id": THEIR_ID, "rule": "R2", "class": "DURATION_VARIANCE"}
    manifest.add_segments(segment(book, "match", "", [match], matching.run_key), run=matching)
    reconciliation = run("reconciliation", "aurora/OUT/2026-11", _summary(agreement.digest))
    variance = row(
        cdr.VARIANCE,
        our_cdr_id=FIRST_ID,
        their_cdr_id=THEIR_ID,
        leg="OUT",
        cause="RATE",
        exact_60th_nanos=1_200_000_000,
        minutes_ms=1_000,
        currency="USD",
        destination="Philippines mobile",
    )
    manifest.add_segments(segment(book, "variance", "", [variance], reconciliation.run_key), run=reconciliation)
    _papers(book, agreement.digest, rating, reconciliation)
    _usage()


def _papers(book: Path, agreement_digest: str, rating: Any, reconciliation: Any) -> None:
    """An invoice and a dispute of each partner with its exceptions, and the close of the period."""
    import io

    from tollbook.store import files
    from tollbook.store.models import Dispute, Document, SealedFile

    from . import seed_more

    for number, partner in enumerate(("aurora", "cirrus"), start=1):
        pages = files.put(book, io.BytesIO(b"%PDF-1.4\n% constructed " + partner.encode() + b"\n%%EOF\n"), f"{partner}.pdf")
        SealedFile.objects.create(
            digest=pages.digest, name=f"{partner}.pdf", suffix=".pdf", size=pages.size, kind="DOCUMENT", received_at=NOW_MS
        )
        document = Document.objects.create(
            series="R",
            number=number,
            kind="RECEIVED_INVOICE",
            partner_id=partner,
            agreement_digest=agreement_digest,
            period="2026-11",
            issued_at=NOW_MS,
            due_on=dt.date(2026, 12, 21),
            currency="USD",
            total_micros=118_412_500_000,
            runs=[rating.run_key],
            content={"lines": []},
            content_digest=digest(partner),
            file_id=pages.digest,
        )
        dispute = Dispute.objects.create(
            id=f"D-{partner}-2026-11",
            partner_id=partner,
            run=reconciliation,
            period="2026-11",
            leg="OUT",
            cause="RATE",
            agreement_digest=agreement_digest,
            clause="A3.5",
            document=document,
            currency="USD",
            disputed_micros=4_312_180_000,
            undisputed_micros=114_100_320_000,
            state="SUBMITTED",
            raised_at=NOW_MS,
            answer_by_at=NOW_MS + 86_400_000,
            pack_id=pages.digest,
        )
        _exceptions(partner, dispute, reconciliation, agreement_digest)
    seed_more.sales(book)
    _close(pages.digest)


def _exceptions(partner: str, dispute: Any, reconciliation: Any, agreement_digest: str) -> None:
    from tollbook.store.models import ExceptionCase

    for cause, kind, amount in (("RATE_VARIANCE", "DATA", 3_210_000_000), ("DURATION_VARIANCE", "QUALITY", 1_102_180_000)):
        ExceptionCase.objects.create(
            id=digest(f"{partner} {cause}"),
            run=reconciliation,
            partner_id=partner,
            period="2026-11",
            leg="OUT",
            exception_class=kind,
            cause=cause,
            destination="",
            agreement_digest=agreement_digest,
            clause="A3.5",
            currency="USD",
            amount_micros=amount,
            minutes_ms=61_000,
            records=1,
            examples=[FIRST_ID.hex()],
            state="OPEN",
            owner="billing",
            opened_at=NOW_MS,
            dispute=dispute if cause == "RATE_VARIANCE" else None,
        )


def _close(pack: str) -> None:
    from tollbook.store.models import Document

    Document.objects.create(
        series="CLOSE-2026-11",
        number=1,
        kind="CLOSE",
        period="2026-11",
        issued_at=NOW_MS,
        content={"result_digest": digest("result"), "root": digest("root"), "pack": pack, "complete": True},
        content_digest=digest("close"),
    )


def _usage() -> None:
    """Two weeks of running totals: what aurora costs and what nordtel brings."""
    from tollbook.store.models import UsageTotal

    for offset in range(14):
        day = DAY - dt.timedelta(days=offset)
        for origin, partner, leg, amount in (
            ("aurora/OUT/2026-11", "aurora", "OUT", 8),
            ("nordtel/IN/2026-11", "nordtel", "IN", 11),
        ):
            UsageTotal.objects.create(
                origin=origin,
                partner=partner,
                leg=leg,
                currency="USD",
                day=day,
                records=1_000,
                answered=600,
                duration_ms=90_000_000,
                amount_micros=(amount * 100 + offset * 7) * 1_000_000,
            )


def _summary(agreement_digest: str) -> dict[str, Any]:
    """The summary of a reconciliation of one call, as the engine shapes it."""
    side = {"calls": 1, "records": 1, "minutes_ms": 61_000}
    part = {"our_calls": 1, "their_calls": 1, "difference": "0.020000", "failed": False}
    cause = {
        "cause": "RATE",
        "label": "Rate",
        "meaning": "Their price per minute is not the one our deck has for the call.",
        "calls": 1,
        "amount": "0.020000",
        "exact_60th_nanos": "1200000000",
        "clause": "A3.5",
        "details": [
            {"detail": "the increase of December, applied early", "calls": 1, "amount": "0.020000", "exact_60th_nanos": "1200000000"}
        ],
    }
    return {
        "sentence": "They bill 0.02 USD more than we expect.",
        "agreement": {"digest": agreement_digest, "name": "Aurora Voice", "clauses": {}},
        "totals": {"ours": side, "theirs": side},
        "money": {
            "currency": "USD",
            "ours": "0.290000",
            "theirs": "0.310000",
            "difference": "0.020000",
            "ours_60th_nanos": "17400000000",
            "theirs_60th_nanos": "18600000000",
            "difference_60th_nanos": "1200000000",
            "unexplained": "0.000000",
            "unexplained_zero": True,
            "causes": [cause],
        },
        "budget": {"sentence": "Outside the error budget.", "outcome": "DISPUTE"},
        "matching": {"pairs": 1, "possible": 1, "only_ours": 0, "only_theirs": 0, "rules": [{"rule": "R2", "title": "ICID", "pairs": 1}]},
        "destinations": [{**part, "name": "Philippines mobile"}],
        "days": [{**part, "name": "2026-11-21"}],
        "trunks": [{**part, "name": "B-IC01"}],
    }


def _job() -> None:
    """An ingest that is over."""
    from tollbook.store.models import Job, JobProgress

    file = {"name": "boreal_2026-11.csv", "kind": "CDR", "digest": digest("x"), "status": "published", "source": "boreal"}
    row = Job.objects.create(
        id=JOB,
        kind="INGEST",
        subject="boreal_2026-11.csv",
        parameters={"files": [], "source": "", "as": ""},
        actor="billing",
        role="billing",
        state="DONE",
        created_at=NOW_MS,
        started_at=NOW_MS + 500,
        finished_at=NOW_MS + 12_500,
        attempts=1,
        result={"files": [{**file, "read": 2, "accepted": 1, "duplicates": 0, "problems": 1}]},
    )
    JobProgress.objects.create(job=row, number=9, stage="reading", done=1, total=1, seen_at=NOW_MS)


def _people() -> None:
    from django.contrib.auth.models import User as Account

    from tollbook.store.models import Partner, User

    for name in (*PEOPLE, "aurora-user", "cirrus-user"):
        role, _, rest = name.partition("-")
        partner = Partner.objects.get(id=role) if rest else None
        User.objects.create(name=name, kind="PERSON", role="partner" if rest else name, partner=partner, is_active=True, created_at=NOW_MS)
        Account.objects.create_user(username=name, password=PASSWORD)
    User.objects.create(
        name=TOKEN,
        kind="TOKEN",
        role="cfo",
        scope=["read-documents"],
        token_digest=digest(TOKEN),
        token_hint="x7Qk",
        created_at=NOW_MS,
        created_by="owner",
        expires_at=NOW_MS + 90 * 86_400_000,
    )
