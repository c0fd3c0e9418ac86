"""Aurora's invoice over its rated file: a line per destination and rate, to the cent, and the total of the lines."""

from __future__ import annotations

from oracle.billing import Billed
from oracle.pricing import decimal

NUMBER = "AV-2026-11-0187"


def invoice_lines(billed: list[Billed]) -> list[dict[str, str]]:
    """The lines, by destination and rate. A line is the exact sum of its calls' amounts, rounded half up to the cent once."""
    groups: dict[tuple[str, str], list[Billed]] = {}
    for each in billed:
        groups.setdefault((each.used.destination, each.used.rate_text), []).append(each)
    lines = []
    for (destination, rate), calls in sorted(groups.items()):
        seconds = sum(each.billed_s for each in calls)
        lines.append(
            {
                "destination": destination,
                "codes": " ".join(sorted({each.used.code for each in calls})),
                "rate": rate,
                "calls": str(sum(each.billed_s > 0 for each in calls)),
                "minutes": decimal((seconds * 1_000_000 + 30) // 60, 4),
                "amount": decimal(sum(each.amount_micros for each in calls), 2),
            }
        )
    return lines


def total_cents(lines: list[dict[str, str]]) -> int:
    """The sum of the lines as printed, in cents."""
    return sum(int(line["amount"].replace(".", "")) for line in lines)


def invoice_toml(lines: list[dict[str, str]]) -> str:
    """The head of the invoice as its own document; the lines are the CSV beside it."""
    cents = total_cents(lines)
    return f'''# The head of Aurora Voice's invoice, as typed in from the PDF they sent; its lines are in the CSV file beside this one.
format = "tollbook-invoice-in/1"
partner = "aurora"
number = "{NUMBER}"
issued_on = "2026-12-01"
received_at = "2026-12-01T08:12:00Z"
period_from = "2026-11-01"
period_until = "2026-12-01"   # the first day that is no longer in it
currency = "USD"
total = "{cents // 100}.{cents % 100:02d}"
lines = "aurora_invoice_2026-11.csv"
'''
