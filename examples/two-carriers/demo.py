"""The demonstration: a book of two carriers' month, from an empty folder to a sealed close, and what it found beside the truth.

    python examples/two-carriers/demo.py [--folder demo] [--json FILE] [--port 8000]

It types the commands a user would type, at the instants at which the documents came in. It ends with exit code 1 if one number disagrees
with the lab's truth or the oracle. SERVE=1 in the environment (`make demo`) serves the book at the end.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import shutil
import sys
import time
import tomllib
import zipfile
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from findings import Findings, read_findings  # noqa: E402

PERIOD = "2026-11"
CLOSED_AT = "2026-12-03T09:00:00Z"
MARK = ".tollbook-demo"
FAULTS = {
    "none": "nothing was done to these",
    "lost_BYE_between_A_and_B": "the hang-up never reached Aurora",
    "A_kill9": "Boreal's switch died for 4 s",
    "B_kill9": "Aurora's switch died for 20 s",
    "B_cdr_insert_failed": "Aurora's CDR table was away for 20 s",
    "A_restart_1": "Boreal restarted, Call-IDs masked from then on",
    "A_restart_2": "Boreal restarted, Call-IDs clear again",
    "B_restart": "Aurora restarted",
    "B_counts_from_INVITE": "Aurora counted ringing as conversation",
    "caller_vanished_without_BYE": "the caller vanished",
    "failover_to_C": "carried by Cirrus instead",
}
console = Console(width=None if sys.stdout.isatty() else 118, highlight=False)


@dataclass
class Tour:
    """Where everything lies, and what the commands took."""

    folder: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def book(self) -> Path:
        return self.folder / "book"


def tollbook(tour: Tour, now: str, *words: str, stage: str = "") -> tuple[int, dict[str, Any]]:
    """Runs a command with --json as of an instant; its exit code and the object it printed."""
    from tollbook.cli.app import run

    printed, started = io.StringIO(), time.perf_counter()
    with redirect_stdout(printed):
        code = run(["--now", now, *words, "--json"])
    stage = stage or words[0]
    tour.seconds[stage] = tour.seconds.get(stage, 0.0) + time.perf_counter() - started
    return code, json.loads(printed.getvalue() or "{}")


def say(text: str) -> None:
    console.print(text)


def shown(command: str) -> None:
    console.print(f"\n[bold]$ tollbook {command}[/bold]")


def prepare(folder: Path) -> Tour:
    """An empty folder. One that an earlier demonstration left is emptied; any other is left alone."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise SystemExit(f"{folder} is not empty and was not made by this demonstration; name another with --folder.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).write_text("Made by examples/two-carriers/demo.py; emptied when it runs again.\n", encoding="utf-8")
    return Tour(folder)


def ingest(tour: Tour) -> None:
    """Every document on the day it came in."""
    shown("ingest FILES   [dim]on six days from 19 October to 1 December 2026[/dim]")
    table = Table("received (UTC)", "what", "files", box=None, pad_edge=False)
    for name in ("read", "= accepted", "+ duplicates", "+ problems"):
        table.add_column(name, justify="right")
    for step in tomllib.loads((HERE / "received.toml").read_text(encoding="utf-8"))["received"]:
        files = sorted({path for pattern in step["files"] for path in (HERE / "inbox").glob(pattern)})
        code, printed = tollbook(tour, step["at"], "ingest", *map(str, files), "--book", str(tour.book))
        if code:
            raise SystemExit(f"ingest ended with {code}: {printed}")
        sums = [sum(file[name] for file in printed["files"]) for name in ("read", "accepted", "duplicates", "problems")]
        figures = [f"{number:,}" if sums[0] else "" for number in sums]
        table.add_row(step["at"].replace("T", " ")[:16], step["what"], str(len(files)), *figures)
    console.print(table)


