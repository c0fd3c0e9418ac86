"""Exceptions: the queue of differences above the error budget, worked one by one or many at once, and one of them with its history."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from tollbook.core import exception
from tollbook.core.exception import DECISIONS, KIND_OF_CLASS, KINDS, OPEN, OWNER_OF_KIND, STATES, SUPERSEDED
from tollbook.core.problem import Refusal, refuse
from tollbook.core.reconciliation_words import CLASS_LABELS
from tollbook.core.rights import Right
from tollbook.flow import exception as work
from tollbook.store.models import ExceptionCase, ExceptionEvent, Head
from tollbook.web import book, reference
from tollbook.web.choice import ChoiceRows, box, choose_column
from tollbook.web.exception_actions import act, case_value, new_key, status_of, undo_offered
from tollbook.web.listing import ListPage
from tollbook.web.page import Page, Scope
from tollbook.web.reconciliation import pair_rows
from tollbook.web.table import Column, Kind, QueryRows, Table, choices
from tollbook.web.table.columns import PARTNER_NAME

CLASS_OPTIONS = tuple((name, CLASS_LABELS.get(name, name)) for name in KIND_OF_CLASS)
VIEWS = (
    ("waiting", "Waiting"),
    ("mine", "Mine"),
    ("unassigned", "Nobody's"),
    ("decided", "Decided"),
    ("all", "All"),
)
# What a view without a row says: heading and advice.
EMPTY_VIEWS = {
    "waiting": ("Nothing waits", "Every exception is decided. The other views have them."),
    "mine": ("Nothing is with you", "No exception that waits was given to you. Those that nobody has are under Nobody's."),
    "unassigned": ("Everything is with somebody", "Every exception that waits was given to somebody, or nothing waits."),
    "decided": ("Nothing is decided yet", "What was decided stands here, with who decided it and why. What waits is under Waiting."),
    "all": ("Nothing in this view", "No exception fits. The other views have the rest."),
}
# So many of its calls stand on the page of an exception; its list has all.
SHOWN_CALLS = 8
MAY_HAVE = "Exceptions are given to those whose role decides them: billing and the owner."
EVENT_WORDS = {
    exception.ASSIGN: "Given to",
    exception.COMMENT: "Comment",
    exception.DECIDE: "Decided:",
    exception.UNDO: "Undone:",
    exception.CARRY: "From the run before",
}


def chosen_view(request: HttpRequest) -> str:
    """The view of the queue: what the address says, else all where it filters by state, else what waits."""
    given = request.GET.get("show", "")
    if given in dict(VIEWS):
        return given
    return "all" if request.GET.get("t-state") else "waiting"


class Exceptions(ListPage):
    """The queue, the largest amount first."""

    right, scope = Right.READ_DISPUTES, Scope.OPERATOR
    template = "web/exceptions.html"
    title = "Exceptions"
    lead = "Differences above the error budget. Each has one class, one desk, one clause and one amount."
    sort = "-amount_micros"
    empty_heading = "No exception"
    empty_advice = "A reconciliation opens one for every class of difference that its error budget does not cover."
    empty_command = "tollbook close PERIOD"
    empty_icon = "list-check"
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "cause",
            "Difference",
            Kind.CLASS,
            filter="choice",
            options=CLASS_OPTIONS,
            link=lambda row: reverse("exception", args=[row["id"]]),
        ),
        Column("exception_class", "Class", Kind.BADGE, filter="choice", options=choices(*KINDS), is_optional=True),
        Column("partner", "Partner", field="partner_id", filter="exact", link=lambda row: reverse("partner", args=[row["partner_id"]])),
        Column("period", "Period", Kind.LABEL, filter="exact", is_optional=True),
        Column(
            "owner", "Desk", filter="choice", options=tuple((each, each.capitalize()) for each in OWNER_OF_KIND.values()), is_optional=True
        ),
        Column("assignee", "With", filter="exact", is_optional=True),
        Column("state", "State", Kind.BADGE, filter="choice", options=choices(*STATES), is_optional=True),
        Column("records", "Calls", Kind.COUNT, is_optional=True),
        Column("amount_micros", "At risk", Kind.MONEY, currency="currency"),
    )

    def rows(self) -> QueryRows:
        found = self.own(ExceptionCase.objects.all())
        view = chosen_view(self.request)
        if view in ("waiting", "mine", "unassigned"):
            found = found.filter(state=OPEN)
        if view == "mine":
            found = found.filter(assignee=self.viewer.name)
        elif view == "unassigned":
            found = found.filter(assignee="")
        elif view == "decided":
            found = found.filter(state__in=tuple(DECISIONS))
        rows = QueryRows(found, fields=("id", "last_event"))
        return ChoiceRows(rows, self._box) if self._may_choose() else rows

    def _box(self, row: Any) -> Any:
        label = f"{CLASS_LABELS.get(row['cause'], row['cause'])}, {row[PARTNER_NAME]}, {row['period']}"
        return box("case", "bulk", case_value(row["id"], row["last_event"]), label)

    def _may_choose(self) -> bool:
        return self.may(Right.WORK_EXCEPTIONS) and not self.request.GET.get("t-export")

    def shown_columns(self) -> tuple[Column, ...]:
        columns = super().shown_columns()
        return (choose_column("case", "bulk"), *columns) if self._may_choose() else columns

    def context(self) -> dict[str, Any]:
        may_work, view = self.may(Right.WORK_EXCEPTIONS), chosen_view(self.request)
        return {
            "views": [(name, words, f"?show={name}", name == view) for name, words in VIEWS],
            "empty_view": EMPTY_VIEWS[view],
            "may_have": MAY_HAVE,
            "may_work": may_work,
            "people": work.assignees() if may_work else [],
            "decisions": DECISIONS.values(),
            "undo": undo_offered(self.request) if may_work else None,
            "key": new_key(),
        }

    @property
    def has_any(self) -> bool:
        """Whether there is any exception at all; asked only where the view has none."""
        return self.own(ExceptionCase.objects.all()).exists()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Something for all that were chosen, or for none of them."""
        try:
            act(request, self.viewer)
        except Refusal as refusal:
            table = Table(request, self.rows(), self.shown_columns(), sort=self.sort, label=self.title)
            return self.show(status_of(refusal), table=table, problems=refusal.problems, given=request.POST, **self.context())
        return redirect(request.get_full_path())


