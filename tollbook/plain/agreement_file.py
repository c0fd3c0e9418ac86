"""The agreement in a file, for the commands that work without a book."""

from __future__ import annotations

from pathlib import Path

from tollbook.core.agreement import Agreement
from tollbook.core.agreement_reader import key_lines, read_agreement
from tollbook.core.problem import Problem, Refusal, refuse
from tollbook.core.zone import find_zone


def read_agreement_file(path: Path) -> tuple[Agreement, list[Problem]]:
    """The agreement and what was found in it. Refuses where it cannot be read, and where its zone is no IANA name: without a book there are
    no zones of its own."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise refuse("FILE_MISSING", f"There is no file {path}.", file=str(path)) from None
    except OSError as error:
        raise refuse("FILE_UNREADABLE", f"{error.strerror}.", file=str(path)) from None
    except UnicodeDecodeError:
        raise refuse("FILE_ENCODING", "The agreement is not UTF-8.", file=str(path)) from None
    agreed, problems = read_agreement(text, path.name)
    try:
        find_zone(agreed.zone)
    except Refusal:
        reason = f"{agreed.zone} is no IANA zone."
        raise refuse("ZONE_UNKNOWN", reason, file=path.name, line=key_lines(text).get("zone"), column="zone", value=agreed.zone) from None
    return agreed, problems
