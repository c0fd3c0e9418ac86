"""Disputes: raised with their evidence when a supplier's invoice is outside the error budget, and led through their lifecycle.

One dispute per partner and period. Its pack holds what the partner needs to check every call, and no number of a caller in full.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.db.models import QuerySet

from tollbook.core import exception, ledger
from tollbook.core.digest import json_digest
from tollbook.core.dispute import (
    ENDED_WITHOUT_CREDIT,
    STEPS,
    Deadlines,
    answer_clocks,
    credit_note_micros,
    deadlines,
    next_state,
    right_for,
    tax_of,
)
from tollbook.core.period import parse_period
from tollbook.core.problem import refuse
from tollbook.core.remark import remark
from tollbook.core.rights import Actor, Right, Role, require
from tollbook.core.zone import UTC, Zone, find_zone
from tollbook.flow import clock, reference
from tollbook.flow.book import Book
from tollbook.flow.command import Command, perform
from tollbook.flow.dispute_pack import dispute_key, make_pack
from tollbook.flow.exception import decide_with_dispute
from tollbook.flow.issue import Draft, Finished, issue
from tollbook.flow.payables import Payable
from tollbook.flow.reconciliation import Reconciliation, to_micros
from tollbook.store import files, manifest
from tollbook.store.crash import crash_point
from tollbook.store.models import Dispute, DisputeEvent, ExceptionCase, Partner, SealedFile
from tollbook.store.models import Document as DocumentRow

__all__ = ["Raised", "advance", "concession", "current_exceptions", "dispute_id", "dispute_key", "end_of_day", "facts_of", "raise_dispute"]
PACK_KIND: Final = "PACK"
SETTLEMENT: Final = "DISPUTE_SETTLEMENT"
SERIES: Final = "SETTLED"


@dataclass(frozen=True, slots=True)
class Raised:
    """A dispute of the book with its pack and its clocks."""

    id: str
    state: str
    disputed_micros: int
    currency: str
    pack: Path
    root: str
    clocks: Deadlines
    calls: int


def dispute_id(partner: str, period: str) -> str:
    return f"DSP-{partner}-{period}"


def raise_dispute(book: Book, found: Reconciliation, payable: Payable, *, actor: Actor) -> Raised:
    """Raises the dispute over a supplier's invoice, or finds it raised. It begins as a draft that waits to be submitted."""
    name = dispute_id(found.sides.partner, found.sides.period)
    clocks = _clocks(found, payable)
    earlier = Dispute.objects.filter(id=name).select_related("pack").first()
    if earlier is not None:
        return _raised(book, earlier, clocks)
    stored, root, calls = make_pack(book, found, payable, name, clocks)

    def work() -> dict[str, Any]:
        manifest.add_sealed_file(stored, name=f"{name}.zip", kind=PACK_KIND, received_at=clock.now_ms(), received_by=str(actor))
        row = _row(name, found, payable, clocks, stored.digest, root)
        crash_point("dispute.after_row")
        ExceptionCase.objects.filter(run_id=found.run.run_key, amount_micros__gt=0).update(dispute=row)
        return {"dispute": name, "root": root, "disputed_micros": str(payable.disputed_micros), "calls": calls}

    command = Command(
        "raise dispute",
        Right.WORK_DISPUTES,
        name,
        actor,
        {"root": root},
        idempotency_key=f"raise {name}",
        partner=None,
        reason="outside the error budget",
    )
    perform(command, work)
    return _raised(book, Dispute.objects.select_related("pack").get(id=name), clocks)


def _raised(book: Book, row: Dispute, clocks: Deadlines) -> Raised:
    pack = files.get(book.folder, row.pack_id or "")
    calls = sum(row.exceptions.filter(run_id=row.run_id).values_list("records", flat=True))
    return Raised(row.id, row.state, row.disputed_micros, row.currency, pack, row.pack_root, clocks, calls)


