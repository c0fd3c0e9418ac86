"""Problems of closes, packs, invoices and their verification."""

from tollbook.core.problems.kinds import Kind, Severity

KINDS: dict[str, Kind] = {
    "CLOSE_EARLY": Kind(
        Severity.WARNING, "The period is not over.", "Close it again when it is; what comes later goes on the next invoices as late calls."
    ),
    "CLOSE_NOTHING": Kind(Severity.FATAL, "There is nothing to close.", "Ingest agreements, decks and records first."),
    "CLOSE_PARKED": Kind(Severity.ERROR, "The partner was not closed; the others were.", "Mend what it says and close the period again."),
    "INVOICE_ARITHMETIC": Kind(
        Severity.ERROR,
        "The figures of the document do not add up.",
        "Do not pay or send it; ask its issuer for a corrected one.",
        "partner",
    ),
    "INVOICE_LATE_CALLS": Kind(
        Severity.WARNING, "Calls came after their period was invoiced.", "Nothing: the next invoice has them as lines of their own period."
    ),
    "INVOICE_UNREADABLE": Kind(
        Severity.FATAL, "The invoice cannot be read.", "Write it as docs/guides/invoices.md shows: a head (TOML) and its lines (CSV)."
    ),
    "INVOICE_WITHOUT_RECORDS": Kind(
        Severity.WARNING, "The invoice bills more than the records sent with it.", "Ask the partner for the missing records.", "partner"
    ),
    "PACK_ALTERED": Kind(
        Severity.FATAL, "The pack is not as it was sealed.", "Ask whoever sent it for the original; compare ROOT with theirs.", "partner"
    ),
    "PACK_FORMAT_UNKNOWN": Kind(
        Severity.FATAL,
        "The manifest names a format that this version does not know.",
        "Verify it with the version of tollbook that sealed it.",
    ),
    "PACK_KEY_WEAK": Kind(
        Severity.FATAL,
        "A telephone number may not leave as a plain digest or under a short key: it could be found by trying all numbers.",
        "Give the dispute a key of at least 16 random bytes.",
    ),
    "PACK_UNREADABLE": Kind(Severity.FATAL, "The file is no pack of tollbook.", "Give the path of a close-*.zip or of a dispute pack."),
    "PARTY_INVALID": Kind(Severity.FATAL, "The document of a party cannot be used.", "Write it as docs/guides/invoices.md shows."),
}
