"""Problems: the catalogue is complete and a problem says place, reason and remedy."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tollbook.core.problem import CATALOGUE, Refusal, Severity, problem, refuse
from tollbook.core.problems import kinds

ROOT = Path(__file__).resolve().parents[2]


def test_a_problem_says_where_why_and_what_to_do() -> None:
    found = problem("FILE_EMPTY", "It has a header and nothing below.", file="a.csv", line=2, column="rate", value="x" * 500)
    assert str(found).startswith("fatal FILE_EMPTY: a.csv, line 2, column rate: It has a header and nothing below. Ask the sender")
    assert len(found.value) == 200
    assert found.as_dict()["number"] == 2


def test_reason_defaults_to_the_meaning_of_the_code() -> None:
    assert problem("FILE_MISSING", file="x").reason == CATALOGUE["FILE_MISSING"].meaning


def test_an_unknown_code_is_our_own_defect() -> None:
    with pytest.raises(KeyError):
        problem("NO_SUCH_CODE")


def test_a_refusal_carries_its_problems() -> None:
    refusal = refuse("FILE_UNREADABLE", file="x.csv")
    assert isinstance(refusal, Refusal)
    assert refusal.problems[0].severity is Severity.FATAL


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_code_has_a_sentence_and_a_remedy(code: str) -> None:
    kind = CATALOGUE[code]
    assert isinstance(kind, kinds.Kind)
    assert re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", code)
    assert kind.meaning.endswith((".", "?"))
    assert kind.remedy.endswith((".", ")"))
    assert kind.owner in ("operator", "partner")


def test_every_code_used_in_the_sources_is_in_the_catalogue() -> None:
    used = set()
    for path in (ROOT / "tollbook").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                if name in ("problem", "refuse") and isinstance(node.args[0].value, str):
                    used.add(node.args[0].value)
    assert used <= set(CATALOGUE), used - set(CATALOGUE)
