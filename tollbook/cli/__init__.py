"""The `tollbook` command. Nothing heavy is imported until a command runs, so that `--help` answers at once."""

from __future__ import annotations


def main() -> None:
    """Entry point of the installed command: runs it and turns refusals into problems and an exit code, never a traceback."""
    from tollbook.cli.app import run

    raise SystemExit(run())
