"""Writes docs/reference from the code, so that the reference cannot disagree with what runs.

.venv/bin/python docs/generate.py          write the pages
.venv/bin/python docs/generate.py --check  exit with 1 where a page is stale
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

import pyarrow as pa

REFERENCE = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Made by docs/generate.py; change the code, not this page. -->\n"


def problems_page() -> str:
    """Every problem code: severity, meaning, remedy, and who can mend it."""
    from tollbook.core.problem import CATALOGUE

    lines = [
        "# Problems",
        "",
        "Codes are for programs and for searching; the sentence is for people. A code never changes its meaning.",
        "",
    ]
    lines += ["| code | severity | meaning | remedy | mended by |", "|---|---|---|---|---|"]
    lines += [
        f"| `{code}` | {kind.severity} | {_cell(kind.meaning)} | {_cell(kind.remedy)} | {kind.owner} |"
        for code, kind in sorted(CATALOGUE.items())
    ]
    return "\n".join(lines)


def agreement_page() -> str:
    """Every key of an agreement: what it takes, its default and its meaning."""
    from tollbook.core.agreement_keys import KEPT_TABLES, TABLES, TOP

    lines = [
        "# The agreement",
        "",
        'A TOML document that begins with `format = "tollbook-agreement/1"`. An unknown key refuses the document.',
        "",
    ]
    for title, table in [("At the top", TOP), *((f"[{name}]", keys) for name, keys in TABLES.items())]:
        lines += [f"## {title}", "", "| key | takes | default | meaning |", "|---|---|---|---|"]
        for name, key in table.items():
            takes = ", ".join(key.allowed) or key.kind
            default = "required" if key.required else key.default
            lines.append(f"| `{name}` | {takes} | {default} | {_cell(key.meaning)} |")
        lines.append("")
    kept = ", ".join(f"`[{name}]`" for name in KEPT_TABLES)
    lines += [
        "## Kept, not applied",
        "",
        f"{kept} are kept with the agreement and shown; each gives a warning, because this version does not apply it.",
    ]
    return "\n".join(lines)


def tables_page() -> str:
    """The columns of every table that passes between the stages."""
    from tollbook.core import cdr

    lines = ["# Tables", "", "The layout of the sealed segments, and of what the library takes and gives.", ""]
    for name in ("CDR", "MARK", "CHARGE", "MATCH", "VARIANCE", "PROBLEM", "COUNTER", "SIGHTING"):
        schema: pa.Schema = getattr(cdr, name)
        lines += [f"## {name.lower()}", "", "| column | type | may be empty |", "|---|---|---|"]
        lines += [f"| `{field.name}` | {_type(field.type)} | {'yes' if field.nullable else 'no'} |" for field in schema]
        lines.append("")
    return "\n".join(lines)


def rights_page() -> str:
    """Who may do what: the table of roles and rights."""
    from tollbook.core.rights import RIGHTS, Right

    roles = list(RIGHTS)
    lines = ["# Roles and rights", ""]
    lines += [
        "One table, asked at the one door for writes and at every read. A partner's user has its rights over its own things only; an API",
        "",
    ]
    lines[-2] += " token may do what its role and its scope both allow."
    lines += [f"| right | {' | '.join(roles)} |", "|---|" + "---|" * len(roles)]
    lines += [f"| `{right}` | {' | '.join('yes' if right in RIGHTS[role] else '' for role in roles)} |" for right in Right]
    return "\n".join(lines)


def commands_page() -> str:
    """The help of every command, as the terminal shows it."""
    from tollbook.cli.app import COMMANDS, run

    os.environ["COLUMNS"] = "100"
    lines = [
        "# Commands",
        "",
        "Exit codes: 0 done; 1 done, but something is wrong with the data or does not verify; 2 nothing could be done.",
        "",
    ]
    for name in ["", *COMMANDS]:
        calls = [[name, "--help"] if name else ["--help"], *([name, sub, "--help"] for sub in _subcommands(name))]
        for call in calls:
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown):
                run(list(call))
            lines += [f"## tollbook {' '.join(call[:-1])}".rstrip(), "", "```", shown.getvalue().strip(), "```", ""]
    return "\n".join(lines)


def openapi_document() -> str:
    """The OpenAPI document of the API, as its server gives it."""
    import json

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tollbook.web.settings")
    django.setup()
    from tollbook.api.application import document

    return json.dumps(document(), indent=1, ensure_ascii=False)


def _subcommands(name: str) -> list[str]:
    from importlib import import_module

    import typer
    from typer.main import get_command

    from tollbook.cli.app import COMMANDS

    if not name:
        return []
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(import_module(module), attribute)
    return list(getattr(get_command(found), "commands", {})) if isinstance(found, typer.Typer) else []


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _type(kind: pa.DataType) -> str:
    return str(kind.value_type) + ", from a list" if pa.types.is_dictionary(kind) else str(kind)


PAGES = {
    "problems.md": problems_page,
    "agreement.md": agreement_page,
    "tables.md": tables_page,
    "rights.md": rights_page,
    "commands.md": commands_page,
    "openapi.json": openapi_document,
}


def main(check: bool) -> int:
    """Write or compare every page; the names of stale pages are printed."""
    stale = []
    for name, page in PAGES.items():
        text = (NOTE if name.endswith(".md") else "") + page().rstrip() + "\n"
        path = REFERENCE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    print(f"{'stale' if check else 'written'}: {', '.join(stale) or 'none'}")
    return int(check and bool(stale))


if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    raise SystemExit(main("--check" in sys.argv))
