"""A call without a price is on no invoice; the close must say so, or it would pass for a call that costs nothing."""

from __future__ import annotations

from pathlib import Path

from tollbook.flow.book import Book
from tollbook.flow.close import without_price
from tollbook.flow.run import Run


def rating(summary: dict[str, dict[str, int | str]]) -> Run:
    return Run(
        book=Book(Path(), "b", "b", "USD", "UTC", "sqlite"),
        run_key="k",
        stage="rating",
        scope="gulfrt/IN/2026-11-B",
        semantics_version=1,
        inputs=(),
        parameters={},
        known_at=None,
        result_digest="d",
        results={},
        summary=summary,
        files={},
    )


def line(records: int) -> dict[str, int | str]:
    return {"records": records, "billed_s": 0, "exact_60th_nanos": "0"}


def test_calls_without_a_price_are_named_by_why() -> None:
    found = without_price(rating({"RATED USD": line(2632), "UNRATED USD": line(2), "UNRATED": line(1), "HELD USD": line(4)}))
    assert [(each.code, each.reason, each.value) for each in found] == [
        ("UNRATED", "Calls of the IN leg with gulfrt in 2026-11-B without a price: 3.", "gulfrt/IN/2026-11-B"),
        ("HELD", "Calls of the IN leg with gulfrt in 2026-11-B without a price: 4.", "gulfrt/IN/2026-11-B"),
    ]


def test_a_leg_with_every_price_says_nothing() -> None:
    assert without_price(rating({"RATED USD": line(7), "NOT_BILLABLE USD": line(3)})) == []