def _row(name: str, found: Reconciliation, payable: Payable, clocks: Deadlines, pack: str, root: str) -> Dispute:
    sides = found.sides
    document = DocumentRow.objects.get(series=payable.issued.series, number=payable.issued.number)
    return Dispute.objects.create(
        id=name,
        partner=Partner.objects.get_or_create(id=sides.partner)[0],
        run_id=found.run.run_key,
        period=sides.period,
        leg=sides.leg,
        cause=_main_cause(found),
        agreement_digest=sides.agreement.digest,
        clause=sides.agreement.dispute.clause,
        document=document,
        currency=payable.invoice.currency,
        disputed_micros=payable.disputed_micros,
        undisputed_micros=payable.release.payable_net,
        state="DRAFT",
        raised_at=clock.now_ms(),
        window_ends_at=end_of_day(clocks.submit_until, find_zone(sides.agreement.zone)),
        pack=SealedFile.objects.get(digest=pack),
        pack_root=root,
    )


def _main_cause(found: Reconciliation) -> str:
    """The cause that costs most."""
    causes = found.summary["money"]["causes"]
    return str(max(causes, key=lambda each: (int(each["exact_60th_nanos"]), each["cause"]))["cause"]) if causes else ""


def _clocks(found: Reconciliation, payable: Payable) -> Deadlines:
    sides = found.sides
    window = parse_period(sides.period, find_zone(sides.agreement.zone))
    invoice = payable.invoice
    return deadlines(sides.agreement.dispute, period_end=window.last_day, issued_on=invoice.issued_on, received_on=invoice.received_on)


def end_of_day(day: dt.date, zone: Zone) -> int:
    """The last millisecond of a local day: a deadline on that day is met until then."""
    return zone.midnight_ms(day + dt.timedelta(days=1)) - 1


def facts_of(row: Dispute, now_ms: int, *, has_credit: bool) -> dict[str, bool]:
    """The facts that the guards of core.dispute.TRANSITIONS ask for."""
    in_window = row.window_ends_at is None or now_ms <= row.window_ends_at
    return {"in_window": in_window, "window_missed": not in_window, "silence_accepts": False, "credit_note": has_credit}


def advance(
    book: Book,
    name: str,
    event: str,
    *,
    actor: Actor,
    reason: str = "",
    credit_micros: int | None = None,
    seen_state: str = "",
    idempotency_key: str | None = None,
    dry_run: bool = False,
) -> str:
    """Takes a dispute one step on (core.dispute.TRANSITIONS) and returns its state.

    Whose the step is and who may take it stands in core.dispute.STEPS: a partner's user answers its own disputes, ours lead them and
    record what came by mail. `credit_micros` is what the partner accepts of a part, and what it credits in a settlement. `seen_state` is
    the state somebody acted on: DISPUTE_MOVED where it is another by now. DISPUTE_STEP where the step is not open. Submitting gives up
    what was decided otherwise and starts the clocks of the answer; the end of a dispute posts what is owed after all and leaves nothing
    pending.
    """
    partner = _partner_of(name, actor)
    step = STEPS.get(event)
    text = remark(reason, is_needed=step is not None and step.needs_reason, what=f"“{step.label}”" if step else "")
    taken: list[str] = []

    def work() -> dict[str, Any]:
        row = Dispute.objects.select_for_update(of=("self",)).select_related("document").get(id=name)
        if seen_state and row.state != seen_state:
            raise refuse("DISPUTE_MOVED", f"It is {row.state} by now.", column=seen_state, value=row.state)
        before, now = row.state, clock.now_ms()
        state = next_state(before, event, facts_of(row, now, has_credit=credit_micros is not None))
        amount = _consequences(book, row, event, state, credit_micros, actor)
        row.state, row.last_event = state, row.last_event + 1
        row.save()
        _record(row, event, before, actor, amount, text)
        taken.append(state)
        return {"dispute": name, "from": before, "to": state, "amount_micros": None if amount is None else str(amount)}

    parameters = {"event": event, "from": seen_state, "credit_micros": None if credit_micros is None else str(credit_micros)}
    right = right_for(actor, event, partner)
    command = Command(f"dispute {event}", right, name, actor, parameters, idempotency_key=idempotency_key, reason=text, partner=partner)
    return str(perform(command, work, dry_run=dry_run).result["to"])


