"""One call: raw line, canonical record, the price of each leg step by step, the partner's record beside it, the rule that matched them."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from django.db.models import Q
from django.http import Http404
from django.urls import reverse

from tollbook.core.cdr import CDR
from tollbook.core.explanation import LegPrice
from tollbook.core.reconciliation_words import CAUSE_LABELS, CAUSE_MEANINGS, RULE_TITLES
from tollbook.core.rights import Right
from tollbook.flow.explain import leg_prices
from tollbook.store import files, known_ids, raw_records
from tollbook.store.models import Agreement, Head, KnownIds, SealedFile, Segment
from tollbook.web import book, segments
from tollbook.web.calls import days_near
from tollbook.web.page import Page, Scope
from tollbook.web.words import instant_exact

# Side by side with the partner's record, in the order people compare them.
COMPARED = [
    "setup_at",
    "alert_at",
    "answer_at",
    "release_at",
    "duration_ms",
    "a_e164",
    "b_e164",
    "a_raw",
    "b_raw",
    "trunk",
    "call_id",
    "icid",
    "sip_code",
    "q850",
    "release_party",
    "their_code",
    "their_destination",
    "their_rate_text",
    "their_billed_s",
    "their_amount_text",
    "their_currency",
]
GROUPS = (
    ("Who", ["side", "source", "partner", "trunk", "poi", "tech", "leg", "leg_no", "session_id", "attempt_no", "route_index"]),
    ("When", ["setup_at", "alert_at", "answer_at", "release_at", "duration_ms", "duration_source", "zone", "time_quality", "raw_times"]),
    ("Numbers", ["a_raw", "a_e164", "a_class", "a_source", "b_raw", "b_e164", "b_class", "routing_number", "npdi", "diverting_e164"]),
    (
        "Identity",
        [
            "call_id",
            "from_tag",
            "to_tag",
            "icid",
            "icid_generated_at",
            "related_icid",
            "orig_ioi",
            "term_ioi",
            "session_id_local",
            "session_id_remote",
            "shared_ref",
        ],
    ),
    ("Release", ["sip_code", "q850", "release_party", "reason_raw", "media_flags", "partial_seq", "partial_last"]),
    ("As the partner rated it", [name for name in CDR.names if name.startswith("their_")]),
    ("Provenance", ["file_digest", "record_no", "byte_offset", "byte_length", "sequence_no"]),
)
LARGEST_UNPACKED = 512 << 20


@lru_cache(maxsize=4096)
def _known(path: Path) -> known_ids.Ids:
    """A file of known ids, memory-mapped once: a new one has another name."""
    return known_ids.load(path)


def where_known(cdr_id: bytes) -> list[tuple[str, str]]:
    """The sources and days that hold a record, by the sorted files of known ids: a few reads, however many calls there are."""
    high, low = (np.frombuffer(part, dtype=">u8").astype("<u8")[0] for part in (cdr_id[:8], cdr_id[8:]))
    found = []
    for source, day, path in KnownIds.objects.values_list("source", "day", "path"):
        ids = _known(book.folder() / path)
        start, end = np.searchsorted(ids.high, high, "left"), np.searchsorted(ids.high, high, "right")
        if (ids.low[start:end] == low).any():
            found.append((source, day))
    return found


def records_of(cdr_id: bytes) -> list[dict[str, Any]]:
    """All legs of a record, as canonical rows."""
    wanted = Q(pk__isnull=True)
    for source, day in where_known(cdr_id):
        first, last = days_near(day)
        wanted |= Q(batch__source=source) & (Q(day__gte=first, day__lte=last) | Q(day__isnull=True))
    rows = segments.by_id("cdr", Segment.objects.filter(wanted, kind="cdr"), cdr_id)
    return sorted(rows, key=lambda row: (row["leg"], row["leg_no"]))


def current(kind: str, **where: Any) -> Any:
    """Segments of one kind made by the current runs."""
    return Segment.objects.filter(kind=kind, run__in=Head.objects.filter(**where).values("run"))


def rows_about(kind: str, record: dict[str, Any], stage: str) -> list[dict[str, Any]]:
    """Rows of a stage's current runs of the record's partner and leg that name it; other runs cannot."""
    return segments.by_id(kind, current(kind, stage=stage, scope__startswith=f"{record['partner']}/{record['leg']}/"), record["cdr_id"])


def raw_line(record: dict[str, Any]) -> str:
    """The record as it came, from the sealed file; empty where the file is gone or too large to unpack for a page."""
    row = SealedFile.objects.filter(digest=record["file_digest"]).first()
    path = files.find(book.folder(), row.digest) if row else None
    if path is None or (path.suffix == ".gz" and path.stat().st_size > LARGEST_UNPACKED // 20):
        return ""
    with files.unpacked(book.folder(), path) as plain, raw_records.mapped(plain) as content:
        return raw_records.raw_text(content, record["byte_offset"], record["byte_length"]).rstrip("\r\n")


def shown(name: str, value: Any) -> str:
    """A field for people: instants with milliseconds, everything else as it is."""
    if value is None:
        return ""
    if hasattr(value, "timestamp"):
        return instant_exact(int(value.timestamp() * 1000))
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    return json.dumps(value) if isinstance(value, bool) else str(value)


class Call(Page):
    """Everything about one record."""

    right, scope = Right.READ_CALLS, Scope.OPERATOR
    template = "web/call.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Calls", reverse("calls"))]

    def context(self) -> dict[str, Any]:
        cdr_id = bytes.fromhex(self.kwargs["cdr_id"])
        records = records_of(cdr_id)
        if not records:
            raise Http404
        wanted = self.request.GET.get("leg", "")
        record = next((each for each in records if each["leg"] == wanted), records[0])
        # The reconciliation's matches carry the final class; where it has not run, those of the matching stand.
        matches = rows_about("match", record, "reconciliation") or rows_about("match", record, "matching")
        match = next((each for each in matches if each["leg"] == record["leg"]), matches[0] if matches else None)
        sees_money = self.may(Right.READ_MARGIN)
        return {
            "title": f"Call {self.kwargs['cdr_id'][:12]}",
            "cdr_id": self.kwargs["cdr_id"],
            "record": record,
            "records": records,
            "groups": [
                (heading, [(name, shown(name, record[name])) for name in names if record.get(name) is not None])
                for heading, names in GROUPS
            ],
            "raw": raw_line(record),
            "file": SealedFile.objects.filter(digest=record["file_digest"]).first(),
            "match": match,
            "beside": self._beside(record, match, cdr_id),
            "prices": self._prices(records, match) if sees_money else [],
            "rule": RULE_TITLES.get(str(match["rule"]).split("/")[0], "") if match else "",
            "variances": self._variances(record) if sees_money else [],
        }

    def _variances(self, record: dict[str, Any]) -> list[dict[str, Any]]:
        found = rows_about("variance", record, "reconciliation")
        return [
            {**row, "label": CAUSE_LABELS.get(row["cause"], row["cause"]), "meaning": CAUSE_MEANINGS.get(row["cause"], "")} for row in found
        ]

    def _prices(self, records: list[dict[str, Any]], match: dict[str, Any] | None) -> list[tuple[LegPrice, Agreement | None]]:
        """Every step of the price of each of our legs; of the partner's record, those of the record it was matched with."""
        ours = records
        if records[0]["side"] == "THEIRS":
            ours = records_of(bytes(match["our_cdr_id"])) if match and match["our_cdr_id"] else []
        priced = leg_prices(book.current(), ours, actor=self.viewer, connection=segments.connection()) if ours else ()
        return [
            (each, Agreement.objects.filter(agreement_id=each.agreement.split(" version ")[0]).order_by("-pk").first()) for each in priced
        ]

    def _beside(self, record: dict[str, Any], match: dict[str, Any] | None, cdr_id: bytes) -> list[tuple[str, str, str, bool]]:
        """Field by field ours and theirs, and whether they differ; empty without a partner's record."""
        if match is None:
            return []
        other = match["their_cdr_id"] if match["our_cdr_id"] == cdr_id else match["our_cdr_id"]
        found = [each for each in records_of(bytes(other)) if each["leg"] == match["leg"]] if other else []
        if not found:
            return []
        ours, theirs = (record, found[0]) if match["our_cdr_id"] == cdr_id else (found[0], record)
        rows = []
        for name in COMPARED:
            left, right = shown(name, ours.get(name)), shown(name, theirs.get(name))
            if left or right:
                rows.append((name, left, right, bool(left and right and left != right)))
        return rows
