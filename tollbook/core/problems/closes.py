"""Problems of closes, packs, invoices and their verification."""

from tollbook.core.problems.kinds import Kind, Severity

KINDS: dict[str, Kind] = {
    "DISPUTE_STEP": Kind(
        Severity.FATAL, "The dispute cannot take this step now.", "Look at its state and the steps in docs/rules/settlement.md."
    ),
    "DISPUTE_TOO_LARGE": Kind(Severity.FATAL, "More is disputed than was invoiced.", "Check the disputed amount against the invoice."),
    "INVOICE_ARITHMETIC": Kind(
        Severity.ERROR,
        "The figures of the document do not add up.",
        "Do not pay or send it; ask its issuer for a corrected one.",
        "partner",
    ),
    "INVOICE_UNREADABLE": Kind(
        Severity.FATAL, "The invoice cannot be read.", "Write it as docs/guides/invoices.md shows: a head (TOML) and its lines (CSV)."
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
