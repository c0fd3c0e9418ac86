"""The repository lints itself: sizes, banned calls, files without a test, names that must not leak."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for path in (ROOT / "tollbook").rglob("*.py") if "migrations" not in path.parts)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))
LONGEST_FILE = 500
LONGEST_FUNCTION = 70

# Rooms that may read a clock: everything else is given its instants.
CLOCK_ROOMS = ("flow", "worker.py", "cli", "bench")
CLOCK_CALL = re.compile(r"datetime\.now\(|datetime\.utcnow\(|time\.time\(|date\.today\(|timezone\.now\(")
DECIMAL_COLUMN = re.compile(r"DecimalField|FloatField|pa\.decimal|pa\.float|\bNUMERIC\b|\bDOUBLE\b")
# Rooms where money is computed or kept; a float there is a defect even if it is never printed.
MONEY_ROOMS = ("core", "engine", "store")
UNFINISHED = re.compile(r"TODO|FIXME|XXX|raise NotImplementedError|for now|simplified", re.IGNORECASE)

# Parts of a room whose tests go through its door: the part, and the test that would fail with it.
TESTED_THROUGH = {
    "tollbook.api.models": "tests/api/test_rights.py",
    "tollbook.api.operation": "tests/api/test_rights.py",
    "tollbook.api.urls": "tests/api/test_rights.py",
    "tollbook.engine.compiled": "tests/engine/test_rating.py",
    "tollbook.engine.derivation": "tests/plain/test_verify.py",
    "tollbook.engine.evidence": "tests/flow/test_close.py",
    "tollbook.engine.rating_kernel": "tests/engine/test_rating.py",
    "tollbook.flow.close_report": "tests/flow/test_close.py",
    "tollbook.flow.dispute_pack": "tests/flow/test_close.py",
    "tollbook.flow.payables": "tests/flow/test_close.py",
    "tollbook.flow.seal": "tests/flow/test_close.py",
    "tollbook.plain.close_again": "tests/plain/test_verify.py",
    "tollbook.plain.verify_close": "tests/plain/test_verify.py",
    "tollbook.plain.verify_dispute": "tests/plain/test_verify.py",
    "tollbook.store.models.events": "tests/flow/test_exception.py",
    "tollbook.web.choice": "tests/web/test_exceptions.py",
}
# What has an address is asked by the tests that go over all addresses, each with every role: a list of addresses, and those tests.
ADDRESSED = {"tollbook/web/urls.py": "tests/web/test_rights.py", "tollbook/api/application.py": "tests/api/test_rights.py"}


def _addressed() -> set[str]:
    """The modules of pages and operations, as the lists of addresses import them."""
    found = set()
    for name, walked_by in ADDRESSED.items():
        assert (ROOT / walked_by).exists()
        package = ".".join(Path(name).parent.parts)
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == package:
                found |= {f"{package}.{each.name}" for each in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").endswith(".views"):
                found.add(str(node.module))
    return found


def _names(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES + TESTS + EXAMPLES, ids=_names)
def test_file_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST_FILE, f"{_names(path)} has over {LONGEST_FILE} lines: split it"
    long = [
        f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert not long, long


@pytest.mark.parametrize("path", SOURCES, ids=_names)
def test_no_banned_calls(path: Path) -> None:
    room = path.relative_to(ROOT / "tollbook").parts[0]
    text = path.read_text(encoding="utf-8")
    if room not in CLOCK_ROOMS:
        assert not CLOCK_CALL.search(text), "a clock is read outside flow, the worker and the command line"
    if room in MONEY_ROOMS:
        assert not re.search(r"\bfloat\(", text), "float( beside money"
        assert not DECIMAL_COLUMN.search(text), "a decimal or float column: money is integers"
    assert not UNFINISHED.search(text), "something is left for later without saying so in the docs"


def test_core_prints_nothing_and_opens_nothing() -> None:
    banned = re.compile(r"(?<![.\w])open\(|\bprint\(|\brandom\.|\burandom\b|read_text|write_text|read_bytes|write_bytes")
    offenders = [_names(path) for path in SOURCES if path.parts[-2] == "core" and banned.search(path.read_text(encoding="utf-8"))]
    assert not offenders


def test_every_module_is_tested_by_name() -> None:
    """A module is tested when a test imports it, or runs the command it implements."""
    tests = "\n".join(path.read_text(encoding="utf-8") for path in TESTS if path.name != "test_tidy.py")
    untested = []
    for path in SOURCES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[-1] in ("__init__", "__main__") or "problems" in parts:
            continue
        package, name = ".".join(parts[:-1]), parts[-1]
        dotted = f"{package}.{name}"
        grouped = re.search(rf"from {re.escape(package)} import [^\n]*(?:\([^)]*)?\b{name}\b", tests)
        command = parts[1] == "cli" and re.search(rf'"{name}"', tests)
        if dotted not in tests and not grouped and not command:
            untested.append(dotted)
    assert sorted(set(untested) - set(TESTED_THROUGH) - _addressed()) == [], "no test imports these"
    assert sorted(set(TESTED_THROUGH) - set(untested)) == [], "tested by name now: take them off the list"
    assert [test for test in TESTED_THROUGH.values() if not (ROOT / test).exists()] == []


def test_nothing_of_a_workplace_leaks() -> None:
    banned = re.compile(r"/work/|\bshared/|RULEBOOK|DESIGN\.md|helper-\d|pypi\.org|registry\.npmjs|deb\.debian")
    kinds = {".py", ".md", ".toml", ".yml", ".sql", ".typ", ".j2", ".lock", ".txt", ".html", ".css"}
    skipped = {".venv", ".git", "node_modules", "demo", ".hypothesis"}
    offenders = []
    for path in ROOT.rglob("*"):
        if path.suffix in kinds and not skipped & set(path.parts) and path != Path(__file__).resolve():
            found = banned.search(path.read_text(encoding="utf-8", errors="replace"))
            if found:
                offenders.append(f"{_names(path)}: {found[0]}")
    assert not offenders
