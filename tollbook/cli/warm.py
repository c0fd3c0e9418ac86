"""Runs every compiled function once, outside of anybody's first run: `python -m tollbook.cli.warm`.

Machine code is kept per user (`tollbook.engine.compiled.cache_folder`), so later processes load it in milliseconds. Two tiny carriers are
rated and compared, because only real calls have the types that real calls have. A book is made too, and every stage loaded, so that the
libraries' own first loading is over as well.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

_DECK = """Code,Destination,Rate,Billing Increment,Effective Date
44,United Kingdom,0.0100,1/1,2026-01-01
447,United Kingdom - Mobile,0.0235,30/6,2026-01-01
447,United Kingdom - Mobile,0.0335,30/6,2026-11-01
"""
_TERMS = """format = "tollbook-agreement/1"
id = "warm"
partner = "warm"
currency = "USD"
[decks.buy]
deck = "deck.csv"
"""
_HEADER = "answer_at,release_at,zone,duration_ms,a_e164,b_e164,call_id,their_rate_text,their_billed_s,their_amount_text\n"
# Two hours around the end of daylight saving time in New York, 06:00 UTC, so that the clocks have a fold to be read with.
_CALLS = 480
_FIRST_MINUTE = 5 * 60
_FOLD_MINUTE = 6 * 60


def _records(*, zone: str = "", identifiers: bool = True) -> str:
    """Calls a quarter of a minute apart, several to one number at once, so that every rung of the ladder has something to do."""
    rows = []
    for index in range(_CALLS):
        minute = _FIRST_MINUTE + index // 4
        shown = minute if not zone else minute - (4 if minute < _FOLD_MINUTE else 5) * 60
        at = f"2026-11-01T{shown // 60:02}:{shown % 60:02}:{index * 13 % 60:02}{'' if zone else 'Z'}"
        call_id = f"call-{index}" if identifiers and index % 3 else ""
        caller, called = f"4420794600{index % 100:02}", f"4477009{index % 40:05}"
        rows.append(f"{at},,{zone},{1000 * (index % 50) + 250},{caller},{called},{call_id},0.0235,{index % 50 + 30},0.0118")
    return _HEADER + "\n".join(rows) + "\n"


def warm(folder: Path) -> None:
    """Rates and compares tiny files in a folder of their own, and makes a book there."""
    from tollbook.cli.app import run

    files = {
        "deck.csv": _DECK,
        "terms.toml": _TERMS,
        "ours.csv": _records(),
        "theirs.csv": _records(zone="America/New_York"),
        "blind.csv": _records(identifiers=False),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    at = {name: str(folder / name) for name in files}
    run(["rate", at["ours.csv"], "--deck", at["deck.csv"], "-o", str(folder / "rated.csv")])
    for theirs in ("theirs.csv", "blind.csv"):
        run(["reconcile", at["ours.csv"], at[theirs], "--agreement", at["terms.toml"], "-o", str(folder / "difference")])
    run(["init", str(folder / "book"), "--name", "warm"])
    for layer in ("core", "engine", "formats", "plain", "store", "flow"):
        package = import_module(f"tollbook.{layer}")
        for each in walk_packages(package.__path__, f"{package.__name__}."):
            with contextlib.suppress(ImportError):  # of an extra that is not installed
                import_module(each.name)


def main() -> None:
    """Warm quietly. A machine that cannot keep compiled code still works, only its first run is slower."""
    with (
        tempfile.TemporaryDirectory(prefix="tollbook-warm-") as folder,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.suppress(OSError),
    ):
        warm(Path(folder))


if __name__ == "__main__":
    main()
