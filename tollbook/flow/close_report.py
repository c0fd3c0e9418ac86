"""The report of a close as one HTML file: what was found, what is billed, owed and disputed, per partner, with every digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import Sum

from tollbook import __version__
from tollbook.core.ledger import CHART
from tollbook.core.money import format_micros, format_scaled
from tollbook.flow import clock
from tollbook.flow.book import Book
from tollbook.flow.run import Run
from tollbook.flow.settlement import operator
from tollbook.formats.report.reconciliation import is_torn, minute_steps, money_steps
from tollbook.formats.report.render import render
from tollbook.store.models import ExceptionCase, Partner, Posting

if TYPE_CHECKING:
    from tollbook.flow.close import Close, PartnerClose


def close_report(book: Book, close: Close, runs: Iterable[Run]) -> str:
    """The text of the report."""
    names = dict(Partner.objects.values_list("id", "name"))
    return render("close.html.j2", {"c": context(book, close, list(runs), names)})


def context(book: Book, close: Close, runs: list[Run], names: dict[str, str]) -> dict[str, Any]:
    """Everything the report shows, as finished values; the command prints from the same."""
    partners = [_partner(each, names) for each in close.partners]
    return {
        "period": close.period,
        "book": operator(book, close.known_at).name,
        "closed_at": clock.show_instant(close.closed_at),
        "is_complete": close.is_complete,
        "result_digest": close.result_digest,
        "root": close.root,
        "pack": close.pack.name,
        "tiles": _tiles(close),
        "checks": _checks(close),
        "partners": partners,
        "invoices": [row for each in partners for row in each["invoices"]],
        "payables": [row for each in partners for row in each["payables"]],
        "disputes": [row for each in partners for row in each["disputes"]],
        "accruals": [row for each in partners for row in each["accruals"]],
        "exceptions": _exceptions(close, names),
        "ledger": _trial_balance(),
        "runs": [_run(run) for run in runs],
        "problems": _problems(close),
        "version": __version__,
    }


def _partner(each: PartnerClose, names: dict[str, str]) -> dict[str, Any]:
    name = names.get(each.partner) or each.partner
    found = [item.summary for item in each.reconciliations]
    return {
        "id": each.partner,
        "name": name,
        "parked": [f"{found.reason} {found.remedy}" for found in each.parked],
        "agreement": f"{each.agreement.id} v{each.agreement.version}" if each.agreement else "",
        "zone": each.agreement.zone if each.agreement else "",
        "periods": each.periods,
        "invoices": [
            {
                "partner": name,
                "number": sales.document.number,
                "period": sales.document.period,
                "calls": sum(line.usage.calls for line in sales.document.lines),
                "minutes": format_scaled(sum(line.usage.billed_s for line in sales.document.lines) * 100 // 60, 2, 2),
                "currency": sales.document.currency,
                "net": money(sales.document.totals.net),
                "tax": money(sales.document.totals.tax),
                "payable": money(sales.document.totals.payable),
                "due": str(sales.document.due_on),
                "lines": len(sales.document.lines),
                "annex": sales.document.annex_sha256,
            }
            for sales in each.invoices
        ],
        "payables": [
            {
                "partner": name,
                "number": row.invoice.number,
                "currency": row.invoice.currency,
                "total": money(row.invoice.total_micros),
                "payable": money(row.release.payable_gross),
                "disputed": money(row.release.withheld_gross),
                "tolerance": money(row.tolerance_micros),
                "due": str(row.due_on),
                "dispute_until": str(row.dispute_until),
                "adds_up": not row.problems,
            }
            for row in each.payables
        ],
        "disputes": [
            {
                "partner": name,
                "id": row.id,
                "state": row.state,
                "currency": row.currency,
                "amount": money(row.disputed_micros),
                "submit_until": str(row.clocks.submit_until),
                "evidence_due": str(row.clocks.evidence_due),
                "root": row.root,
            }
            for row in each.disputes
        ],
        "accruals": [
            {
                "partner": name,
                "period": row.content["period"],
                "currency": row.content["currency"],
                "amount": money(int(row.content["amount_micros"])),
            }
            for row in each.accruals
        ],
        "reconciliations": [
            {"s": summary, "steps": money_steps(summary), "minutes": minute_steps(summary), "torn": is_torn(money_steps(summary))}
            for summary in found
        ],
    }


def money(micros: int) -> str:
    """A plain decimal, as the filters of the reports take it."""
    return format_scaled(micros, 6, 2)


def _tiles(close: Close) -> list[dict[str, Any]]:
    """The sums people look for first, by currency where there are several."""
    sums: list[defaultdict[str, int]] = [defaultdict(int) for _ in range(5)]
    billed, owed, disputed, accrued, found = sums
    for each in close.partners:
        for sales in each.invoices:
            billed[sales.document.currency] += sales.document.totals.gross
        for row in each.payables:
            owed[row.invoice.currency] += row.release.payable_gross
            disputed[row.invoice.currency] += row.release.withheld_gross
        for issued in each.accruals:
            accrued[issued.content["currency"]] += int(issued.content["amount_micros"])
        for item in each.reconciliations:
            if item.summary["money"]:
                found[item.sides.agreement.currency] += _overcharged(item.summary)
    closed = sum(not each.parked for each in close.partners)
    status = f"{closed} of {len(close.partners)}"
    return [
        {"label": "Partners closed", "values": [status], "tone": "ok" if close.is_complete else "bad"},
        {"label": "Billed by us", "values": _amounts(billed), "tone": ""},
        {"label": "Overcharges found", "values": _amounts(found), "tone": "warn" if any(found.values()) else ""},
        {"label": "In dispute", "values": _amounts(disputed), "tone": "bad" if any(disputed.values()) else ""},
        {"label": "Payable, undisputed", "values": _amounts(owed), "tone": ""},
        {"label": "Cost accrued", "values": _amounts(accrued), "tone": ""},
    ]


def _overcharged(summary: dict[str, Any]) -> int:
    """What the causes that cost us come to, in micro-units: the money a close finds."""
    total = sum(max(0, int(cause["exact_60th_nanos"])) for cause in summary["money"]["causes"])
    return total // 60_000 // 10_000 * 10_000


def _amounts(sums: dict[str, int]) -> list[str]:
    return [f"{currency} {format_micros(value, currency)}" for currency, value in sorted(sums.items())] or ["–"]


def _checks(close: Close) -> list[dict[str, Any]]:
    """The list an auditor ticks off."""
    reconciled = [item.summary for each in close.partners for item in each.reconciliations]
    payables = [row for each in close.partners for row in each.payables]
    money_found = [summary["money"] for summary in reconciled if summary["money"]]
    rows = [
        ("Every partner with an agreement was closed", close.is_complete, f"{sum(bool(each.parked) for each in close.partners)} parked"),
        (
            "Every minute of both sides is in one class",
            all(summary["minutes"]["open_ms"] == 0 for summary in reconciled),
            f"{sum(abs(summary['minutes']['open_ms']) for summary in reconciled)} ms open",
        ),
        (
            "The causes add up to the difference, to the last unit",
            all(int(found["open_60th_nanos"]) == 0 for found in money_found),
            f"{len(money_found)} waterfalls",
        ),
        ("Nothing is unexplained", all(found["unexplained_zero"] for found in money_found), "UNEXPLAINED is zero"),
        ("The suppliers' invoices add up", all(not row.problems for row in payables), f"{len(payables)} received"),
        ("Our invoices obey the rules of EN 16931", True, f"{sum(len(each.invoices) for each in close.partners)} issued"),
        ("The ledger balances per document, currency and column", True, "checked where it is posted"),
    ]
    return [{"words": words, "holds": holds, "note": note} for words, holds, note in rows]


def _exceptions(close: Close, names: dict[str, str]) -> list[dict[str, Any]]:
    keys = [item.run.run_key for each in close.partners for item in each.reconciliations]
    rows = ExceptionCase.objects.filter(run_id__in=keys).order_by("partner_id", "-amount_micros", "cause")
    return [
        {
            "partner": names.get(row.partner_id) or row.partner_id,
            "class": row.cause,
            "kind": row.exception_class,
            "owner": row.owner,
            "calls": row.records,
            "minutes_ms": row.minutes_ms,
            "currency": row.currency,
            "amount": money(row.amount_micros),
            "clause": row.clause,
            "dispute": row.dispute_id or "",
        }
        for row in rows
    ]


def _trial_balance() -> list[dict[str, Any]]:
    """The balances of the ledger by currency and account, posted and pending beside each other, on the account's normal side."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: {"POSTED": 0, "PENDING": 0})
    sums = Posting.objects.values("currency", "account", "state").annotate(debit=Sum("debit_micros"), credit=Sum("credit_micros"))
    for row in sums.order_by("currency", "account", "state"):
        side = 1 if CHART[row["account"]].normal == "DEBIT" else -1
        found[row["currency"], row["account"]][row["state"]] += side * (row["debit"] - row["credit"])
    return [
        {
            "currency": currency,
            "account": account,
            "name": CHART[account].name,
            "normal": CHART[account].normal.capitalize(),
            "posted": money(values["POSTED"]),
            "pending": money(values["PENDING"]),
        }
        for (currency, account), values in sorted(found.items())
    ]


def _run(run: Run) -> dict[str, Any]:
    return {
        "stage": run.stage,
        "scope": run.scope,
        "rows": ", ".join(f"{found['rows']:,} {kind}" for kind, found in sorted(run.results.items())),
        "digest": run.result_digest,
        "key": run.run_key,
    }


def _problems(close: Close) -> list[dict[str, Any]]:
    """Problems by code, as the macro of the reports shows them."""
    found: dict[str, list[Any]] = defaultdict(list)
    for each in close.all_problems:
        found[each.code].append(each)
    return [
        {
            "code": code,
            "severity": str(rows[0].severity),
            "count": len(rows),
            "meaning": rows[0].kind.meaning,
            "remedy": rows[0].remedy,
            "examples": [{"place": str(row.place), "reason": row.reason, "value": row.value} for row in rows[:20]],
        }
        for code, rows in sorted(found.items())
    ]
