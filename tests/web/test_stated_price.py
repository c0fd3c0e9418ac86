"""What a partner's record states of its price, taken apart, and who sees none of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tollbook.flow.deck_rows import SheetRow
from tollbook.web.stated_price import clock_words, rows_at_rate, where_words

from . import seed

# 2026-11-22 01:39:00 UTC, from which the second sheet has its increase.
STEP = 1_795_311_540_000
OLD = SheetRow("az_v1.xlsx", 12, "63917", "Globe", 151_900_000, None, STEP)
NEW = SheetRow("az_v2.xlsx", 14, "63917", "Globe", 179_200_000, STEP, None)


@pytest.mark.parametrize(
    ("rows", "at", "words"),
    [
        ([NEW], STEP - 137_000, "63917 Globe, row 14 of az_v2.xlsx, in force from 2026-11-22 01:39:00 UTC: 2 minutes after this call"),
        ([NEW], STEP, "63917 Globe, row 14 of az_v2.xlsx"),
        ([OLD], STEP, "63917 Globe, row 12 of az_v1.xlsx, in force until 2026-11-22 01:39:00 UTC: before this call"),
        ([replace(NEW, since=STEP + 86_400_000), NEW], STEP, "63917 Globe, row 14 of az_v2.xlsx"),
        ([NEW], None, "63917 Globe, row 14 of az_v2.xlsx"),
        ([], STEP, "no row of our deck for this number has this rate"),
    ],
)
def test_where_their_rate_stands(rows: list[SheetRow], at: int | None, words: str) -> None:
    assert where_words(rows, at) == words


def test_rows_of_a_rate_the_longest_code_first() -> None:
    country = replace(NEW, code="63", row=1)
    assert rows_at_rate([OLD, country, NEW], 179_200_000) == [NEW, country]


@pytest.mark.parametrize(
    ("offset_ms", "words"),
    [
        (0, ""),
        (999, ""),
        (-3_598_000, "their clock is 59 minutes behind ours, which the matching allowed for"),
        (1_000, "their clock is 1 second ahead of ours, which the matching allowed for"),
    ],
)
def test_how_far_their_clock_is(offset_ms: int, words: str) -> None:
    assert clock_words(offset_ms) == words


def test_the_page_of_a_call_takes_their_price_apart(full_book: Path, log_in: Callable[[str], Any]) -> None:
    # 62 s at 0.12 a minute are 0.124, and the deck's row 2 says 0.12 for the whole country.
    for record in (seed.FIRST_ID, seed.THEIR_ID):
        page = log_in("billing").get(f"/calls/{record.hex()}/?leg=OUT").content.decode()
        assert "What they charge, step by step" in page
        assert "63 Philippines, row 2 of aurora_az_v1.csv" in page
        assert "0.1200 x 62 s / 60 = 0.124" in page


@pytest.mark.parametrize("record", [seed.FIRST_ID, seed.THEIR_ID])
def test_who_sees_no_prices_sees_none_of_theirs_either(full_book: Path, log_in: Callable[[str], Any], record: bytes) -> None:
    from django.test import Client

    from tollbook.core.rights import RIGHTS, Actor, Role
    from tollbook.flow import token

    page = log_in("noc").get(f"/calls/{record.hex()}/").content.decode()
    assert "639171234567" in page
    for price in ("0.124", "0.1200", "USD", "What they charge"):
        assert price not in page, price
    made = token.create(Actor("owner", Role.OWNER), "t-noc", Role.NOC, RIGHTS[Role.NOC], expires_at=seed.NOW_MS + 86_400_000)
    answer = Client().get(f"/api/v1/calls/{record.hex()}", headers={"Authorization": f"Bearer {made.secret}"})
    found = answer.json()
    assert answer.status_code == 200
    assert not any(name in record for record in found["records"] for name in ("their_rate_text", "their_amount_text", "their_currency"))
    assert "0.124" not in json.dumps(found)


def test_a_line_with_a_price_in_it_is_hidden_with_its_reason(full_book: Path, log_in: Callable[[str], Any]) -> None:
    theirs = f"/calls/{seed.THEIR_ID.hex()}/"
    assert "which your role does not see" in log_in("noc").get(theirs).content.decode()
    assert "which your role does not see" not in log_in("routes").get(theirs).content.decode()
    assert "which your role does not see" not in log_in("noc").get(f"/calls/{seed.FIRST_ID.hex()}/").content.decode()


def test_the_calls_behind_a_difference_have_no_amounts_for_who_sees_none(full_book: Path, log_in: Callable[[str], Any]) -> None:
    from django.test import Client

    from tollbook.core.rights import RIGHTS, Actor, Role
    from tollbook.flow import token

    address = "/reconciliation/aurora/OUT/2026-11/calls/"
    theirs, ours = (log_in(who).get(address).content.decode() for who in ("noc", "billing"))
    assert "Theirs less ours" in ours
    assert "0.02" in ours
    assert seed.FIRST_ID.hex() in theirs
    for price in ("Theirs less ours", "0.02", "USD"):
        assert price not in theirs, price
    exported = b"".join(log_in("noc").get(f"{address}?t-sort=-amount_micros&t-export=csv").streaming_content).decode()
    assert "0.02" not in exported
    for role, amount in ((Role.NOC, None), (Role.BILLING, "20000")):
        made = token.create(Actor("owner", Role.OWNER), f"t-{role}", role, RIGHTS[role], expires_at=seed.NOW_MS + 86_400_000)
        pairs = "/api/v1/reconciliations/aurora/OUT/2026-11/pairs"
        answer = Client().get(pairs, headers={"Authorization": f"Bearer {made.secret}"})
        assert [each["amount_micros"] for each in answer.json()["items"]] == [amount]
