"""One call: raw line, canonical record, the price of each leg step by step, the partner's record beside it, the rule that matched them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np
from django.db.models import Q
from django.http import Http404
from django.urls import reverse

from tollbook.core.cdr import CDR
from tollbook.core.exception import clause_of
from tollbook.core.money import format_scaled
from tollbook.core.rating_explain import Step
from tollbook.core.reconciliation_words import CAUSE_LABELS, CAUSE_MEANINGS, RULE_TITLES
from tollbook.core.rights import Right
from tollbook.flow import clock
from tollbook.flow.explain import leg_prices
from tollbook.store import files, known_ids, packed_lines, raw_records
from tollbook.store.models import Agreement, Deck, Head, KnownIds, Run, SealedFile, Segment
from tollbook.web import book, reference, segments
from tollbook.web.calls import days_near
from tollbook.web.page import Page, Scope
from tollbook.web.partner_names import names_of
from tollbook.web.stated_price import clock_words, stated_steps, states_price, without_prices
from tollbook.web.words import field, instant_exact, value

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
# What our price of the call says where the partner's record states its own.
OURS_OF: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "their_code": lambda charge: charge["code"],
    "their_destination": lambda charge: charge["destination"],
    "their_rate_text": lambda charge: format_scaled(charge["rate_nanos_per_minute"], 9, 4) if charge["rate_nanos_per_minute"] else "",
    "their_billed_s": lambda charge: charge["billed_s"],
    "their_amount_text": lambda charge: format_scaled(charge["amount_micros"], 6, 2),
    "their_currency": lambda charge: charge["currency"],
}
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
# A page unpacks so many bytes of a file at most, once in a process.
FURTHEST_UNPACKED = 128 << 20


@lru_cache(maxsize=4096)
def _known(folder: Path, path: str) -> known_ids.Ids:
    """A file of known ids, memory-mapped once: a new one has another name."""
    return known_ids.load(folder / path)


def where_known(cdr_id: bytes) -> list[tuple[str, str]]:
    """The sources and days that hold a record, by the sorted files of known ids: a few reads, however many calls there are."""
    high, low = (np.frombuffer(part, dtype=">u8").astype("<u8")[0] for part in (cdr_id[:8], cdr_id[8:]))
    found, folder = [], book.folder()
    for source, day, path in KnownIds.objects.values_list("source", "day", "path"):
        ids = _known(folder, path)
        place = ids.high.searchsorted(high)
        if place < len(ids) and ids.high[place] == high:
            end = ids.high.searchsorted(high, "right")
            if (ids.low[place:end] == low).any():
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


def raw_line(record: dict[str, Any], file: SealedFile | None) -> str:
    """The record as it came, from the sealed file; empty where the file is gone or the record lies too far inside a packed one."""
    if file is None or not (path := files.sealed_path(book.folder(), file.digest, file.suffix)).is_file():
        return ""
    offset, length = record["byte_offset"], min(record["byte_length"], raw_records.LONGEST_TEXT)
    if path.suffix == ".gz":
        if offset > FURTHEST_UNPACKED:
            return ""
        content = memoryview(packed_lines.read(path, offset, length))
        return raw_records.raw_text(content, 0, length).rstrip("\r\n")
    with raw_records.mapped(path) as plain:
        return raw_records.raw_text(plain, offset, length).rstrip("\r\n")


def shown(name: str, value: Any) -> str:
    """A field for people: instants with milliseconds, everything else as it is."""
    if value is None:
        return ""
    if hasattr(value, "timestamp"):
        return instant_exact(int(value.timestamp() * 1000))
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    return json.dumps(value) if isinstance(value, bool) else str(value)


STATED: Final = {
    "their_code": "Code",
    "their_destination": "Destination",
    "their_rate_text": "Rate per minute",
    "their_billed_s": "Billed seconds",
    "their_amount_text": "Amount",
    "their_currency": "Currency",
}


def _plain(text: str) -> str:
    """A figure without the noughts that say nothing: 0.1500 is 0.15."""
    return text.rstrip("0").rstrip(".") if re.fullmatch(r"[0-9]+[.][0-9]+", text) else text


def _pair(record: dict[str, Any], match: dict[str, Any], cdr_id: bytes) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Our record and theirs; None where one side has none."""
    is_ours = match["our_cdr_id"] == cdr_id
    other = match["their_cdr_id"] if is_ours else match["our_cdr_id"]
    found = next((each for each in records_of(bytes(other)) if each["leg"] == match["leg"]), None) if other else None
    if found is None:
        return None
    return (record, found) if is_ours else (found, record)


