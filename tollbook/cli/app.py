"""The commands by name, each loaded when it is called.

Exit codes are the same everywhere: 0 done; 1 done, but something is wrong with the data or does not verify;
2 nothing could be done (bad usage, refused input).
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click
import typer
from typer.main import get_command

from tollbook import __version__
from tollbook.cli.output import show_problems
from tollbook.core.problem import Refusal

# Name, where it lives, what it is for. Grouped as `--help` shows them.
COMMANDS: dict[str, tuple[str, str]] = {
    # On plain files, no book needed.
    "rate": ("tollbook.cli.rate:rate", "Price a CDR file by a deck."),
    "reconcile": ("tollbook.cli.reconcile:reconcile", "Match two carriers' records and explain every difference."),
    "verify": ("tollbook.cli.verify:verify", "Check a sealed close or a dispute pack, offline."),
    "deck": ("tollbook.cli.deck:app", "Look into rate decks: lookup, digest, show."),
    "source": ("tollbook.cli.source:app", "Try a CDR file against a format; list the formats."),
    # With a book.
    "init": ("tollbook.cli.book:init", "Make a new book."),
    "ingest": ("tollbook.cli.book:ingest", "Seal and read files into the book."),
    "explain": ("tollbook.cli.explain:explain", "Show how a call got its price, step by step."),
    "close": ("tollbook.cli.close:close", "Close a period: rate, match, reconcile, dispute, invoice, seal."),
    "check": ("tollbook.cli.book:check", "Recompute the book's invariants and name what disagrees."),
    "worker": ("tollbook.cli.book:worker", "Collect new files from the book's folders, once or for ever."),
    "serve": ("tollbook.cli.serve:serve", "Serve the book's web application."),
    # For engineers.
    "bench": ("tollbook.cli.bench:bench", "Measure rating, matching and the recall of the matching."),
}


class _LazyGroup(click.Group):
    """A group that imports a command's module when the command is called, and not for the list of commands."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        found: Any = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            command = get_command(found)
        else:
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(name, no_args_is_help=False)(found)
            command = get_command(single)
        command.name = name
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Try: tollbook reconcile ours.csv theirs.csv --agreement terms.toml -o report",
)
@click.version_option(__version__, prog_name="tollbook")
@click.option("--now", metavar="INSTANT", help="Act as of this UTC instant (2026-12-03T09:00:00Z): rehearsals and replays.")
def tollbook(now: str | None) -> None:
    """Wholesale voice minutes into money that both carriers can check."""
    if now:
        os.environ["TOLLBOOK_NOW"] = now


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code. A refusal is printed as its problems; Ctrl-C leaves quietly."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        result = tollbook.main(args=given, prog_name="tollbook", standalone_mode=False)
    except Refusal as refusal:
        show_problems(refusal.problems, as_json="--json" in given)
        return 2
    except click.ClickException as error:
        error.show()
        return 2
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return result if isinstance(result, int) else 0
