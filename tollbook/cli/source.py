"""`tollbook source`: try a CDR file against a format, before anything is billed from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tollbook.cli.output import print_json, print_table, show_problems
from tollbook.core.problem import CATALOGUE, Severity

if TYPE_CHECKING:
    from tollbook.plain.source import SourceReport

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Try a CDR file against a format; list the formats.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("try")
def try_file(
    file: Annotated[Path, typer.Argument(help="A CDR file: CSV, TSV, also gzip, or Parquet.", metavar="FILE")],
    format_name: Annotated[
        str | None, typer.Option("--format", help="A format's name, or a mapping (TOML); else the columns decide.", metavar="NAME")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Reads a CDR file and shows what it holds, what is wrong with it and whether it can be billed from. Nothing is kept.

    Example: tollbook source try cdr.csv --format partner.toml
    """
    from tollbook.plain.source import try_source

    report = try_source(file, format_name)
    if as_json:
        print_json(report.as_dict())
    else:
        _show(report)
    failed = report.refused > 0 or any(CATALOGUE[code].severity in (Severity.ERROR, Severity.FATAL) for code in report.counts)
    return int(failed or report.read == 0)


def _show(report: SourceReport) -> None:
    from tollbook.plain.source import instant_text

    profile = report.profile
    print(f"{report.file}: {profile.title or profile.name} ({profile.name}), {profile.side.lower()}, source {profile.source}")
    print(f"{report.read:,} records read, {report.accepted:,} accepted as {report.rows:,} legs, {report.refused:,} refused.")
    if report.rows:
        minutes = f"{report.duration_ms // 60_000:,} min {report.duration_ms % 60_000 // 1000} s"
        print(f"{report.answered:,} answered, {minutes} in all, from {instant_text(report.first_ms)} to {instant_text(report.last_ms)}.")
        rows = [
            (
                row["record_no"],
                row["leg"],
                row["partner"] or row["trunk"],
                (row["answer_at"] or row["release_at"]).replace("T", " ").removesuffix("Z").removesuffix(".000"),
                f"{row['duration_ms'] // 1000}.{row['duration_ms'] % 1000:03d}",
                row["a_e164"] or row["a_class"],
                row["b_raw"] if row["b_raw"] != row["b_e164"] else "",
                row["b_e164"] or row["b_class"],
            )
            for row in report.examples
        ]
        print()
        print_table("", ("record", "leg", "who", "UTC", "seconds", "calling", "dialled", "called"), rows, right=(0, 4))
        print()
    sys.stdout.flush()
    show_problems(report.problems)
    for code, count in report.counts.most_common():
        shown = sum(each.code == code for each in report.problems)
        if count > shown:
            print(f"... and {count - shown:,} more {code}: {CATALOGUE[code].meaning}", file=sys.stderr)
    sys.stderr.flush()
    print(report.health)


@app.command()
def profiles(as_json: AsJson = False) -> int:
    """Lists the formats that come with Tollbook. A mapping of your own may extend any of them.

    Example: tollbook source profiles
    """
    from tollbook.plain.source import formats

    found = formats()
    if as_json:
        print_json({"formats": [{"name": each.name, "title": each.title, "layer": each.layer, "tech": each.tech} for each in found]})
        return 0
    print_table("", ("name", "layer", "what it reads"), [(each.name, each.layer.lower(), each.title) for each in found])
    return 0
