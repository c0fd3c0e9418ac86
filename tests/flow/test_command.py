"""The one door for writes: rights, idempotency, dry run, journal row; all or nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tollbook.core.problem import Refusal
from tollbook.core.rights import RIGHTS, Actor, Right, Role
from tollbook.flow import clock
from tollbook.flow.book import Book
from tollbook.flow.command import Command, perform, rehearsal
from tollbook.store import journal
from tollbook.store.models import Journal, Partner

pytestmark = pytest.mark.usefixtures("book")


def _add(name: str) -> dict[str, Any]:
    Partner.objects.create(id=name)
    return {"partner": name}


def _command(owner: Actor, key: str | None = None, **parameters: Any) -> Command:
    return Command("add partner", Right.WRITE_REFERENCE, "partners", owner, parameters, idempotency_key=key, reason="a new contract")


def test_a_change_and_its_journal_row_are_one(owner: Actor) -> None:
    with clock.pinned(1_795_310_740_410):
        outcome = perform(_command(owner, name="aurora"), lambda: _add("aurora"))
    row = Journal.objects.get()
    assert outcome.result == {"partner": "aurora"}
    assert (row.seq, row.at, row.actor, row.action, row.reason) == (1, 1_795_310_740_410, "ines (owner)", "add partner", "a new contract")
    assert row.input_hash == _command(owner, name="aurora").input_hash()


def test_what_fails_leaves_nothing(owner: Actor) -> None:
    def work() -> dict[str, Any]:
        _add("aurora")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        perform(_command(owner), work)
    assert (Partner.objects.count(), Journal.objects.count()) == (0, 0)


def test_the_same_key_and_input_give_the_same_result_once(owner: Actor) -> None:
    calls: list[int] = []

    def work() -> dict[str, Any]:
        calls.append(1)
        return {"number": len(calls)}

    first = perform(_command(owner, "k1", a=1), work)
    again = perform(_command(owner, "k1", a=1), work)
    assert (first.result, again.result, again.is_repeated, again.seq) == ({"number": 1}, {"number": 1}, True, first.seq)
    assert Journal.objects.count() == 1
    assert perform(_command(owner, "k2", a=1), work).result == {"number": 2}


@pytest.mark.parametrize("change", ["parameters", "actor", "name"])
def test_the_same_key_with_another_input_is_refused(owner: Actor, change: str) -> None:
    perform(_command(owner, "k1", a=1), dict)
    other = {
        "parameters": _command(owner, "k1", a=2),
        "actor": _command(Actor("olga", Role.OWNER), "k1", a=1),
        "name": Command("remove partner", Right.WRITE_REFERENCE, "partners", owner, {"a": 1}, idempotency_key="k1"),
    }[change]
    with pytest.raises(Refusal) as refusal:
        perform(other, lambda: _add("aurora"))
    assert refusal.value.problems[0].code == "IDEMPOTENCY_CONFLICT"
    assert (Partner.objects.count(), Journal.objects.count()) == (0, 1)


def test_a_dry_run_goes_the_whole_way_and_leaves_nothing(owner: Actor) -> None:
    tip = journal.tip()
    outcome = perform(_command(owner, "k1", a=1), lambda: _add("aurora"), dry_run=True)
    assert (outcome.result, outcome.seq, outcome.is_dry_run) == ({"partner": "aurora"}, None, True)
    assert (Partner.objects.count(), journal.tip()) == (0, tip)
    assert perform(_command(owner, "k1", a=1), lambda: _add("aurora")).is_repeated is False


def test_a_rehearsal_of_many_commands_leaves_nothing(owner: Actor) -> None:
    with rehearsal():
        perform(_command(owner), lambda: _add("aurora"))
        perform(_command(owner), lambda: _add("cirrus"))
        assert Partner.objects.count() == 2
    assert (Partner.objects.count(), Journal.objects.count()) == (0, 0)


@pytest.mark.parametrize("role", list(Role))
def test_no_right_no_write(role: Role) -> None:
    actor = Actor("somebody", role, "aurora" if role is Role.PARTNER else None)
    allowed = 0
    for right in (right for right in Right if not right.name.startswith("READ_")):
        command = Command("test", right, "a subject", actor, partner="aurora")
        if right in RIGHTS[role]:
            assert perform(command, lambda: {"done": True}).result == {"done": True}
            allowed += 1
            continue
        with pytest.raises(Refusal) as refusal:
            perform(command, lambda: _add("aurora"))
        assert refusal.value.problems[0].code == "RIGHT_MISSING"
    assert (Partner.objects.count(), Journal.objects.count()) == (0, allowed)


COMMIT_POINTS = {"command.after_work": 0, "command.after_journal": 0, "command.after_commit": 1}
SCRIPT = """
import sys
from pathlib import Path
from tollbook.core.rights import Actor, Right, Role
from tollbook.flow.book import open_book
from tollbook.flow.command import Command, perform
from tollbook.store.models import Partner
open_book(Path(sys.argv[1]))
command = Command("add partner", Right.WRITE_REFERENCE, "partners", Actor("ines", Role.OWNER))
perform(command, lambda: {"id": Partner.objects.create(id="aurora").id})
"""


@pytest.mark.parametrize("point", COMMIT_POINTS)
def test_a_crash_leaves_both_or_neither(book: Book, point: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TOLLBOOK_CRASH_AT", point)
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(book.folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 137, done.stderr
    assert (Partner.objects.count(), Journal.objects.count()) == (COMMIT_POINTS[point], COMMIT_POINTS[point])
    assert list(journal.broken_rows()) == []
