"""Disputes: what was raised, by which clause, where it stands, and the pack with the evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from tollbook.core.dispute import STATES, STEPS, Step, next_state, open_events, right_for
from tollbook.core.money import parse_scaled
from tollbook.core.problem import Refusal, refuse
from tollbook.core.rights import Right, Role, allowed
from tollbook.flow import clock
from tollbook.flow.dispute import advance, concession, current_exceptions, facts_of
from tollbook.plain.verify import verify
from tollbook.store import files
from tollbook.store.models import Dispute, ExceptionCase
from tollbook.web import book, reference
from tollbook.web.dispute_course import clocks, course, said
from tollbook.web.exception_actions import status_of
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.pair_rows import micros
from tollbook.web.table import Column, Kind, MemoryRows, QueryRows, Table, choices
from tollbook.web.words import class_label


def visible(page: Page) -> Any:
    """The disputes a viewer may see; a draft is ours until it is submitted."""
    rows = page.own(Dispute.objects.all())
    return rows.exclude(state="DRAFT") if page.viewer.role is Role.PARTNER else rows


class Disputes(ListPage):
    """All disputes the viewer may see, what must be answered first at the top."""

    right, scope = Right.READ_DISPUTES, Scope.OWN
    title = "Disputes"
    lead = "What is disputed waits, what is not is paid. Each dispute names its clause and carries its evidence."
    sort = "answer_by_at"
    empty_heading = "Nothing is disputed"
    empty_advice = "A close raises a dispute where a difference with a partner's invoice is above the error budget."
    empty_for_partner = (
        "When we dispute a part of one of your invoices, it stands here with its clause, its evidence and what you can answer."
    )
    empty_command = "tollbook close PERIOD"
    empty_icon = "gavel"
    columns: ClassVar[tuple[Column, ...]] = (
        Column("id", "Dispute", filter="text", link=lambda row: reverse("dispute", args=[row["id"]])),
        Column("partner", "Partner", field="partner_id", filter="exact", is_optional=True),
        Column("period", "Period", Kind.LABEL, filter="exact", is_optional=True),
        Column("cause", "Cause", Kind.CLASS, is_optional=True),
        Column("clause", "Clause", is_optional=True),
        Column("state", "State", Kind.BADGE, filter="choice", options=choices(*STATES)),
        Column("answer_by_at", "Answer by (UTC)", Kind.INSTANT, is_optional=True),
        Column("disputed_micros", "Disputed", Kind.MONEY, currency="currency"),
        Column("accepted_micros", "Accepted", Kind.MONEY, currency="currency", is_optional=True),
    )

    def rows(self) -> QueryRows:
        return QueryRows(visible(self))

    def shown_columns(self) -> tuple[Column, ...]:
        """A partner sees no draft, so it is offered none."""
        columns = super().shown_columns()
        if self.viewer.role is not Role.PARTNER:
            return columns
        states = choices(*(state for state in STATES if state != "DRAFT"))
        return tuple(replace(each, options=states) if each.name == "state" else each for each in columns)


def net_of(case: ExceptionCase) -> int:
    """What an exception's class makes of the whole difference, in micro-units: what is to our advantage in it is taken off."""
    classes = case.run.summary.get("classes", [])
    found = next((each for each in classes if each["class"] == case.cause), None)
    return micros(int(found["exact_60th_nanos"])) if found else case.amount_micros


def beside(row: Dispute, cases: list[ExceptionCase]) -> dict[str, Any]:
    """What else is in the disputed amount: the classes that are no exception of it, and what the sum was rounded by."""
    listed = {case.cause for case in cases}
    classes = cases[0].run.summary.get("classes", []) if cases else []
    others = [(each["class"], micros(int(each["exact_60th_nanos"]))) for each in classes if each["class"] not in listed]
    others = sorted((each for each in others if each[1]), key=lambda each: -abs(each[1]))
    rest = row.disputed_micros - sum(net_of(case) for case in cases) - sum(net for _, net in others)
    return {"other_classes": others, "rounded_by": rest if cases else 0}


PART_COLUMNS: Final = (
    Column("words", "Exception"),
    Column("state", "State", Kind.BADGE),
    Column("calls", "Calls", Kind.COUNT),
    Column("risk", "At risk", Kind.MONEY, currency="currency"),
    Column("net", "Theirs less ours", Kind.MONEY, currency="currency"),
)


