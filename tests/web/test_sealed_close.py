"""What a close's page says is in it comes from the sealed file, not from what the book says today."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tollbook.web.sealed_close import documents_of, sealed_of

RUNS = [
    {"stage": "rating", "scope": "aurora/IN/2026-W47", "run_key": "a" * 64, "result_digest": "b" * 64},
    {"stage": "mediation", "scope": "aurora/IN/OURS/2026-W47", "run_key": "c" * 64, "result_digest": "d" * 64},
]


def _sealed(book: Path, **results: Any) -> Any:
    """A close whose file says what is in it."""
    from tollbook.store import files
    from tollbook.store.models import Document

    manifest = {
        "period": "2026-11",
        "results": {"invoices": [], "received": [], **results},
        "evidence": {"document": [{"number": "BC-W47"}]},
        "runs": RUNS,
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
    stream.seek(0)
    row = Document.objects.filter(kind="CLOSE").get()
    row.content = {**row.content, "pack": files.put(book, stream, "close.zip").digest}
    return row


def _invoice(number: str, period: str, series: str) -> Any:
    from tollbook.store.models import Document

    row = Document.objects.filter(kind="RECEIVED_INVOICE", partner_id="aurora").first()
    assert row is not None
    names = ("partner_id", "issued_at", "currency", "content_digest", "total_micros")
    given = {name: getattr(row, name) for name in names}
    return Document.objects.create(kind="INVOICE", series=series, number=1, period=period, content={"number": number}, **given)


def test_a_document_of_a_partners_own_period_is_in_it_and_one_that_came_later_is_not(full_book: Path) -> None:
    weekly, _ = _invoice("BC-W47", "2026-W47", "W"), _invoice("BC-LATER", "2026-11", "L")
    row = _sealed(full_book, invoices=[{"period": "2026-W47"}])
    sealed = sealed_of(row)
    assert sealed is not None
    assert [each["stage"] for each in sealed.runs] == ["mediation", "rating"]
    assert [each.pk for each in documents_of(row, sealed)] == [weekly.pk]


def test_a_file_that_is_gone_or_damaged_hides_nothing_of_the_period(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from tollbook.store.models import Document

    row = Document.objects.filter(kind="CLOSE").get()
    for pack in ("0" * 64, row.content["pack"]):
        row.content = {**row.content, "pack": pack}
        sealed = sealed_of(row)
        assert sealed is None
        assert {each.period for each in documents_of(row, sealed)} == {"2026-11"}
    assert log_in("auditor").get(f"/closes/{row.pk}/").status_code == 200
