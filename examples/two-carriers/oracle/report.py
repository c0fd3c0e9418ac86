"""What the oracle found, as TOML that the tests and the demonstration read."""

from __future__ import annotations

from collections.abc import Mapping

from bookmaker.decks import CHANGE_AT, INCREASED_EARLY, MAPPED_TO, MAPPED_WRONG, OTHER_INCREMENT

from oracle.billing import EARLY_BY_MS, Billed
from oracle.invoice import NUMBER, invoice_lines, total_cents
from oracle.pricing import PER_MICRO, decimal
from oracle.receivable import Account
from oracle.waterfall import Expected

CAUSES = (
    *("DURATION", "INCREMENT", "RATE", "DESTINATION", "TIME_SHIFT", "ROUNDING"),
    *("MISSING_OURS", "MISSING_THEIRS", "ANSWER_MISMATCH", "DUPLICATE_THEIRS", "DUPLICATE_OURS"),
)
PLANTED = {
    "increase_early": (
        "RATE",
        "RATE_VARIANCE",
        f"{INCREASED_EARLY}: the rate of the second version, used {EARLY_BY_MS // 60_000} minutes before it is effective",
    ),
    "other_increment": ("INCREMENT", "INCREMENT_VARIANCE", f"{OTHER_INCREMENT}: billed 60/60 where the deck says 1/1"),
    "mapped_wrong": ("DESTINATION", "DESTINATION_MISMATCH", f"{MAPPED_WRONG}: rated as its dearer neighbour {MAPPED_TO}"),
    "duplicated_calls": ("DUPLICATE_THEIRS", "DUPLICATE_THEIRS", "calls written twice, with a new running number and all else the same"),
}


def nearest_micros(exact: int) -> int:
    """1/60 nanos to micro-units, half away from zero."""
    return (abs(exact) + PER_MICRO // 2) // PER_MICRO * (1 if exact >= 0 else -1)


def dollars(exact: int) -> str:
    return decimal(nearest_micros(exact))


def table(values: Mapping[str, int], names: tuple[str, ...] | None = None) -> list[str]:
    return [f"{name} = {values[name]}" for name in (names or sorted(values))]


def planted_toml(expected: Expected) -> str:
    """The planted differences: what was done, to how many calls, and its exact value."""
    lines = [
        "# The differences planted in Aurora's invoice, written down before anything reconciles it. Made by make_example.py.",
        "# *_60th_nanos are exact: 1/60 of 10^-9 US dollar. Pairs are calls that both carriers recorded; calls that only Aurora has",
        "# belong to MISSING_OURS with their whole amount, and value_only_theirs says how much of that the planted rule adds.",
        "",
    ]
    for name, (cause, kind, text) in PLANTED.items():
        found = expected.planted[name]
        lines += [f"[{name}]", f'cause = "{cause}"', f'class = "{kind}"', f'what = "{text}"']
        for where in ("pairs", "only_theirs"):
            exact = found[f"value_{where}_60th_nanos"]
            lines += [
                f"calls_{where} = {found[f'calls_{where}']}",
                f"calls_{where}_with_value = {found[f'calls_{where}_with_value']}",
                f"value_{where}_60th_nanos = {exact}",
                f"value_{where}_micros = {nearest_micros(exact)}   # {dollars(exact)} USD",
            ]
        lines.append("")
    return "\n".join(lines)


def expected_toml(expected: Expected, billed: list[Billed]) -> str:
    """The whole difference by cause, in money and minutes, the classes, and the lab's counts by cause of fault."""
    lines = [
        "# What a reconciliation of Aurora's invoice must find, by brute force over the true pairs. Made by make_example.py.",
        "# The sum of [money_60th_nanos] is Aurora's rated calls less Boreal's own charges, both rounded per call as agreed.",
        f'change_at = "{CHANGE_AT}Z"',
        "",
        "[money_60th_nanos]",
    ]
    lines += [f"{name} = {expected.money[name]}   # {dollars(expected.money[name])} USD" for name in CAUSES]
    lines += [
        "UNEXPLAINED = 0",
        "",
        "# theirs - ours of the recorded durations, in milliseconds, over every record of either side",
        "[minutes_ms]",
    ]
    lines += [*table(expected.minutes), "RESIDUAL = 0", "", "[records]", *table(expected.records)]
    lines += ["", "# Every pair has one class, the first that applies.", "[classes]", *table(expected.classes)]
    lines += ["", "[totals]", *table(expected.totals)]
    cents = total_cents(invoice_lines(billed))
    lines += [f'invoice_number = "{NUMBER}"', f"invoice_micros = {cents * 10_000}"]
    lines += [f"invoice_less_calls_micros = {cents * 10_000 - expected.totals['theirs_micros']}   # rounding of the lines to cents", ""]
    for cause, counts in sorted(expected.faults.items()):
        lines.append(f"[faults.{cause}]")
        lines += [f"{name} = {counts[name]}" for name in ("pairs", "only_ours", "only_theirs")]
        lines.append("")
    return "\n".join(lines)


def accounts_toml(accounts: Mapping[str, Account]) -> str:
    """What each customer owes and what Cirrus is due, as the invoices must say."""
    lines = [
        "# The invoices of the other partners over the same calls, by brute force. Made by make_example.py.",
        "# invoice_cents: every line (destination and rate) rounded half up to the cent once, then added.",
        "",
    ]
    for partner, account in accounts.items():
        lines += [f"[{partner}]", *table(account.counts), f"lines = {len(account.lines)}", f"invoice_cents = {account.total_cents()}", ""]
    return "\n".join(lines)
