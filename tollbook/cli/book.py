"""Commands of a book: make one, put files into it, check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tollbook.cli.output import exit_code, print_json, print_table, show_problems

if TYPE_CHECKING:
    from tollbook.flow.collection import FileReport

BookOption = Annotated[Path | None, typer.Option("--book", help="The book's folder; else $TOLLBOOK_BOOK, else ./book.", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def init(
    folder: Annotated[Path | None, typer.Argument(help="Where to make it; else $TOLLBOOK_BOOK, else ./book.", show_default=False)] = None,
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    currency: Annotated[str, typer.Option(help="Of its own management figures.")] = "USD",
    zone: Annotated[str, typer.Option(help="Of its own management figures.")] = "UTC",
    as_json: JsonOption = False,
) -> None:
    """Make a new book.

    Example: tollbook init book --name "Boreal Carrier" --currency EUR
    """
    from tollbook.flow.book import default_folder, init_book

    book = init_book(folder or default_folder(), name=name, currency=currency, zone=zone)
    if as_json:
        print_json({"book": str(book.folder), "id": book.id, "name": book.name, "currency": book.currency, "zone": book.zone})
        return
    print(f"The book is in {book.folder}. Put files into it with: tollbook ingest FILES --book {book.folder}")


def ingest(
    files: Annotated[list[Path], typer.Argument(help="CDR files, agreements, decks, source profiles, zones, or folders of them.")],
    source: Annotated[str, typer.Option(help="The source a CDR file comes from; else its columns say.")] = "",
    kind: Annotated[str, typer.Option("--as", help="What the files are, where their content does not say.")] = "",
    book: BookOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Go the whole way and leave nothing.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Seal files and read them into the book. The same file twice adds nothing.

    Example: tollbook ingest inbox/ --book book
    """
    from tollbook.flow.book import local_actor, open_book
    from tollbook.flow.intake import WORDS
    from tollbook.flow.intake import ingest as ingest_files
    from tollbook.flow.kpi import refresh

    if kind and kind not in WORDS:
        raise typer.BadParameter(f"--as is one of {', '.join(WORDS)}.")
    opened = open_book(book)
    with _Progress(quiet=as_json) as progress:
        reports = ingest_files(
            opened, files, actor=local_actor(), source=source, kind=WORDS.get(kind, ""), dry_run=dry_run, progress=progress.show
        )
    if not dry_run and any(each.accepted for each in reports):
        refresh(opened, actor=local_actor())
    return show_reports(reports, as_json=as_json)


def report_code(reports: list[FileReport]) -> int:
    """The exit code these files deserve: 2 where none could be used, 1 where something in them is wrong."""
    if reports and all(report.status == "refused" for report in reports):
        return 2
    return exit_code([each for report in reports for each in report.found])


def show_reports(reports: list[FileReport], *, as_json: bool) -> int:
    """A line per file and the problems; gives the exit code."""
    found = [each for report in reports for each in report.found]
    code = report_code(reports)
    if as_json:
        print_json({"files": [report.as_dict() for report in reports]})
        return code
    rows = [
        (each.name, each.kind.lower(), each.source, each.status, *(_figures(each) if each.kind == "CDR" else ("", "", "", "")))
        for each in reports
    ]
    columns = ("file", "kind", "source or name", "status", "read", "= accepted", "+ duplicates", "+ problems")
    print_table("", columns, rows, right=(4, 5, 6, 7))
    show_problems(found)
    return code


def _figures(report: FileReport) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in (report.read, report.accepted, report.duplicates, report.problems))


class _Progress:
    """Records read so far, on a terminal only."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn

        console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,} records"), console=console, transient=True
        )
        self._progress.disable = quiet or not console.is_terminal
        self._tasks: dict[Path, Any] = {}

    def __enter__(self) -> _Progress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, path: Path, records: int) -> None:
        if path not in self._tasks:
            self._tasks[path] = self._progress.add_task(path.name, total=None)
        self._progress.update(self._tasks[path], completed=records)


def check(
    book: BookOption = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make again what can be made again, and remove files that belong to nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Recompute the book's invariants from the ground and name what disagrees.

    Example: tollbook check --book book
    """
    from tollbook.flow.book import local_actor, open_book
    from tollbook.flow.check import check_book

    report = check_book(open_book(book), actor=local_actor(), repair=repair)
    if as_json:
        values = {"is_whole": report.is_whole, "checks": report.counts, "repaired": report.repaired}
        print_json({**values, "found": [each.as_dict() for each in report.found]})
    else:
        print_table("", ("checked", "found wrong"), sorted(report.counts.items()), right=(1,))
        for name, count in report.repaired.items():
            print(f"Repaired {name}: {count}.")
        show_problems(report.found)
        print("The book is whole." if report.is_whole else "The book is not whole.")
    return 0 if report.is_whole else 1