def _partner_of(name: str, actor: Actor) -> str:
    """The partner of a dispute. A partner's user learns nothing of what is not its own: neither another's, nor a draft."""
    row = Dispute.objects.filter(id=name).values_list("partner_id", "state").first()
    if actor.partner is not None or actor.role is Role.PARTNER:
        hidden = row is None or row[1] == "DRAFT"
        require(actor, Right.ANSWER_DISPUTES, None if hidden or row is None else row[0])
    elif row is None:
        require(actor, Right.WORK_DISPUTES)
    if row is None:
        raise refuse("DISPUTE_UNKNOWN", value=name)
    return str(row[0])


def _record(row: Dispute, event: str, before: str, actor: Actor, amount: int | None, text: str) -> None:
    step = STEPS[event]
    DisputeEvent.objects.create(
        dispute=row,
        number=row.last_event,
        event=event,
        from_state=before,
        to_state=row.state,
        side=step.side,
        at=clock.now_ms(),
        actor=str(actor),
        partner=actor.partner or "",
        amount_micros=amount,
        remark=text,
        is_told=step.is_told,
    )


def _consequences(book: Book, row: Dispute, event: str, state: str, credit_micros: int | None, actor: Actor) -> int | None:
    """What a step does to the dispute beside its state, and to the ledger; the amount it is over, where it has one."""
    now = clock.now_ms()
    remaining = row.disputed_micros - row.conceded_micros
    if state == "SUBMITTED":
        _start_clocks(book, row, now)
        row.conceded_micros = _concede(book, row, actor)
        return row.disputed_micros - row.conceded_micros
    if state == "SETTLED":
        row.accepted_micros = _settle(book, row, credit_micros or 0, actor)
        return row.accepted_micros
    if state in ENDED_WITHOUT_CREDIT:
        row.accepted_micros = _settle(book, row, 0, actor)
    elif state == "ACCEPTED":
        row.accepted_micros = remaining
        return remaining
    elif state == "PARTIALLY_ACCEPTED" and credit_micros is not None:
        if not 0 < credit_micros < remaining:
            raise refuse("DISPUTE_AMOUNT", "A part is more than nothing and less than all that is disputed.", value=credit_micros)
        row.accepted_micros = credit_micros
        return credit_micros
    elif state == "CLOSED":
        row.closed_at = now
    return None


def _start_clocks(book: Book, row: Dispute, now: int) -> None:
    """The clocks of the answer: business days of the recipient's contract zone, each to its very end."""
    agreement = reference.agreement_by_digest(book, row.agreement_digest)
    zone = find_zone(agreement.zone) if agreement else UTC
    clocks = answer_clocks(zone.local_day(now))
    row.submitted_at = now
    row.acknowledge_by_at = end_of_day(clocks.acknowledge_by, zone)
    row.answer_by_at = end_of_day(clocks.answer_by, zone)
    row.escalate_l1_at = end_of_day(clocks.escalate_l1_on, zone)
    row.escalate_l2_at = end_of_day(clocks.escalate_l2_on, zone)


@dataclass(frozen=True, slots=True)
class Concession:
    """What submitting a dispute does: how much is given up, and the exceptions that are decided with it."""

    given_up_micros: int
    undecided: list[ExceptionCase]


