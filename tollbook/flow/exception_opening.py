"""Opening the exceptions of a run, in its publishing transaction, and what becomes of those of the run before.

Those of an earlier run of the scope are superseded. A decision about the same class of the same place over the same amount stands; over
another amount the exception is open again, with the earlier one, its assignee and its comments a click away. See
docs/rules/reconciliation.md, "Decisions".
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from typing import Any, Final

from tollbook.core import budget, exception
from tollbook.core.digest import json_digest
from tollbook.core.exception import DECISIONS, OPEN, SUPERSEDED, Event
from tollbook.core.money import parse_scaled
from tollbook.core.rights import Actor
from tollbook.engine.database import open_database
from tollbook.flow import clock, inputs
from tollbook.flow.matching import Sides
from tollbook.flow.pairs import OF_THE_SAME_PAIR
from tollbook.flow.run import Run
from tollbook.store.files import SPOOL_FOLDER
from tollbook.store.models import ExceptionCase, ExceptionEvent, Partner
from tollbook.store.models import Run as RunRow

Place = tuple[str, str]
# Of each exception the database knows so many calls, the heaviest first; all of them stand in the run's segments.
EXAMPLES: Final = 100
_MEMORY_LIMIT: Final = "1GB"
_HEAVIEST: Final = f"""
SELECT class, id FROM (
    SELECT m.class::VARCHAR AS class, coalesce(m.our_cdr_id, m.their_cdr_id) AS id, sum(v.exact_60th_nanos) AS weight
    FROM matches m LEFT JOIN variances v
    ON {OF_THE_SAME_PAIR}
    WHERE list_contains(?, m.class::VARCHAR)
    GROUP BY 1, 2
)
QUALIFY row_number() OVER (PARTITION BY class ORDER BY abs(weight) DESC NULLS LAST, id) <= ?
ORDER BY class, abs(weight) DESC NULLS LAST, id
"""  # noqa: S608 - the condition is ours


def open_exceptions(sides: Sides, run: Run, *, actor: Actor) -> None:
    """The exceptions of a run. Nothing is opened twice, and inside the error budget nothing is opened."""
    scope = {"partner_id": sides.partner, "period": sides.period, "leg": sides.leg}
    before: dict[Place, ExceptionCase] = {}
    for row in (
        ExceptionCase.objects.select_for_update().filter(**scope).exclude(state=SUPERSEDED).exclude(run_id=run.run_key).order_by("id")
    ):
        before[row.cause, row.destination] = row
    ExceptionCase.objects.filter(id__in=[row.id for row in before.values()]).update(state=SUPERSEDED)
    _reopen(run)
    if run.summary["budget"]["outcome"] == budget.ACCEPT:
        return
    partner, _ = Partner.objects.get_or_create(id=sides.partner)
    of_run = RunRow.objects.get(run_key=run.run_key)
    opened: list[ExceptionCase] = []
    for found in run.summary["classes"]:
        if found["kind"] is None:
            continue
        values = {
            "run": of_run,
            "partner": partner,
            "period": sides.period,
            "leg": sides.leg,
            "exception_class": found["kind"],
            "cause": found["class"],
            "agreement_digest": sides.agreement.digest,
            "clause": found["clause"],
            "currency": sides.agreement.currency,
            "amount_micros": micros(found["at_risk"]),
            "minutes_ms": found["minutes_ms"],
            "records": found["calls"],
            "state": OPEN,
            "owner": found["owner"] or "",
            "opened_at": clock.now_ms(),
        }
        row, is_new = ExceptionCase.objects.get_or_create(id=identity(run, found["class"]), defaults=values)
        earlier = before.get((row.cause, row.destination))
        if is_new and earlier is not None:
            _carry(row, earlier, actor)
        if is_new:
            opened.append(row)
    examples = _examples(sides, run, {row.cause for row in opened}) if opened else {}
    for row in opened:
        ExceptionCase.objects.filter(id=row.id).update(examples=examples.get(row.cause, []))


def identity(run: Run, class_: str) -> str:
    """The id of an exception: of its run and its class, so that a run published again opens nothing twice."""
    return json_digest({"run": run.run_key, "class": class_})


def _examples(sides: Sides, run: Run, classes: Collection[str]) -> dict[str, list[str]]:
    """The ids of the heaviest calls of each class, whomever they favour; ours where both sides have the call."""
    found: dict[str, list[str]] = {class_: [] for class_ in classes}
    spool = sides.book.folder / SPOOL_FOLDER / "duckdb"
    with closing(open_database(memory_limit=_MEMORY_LIMIT, spill_folder=spool)) as connection:
        for name, kind in (("variances", "variance"), ("matches", "match")):
            inputs.view(connection, name, kind, run.paths(kind))
        for class_, id_ in connection.execute(_HEAVIEST, [sorted(classes), EXAMPLES]).fetchall():
            found[class_].append(bytes(id_).hex())
    return found


def _reopen(run: Run) -> None:
    """Exceptions of a run that had been superseded and is the current one again: they are what their own events made of them."""
    for row in ExceptionCase.objects.filter(run_id=run.run_key, state=SUPERSEDED).order_by("id"):
        events = row.events.order_by("number").values_list("kind", "decision")
        state = exception.state_after(Event(kind, decision) for kind, decision in events)
        ExceptionCase.objects.filter(id=row.id).update(state=state)


def _carry(row: ExceptionCase, earlier: ExceptionCase, actor: Actor) -> None:
    """What the new exception takes from the one before: always who looks at it, and the decision where the amount is the same."""
    changes: dict[str, Any] = {"earlier": earlier, "assignee": earlier.assignee}
    stands = row.currency == earlier.currency and exception.carries(row.amount_micros, earlier.amount_micros)
    decision = earlier.state if stands and earlier.state in DECISIONS else ""
    if stands:
        changes["dispute"] = earlier.dispute
    if decision:
        changes |= {"state": decision, "decided_at": earlier.decided_at, "decided_by": earlier.decided_by}
    if decision or earlier.assignee:
        ExceptionEvent.objects.create(
            exception=row,
            number=1,
            kind=exception.CARRY,
            at=clock.now_ms(),
            actor=str(actor),
            decision=decision,
            assignee=earlier.assignee,
            remark=f"Decided in the run before by {earlier.decided_by}; the amount is the same." if decision else "",
        )
        changes["last_event"] = 1
    ExceptionCase.objects.filter(id=row.id).update(**changes)


def micros(text: str) -> int:
    """A decimal text of the summary in micro-units."""
    value = parse_scaled(text, 6)
    assert value is not None, f"{text} is no decimal of six places"
    return value
