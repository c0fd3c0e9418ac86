"""`tollbook invite` as a process: somebody new, somebody again, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("allauth", reason="the extra web is not installed")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invite") / "book"
    assert _tollbook("init", str(folder)).returncode == 0
    return folder


def _tollbook(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("TOLLBOOK_", "DJANGO_")) or name == "TOLLBOOK_CACHE"
    }
    command = [sys.executable, "-m", "tollbook", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def _invited(book: Path, *words: str) -> dict[str, Any]:
    done = _tollbook("invite", *words, "--book", str(book), "--public-url", "https://tollbook.example/", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_owner_is_never_locked_out(book: Path) -> None:
    first = _invited(book, "ines", "--role", "owner")
    assert first["is_new"] is True
    assert first["address"].startswith("https://tollbook.example/invitation/")
    again = _invited(book, "ines")
    assert again["is_new"] is False
    assert again["address"] != first["address"], "the first address would still work"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nobody"], "USER_UNKNOWN"),
        (["a name", "--role", "noc"], "USER_NAME"),
        (["theirs", "--role", "partner", "--partner", "nobody"], "USER_PARTNER"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(book: Path, words: list[str], code: str) -> None:
    done = _tollbook("invite", *words, "--book", str(book))
    assert done.returncode == 2
    assert code in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_book_it_says_so(tmp_path: Path) -> None:
    done = _tollbook("invite", "ines", "--role", "owner", "--book", str(tmp_path))
    assert done.returncode == 2
    assert "BOOK_MISSING" in done.stderr
