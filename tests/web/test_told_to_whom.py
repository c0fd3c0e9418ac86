"""What pages and the palette say to whom: a partner reads words for a partner, and nobody is offered what is not there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from tollbook.store.models import Dispute, Head
from tollbook.web import figures

from . import seed


def test_a_partner_reads_of_its_own_documents(full_book: Path, log_in: Callable[[str], Any]) -> None:
    page = log_in("aurora-user").get("/documents/").content.decode()
    kinds = re.findall(r'<option value="([A-Z_]+)"[^>]*>([^<]+)</option>', page)
    assert ("RECEIVED_INVOICE", "Your invoice") in kinds
    assert ("INVOICE", "Invoice to you") in kinds
    assert "ACCRUAL" not in dict(kinds)
    assert ("ACCRUAL", "Accrual") in re.findall(
        r'<option value="([A-Z_]+)"[^>]*>([^<]+)</option>', log_in("billing").get("/documents/").content.decode()
    )


def test_a_partner_without_disputes_reads_nothing_of_how_we_work(full_book: Path, log_in: Callable[[str], Any]) -> None:
    Dispute.objects.filter(partner_id="aurora").update(state="DRAFT")
    page = log_in("aurora-user").get("/disputes/").content.decode()
    assert "one of your invoices" in page
    assert "error budget" not in page
    assert "Draft" not in page


def test_what_is_not_a_partners_to_see_names_no_right(full_book: Path, log_in: Callable[[str], Any]) -> None:
    page = log_in("aurora-user").get("/overview/")
    assert page.status_code == 403
    assert "Not yours to see" in page.content.decode()
    assert "revenue" not in page.content.decode().lower()
    ours = log_in("noc").get("/overview/").content.decode()
    assert "See revenue beside cost" in ours, "of our own people everybody may know what a page needs"


def _found(client: Any, text: str) -> list[tuple[str, str]]:
    page = client.get("/search/", {"q": text}).content.decode()
    return [
        (address.replace("&amp;", "&"), re.sub(r"<[^>]+>", " ", inside).strip())
        for address, inside in re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', page, re.DOTALL)
    ]


def test_the_palette_knows_destinations(full_book: Path, log_in: Callable[[str], Any]) -> None:
    head = Head.objects.select_related("run").filter(stage="reconciliation").order_by("-run__finished_at", "scope")[0]
    name = head.run.summary["destinations"][0]["name"]
    hits = _found(log_in("billing"), name[1:5].upper())
    assert (reverse("pairs", args=[head.scope]) + "?" + urlencode({"t-destination": name})) in [address for address, _ in hits]
    assert _found(log_in("cirrus-user"), name) == []


def test_who_sees_no_differences_is_led_to_traffic(full_book: Path, log_in: Callable[[str], Any]) -> None:
    hits = _found(log_in("noc"), "philipp")
    assert any(address.startswith("/traffic/?leg=OUT") and "destination=Philippines" in address for address, _ in hits)


def test_a_plain_word_is_no_call_id(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client = log_in("billing")
    assert not any("call-id" in address for address, _ in _found(client, "Turkcell"))
    assert any("call-id" in address for address, _ in _found(client, "2795-2230-m@198.51.100.16"))


def test_undo_stands_at_the_top_of_either_page_and_the_panel_asks_for_a_reason(full_book: Path, log_in: Callable[[str], Any]) -> None:
    client, key = log_in("billing"), seed.digest("aurora DURATION_VARIANCE")
    for address in (f"/exceptions/{key}/", "/exceptions/"):
        number = re.search(rf"{key}\.(\d+)", client.get(f"/exceptions/{key}/").content.decode())
        assert number is not None
        given = {"case": number.group(), "do": "decide", "decision": "ACCEPTED", "reason": "small", "key": "a" * 20 + str(len(address))}
        page = client.post(address, given, follow=True).content.decode()
        assert page.index("notice-action") < page.index("<h1>"), address
        again = client.get(f"/exceptions/{key}/").content.decode()
        assert "Needed: whoever reads the history will ask." in again
        assert re.search(r'<textarea id="reason"[^>]* required', again)
        number = re.search(rf"{key}\.(\d+)", again)
        assert number is not None
        client.post(f"/exceptions/{key}/", {"case": number.group(), "do": "undo", "reason": "again"})


def test_a_quiet_source_says_what_that_means() -> None:
    sums = {"total_problems": 0, "total_read": 5, "total_accepted": 5, "total_duplicates": 0}
    row = {"source": "aurora", "files": 1, "last_at": seed.NOW_MS, **sums}
    quiet = figures._health(row, seed.NOW_MS + 11 * figures.MS_PER_DAY)
    assert (quiet.state, quiet.sentence) == (
        "QUIET",
        "No file for 11 days. That is healthy where files come seldom; else ask who sends them.",
    )