class OneDispute(Page):
    """One dispute: its course and clocks, money, clause, what was said, the steps open to the viewer, and its pack, checked on request."""

    right, scope = Right.READ_DISPUTES, Scope.OWN
    template = "web/dispute.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Disputes", reverse("disputes"))]

    def _row(self) -> Dispute:
        row: Dispute = self.one(visible(self).select_related("partner", "document", "pack"), pk=self.kwargs["pk"])
        return row

    def context(self) -> dict[str, Any]:
        row = self._row()
        found = reference.agreement_by_digest(row.agreement_digest)
        agreement = found[1] if found else None
        now, is_operator = clock.now_ms(), self.viewer.partner is None
        events = list(row.events.order_by("number"))
        cases = sorted(current_exceptions(row)[:100], key=lambda each: -each.amount_micros) if is_operator else []
        given_up = concession(row, cases) if row.state == "DRAFT" else None
        return {
            "title": row.id,
            "row": row,
            "remaining": row.disputed_micros - row.conceded_micros,
            "clause": agreement.clauses.get(row.clause) if agreement else None,
            "agreement_row": found[0] if found and is_operator else None,
            "course": course(row, events, now),
            "clocks": clocks(row, now),
            "said": said(events, self.viewer, book.current().name),
            "exceptions": [(each, net_of(each)) for each in cases],
            **(others := beside(row, cases)),
            "tables": {"parts": self._parts(row, cases, others)} if cases else {},
            "given_up": given_up.given_up_micros if given_up else 0,
            "claimed": row.disputed_micros - given_up.given_up_micros if given_up else 0,
            "undecided": len(given_up.undecided) if given_up else 0,
            "journal_address": f"{reverse('journal')}?{urlencode({'t-subject': row.id})}" if self._may_read_journal() else "",
            "is_operator": is_operator,
            "steps": self.open_steps(row, now),
        }

    def _parts(self, row: Dispute, cases: list[ExceptionCase], others: dict[str, Any]) -> Table:
        """What makes up the disputed amount, for a file; on the page it stands as a reckoning."""
        rows = [{"words": class_label(each.cause), "state": each.state, "calls": each.records} for each in cases]
        rows = [{**words, "risk": each.amount_micros, "net": net_of(each)} for words, each in zip(rows, cases, strict=True)]
        plain = {"state": None, "calls": None, "risk": None}
        rows += [{**plain, "words": class_label(name), "net": net} for name, net in others["other_classes"]]
        rows += [{**plain, "words": "Rounded by", "net": others["rounded_by"]}] if others["rounded_by"] else []
        rows = [{**each, "place": place, "currency": row.currency} for place, each in enumerate(rows)]
        return Table(self.request, MemoryRows(rows, tie=("place",)), PART_COLUMNS, name="m", label="What makes it up")

    def _may_read_journal(self) -> bool:
        return self.viewer.partner is None and self.may(Right.READ_JOURNAL)

    def _may_take(self, event: str, row: Dispute) -> bool:
        return allowed(self.viewer, right_for(self.viewer, event, row.partner_id), row.partner_id)

    def open_steps(self, row: Dispute, now: int) -> list[OpenStep]:
        """The steps open from here to whom may take them."""
        facts = facts_of(row, now, has_credit=True)
        found = []
        for event in open_events(row.state, facts):
            if self._may_take(event, row):
                step = STEPS[event]
                state = next_state(row.state, event, facts)
                amount = "part" if event == "accept_part" else "credit" if state == "SETTLED" else ""
                words = step.label if self.viewer.partner is not None else step.recorded
                found.append(OpenStep(step, words, amount, state))
        return found

    def post(self, request: HttpRequest, pk: str) -> HttpResponseBase:
        """One step on, or the check of the pack. What cannot be done is said, and nothing is changed then."""
        row = self._row()
        if "verify" in request.POST:
            return self._verify(row)
        event = request.POST.get("event", "")
        if not any(self._may_take(each, row) for each in STEPS):
            return self.show(403, **self.context(), wrong="Your role reads disputes; it takes no step in them.")
        try:
            amount = _amount(request.POST.get("credit", "")) if event in ("accept_part", "settle") else None
            if event not in STEPS:
                raise refuse("DISPUTE_STEP", "The form names no step of a dispute.", value=event)
            advance(
                book.current(),
                row.id,
                event,
                actor=self.viewer,
                reason=request.POST.get("reason", ""),
                credit_micros=amount,
                seen_state=request.POST.get("seen", "")[:40],
            )
        except Refusal as refusal:
            status = 422 if event not in STEPS else status_of(refusal)
            return self.show(status, **self.context(), problems=refusal.problems, given=request.POST)
        messages.success(request, f"{row.id}: {STEPS[event].done}.")
        return redirect("dispute", pk=row.id)

    def _verify(self, row: Dispute) -> HttpResponseBase:
        """Checks the pack as its receiver would: reads nothing but the file, and changes nothing."""
        path = files.find(book.folder(), row.pack.digest) if row.pack else None
        if path is None:
            raise Http404
        try:
            verification = verify(path)
        except Refusal as refusal:
            return self.show(409, **self.context(), problems=refusal.problems)
        return self.show(**self.context(), verification=verification)


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step that is open to the viewer. `amount` is "part" or "credit" where it is over an amount."""

    step: Step
    words: str
    amount: str
    state: str


def _amount(text: str) -> int:
    """An amount as people write it, in micro-units; DISPUTE_AMOUNT for anything else."""
    given = text.strip()
    found = parse_scaled(given, 6) if len(given) <= 30 else None
    if found is None or found < 0:
        raise refuse("DISPUTE_AMOUNT", value=given)
    return found


class Pack(Page):
    """The evidence, as a file that verifies offline."""

    right, scope = Right.READ_DISPUTES, Scope.OWN
    http_method_names = ["get", "head"]  # noqa: RUF012 - as Django types it

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        row = self.one(visible(self).select_related("pack"), pk=kwargs["pk"])
        path = files.find(book.folder(), row.pack.digest) if row.pack else None
        if path is None or row.pack is None:
            raise Http404
        return FileResponse(path.open("rb"), content_type="application/zip", as_attachment=True, filename=row.pack.name)
