"""Money: running usage, exceptions, disputes, issued documents and the ledger's postings. Amounts are micro-units."""

from __future__ import annotations

from django.db import models

from tollbook.store.models.fields import digest, instant, instant_or_none, micros, optional_word, word


class UsageTotal(models.Model):
    """Running usage of a partner's leg per local day. It can be dropped and rebuilt: from CDR segments where `origin` is COLLECTION
    (no currency, no amount yet), from the charges of the current rating run where `origin` is that run's scope."""

    origin = word()
    partner = optional_word()
    leg = word()
    currency = models.CharField(max_length=3, blank=True, default="")
    day = models.DateField()  # COLLECTION: UTC day of the anchor; rated: the contract's local day
    records = models.BigIntegerField(default=0)
    answered = models.BigIntegerField(default=0)
    duration_ms = models.BigIntegerField(default=0)
    amount_micros = micros(default=0)

    class Meta:
        db_table = "usage_total"
        constraints = [models.UniqueConstraint(fields=["origin", "partner", "leg", "currency", "day"], name="usage_total_once")]


class ExceptionCase(models.Model):
    """A classified difference above the error budget: one class, one owner, one clause, one amount at risk."""

    id = digest(primary_key=True)  # of run, cause and place, so that a repeated run opens nothing twice
    run = models.ForeignKey("store.Run", on_delete=models.PROTECT, related_name="exceptions")
    partner = models.ForeignKey("store.Partner", on_delete=models.PROTECT, related_name="exceptions")
    period = word()
    leg = word()
    exception_class = word()  # FRAUD, QUALITY, DATA
    cause = word()
    destination = optional_word()
    agreement_digest = digest()
    clause = optional_word()
    currency = models.CharField(max_length=3)
    amount_micros = micros()
    minutes_ms = models.BigIntegerField()
    records = models.BigIntegerField()
    examples = models.JSONField(default=list)  # the ids of its heaviest calls, a hundred at most
    state = word()
    owner = optional_word()
    opened_at = instant()
    dispute = models.ForeignKey("store.Dispute", null=True, on_delete=models.PROTECT, related_name="exceptions")
    # An index of its events: who looks at it, and the number of the last event, which a decision must have seen.
    assignee = optional_word()
    decided_at = instant_or_none()
    decided_by = optional_word()
    last_event = models.IntegerField(default=0)
    earlier = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="later")  # of the run that was superseded

    class Meta:
        db_table = "exception"


class Document(models.Model):
    """An issued document, frozen with everything it was made from. Gapless per series; corrected by another document, never changed."""

    series = word()
    number = models.BigIntegerField()
    kind = word()  # INVOICE, CREDIT_NOTE, DISPUTE, STATEMENT, RECEIVED_INVOICE, ACCRUAL, PAYMENT ...
    partner = models.ForeignKey("store.Partner", null=True, on_delete=models.PROTECT, related_name="documents")
    agreement_digest = models.CharField(max_length=64, blank=True, default="")
    period = optional_word()
    start_at = instant_or_none()
    end_at = instant_or_none()
    issued_at = instant()
    due_on = models.DateField(null=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    total_micros = micros(default=0)
    tax_micros = micros(default=0)
    runs = models.JSONField(default=list)  # run keys it was made from
    content = models.JSONField()  # the document itself, as canonical JSON
    content_digest = digest()
    file = models.ForeignKey("store.SealedFile", null=True, on_delete=models.PROTECT, related_name="documents")
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="corrections")

    class Meta:
        db_table = "document"
        constraints = [models.UniqueConstraint(fields=["series", "number"], name="document_number_once")]


class Dispute(models.Model):
    """A difference raised with the partner; its history is its events, and the journal."""

    id = word(primary_key=True)
    partner = models.ForeignKey("store.Partner", on_delete=models.PROTECT, related_name="disputes")
    run = models.ForeignKey("store.Run", null=True, on_delete=models.PROTECT, related_name="disputes")
    period = word()
    leg = word()
    cause = word()
    agreement_digest = digest()
    clause = optional_word()
    document = models.ForeignKey(Document, null=True, on_delete=models.PROTECT, related_name="disputes")
    currency = models.CharField(max_length=3)
    disputed_micros = micros()
    undisputed_micros = micros(default=0)
    accepted_micros = micros(default=0)
    state = word()
    raised_at = instant_or_none()
    acknowledge_by_at = instant_or_none()
    answer_by_at = instant_or_none()
    window_ends_at = instant_or_none()
    closed_at = instant_or_none()
    pack = models.ForeignKey("store.SealedFile", null=True, on_delete=models.PROTECT, related_name="disputes")
    pack_root = models.CharField(max_length=64, blank=True, default="")
    submitted_at = instant_or_none()
    escalate_l1_at = instant_or_none()
    escalate_l2_at = instant_or_none()
    conceded_micros = micros(default=0)  # of what is disputed: the part we gave up when it was submitted
    last_event = models.IntegerField(default=0)

    class Meta:
        db_table = "dispute"


class Posting(models.Model):
    """One line of a balanced entry. Append-only; `entry_no` ties the lines of one entry of a document together."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="postings")
    entry_no = models.IntegerField()
    line_no = models.IntegerField()
    account = word()
    partner = models.ForeignKey("store.Partner", null=True, on_delete=models.PROTECT, related_name="postings")
    currency = models.CharField(max_length=3)
    debit_micros = micros(default=0)
    credit_micros = micros(default=0)
    state = models.CharField(max_length=7)  # PENDING or POSTED
    booked_at = instant()
    value_on = models.DateField()
    reason = optional_word()
    reverses = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="reversals")

    class Meta:
        db_table = "posting"
        constraints = [
            models.UniqueConstraint(fields=["document", "entry_no", "line_no"], name="posting_once"),
            models.CheckConstraint(
                condition=models.Q(debit_micros__gte=0, credit_micros=0) | models.Q(debit_micros=0, credit_micros__gte=0),
                name="posting_has_one_side",
            ),
            models.CheckConstraint(condition=models.Q(state__in=("PENDING", "POSTED")), name="posting_state_known"),
        ]
