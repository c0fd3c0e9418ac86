"""Long work that somebody started, how far it is, and the workers that do it. These rows are bookkeeping, not evidence: they change."""

from __future__ import annotations

from django.db import models

from tollbook.store.models.fields import instant, instant_or_none, optional_word, word


class Job(models.Model):
    """One piece of long work: who wants what, and what came of it. Its instants are the machine's own time."""

    id = models.CharField(max_length=32, primary_key=True)  # 32 hexadecimal digits, drawn
    kind = word()  # CLOSE, INGEST, VERIFY ... (flow.job_kinds)
    subject = word()  # what it is about, for people: the period, the number of files
    parameters = models.JSONField()
    actor = word()  # the name of who started it
    role = word()  # and the role at that time; the one at the time it runs decides
    state = word(default="QUEUED")  # QUEUED, RUNNING, DONE, FAILED, CANCELLED
    created_at = instant()
    started_at = instant_or_none()
    finished_at = instant_or_none()
    attempts = models.IntegerField(default=0)
    worker = optional_word()  # who runs it, or ran it last
    cancel_wanted_by = optional_word()
    problems = models.JSONField(default=list)
    result = models.JSONField(default=dict)

    class Meta:
        db_table = "job"
        indexes = [
            models.Index(fields=["state", "created_at"], name="job_by_state"),
            models.Index(fields=["created_at"], name="job_by_time"),
        ]


class JobProgress(models.Model):
    """How far a job is. Written beside the work, twice a second at most, and never in its transactions."""

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="progress")
    number = models.BigIntegerField(default=0)  # grows with every change
    stage = optional_word()
    detail = models.CharField(max_length=300, blank=True, default="")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)  # 0 where nobody can say
    seen_at = instant(default=0)

    class Meta:
        db_table = "job_progress"


class Worker(models.Model):
    """A process that does jobs and looks into folders, and when it was last seen at it."""

    id = word(primary_key=True)  # machine, process, and a drawn part
    started_at = instant()
    seen_at = instant(db_index=True)
    job = models.CharField(max_length=32, blank=True, default="")  # what it is at

    class Meta:
        db_table = "worker"
