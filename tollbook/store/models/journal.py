"""The journal of every change, and who may make one."""

from __future__ import annotations

from django.db import models

from tollbook.store.models.fields import digest, instant, instant_or_none, optional_word, word


class Journal(models.Model):
    """One row per change, chained by hash. Rows are only ever added; the database itself refuses anything else."""

    seq = models.BigIntegerField(primary_key=True)  # 1, 2, 3 ... without gaps
    at = instant()
    actor = word()
    action = word()
    subject = models.CharField(max_length=500)
    reason = models.TextField(blank=True, default="")
    idempotency_key = models.CharField(max_length=200, null=True, unique=True)  # null is no key, and unique must allow many
    input_hash = digest()
    result = models.TextField()  # canonical JSON, given again when the same command comes again
    prev_hash = digest()
    row_hash = digest(unique=True)

    class Meta:
        db_table = "journal"


class Setting(models.Model):
    """What the database knows of the book it belongs to: its id and format."""

    name = word(primary_key=True)
    value = models.TextField()

    class Meta:
        db_table = "setting"


class User(models.Model):
    """Somebody who may act: a person, or a token with a role and a scope. A partner's user sees that partner's things only."""

    name = word(primary_key=True)
    kind = word()  # PERSON or TOKEN
    role = word()
    partner = models.ForeignKey("store.Partner", null=True, on_delete=models.PROTECT, related_name="users")
    scope = models.JSONField(default=list)  # rights a token is limited to; empty for persons
    token_digest = models.CharField(max_length=64, null=True, unique=True)  # only tokens have one
    is_active = models.BooleanField(default=True)
    created_at = instant()
    created_by = optional_word()  # of a token
    expires_at = instant_or_none()  # of a token
    last_used_at = instant_or_none()  # of a token, to within minutes
    token_hint = optional_word()  # its last letters, by which people tell tokens apart

    class Meta:
        db_table = "user"


class ApiAnswer(models.Model):
    """What the API answered to a write with an idempotency key, for when the same comes again. Kept for a month, then removed."""

    actor = word()
    key = word()
    input_hash = digest()
    status = models.IntegerField()  # 0 while the command is at work
    body = models.TextField(blank=True, default="")  # as JSON, without anything secret
    created_at = instant(db_index=True)

    class Meta:
        db_table = "api_answer"
        constraints = [models.UniqueConstraint(fields=["actor", "key"], name="api_answer_once")]