def close_and_verify(tour: Tour) -> dict[str, Any]:
    shown(f"close {PERIOD}")
    code, closed = tollbook(tour, CLOSED_AT, "close", PERIOD, "--book", str(tour.book))
    if code == 2:
        raise SystemExit(f"close refused: {closed}")
    table = Table("", "number", "traffic", box=None, pad_edge=False)
    for name in ("calls", "amount", "due"):
        table.add_column(name, justify="right")
    for row in closed["invoices"]:
        table.add_row(f"invoice to {row['partner']}", row["number"], row["period"], f"{row['calls']:,}", money(row, "payable"), row["due"])
    for row in closed["payables"]:
        table.add_row(f"invoice from {row['partner']}", row["number"], PERIOD, "", money(row, "total"), row["due"])
        table.add_row("  of it undisputed", "", "", "", money(row, "payable"), row["due"])
    for row in closed["disputes"]:
        table.add_row("  of it in dispute", row["id"], "", "", money(row, "amount"), row["submit_until"])
    for row in closed["accruals"]:
        table.add_row(f"cost accrued, {row['partner']}", "", row["period"], "", money(row, "amount"), "")
    console.print(table)
    for found in closed["problems"]:
        say(f"{found['severity']} {found['code']}: {found['reason']}")
    say(f"result digest {closed['result_digest']}")
    shown(f"verify {Path(closed['pack']).name}")
    code, verified = tollbook(tour, CLOSED_AT, "verify", closed["pack"])
    closed["verified"] = code == 0
    say("VERIFIED: every figure came out again from the evidence inside, without the book." if code == 0 else f"NOT VERIFIED: {verified}")
    return closed


def money(row: dict[str, Any], name: str) -> str:
    return f"{row[name]} {row['currency']}"


def show_faults(findings: Findings) -> None:
    """Per fault of the lab what was found, beside what happened."""
    say("\n[bold]What was found, per fault that was injected into the switches[/bold]")
    table = Table("fault", "what happened", box=None, pad_edge=False)
    for name in ("pairs", "found", "only Boreal", "found", "only Aurora", "found"):
        table.add_column(name, justify="right")
    for cause, words in FAULTS.items():
        expected, found = findings.expected[cause], findings.found.get(cause, {})
        table.add_row(cause, words, *_both(expected, found))
    sums = [{where: sum(counts[where] for counts in side.values()) for where in WHERE} for side in (findings.expected, findings.found)]
    table.add_row("[bold]all[/bold]", "", *_both(sums[0], sums[1]))
    console.print(table)
    causes = findings.causes
    other = causes.get("OTHER_BLOCK", {}).get("records", 0)
    phantoms, repeats = (causes.get(f"DUPLICATE_{side}", {}).get("records", 0) for side in ("OURS", "THEIRS"))
    say(f"Of those only at Boreal, {other} went to Cirrus: the trunk says so, and they are no part of the difference with Aurora.")
    say(f"{phantoms} phantom second records of Boreal's restarts were left out, {repeats} calls that Aurora billed twice were found.")
    numbers = ", ".join(findings.zero_seconds)
    say(
        f"{len(findings.zero_seconds)} records of no length have no fault to explain them, and none is made up: Boreal's records {numbers}."
    )


WHERE = ("both", "only ours", "only theirs")


def _both(expected: Any, found: Any) -> list[str]:
    cells = []
    for where in WHERE:
        wanted, got = expected.get(where, 0), found.get(where, 0)
        mark = "" if wanted == got else " [red]differs[/red]"
        cells += [f"{wanted:,}" if wanted or got else "", (f"{got:,}{mark}") if wanted or got else ""]
    return cells


def show_difference(findings: Findings) -> None:
    say("\n[bold]Why Aurora's invoice is not what we expect[/bold]")
    table = Table("cause", "meaning", box=None, pad_edge=False)
    for name in ("calls", "USD", "minutes"):
        table.add_column(name, justify="right")
    for row in findings.summary["money"]["causes"]:
        table.add_row(row["cause"], row["meaning"], f"{row['calls']:,}", f"{row['amount']}", f"{row['minutes_ms'] / 60_000:,.1f}")
    console.print(table)
    totals = findings.summary["money"]
    say(f"Ours {totals['ours']}, theirs {totals['theirs']}, difference {totals['difference']} USD. UNEXPLAINED: {totals['unexplained']}.")
    residual = next(check.found for check in findings.checks if check.name.startswith("residual of the minutes"))
    say(f"The minutes close to {residual} ms.")
    say("\n[bold]The differences planted in the invoice, and where they came out[/bold]")
    table = Table("planted", "found as", box=None, pad_edge=False)
    for name in ("calls", "found", "USD", "found"):
        table.add_column(name, justify="right")
    for planted in findings.planted.values():
        found = findings.causes.get(planted["cause"], {"records": 0, "money": 0})
        values = [f"{value / 60e9:.6f}" for value in (planted["value_pairs_60th_nanos"], found["money"])]
        table.add_row(planted["what"], planted["cause"], str(planted["calls_pairs_with_value"]), str(found["records"]), *values)
    console.print(table)


