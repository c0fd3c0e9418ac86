"""The commands by name, each loaded when it is called.

Exit codes are the same everywhere: 0 done; 1 done, but something is wrong with the data or does not verify;
2 nothing could be done (bad usage, refused input).
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import traceback
from importlib import import_module
from typing import Any, TextIO

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from tollbook import __version__
from tollbook.cli.output import show_problems
from tollbook.core.problem import Problem, Refusal, problem

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
    "worker": ("tollbook.cli.worker:worker", "Do the work started from pages, and watch the book's folders."),
    "serve": ("tollbook.cli.serve:serve", "Serve the book's web application."),
    "invite": ("tollbook.cli.invite:invite", "Print the address by which somebody sets a password."),
    # For engineers.
    "bench": ("tollbook.cli.bench:bench", "Measure rating, matching and the recall of the matching."),
}


USAGE = """Usage: tollbook [--now INSTANT] COMMAND [ARGUMENTS]

Wholesale voice minutes into money that both carriers can check.

Options:
  --now INSTANT  Act as of this UTC instant (2026-12-03T09:00:00Z): rehearsals and replays.
  --version      Show the version.
  -h, --help     Show this, or the help of a command: tollbook rate --help

Commands:
{commands}

Try: tollbook reconcile ours.csv theirs.csv --agreement terms.toml -o report
"""


# The disk is full, or the folder may not be written to, wherever in the work that shows.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code. A refusal is printed as its problems; Ctrl-C leaves quietly."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in given
    try:
        return _dispatch(given, as_json=as_json)
    except Refusal as refusal:
        show_problems(refusal.problems, as_json=as_json)
        return 2
    except (typer.Abort, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader went away (as `| head` does); Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            show_problems([problem("OUTPUT_UNWRITABLE", f"{error.strerror}.", file=str(error.filename or ""))], as_json=as_json)
            return 2
        if "TOLLBOOK_DEBUG" in os.environ:
            raise
        show_problems([_defect(error)], as_json=as_json)
        return 2


def _defect(error: Exception) -> Problem:
    """Our own mistake: the person gets a coded problem, and the report of what happened is kept for whoever mends it."""
    with tempfile.NamedTemporaryFile("w", prefix="tollbook-defect-", suffix=".txt", delete=False, encoding="utf-8") as report:
        traceback.print_exception(error, file=report)
    return problem("DEFECT", f"{type(error).__name__}: {error}. The details are in {report.name}.")


def _misused(message: str, *, as_json: bool) -> int:
    """A command that was not called as it wants to be: with --json a problem like every other."""
    if as_json:
        show_problems([problem("COMMAND_USAGE", message)], as_json=True)
    else:
        print(f"Error: {message} See tollbook --help.", file=sys.stderr)
    return 2


def _dispatch(given: list[str], *, as_json: bool) -> int:
    while given and given[0].startswith("-"):
        option = given.pop(0)
        if option in ("-h", "--help"):
            _show_usage(sys.stdout)
            return 0
        if option == "--version":
            print(f"tollbook {__version__}")
            return 0
        if option == "--now" and given:
            _act_as_of(given.pop(0))
        elif option.startswith("--now="):
            _act_as_of(option.partition("=")[2])
        else:
            return _misused(f"no such option {option}.", as_json=as_json)
    if not given:
        _show_usage(sys.stdout)
        return 0
    name = given.pop(0)
    if name not in COMMANDS:
        return _misused(f"no such command {name}.", as_json=as_json)
    try:
        result = _command(name).main(args=given, prog_name=f"tollbook {name}", standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except TyperException as error:
        if as_json:
            return _misused(error.format_message(), as_json=True)
        # Usage errors show themselves with the usage line they break.
        show = getattr(error, "show", None)
        show() if show else print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    return result if isinstance(result, int) else 0


def _act_as_of(text: str) -> None:
    """Every command of this process acts as of this instant; a text that is none is refused before anything is done."""
    from tollbook.flow import clock  # starts Django, which most commands without a book do not need

    clock.parse_instant_ms(text)
    os.environ[clock.NOW_VARIABLE] = text


def _command(name: str) -> Any:
    module, _, attribute = COMMANDS[name][0].partition(":")
    found: Any = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return get_command(found)
    single = typer.Typer(add_completion=False)
    single.command(name)(found)
    return get_command(single)


def _show_usage(stream: TextIO) -> None:
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {about}" for name, (_, about) in COMMANDS.items()]
    print(USAGE.format(commands="\n".join(lines)), end="", file=stream)
