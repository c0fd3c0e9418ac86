"""What happened to an exception and to a dispute, in order. Rows are only ever added; the database itself refuses anything else."""

from __future__ import annotations

from django.db import models

from tollbook.store.models.fields import instant, optional_word, word


class ExceptionEvent(models.Model):
    """One thing that was done to an exception. Its state is what its events make of it (core.exception.state_after)."""

    exception = models.ForeignKey("store.ExceptionCase", on_delete=models.PROTECT, related_name="events")
    number = models.IntegerField()  # 1, 2, 3 ... per exception
    kind = word()  # ASSIGN, COMMENT, DECIDE, UNDO, CARRY
    at = instant()
    actor = word()
    decision = optional_word()  # of DECIDE and CARRY; of UNDO the one that was reversed
    assignee = optional_word()  # of ASSIGN and CARRY
    reverses = models.IntegerField(null=True)  # of UNDO: the number of the event it reverses
    remark = models.TextField(blank=True, default="")

    class Meta:
        db_table = "exception_event"
        constraints = [models.UniqueConstraint(fields=["exception", "number"], name="exception_event_once")]


class DisputeEvent(models.Model):
    """One step of a dispute. `is_told` says that its remark is for both sides to read; the others are for ours alone."""

    dispute = models.ForeignKey("store.Dispute", on_delete=models.PROTECT, related_name="events")
    number = models.IntegerField()
    event = word()
    from_state = word()
    to_state = word()
    side = word()  # OURS or THEIRS: whose step it is
    at = instant()
    actor = word()
    partner = optional_word()  # of an actor who is the partner's own user
    amount_micros = models.BigIntegerField(null=True)
    remark = models.TextField(blank=True, default="")
    is_told = models.BooleanField(default=False)

    class Meta:
        db_table = "dispute_event"
        constraints = [models.UniqueConstraint(fields=["dispute", "number"], name="dispute_event_once")]