def concession(row: Dispute, cases: Iterable[ExceptionCase]) -> Concession:
    """From the exceptions of a dispute (with their run): those decided otherwise are given up by their net difference."""
    listed = list(cases)
    given_up = exception.conceded_micros(row.disputed_micros, [(each.state, _net_micros(each)) for each in listed])
    return Concession(given_up, [each for each in listed if each.state == exception.OPEN])


def current_exceptions(row: Dispute) -> QuerySet[ExceptionCase]:
    """The exceptions of a dispute that no later run replaced, with their run."""
    return ExceptionCase.objects.filter(dispute=row).exclude(state=exception.SUPERSEDED).select_related("run").order_by("id")


def _net_micros(case: ExceptionCase) -> int:
    """What an exception makes of the disputed amount: its class's net difference, which is at most what is at risk in it."""
    for found in case.run.summary.get("classes", []):
        if found["class"] == case.cause:
            return min(case.amount_micros, to_micros(int(found["exact_60th_nanos"])))
    return case.amount_micros


def _concede(book: Book, row: Dispute, actor: Actor) -> int:
    """Decides the exceptions of a dispute that nobody decided, and gives up what was decided otherwise: that part becomes payable."""
    found = concession(row, current_exceptions(row).select_for_update(of=("self",)))
    conceded = found.given_up_micros
    if conceded and conceded >= row.disputed_micros:
        raise refuse("DISPUTE_NOTHING_LEFT", value=row.id)
    for each in found.undecided:
        decide_with_dispute(each, actor, row.id)
    if conceded:
        net, tax = conceded, tax_of(conceded, *_withheld(row))
        _post_end(book, row, f"concede {row.id}", "concession", Part(net, tax, net, tax), actor)
    return conceded


def _settle(book: Book, row: Dispute, credit_micros: int, actor: Actor) -> int:
    """The document of a settlement: what is still pending leaves it, and what we owe after all is posted. Gives what is credited."""
    all_net, all_tax = _withheld(row)
    conceded_tax = tax_of(row.conceded_micros, all_net, all_tax)
    net, tax = all_net - row.conceded_micros, all_tax - conceded_tax
    credited = credit_note_micros(net, credit_micros)
    owed = net - credited
    _post_end(book, row, f"settle {row.id}", "settlement", Part(net, tax, owed, tax_of(owed, net, tax)), actor)
    return credited


def _withheld(row: Dispute) -> tuple[int, int]:
    """Net and tax that were withheld when the invoice was received."""
    content: Mapping[str, Any] = row.document.content if row.document is not None else {}
    return int(content.get("disputed_net_micros", row.disputed_micros)), int(content.get("disputed_tax_micros", 0))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what was withheld, and how much of it is owed after all."""

    net: int
    tax: int
    owed_net: int
    owed_tax: int


def _post_end(book: Book, row: Dispute, key: str, kind: str, part: Part, actor: Actor) -> None:
    """The document by which a part of what was withheld leaves the pending ledger."""
    settled = {
        "format": "tollbook-dispute-settlement/1",
        "kind": kind,
        "dispute": row.id,
        "currency": row.currency,
        "credited_micros": str(part.net - part.owed_net),
        "payable_micros": str(part.owed_net + part.owed_tax),
    }
    postings = ledger.settled_dispute(
        row.id,
        row.partner_id,
        row.currency,
        disputed_net_micros=part.net,
        disputed_tax_micros=part.tax,
        payable_net_micros=part.owed_net,
        payable_tax_micros=part.owed_tax,
    )
    draft = Draft(
        key=key,
        series=SERIES,
        kind=SETTLEMENT,
        partner=row.partner_id,
        currency=row.currency,
        total_micros=part.owed_net + part.owed_tax,
        tax_micros=part.owed_tax,
        period=row.period,
        issued_on=UTC.local_day(clock.now_ms()),
        agreement_digest=row.agreement_digest,
        results_digest=json_digest(settled),
    )
    issue(book, draft, lambda number: Finished(settled, postings), actor=actor, right=Right.WORK_DISPUTES)
