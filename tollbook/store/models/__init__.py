"""The tables of a book. Columns are only ever added. Everything large lives in sealed files and segments; rows index it."""

from tollbook.store.models.events import DisputeEvent, ExceptionEvent
from tollbook.store.models.jobs import Job, JobProgress, Worker
from tollbook.store.models.journal import ApiAnswer, Journal, Setting, User
from tollbook.store.models.money import Dispute, Document, ExceptionCase, Posting, UsageTotal
from tollbook.store.models.runs import Agreement, Deck, Head, Partner, Reference, Run, Trunk
from tollbook.store.models.sealed import Batch, Cursor, KnownIds, Lease, SealedFile, Segment

__all__ = [
    "Agreement",
    "ApiAnswer",
    "Batch",
    "Cursor",
    "Deck",
    "Dispute",
    "DisputeEvent",
    "Document",
    "ExceptionCase",
    "ExceptionEvent",
    "Head",
    "Job",
    "JobProgress",
    "Journal",
    "KnownIds",
    "Lease",
    "Partner",
    "Posting",
    "Reference",
    "Run",
    "SealedFile",
    "Segment",
    "Setting",
    "Trunk",
    "UsageTotal",
    "User",
    "Worker",
]
