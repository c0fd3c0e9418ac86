"""Runs, the current run of each scope, and the documents that decide what a run sees."""

from __future__ import annotations

from django.db import models

from tollbook.store.models.fields import digest, instant, instant_or_none, optional_word, word


class Run(models.Model):
    """One execution of one stage: a pure function of its pinned inputs, named by their digests."""

    run_key = digest(primary_key=True)
    stage = word()
    scope = word()
    semantics_version = models.IntegerField()
    inputs = models.JSONField()  # sorted digests
    parameters = models.JSONField()
    known_at = instant_or_none()
    result_digest = digest()
    results = models.JSONField()  # per kind: TD1 and row count
    summary = models.JSONField(default=dict)  # counts and totals for people, derived from the results
    package_version = word()
    started_at = instant()
    finished_at = instant()

    class Meta:
        db_table = "run"
        indexes = [models.Index(fields=["stage", "scope"], name="run_by_scope")]


class Head(models.Model):
    """Which run of a scope is the current one. The only row of this file that changes; each change is in the journal."""

    stage = word()
    scope = word()
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="heads")

    class Meta:
        db_table = "head"
        constraints = [models.UniqueConstraint(fields=["stage", "scope"], name="head_one_per_scope")]


class Reference(models.Model):
    """A sealed document that decides results, looked up by valid time and by known time."""

    kind = word()  # AGREEMENT, DECK, SOURCE, ZONE, TRUNK_MAP, FX ...
    name = word()
    effective_from = instant()
    known_from = instant()
    file = models.ForeignKey("store.SealedFile", on_delete=models.PROTECT, related_name="references")
    content_digest = digest()  # of what the document says (RDC2 of a deck); the file's own digest where there is no other

    class Meta:
        db_table = "reference"
        constraints = [models.UniqueConstraint(fields=["kind", "name", "effective_from", "known_from", "file"], name="reference_once")]


class Partner(models.Model):
    """A counterparty. `name` is what documents call it."""

    id = word(primary_key=True)
    name = optional_word()

    class Meta:
        db_table = "partner"


class Trunk(models.Model):
    """A trunk label of a source and the partner behind it, from the trunk map named by its digest."""

    source = word()
    name = word()
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="trunks")
    effective_from = instant()
    known_from = instant()
    document_digest = digest()

    class Meta:
        db_table = "trunk"
        constraints = [models.UniqueConstraint(fields=["source", "name", "effective_from", "known_from"], name="trunk_once")]


class Agreement(models.Model):
    """Index of one version of an agreement."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="agreements")
    agreement_id = word()
    version = word()
    currency = word()
    zone = word()
    effective_from = instant()
    known_from = instant()
    digest = digest()  # of the document's canonical text
    file = models.ForeignKey("store.SealedFile", on_delete=models.PROTECT)

    class Meta:
        db_table = "agreement"
        constraints = [models.UniqueConstraint(fields=["partner", "agreement_id", "version", "digest"], name="agreement_once")]


class Deck(models.Model):
    """Index of one version of a rate deck."""

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="decks")
    deck_id = word()
    version = word()
    direction = optional_word()  # BUY or SELL, from the agreement that names it
    mode = word()
    currency = word()
    received_at = instant()
    known_from = instant()
    rows = models.BigIntegerField()
    digest = digest()  # RDC2, of what the deck says
    file = models.ForeignKey("store.SealedFile", on_delete=models.PROTECT)

    class Meta:
        db_table = "deck"
        constraints = [models.UniqueConstraint(fields=["partner", "deck_id", "file"], name="deck_once")]