class OneException(Page):
    """One exception: why, by which clause, with which calls, who has it, and what was said and decided."""

    right, scope = Right.READ_DISPUTES, Scope.OPERATOR
    template = "web/exception.html"

    def crumbs(self) -> list[tuple[str, str]]:
        return [("Exceptions", reverse("exceptions"))]

    def context(self) -> dict[str, Any]:
        rows = ExceptionCase.objects.select_related("partner", "run", "dispute", "earlier")
        row = self.one(rows, pk=self.kwargs["pk"])
        found = reference.agreement_by_digest(row.agreement_digest)
        may_work = self.may(Right.WORK_EXCEPTIONS)
        return {
            "title": CLASS_LABELS.get(row.cause, row.cause),
            **self._calls(row),
            "row": row,
            "clause": found[1].clauses.get(row.clause) if found else None,
            "agreement_row": found[0] if found else None,
            "events": [(each, EVENT_WORDS[each.kind], _decision_words(each)) for each in row.events.order_by("-number")[:200]],
            "journal_address": f"{reverse('journal')}?{urlencode({'t-subject': row.id})}" if self.may(Right.READ_JOURNAL) else "",
            "later": row.later.order_by("-opened_at").first() if row.state == SUPERSEDED else None,
            "rule": DECISIONS.get(row.state),
            "may_work": may_work,
            "may_have": MAY_HAVE,
            "choices": self._choices(row) if may_work and row.state == OPEN else [],
            "people": work.assignees() if may_work and row.state != SUPERSEDED else [],
            "case": case_value(row.id, row.last_event),
            "cannot_undo": row.dispute is not None and row.dispute.state not in exception.OURS_TO_DECIDE,
            "undo": undo_offered(self.request) if may_work else None,
            "key": new_key(),
        }

    def _choices(self, row: ExceptionCase) -> list[tuple[exception.Decision, str]]:
        """Every decision, and what speaks against it."""
        against = exception.open_decisions(row.state, work.circumstances(book.current(), row, self.viewer))
        return [(DECISIONS[name], words) for name, words in against.items()]

    def _calls(self, row: ExceptionCase) -> dict[str, Any]:
        """The calls of its class and the address of all of them; of a run that is no longer the current one, those it is known by."""
        if not self.may(Right.READ_CALLS):
            return {}
        if not Head.objects.filter(run_id=row.run_id).exists():
            return {"examples": row.examples[:SHOWN_CALLS]}
        rows = pair_rows(row.run, row.cause, has_money=self.may(Right.READ_MARGIN))
        # The heaviest first: where the class is in our favour, the smallest amounts.
        amount = next((each["amount"] for each in row.run.summary.get("classes", []) if each["class"] == row.cause), "")
        ours = str(amount).startswith("-")
        given = {"class": row.cause} | ({"t-sort": "amount_micros"} if ours else {})
        return {
            "calls": rows.page((), {}, ("amount_micros", not ours), 0, SHOWN_CALLS)[0],
            "calls_address": f"{reverse('pairs', args=[row.run.scope])}?{urlencode(given)}",
        }

    def post(self, request: HttpRequest, pk: str) -> HttpResponseBase:
        """One thing for this exception; the form names it, and it is this one."""
        row = self.one(ExceptionCase.objects.all(), pk=pk)
        try:
            if any(not each.startswith(f"{row.id}.") for each in request.POST.getlist("case")):
                raise refuse("EXCEPTION_UNKNOWN", "The form belongs to another exception. Load the page again.")
            act(request, self.viewer)
        except Refusal as refusal:
            return self.show(status_of(refusal), problems=refusal.problems, given=request.POST, **self.context())
        return redirect("exception", pk=row.id)


def _decision_words(event: ExceptionEvent) -> str:
    """The decision of an event as a button says it."""
    rule = DECISIONS.get(event.decision)
    return rule.label if rule else ""