def lay_out(tour: Tour, closed: dict[str, Any], findings: Findings) -> dict[str, str]:
    """The files people want, under names they find: sealed close, reports, invoices, dispute."""
    from tollbook.formats.report.reconciliation import reconciliation_report

    pack, report = Path(closed["pack"]), Path(closed["report"])
    difference = tour.folder / "difference-aurora.html"
    difference.write_text(reconciliation_report(findings.summary), encoding="utf-8")
    with zipfile.ZipFile(pack) as archive:
        for name in archive.namelist():
            if name.startswith(("documents/", "disputes/")) and not name.endswith(".json"):
                archive.extract(name, tour.folder)
    places = {
        "sealed close": pack,
        "report of the close": report,
        "report of the difference": difference,
        "invoices (PDF, calls)": tour.folder / "documents",
        "dispute and its evidence": tour.folder / "disputes",
    }
    return {name: os.path.relpath(place) if place.is_relative_to(Path.cwd()) else str(place) for name, place in places.items()}


def judge(tour: Tour, closed: dict[str, Any], findings: Findings, places: dict[str, str]) -> int:
    """The verdict: every check, the time, the memory, where everything lies."""
    wrong = [check for check in findings.checks if not check.holds]
    held = len(findings.checks) - len(wrong)
    say(f"\n[bold]{held} of {len(findings.checks)} counts and sums agree with the lab's truth and the oracle.[/bold]")
    for check in wrong:
        say(f"[red]DISAGREES[/red] {check.name}: expected {check.expected}, found {check.found}")
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in tour.seconds.items())
    say(f"Pipeline {sum(tour.seconds.values()):.1f} s ({spent}), peak memory {peak_mb():,} MB.")
    say("")
    width = max(map(len, places))
    for name, place in places.items():
        console.print(f"{name.ljust(width)}  {place}", soft_wrap=True)
    say("\nAny call can be taken apart, here one that Aurora billed at the next rate too soon:")
    console.print(f"tollbook explain {findings.example_call} --book {tour.book}", soft_wrap=True)
    return 1 if wrong or not closed["verified"] else 0


def peak_mb() -> int:
    """Peak resident memory of this process in MB. Where Linux says it itself: what getrusage counts there begins with the size of
    whoever started the process. Linux counts kB, macOS bytes."""
    status = Path("/proc/self/status")
    for line in status.read_text(encoding="ascii", errors="replace").splitlines() if status.exists() else ():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak / (1 << 20) if sys.platform == "darwin" else peak / 1024)


def as_json(tour: Tour, closed: dict[str, Any], findings: Findings, places: dict[str, str]) -> dict[str, Any]:
    checks = [{"name": each.name, "expected": each.expected, "found": each.found, "holds": each.holds} for each in findings.checks]
    figures = {"seconds": tour.seconds, "peak_mb": peak_mb(), "verified": closed["verified"], "result_digest": closed["result_digest"]}
    return {**figures, "places": places, "checks": checks}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="where everything is made (default: demo)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the checks as JSON as well")
    parser.add_argument("--port", type=int, default=8000, help="where it is served at the end (default: 8000)")
    options = parser.parse_args()
    tour = prepare(options.folder)
    say("[bold]Two carriers, one month.[/bold] Real SIP traffic between Boreal Carrier (us) and Aurora Voice, 22 November 2026.")
    say("Names, contracts and prices are constructed; examples/two-carriers/README.md is the guided tour.")
    shown("init demo/book --name boreal")
    tollbook(tour, "2026-10-19T08:00:00Z", "init", str(tour.book), "--name", "boreal", "--currency", "EUR", "--zone", "Europe/Dublin")
    ingest(tour)
    closed = close_and_verify(tour)
    findings = read_findings(tour.book, closed)
    show_faults(findings)
    show_difference(findings)
    places = lay_out(tour, closed, findings)
    code = judge(tour, closed, findings, places)
    if options.json:
        options.json.write_text(json.dumps(as_json(tour, closed, findings, places), indent=2, default=str) + "\n", encoding="utf-8")
    if code == 0 and os.environ.get("SERVE", "0") not in ("", "0"):
        return serve(tour, options.port)
    return code


def serve(tour: Tour, port: int) -> NoReturn:
    """The web application over the demo's book, until Ctrl-C. In this process's place: the application has settings of its own."""
    shown(f"serve --book {tour.book}")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "tollbook", "serve", "--book", str(tour.book), "--port", str(port)])


if __name__ == "__main__":
    raise SystemExit(main())
