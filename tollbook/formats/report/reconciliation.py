"""The reconciliation report from its summary: one HTML file to mail to somebody."""

from __future__ import annotations

from typing import Any

from tollbook.core.money import parse_scaled
from tollbook.core.reconciliation import CAUSES
from tollbook.formats.report.numbers import decimal_places, minutes, money, signed_minutes, signed_money
from tollbook.formats.report.render import render
from tollbook.formats.report.waterfall import Step, lowest


def reconciliation_report(summary: dict[str, Any]) -> str:
    """The text of the report. `summary` is what engine.reconciliation_summary gives, also when read back from summary.json."""
    steps = money_steps(summary)
    return render(
        "reconciliation.html.j2",
        {"s": summary, "money_steps": steps, "minute_steps": minute_steps(summary), "torn": is_torn(steps)},
    )


def money_steps(summary: dict[str, Any]) -> list[Step]:
    """From our total over the causes, the largest first as they are listed, to theirs. Empty where there is no money."""
    found = summary["money"]
    if not found:
        return []
    places = found["places"]
    order = {cause: place for place, cause in enumerate(CAUSES)}
    causes = sorted(found["causes"], key=lambda each: order[each["cause"]])
    return [
        Step(
            "We expect" if summary["direction"] == "PAYABLE" else "We bill",
            _micros(found["ours"]),
            money(found["ours"], places),
            total=True,
        ),
        *(
            Step(each["label"], _micros(each["amount"]), signed_money(each["amount"], places), unexplained=each["cause"] == "UNEXPLAINED")
            for each in causes
        ),
        Step(
            "They state" if found["basis"] == "STATED" else "Theirs at our prices",
            _micros(found["theirs"]),
            money(found["theirs"], places),
            total=True,
        ),
    ]


def minute_steps(summary: dict[str, Any]) -> list[Step]:
    """From our minutes over the classes to theirs; classes without a difference have no bar."""
    found = summary["minutes"]
    return [
        Step("Our minutes", found["ours_ms"], minutes(found["ours_ms"]), total=True),
        *(Step(each["label"], each["net_ms"], signed_minutes(each["net_ms"])) for each in found["classes"] if each["net_ms"]),
        Step("Their minutes", found["theirs_ms"], minutes(found["theirs_ms"]), total=True),
    ]


def is_torn(steps: list[Step]) -> bool:
    """Whether the bars of the totals are cut on the left, which the caption then says."""
    return bool(steps) and lowest(steps) != 0


def _micros(text: str) -> int:
    value = parse_scaled(text, 6)
    assert value is not None, decimal_places(text)
    return value