def _digest_of(agreement: str) -> str:
    """The beginning of the digest that an agreement is named by: AV-BC-2026 version 2 (d71ca9fed3b9)."""
    found = re.search(r"\(([0-9a-f]{12})\)$", agreement)
    return found[1] if found else "none"


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
        hides_line = not sees_money and states_price(records)
        if not sees_money:
            records = without_prices(records)
            record = next(each for each in records if each["leg"] == record["leg"])
        prices = self._prices(records, match, record["leg"]) if sees_money else []
        pair = _pair(record, match, cdr_id) if match else None
        if pair and not sees_money:
            ours, theirs = without_prices(pair)
            pair = ours, theirs
        file = SealedFile.objects.filter(digest=record["file_digest"]).first()
        return {
            "title": f"Call {self.kwargs['cdr_id'][:12]}",
            "cdr_id": self.kwargs["cdr_id"],
            "record": record,
            "records": records,
            "names": names_of({each["partner"] for each in records} | {each["price"].partner for each in prices}),
            "groups": [
                (heading, [(name, value(name, shown(name, record[name]))) for name in names if record.get(name) is not None])
                for heading, names in GROUPS
            ],
            # A line with a price in it is a price.
            "raw": "" if hides_line else raw_line(record, file),
            "hides_line": hides_line,
            "file": file,
            "match": match,
            "beside": self._beside(pair, sees_money=sees_money) if pair else [],
            "clock": clock_words(match["offset_ms"] or 0) if pair and match else "",
            "prices": prices,
            "stated": self._stated(pair[1], prices) if sees_money and pair and pair[1]["leg"] == "OUT" else [],
            "rule": RULE_TITLES.get(str(match["rule"]).split("/")[0], "") if match else "",
            "variances": self._variances(record, prices) if sees_money else [],
        }

    def _variances(self, record: dict[str, Any], prices: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The causes of the difference, each with the clause it stands under."""
        found = rows_about("variance", record, "reconciliation")
        row = next((each["agreement"] for each in prices if each["price"].leg == record["leg"]), None) if found else None
        agreement = reference.agreement_of(row) if row else None
        causes = []
        for each in found:
            number = clause_of(agreement, each["cause"], payable=record["leg"] == "OUT") if agreement else ""
            clause = agreement.clauses.get(number) if agreement else None
            words = {"label": CAUSE_LABELS.get(each["cause"], each["cause"]), "meaning": CAUSE_MEANINGS.get(each["cause"], "")}
            causes.append({**each, **words, "clause": number, "clause_title": clause.title if clause else "", "agreement": row})
        return causes

    def _prices(self, records: list[dict[str, Any]], match: dict[str, Any] | None, leg: str) -> list[dict[str, Any]]:
        """Every step of the price of each of our legs, the leg that is looked at first; of the partner's record, those of the record it was
        matched with. With the agreement, and where the deck row is looked up."""
        ours = records
        if records[0]["side"] == "THEIRS":
            ours = records_of(bytes(match["our_cdr_id"])) if match and match["our_cdr_id"] else []
        priced = leg_prices(book.current(), ours, actor=self.viewer, connection=segments.connection()) if ours else ()
        decks = {
            (row.partner_id, row.direction): row.pk
            for row in Deck.objects.filter(partner_id__in={each.partner for each in priced}).order_by("received_at", "pk")
        }
        number = next((each["b_e164"] for each in ours if each["b_e164"]), "")
        found = []
        for each in sorted(priced, key=lambda one: one.leg != leg):
            row = Agreement.objects.select_related("file").filter(digest__startswith=_digest_of(each.agreement)).order_by("-pk").first()
            deck = decks.get((each.partner, "BUY" if each.leg == "OUT" else "SELL"))
            anchor = next((step.value.removesuffix("Z") for step in each.steps if step.label == "Anchor"), "")
            asked = urlencode({"number": number, "at": anchor})
            address = f"{reverse('deck-lookup', args=[deck])}?{asked}" if deck and number and each.deck_row is not None else ""
            anchor_at = clock.parse_instant_ms(f"{anchor}Z") if anchor and anchor != "unknown" else None
            found.append({"price": each, "agreement": row, "deck_address": address, "number": number, "anchor_at": anchor_at})
        return found

    def _stated(self, theirs: dict[str, Any], prices: list[dict[str, Any]]) -> list[Step]:
        """What a supplier's record states of its price, beside what our deck says of its rate."""
        price = next((each for each in prices if each["price"].leg == "OUT" and each["agreement"]), None)
        if price is None:
            return []
        return stated_steps(
            theirs,
            price["number"],
            price["anchor_at"],
            actor=self.viewer,
            partner=price["price"].partner,
            agreement_digest=price["agreement"].digest,
            known_at=Run.objects.filter(run_key=price["price"].run_key).values_list("known_at", flat=True).first(),
        )

    def _beside(self, pair: tuple[dict[str, Any], dict[str, Any]], *, sees_money: bool) -> list[tuple[str, str, str, bool]]:
        """Field by field ours and theirs, and whether they differ. Beside what they state of their price stands ours."""
        ours, theirs = pair
        charged = rows_about("charge", ours, "rating") if sees_money else []
        charge = next((each for each in charged if each["leg"] == theirs["leg"] and each["status"] == "RATED"), None)
        rows = []
        for name in COMPARED:
            right = theirs.get(name)
            left = OURS_OF[name](charge) if charge and name in OURS_OF and right is not None else ours.get(name)
            left, right = shown(name, left), shown(name, right)
            if left or right:
                differs = bool(left and right and _plain(left) != _plain(right))
                rows.append((STATED.get(name) or field(name), value(name, left), value(name, right), differs))
        return rows
