"""Problems of matching and reconciliation."""

from tollbook.core.problems.kinds import Kind, Severity

KINDS: dict[str, Kind] = {
    # The clocks of the two sides, and what matching noticed
    "AMBIGUOUS_LOCAL": Kind(
        Severity.WARNING,
        "Times of the partner lie in an hour that its clock showed twice, and nothing tells which.",
        "Ask the partner for times in UTC or with their offset; both readings were tried.",
        "partner",
    ),
    "AMBIGUOUS_POOL": Kind(
        Severity.WARNING,
        "One number was called so often without a caller number that calls cannot be told apart.",
        "Compare the minutes of these calls as a sum, or ask for call identifiers.",
        "partner",
    ),
    "ANCHOR_SHIFT": Kind(
        Severity.WARNING,
        "One side starts its calls at another event than the answer, while both end them together.",
        "Compare the durations with the contract's anchor and raise the difference.",
        "partner",
    ),
    "CLOCK_DRIFT": Kind(
        Severity.WARNING,
        "The partner's clock runs fast or slow.",
        "Ask the partner to synchronise it; matching corrected for it.",
        "partner",
    ),
    "CLOCK_SKEW": Kind(
        Severity.INFO,
        "The partner's clock is set wrong by less than five minutes.",
        "Ask the partner to set it; matching corrected for it.",
        "partner",
    ),
    "CLOCK_STEP": Kind(
        Severity.WARNING,
        "The partner's clock was set within the records.",
        "Ask the partner what happened; matching corrected for it.",
        "partner",
    ),
    "DST_SHIFT": Kind(
        Severity.INFO,
        "The partner's local time changed with the season within the records.",
        "Nothing is to be done; ask for times in UTC to be rid of it.",
    ),
    "MATCH_ID_WORTHLESS": Kind(
        Severity.WARNING,
        "An identifier is on too many records to name a call and was not used.",
        "Ask the source for a real identifier.",
        "partner",
    ),
    "MATCH_LEG_UNKNOWN": Kind(
        Severity.FATAL, "The leg is neither IN nor OUT.", "Use IN for what the partner sent us, OUT for what we sent it."
    ),
    "MATCH_REWRITE_INVALID": Kind(
        Severity.FATAL, "A pattern that rewrites Call-IDs is no regular expression.", "Mend the pattern in the agreement."
    ),
    "OFFSET_INSUFFICIENT": Kind(
        Severity.WARNING,
        "There are too few sure pairs to measure the partner's clock.",
        "Check that the declared zone is right; the times were used as they are.",
    ),
    "OFFSET_UNKNOWN": Kind(
        Severity.ERROR,
        "The partner's clock is off by an amount that is neither a skew nor a time zone.",
        "Ask the partner about its clock, and set the zone or offset of the source by hand.",
        "partner",
    ),
    "OFFSET_UNSTABLE": Kind(
        Severity.ERROR,
        "The partner's clock jumps about within the records.",
        "Ask the partner about its clock, or have the records sent again.",
        "partner",
    ),
    "TIMEZONE_SHIFT": Kind(
        Severity.WARNING,
        "The partner's times are whole quarter-hours from ours: they are in another zone than was declared.",
        "Set the zone of the source; matching corrected for it.",
    ),
    "ZONE_STEP": Kind(
        Severity.WARNING,
        "The partner's times change by whole quarter-hours within the records, and its zone does not.",
        "Ask the partner which zone its switch uses; matching corrected for it.",
        "partner",
    ),
    # What was given to compare
    "RECONCILE_COLUMNS": Kind(
        Severity.FATAL,
        "A table does not have the columns of the canonical record.",
        "Give the columns of tollbook.core.cdr.CDR, or a file.",
    ),
    "RECONCILE_CURRENCY": Kind(
        Severity.WARNING,
        "Records are stated in another currency than the agreement's.",
        "Ask for one file per currency; their amounts are listed and left out of the totals.",
        "partner",
    ),
    "RECONCILE_DECK_ABSENT": Kind(
        Severity.ERROR,
        "The deck that the agreement names was not found, so minutes are compared and money is not.",
        "Put the deck beside the agreement or into decks/ there, or name its versions with --deck.",
    ),
    "RECONCILE_DECK_MISSING": Kind(
        Severity.WARNING,
        "There is no deck to price our records by, so minutes are compared and money is not.",
        "Put the deck beside the agreement, or name it with --deck.",
    ),
    "RECONCILE_DIRECTION": Kind(
        Severity.FATAL, "The direction is neither PAYABLE nor RECEIVABLE.", "Use PAYABLE for their bill, RECEIVABLE for ours."
    ),
    "RECONCILE_LEG_EMPTY": Kind(
        Severity.WARNING,
        "One side has no records of the leg that is compared.",
        "Check the format, and which leg its mapping says; choose the other direction if that is what you mean.",
    ),
    "RECONCILE_NOTHING": Kind(Severity.FATAL, "There is nothing to compare.", "Give a file of each side."),
    "RECONCILE_PARTNER_ABSENT": Kind(
        Severity.WARNING,
        "No record of ours names the agreement's partner, so all of them were compared.",
        "Tell the source which trunks are the partner's (docs/guides/mapping.md).",
    ),
    "RECONCILE_STATED_TOO_LARGE": Kind(
        Severity.ERROR,
        "An amount or a number of seconds they state is too large to be one call's; it was taken as not stated.",
        "Ask the partner for the record again.",
        "partner",
    ),
}
