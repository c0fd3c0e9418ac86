"""The canonical CDR and the other tables every stage exchanges: column names, types, closed lists. They only ever grow.

Instants are `timestamp[ms, UTC]`, ids are 128 bits, repeated text is dictionary-encoded, money is integers
(`tollbook.core.money`). These schemas are the contract between the layers and the layout of the sealed segments.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from tollbook.core.kpi import PDD_CLASSES

SCHEMA_VERSION: Final = 1

ID = pa.binary(16)
INSTANT = pa.timestamp("ms", tz="UTC")
WORD = pa.dictionary(pa.int32(), pa.string())
TEXT = pa.string()

LEGS: Final = ("IN", "OUT")
SIDES: Final = ("OURS", "THEIRS")
TECHS: Final = ("SIP", "ISUP", "BICC", "IPRN")
TIME_QUALITIES: Final = ("EXACT", "AMBIGUOUS_LOCAL", "NONEXISTENT_LOCAL", "ASSUMED_UTC")
DURATION_SOURCES: Final = ("RECORDED", "COMPUTED")
RELEASE_PARTIES: Final = ("CALLER", "CALLEE", "TIMER", "UNKNOWN")
CHARGE_STATUSES: Final = ("RATED", "UNRATED", "BLOCKED", "NOT_BILLABLE", "HELD")
ACCEPTANCES: Final = ("PAYABLE", "FALLBACK", "MANUAL", "NON_PAYABLE")


def _schema(*columns: tuple[str, pa.DataType, bool]) -> pa.Schema:
    fields = [pa.field(name, kind, nullable=nullable) for name, kind, nullable in columns]
    return pa.schema(fields, metadata={"schema_version": str(SCHEMA_VERSION)})


def _no(kind: pa.DataType, *names: str) -> list[tuple[str, pa.DataType, bool]]:
    return [(name, kind, False) for name in names]


def _may(kind: pa.DataType, *names: str) -> list[tuple[str, pa.DataType, bool]]:
    return [(name, kind, True) for name in names]


CDR: Final = _schema(
    *_no(ID, "cdr_id"),
    *_no(WORD, "leg"),
    *_no(pa.int16(), "leg_no"),
    *_no(WORD, "side", "source", "tech"),
    *_may(TEXT, "session_id"),
    *_may(pa.int16(), "attempt_no", "route_index"),
    # Provenance, outside TD1: the same record in another file is the same record.
    *_no(WORD, "file_digest"),
    *_no(pa.int64(), "record_no", "byte_offset", "byte_length"),
    # The source's own running number of the record where it has one: orders records of one source without a file.
    *_may(pa.int64(), "sequence_no"),
    *_may(WORD, "partner", "trunk", "poi"),
    *_may(INSTANT, "setup_at", "alert_at", "answer_at", "release_at"),
    *_no(TEXT, "raw_times"),
    *_no(WORD, "zone", "time_quality"),
    *_no(pa.int64(), "duration_ms"),
    *_no(WORD, "duration_source"),
    *_may(TEXT, "a_raw", "a_e164"),
    *_may(WORD, "a_class", "a_source"),
    *_may(TEXT, "b_raw", "b_e164"),
    *_may(WORD, "b_class"),
    *_may(TEXT, "routing_number"),
    *_may(pa.bool_(), "npdi"),
    *_may(TEXT, "diverting_e164", "call_id", "from_tag", "to_tag", "icid", "icid_generated_at", "related_icid"),
    *_may(WORD, "orig_ioi", "term_ioi"),
    *_may(TEXT, "session_id_local", "session_id_remote", "shared_ref"),
    *_may(WORD, "ss7_variant"),
    *_may(pa.int32(), "ni", "point_code_low", "point_code_high"),
    *_may(pa.int64(), "cic"),
    *_may(pa.int16(), "q850", "sip_code"),
    *_may(WORD, "release_party"),
    *_may(TEXT, "reason_raw", "media_flags"),
    *_may(pa.int32(), "partial_seq"),
    *_may(pa.bool_(), "partial_last"),
    *_may(WORD, "their_rate_text"),
    *_may(TEXT, "their_amount_text"),
    *_may(pa.int64(), "their_amount_nanos", "their_billed_s"),
    *_may(WORD, "their_currency", "their_code", "their_destination"),
)
CDR_KEY: Final = ("cdr_id", "leg", "leg_no")
PROVENANCE: Final = ("file_digest", "record_no", "byte_offset", "byte_length")

# A verdict of the mediation run on a record that does not go on as it is. No row: the record is kept.
MARK: Final = _schema(
    *_no(ID, "cdr_id"),
    *_no(WORD, "leg"),
    *_no(pa.int16(), "leg_no"),
    *_no(WORD, "mark"),  # DUP_EXACT, DUP_RELOAD, DUP_NEAR (report only), PARTIAL, PARTIAL_GAP
    *_may(ID, "kept_cdr_id"),
    *_no(WORD, "acceptance"),
    *_may(TEXT, "reason"),
)
MARK_KEY: Final = ("cdr_id", "leg", "leg_no", "mark")
NON_PAYABLE_MARKS: Final = ("DUP_EXACT", "DUP_RELOAD", "PARTIAL")

CHARGE: Final = _schema(
    *_no(ID, "cdr_id"),
    *_no(WORD, "leg"),
    *_no(pa.int16(), "leg_no"),
    *_may(WORD, "partner", "agreement_digest", "clause", "deck_digest"),
    *_may(pa.int32(), "deck_row"),
    *_may(WORD, "code", "destination", "a_zone", "band", "jurisdiction"),
    *_may(INSTANT, "anchor_at"),
    *_may(pa.date32(), "period_day"),
    *_no(pa.int64(), "duration_ms", "billed_s"),
    *_may(pa.int64(), "rate_nanos_per_minute"),
    *_no(pa.int64(), "exact_60th_nanos", "amount_micros"),
    *_may(WORD, "currency"),
    *_no(pa.int8(), "sign"),  # +1 receivable, -1 payable; amounts themselves are positive
    *_no(WORD, "status", "acceptance"),
)
CHARGE_KEY: Final = ("cdr_id", "leg", "leg_no")

MATCH: Final = _schema(
    *_no(WORD, "leg"),
    *_may(ID, "our_cdr_id", "their_cdr_id"),
    *_may(pa.int64(), "group_no"),
    *_may(WORD, "rule"),  # R0 .. R12 with its sub-rule, as R8/ANSWER; null for a record without a partner
    *_no(WORD, "class"),  # reconciliation.CLASSES
    *_may(pa.int64(), "answer_delta_ms", "duration_delta_ms", "offset_ms"),
    *_may(pa.int32(), "candidates"),
    *_may(WORD, "flags"),
)
MATCH_KEY: Final = ("our_cdr_id", "their_cdr_id", "leg")

VARIANCE: Final = _schema(
    *_may(ID, "our_cdr_id", "their_cdr_id"),
    *_no(WORD, "leg", "cause"),
    *_no(pa.int64(), "exact_60th_nanos", "minutes_ms"),
    *_may(WORD, "currency", "destination"),
)
VARIANCE_KEY: Final = ("our_cdr_id", "their_cdr_id", "leg", "cause")

PROBLEM: Final = _schema(
    *_no(WORD, "code", "severity", "file_digest"),
    *_may(pa.int64(), "record_no"),
    *_may(WORD, "column"),
    *_may(TEXT, "value"),
    *_may(TEXT, "reason"),
    *_no(WORD, "remedy"),
)
COUNTER: Final = _schema(
    *_no(WORD, "source", "trunk"),
    *_no(INSTANT, "hour"),
    *_no(pa.int64(), "seizures", "answers", "ms"),
)
# The cube of the kpi stage: sums of one UTC hour. A text that is not known is empty; `cause` is one of kpi.CAUSES.
# `other_*` is the money of the other commercial leg of the same calls, so that a margin is one row's own business.
KPI_KEY: Final = ("hour", "source", "partner", "trunk", "leg", "destination", "country", "cause", "currency", "other_currency")
KPI: Final = _schema(
    *_no(INSTANT, "hour"),
    *_no(WORD, *KPI_KEY[1:]),
    *_no(pa.int64(), "seizures", "answers", "conversation_ms", "holding", "holding_ms", "short_6", "short_15"),
    *_no(pa.int64(), "rung", *PDD_CLASSES, "billed_s", "amount_micros", "other_micros", "unpriced"),
)
SIGHTING: Final = _schema(*_no(ID, "cdr_id"), *_no(WORD, "file_digest"), *_no(pa.int64(), "record_no"))


def empty(schema: pa.Schema) -> pa.Table:
    """A table without rows, for the stages that found nothing."""
    return schema.empty_table()
