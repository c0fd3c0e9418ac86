"""What was received and what was made from it: sealed files, batches, segments, known ids, cursors, leases."""

from __future__ import annotations

from django.db import models

from tollbook.store.models.fields import digest, instant, instant_or_none, optional_word, word


class SealedFile(models.Model):
    """Bytes as they were received, kept for good under their digest. The row is never changed and never deleted."""

    digest = digest(primary_key=True)
    name = models.CharField(max_length=500)  # the name it came under, for people
    suffix = models.CharField(max_length=20, blank=True, default="")  # of the stored file, so that format readers see what they expect
    size = models.BigIntegerField()
    kind = word()  # CDR, AGREEMENT, DECK, SOURCE, ZONE, INVOICE, REPORT, PACK ...
    received_at = instant()
    received_by = optional_word()

    class Meta:
        db_table = "sealed_file"


class Batch(models.Model):
    """One part of one CDR file, published in one transaction: read = accepted + duplicates + problems, in records.

    `id` is the digest of source, file digest and part number, so that the same part cannot be published twice.
    """

    id = digest(primary_key=True)
    source = word(db_index=True)
    file = models.ForeignKey(SealedFile, on_delete=models.PROTECT, related_name="batches")
    part_no = models.IntegerField()
    is_last = models.BooleanField()
    last_record_no = models.BigIntegerField()  # where the next part goes on
    read = models.BigIntegerField()
    accepted = models.BigIntegerField()
    duplicates = models.BigIntegerField()
    problems = models.BigIntegerField()
    layer = word()  # of the source: BILLING decides money; ATTEMPTS and EVENTS count for quality
    profile_digest = digest()
    published_at = instant()
    package_version = word()

    class Meta:
        db_table = "batch"
        constraints = [
            models.UniqueConstraint(fields=["source", "file", "part_no"], name="batch_once"),
            models.CheckConstraint(
                condition=models.Q(read=models.F("accepted") + models.F("duplicates") + models.F("problems")), name="batch_adds_up"
            ),
        ]


class Segment(models.Model):
    """One immutable Parquet file: the rows of one kind, side and UTC day that one batch or one run made."""

    digest = digest(primary_key=True)
    kind = word()
    side = optional_word()
    day = models.DateField(null=True)  # UTC day of the rows' anchors; null where the kind has none
    rows = models.BigIntegerField()
    size = models.BigIntegerField()
    min_anchor_at = instant_or_none()
    max_anchor_at = instant_or_none()
    schema_version = models.IntegerField()
    path = models.CharField(max_length=500)  # below the book's folder
    batch = models.ForeignKey(Batch, null=True, on_delete=models.PROTECT, related_name="segments")
    run = models.ForeignKey("store.Run", null=True, on_delete=models.PROTECT, related_name="segments")

    class Meta:
        db_table = "segment"
        indexes = [models.Index(fields=["kind", "side", "day"], name="segment_by_day")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(batch__isnull=True, run__isnull=False) | models.Q(batch__isnull=False, run__isnull=True),
                name="segment_has_one_maker",
            )
        ]


class KnownIds(models.Model):
    """The current file of known record ids of one source and one local day as the source writes it. Rebuilt from segments at need."""

    source = word()
    day = models.CharField(max_length=10)  # as in the raw text, 2026-11-22; "undated" where the record shows none
    digest = digest()
    path = models.CharField(max_length=500)
    rows = models.BigIntegerField()

    class Meta:
        db_table = "known_ids"
        constraints = [models.UniqueConstraint(fields=["source", "day"], name="known_ids_one_per_day")]


class Cursor(models.Model):
    """How far a feed was read: a drop folder's file, a table's last key."""

    name = models.CharField(max_length=500, primary_key=True)
    position = models.TextField()

    class Meta:
        db_table = "cursor"


class Lease(models.Model):
    """The right of one writer to publish for one source. The token grows with every change of hands and is checked at publishing."""

    name = word(primary_key=True)
    owner = word()
    token = models.BigIntegerField()
    expires_at = instant()

    class Meta:
        db_table = "lease"
