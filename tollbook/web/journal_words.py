"""Rows of the journal as people speak of them: what was done, of what, and to whom; and found by the same words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from django.db.models import Q, QuerySet

from tollbook.core.reconciliation_words import CLASS_LABELS
from tollbook.store.models import ExceptionCase, Journal
from tollbook.web import words
from tollbook.web.table import QueryRows
from tollbook.web.table.columns import Column, Row

ASSIGNED: Final = "assign exception"
SEALED_CLOSE: Final = "Seal close"
_ISSUED, _CLOSE = "issue document", "CLOSE "
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
EXPORTED_AT_ONCE: Final = 500


def told(rows: Sequence[Row]) -> list[Row]:
    """The rows with `action` and `subject` in words: an exception by its class, partner and period, and whom it was given to. They need
    `seq`, `action` and `subject`; two queries at most, whatever they hold."""
    names = _exceptions({str(row["subject"]) for row in rows if _DIGEST.fullmatch(str(row["subject"]))})
    people = _assignees([row["seq"] for row in rows if row["action"] == ASSIGNED])
    found: list[Row] = []
    for row in rows:
        subject = str(row["subject"])
        said = names.get(subject) or words.subject(subject)
        if row["seq"] in people:
            said = f"{said}, to {people[row['seq']] or 'nobody'}"
        found.append({**row, "action": _action(str(row["action"]), subject), "subject": said})
    return found


def _action(action: str, subject: str) -> str:
    return SEALED_CLOSE if action == _ISSUED and subject.startswith(_CLOSE) else words.action(action)


def _exceptions(ids: Iterable[str]) -> dict[str, str]:
    chosen = list(ids)
    if not chosen:
        return {}
    rows = ExceptionCase.objects.filter(id__in=chosen).values_list("id", "cause", "partner_id", "partner__name", "period")
    return {key: f"{CLASS_LABELS.get(cause, cause)}, {name or partner} {period}" for key, cause, partner, name, period in rows}


def _assignees(numbers: Sequence[int]) -> dict[int, str]:
    if not numbers:
        return {}
    rows = Journal.objects.filter(seq__in=numbers).values_list("seq", "result")
    return {seq: str(json.loads(result).get("assignee", "")) for seq, result in rows}


def matching(filters: dict[str, str]) -> tuple[QuerySet[Journal], dict[str, str]]:
    """The rows whose words hold what is looked for, as they stand in the book or as `told` says them; and the filters that are left."""
    rows = Journal.objects.all()
    rest = dict(filters)
    if action := rest.pop("action", ""):
        known = Journal.objects.order_by().values_list("action", flat=True).distinct()
        said = [each for each in known if action.lower() in words.action(each).lower()]
        wanted = Q(action__icontains=action) | Q(action__in=said)
        if action.lower() in SEALED_CLOSE.lower():
            wanted |= Q(action=_ISSUED, subject__startswith=_CLOSE)
        rows = rows.filter(wanted)
    if subject := rest.pop("subject", ""):
        rows = rows.filter(Q(subject__icontains=subject) | Q(subject__in=_named(subject).values("id")))
    return rows, rest


def _named(text: str) -> QuerySet[ExceptionCase]:
    """The exceptions of whose name every word is a part."""
    rows = ExceptionCase.objects.all()
    for word in re.split(r"[\s,]+", text.strip()):
        classes = [name for name, label in CLASS_LABELS.items() if word.lower() in label.lower()]
        of_partner = Q(partner__id__icontains=word) | Q(partner__name__icontains=word)
        rows = rows.filter(of_partner | Q(period__icontains=word) | Q(cause__in=classes))
    return rows


class ToldRows:
    """The journal for its page: found and shown by the words of people."""

    def page(
        self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, offset: int, limit: int
    ) -> tuple[list[Row], int]:
        """The rows of one page and how many there are."""
        found, rest = matching(filters)
        rows, total = QueryRows(found).page(columns, rest, sort, offset, limit)
        return told(rows), total

    def all(self, columns: Sequence[Column], filters: dict[str, str], sort: tuple[str, bool] | None, limit: int) -> Iterator[Row]:
        """Up to so many rows for an export."""
        found, rest = matching(filters)
        rows: Iterator[Any] = QueryRows(found).all(columns, rest, sort, limit)
        while part := list(islice(rows, EXPORTED_AT_ONCE)):
            yield from told(part)
